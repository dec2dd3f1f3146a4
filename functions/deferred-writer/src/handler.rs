//! One batch of the queue.

use shared::aws::{Aws, Patience, Service};
use shared::deferred::{Batch, BatchMessage, BatchOutcome, DeferredWebhook};
use shared::environment::Environment;
use shared::lambda::{Failure, StartError};
use shared::store::{Activity, table_name};
use tracing::{error, info, warn};

pub(crate) async fn connect(environment: &Environment) -> Result<Activity, StartError> {
    let table = table_name(environment, "ACTIVITY_TABLE");
    let retention = Activity::retention_days(environment);
    let aws = Aws::from_environment(environment, Patience::BACKGROUND);
    let ((table, retention), aws) = environment.finish(table.zip(retention).zip(aws))?;
    aws.prime(&[Service::DynamoDb]).await;
    Ok(Activity::new(aws.dynamodb(), table, retention))
}

/// Keeps each message on its own: what cannot be kept now is delivered again, the rest is done.
pub(crate) async fn handle(activity: Activity, batch: Batch) -> Result<BatchOutcome, Failure> {
    let mut outcome = BatchOutcome::default();
    for message in batch.messages {
        if !keep(&activity, &message).await {
            outcome.retry(message);
        }
    }
    Ok(outcome)
}

async fn keep(activity: &Activity, message: &BatchMessage) -> bool {
    let webhook = match DeferredWebhook::from_message(&message.body) {
        Ok(webhook) => webhook,
        Err(unreadable) => {
            error!(message_id = message.id, error = %unreadable, "left for the dead-letter queue");
            return false;
        }
    };
    let tenant_id = webhook.tenant_id().as_str();
    match webhook.keep(activity).await {
        Ok(()) => info!(
            tenant_id,
            message_id = message.id,
            "kept a webhook that was put aside"
        ),
        Err(error) => {
            warn!(tenant_id, message_id = message.id, error = %error, "not kept yet, to be tried again");
            return false;
        }
    }
    true
}
