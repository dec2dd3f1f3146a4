//! One batch of the queue.

use std::sync::Arc;
use std::time::{Duration, Instant};

use shared::aws::{Aws, Patience, Service};
use shared::clock::Clock;
use shared::deferred::{
    Batch, BatchMessage, BatchOutcome, DeadLetterQueue, DeferredWebhook, Recipients,
    UnreadableMessage,
};
use shared::environment::Environment;
use shared::lambda::{Failure, Invocation, StartError};
use shared::store::{Activity, Profiles, table_name};
use tracing::{error, info, warn};

/// What is left of an invocation's time to answer in. A message takes at most two background calls of 5 seconds, and all of a
/// batch are handled at once, so that the 10 seconds of the function are only used up by two stores that both fail slowly, or
/// by a sandbox that is starved: what is not done by then is delivered again.
const TO_ANSWER: Duration = Duration::from_secs(1);

/// Where messages go.
#[derive(Clone)]
pub(crate) struct Writer {
    activity: Activity,
    recipients: Arc<Recipients>,
    dead_letters: DeadLetterQueue,
}

impl Writer {
    pub(crate) async fn connect(environment: &Environment) -> Result<Self, StartError> {
        let table = table_name(environment, "ACTIVITY_TABLE");
        let tenants = table_name(environment, "TENANTS_TABLE");
        let retention = Activity::retention_days(environment);
        let dead_letters = DeadLetterQueue::url(environment);
        let aws = Aws::from_environment(environment, Patience::BACKGROUND);
        let read = table.zip(tenants).zip(retention).zip(dead_letters).zip(aws);
        let ((((table, tenants), retention), dead_letters), aws) = environment.finish(read)?;
        aws.prime(&[Service::DynamoDb]).await;
        let profiles = Profiles::new(aws.dynamodb(), tenants);
        Ok(Self {
            activity: Activity::new(aws.dynamodb(), table, retention),
            recipients: Arc::new(Recipients::new(profiles, Clock::system())),
            dead_letters: DeadLetterQueue::new(aws.sqs(), dead_letters),
        })
    }

    /// Keeps each message on its own: what cannot be kept now is delivered again, the rest is done.
    pub(crate) async fn handle(
        self,
        invocation: Invocation<Batch>,
    ) -> Result<BatchOutcome, Failure> {
        let deadline = invocation.deadline;
        let deadline = deadline.checked_sub(TO_ANSWER).unwrap_or(deadline);
        let handle = |message| {
            let writer = self.clone();
            async move { writer.is_done_with(message).await }
        };
        let (started, messages) = (Instant::now(), invocation.event.messages.len());
        let outcome = invocation.event.handle_each(deadline, handle).await;
        info!(
            messages,
            again = outcome.to_be_tried_again(),
            cold_start = invocation.cold_start,
            duration_ms = started.elapsed().as_secs_f64() * 1_000.0,
            "batch handled"
        );
        Ok(outcome)
    }

    async fn is_done_with(&self, message: BatchMessage) -> bool {
        let message_id = &message.id;
        let webhook = match DeferredWebhook::from_message(&message.body) {
            Ok(webhook) => webhook,
            Err(UnreadableMessage) => return self.is_moved(&message).await,
        };
        let tenant_id = webhook.tenant_id().as_str();
        match self.recipients.want(&webhook).await {
            Ok(true) => {}
            Ok(false) => {
                info!(
                    tenant_id,
                    message_id, "dropped a webhook that was put aside: its tenant is deleted"
                );
                return true;
            }
            Err(error) => {
                warn!(tenant_id, message_id, error = %error, "its tenant cannot be read, to be tried again");
                return false;
            }
        }
        match webhook.keep(&self.activity).await {
            Ok(()) => info!(tenant_id, message_id, "kept a webhook that was put aside"),
            Err(error) => {
                warn!(tenant_id, message_id, error = %error, "not kept yet, to be tried again");
                return false;
            }
        }
        true
    }

    /// Moves what cannot be read, now or later. The queue itself gives a message up only after so many tries that an outage
    /// of the store may last for hours; a message that is none would be an error in the log for as long.
    async fn is_moved(&self, message: &BatchMessage) -> bool {
        let message_id = &message.id;
        match self.dead_letters.put(&message.body).await {
            Ok(dead_letter_id) => {
                error!(
                    message_id,
                    dead_letter_id,
                    "not a webhook that this version can read: moved to the dead letters"
                );
                true
            }
            Err(error) => {
                error!(
                    message_id,
                    error = %error,
                    "not a webhook that this version can read, and not moved yet"
                );
                false
            }
        }
    }
}
