//! Webhooks put aside: verified, acknowledged, and stored later by the same write.

mod batch;
mod pace;
mod recipients;

use std::time::Duration;

use aws_sdk_sqs::operation::send_message::builders::SendMessageFluentBuilder;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tracing::error;

use crate::activity::Fact;
use crate::aws::CallFailure;
use crate::environment::Environment;
use crate::store::{Activity, StoreError};
use crate::tenant::{TenantId, TenantScope};

pub use self::batch::{Batch, BatchMessage, BatchOutcome};
pub use self::pace::{Pace, Turn, Turns, UnknownTurn};
pub use self::recipients::{Recipients, UnknownRecipient};

/// The longest for which SQS hides a new message.
const LONGEST_DELAY: Duration = Duration::from_mins(15);

/// The queue of webhooks whose write could not be made in time, or that came past their tenant's limit. It is encrypted: the
/// messages hold what people wrote.
#[derive(Clone)]
pub struct DeferredQueue {
    client: aws_sdk_sqs::Client,
    url: String,
}

/// The queue of messages that nobody will ever read as they are. People look at them.
#[derive(Clone)]
pub struct DeadLetterQueue {
    client: aws_sdk_sqs::Client,
    url: String,
}

/// A queue did not take a message.
#[derive(Debug, thiserror::Error)]
#[error("{operation}: {cause}")]
pub struct QueueError {
    operation: &'static str,
    cause: String,
}

/// A message of the queue that is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the message is not a webhook that was put aside by this version or one before it")]
pub struct UnreadableMessage;

/// The form of a message. Only fields are ever added to it: a deployment drains what the one before it put aside.
#[derive(Deserialize)]
struct Message {
    tenant_id: TenantId,
    fact: Fact,
    /// When it has its turn to be stored, once it has one.
    turn_at: Option<Timestamp>,
}

/// The same while it is written.
#[derive(Serialize)]
struct WrittenMessage<'m> {
    tenant_id: &'m TenantId,
    fact: &'m Fact,
    #[serde(skip_serializing_if = "Option::is_none")]
    turn_at: Option<Timestamp>,
}

/// JSON as the body of a message. SQS refuses what XML 1.0 cannot hold: JSON escapes control characters, and here the two
/// others are. Structure holds none of them, so that they are always inside a text.
pub(crate) fn body_of(json: String) -> String {
    if !json.contains(['\u{FFFE}', '\u{FFFF}']) {
        return json;
    }
    json.replace('\u{FFFE}', "\\uFFFE")
        .replace('\u{FFFF}', "\\uFFFF")
}

impl WrittenMessage<'_> {
    fn body(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self).map(body_of)
    }
}

impl DeferredQueue {
    /// Opens the queue.
    #[must_use]
    pub fn new(client: aws_sdk_sqs::Client, url: String) -> Self {
        Self { client, url }
    }

    /// Reads `DEFERRED_QUEUE_URL`. What is no URL of a queue is a fault: it would only show when the queue is needed.
    #[must_use]
    pub fn url(environment: &Environment) -> Option<String> {
        queue_url(environment, "DEFERRED_QUEUE_URL")
    }

    /// Puts a fact aside. Once this returns, the fact will be kept.
    ///
    /// # Errors
    /// When the queue did not confirm it; it may hold the fact nevertheless, which is harmless.
    pub async fn put_aside(&self, scope: &TenantScope, fact: &Fact) -> Result<(), QueueError> {
        let webhook = WrittenMessage {
            tenant_id: scope.tenant_id(),
            fact,
            turn_at: None,
        };
        self.send("put a webhook aside", &webhook, Duration::ZERO)
            .await
    }

    /// Puts a webhook off until its turn: as a new message, which nobody sees before then, and whose tries begin anew. The old one
    /// may be deleted once this returns; until then there may be two of it, which is harmless. SQS delays for 15 minutes at
    /// most: a turn further away is waited for in several messages.
    ///
    /// # Errors
    /// When the queue did not confirm it; it may hold the message nevertheless.
    pub async fn put_off(
        &self,
        webhook: &DeferredWebhook,
        turn_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), QueueError> {
        let wait = Duration::try_from(turn_at.duration_since(now)).unwrap_or_default();
        let webhook = WrittenMessage {
            tenant_id: webhook.scope.tenant_id(),
            fact: &webhook.fact,
            turn_at: Some(turn_at),
        };
        self.send("put a webhook off", &webhook, wait.min(LONGEST_DELAY))
            .await
    }

    /// Sends a webhook in the name of its tenant: SQS prefers the messages of tenants that have few in work.
    async fn send(
        &self,
        operation: &'static str,
        webhook: &WrittenMessage<'_>,
        delay: Duration,
    ) -> Result<(), QueueError> {
        let body = webhook.body().map_err(|error| QueueError {
            operation,
            cause: error.to_string(),
        })?;
        let message = self.client.send_message().queue_url(&self.url);
        let message = message
            .message_body(body)
            .message_group_id(webhook.tenant_id.as_str())
            // Whole seconds: rather late than early.
            .set_delay_seconds(i32::try_from(delay.as_millis().div_ceil(1_000)).ok());
        confirmed(operation, message).await?;
        Ok(())
    }
}

impl DeadLetterQueue {
    /// Opens the queue.
    #[must_use]
    pub fn new(client: aws_sdk_sqs::Client, url: String) -> Self {
        Self { client, url }
    }

    /// Reads `DEAD_LETTER_QUEUE_URL`. What is no URL of a queue is a fault.
    #[must_use]
    pub fn url(environment: &Environment) -> Option<String> {
        queue_url(environment, "DEAD_LETTER_QUEUE_URL")
    }

    /// Sends there as it is what nothing can be made of, and says whether the queue has confirmed it; it may hold it otherwise
    /// too. Either is an error in the log, beside what the caller's span says of it.
    pub async fn take(&self, body: &str, reason: &str) -> bool {
        let message = self.client.send_message().queue_url(&self.url);
        let operation = "put a message among the dead letters";
        match confirmed(operation, message.message_body(body)).await {
            Ok(dead_letter_id) => {
                error!(dead_letter_id, reason, "moved to the dead letters");
                true
            }
            Err(error) => {
                error!(reason, error = %error, "not moved to the dead letters yet");
                false
            }
        }
    }
}

/// Reads the URL of a queue. What is none is a fault.
pub(crate) fn queue_url(environment: &Environment, variable: &str) -> Option<String> {
    let url = environment.required(variable)?;
    let after_scheme = ["https://", "http://"]
        .iter()
        .find_map(|scheme| url.strip_prefix(scheme));
    let named = after_scheme.and_then(|rest| rest.rsplit_once('/'));
    if named.is_some_and(|(before, queue)| !before.is_empty() && !queue.is_empty()) {
        return Some(url.to_owned());
    }
    environment.fault(format!(
        "{variable} must be the URL of an SQS queue, https://<host>/<account>/<name>"
    ));
    None
}

/// Sends a message, and gives SQS's id of it.
pub(crate) async fn confirmed(
    operation: &'static str,
    message: SendMessageFluentBuilder,
) -> Result<String, QueueError> {
    let sent = message.send().await.map_err(|error| QueueError {
        operation,
        cause: CallFailure::of(&error).to_string(),
    })?;
    Ok(sent.message_id.unwrap_or_default())
}

/// A webhook taken from the queue. It was verified before it was put aside, and so carries its scope.
#[derive(Debug)]
pub struct DeferredWebhook {
    scope: TenantScope,
    fact: Fact,
    turn_at: Option<Timestamp>,
}

impl DeferredWebhook {
    /// Reads the body of a message.
    ///
    /// # Errors
    /// When it is not a webhook that was put aside; trying again will not help.
    pub fn from_message(body: &str) -> Result<Self, UnreadableMessage> {
        let message: Message = serde_json::from_str(body).map_err(|_| UnreadableMessage)?;
        Ok(Self {
            scope: TenantScope::new(message.tenant_id),
            fact: message.fact,
            turn_at: message.turn_at,
        })
    }

    /// The tenant whose webhook it is, for logs. The scope itself stays inside: it serves this one write.
    #[must_use]
    pub fn tenant_id(&self) -> &TenantId {
        self.scope.tenant_id()
    }

    /// Keeps it, by the write that could not be made in time.
    ///
    /// # Errors
    /// As [`Activity::keep`].
    pub async fn keep(&self, activity: &Activity) -> Result<(), StoreError> {
        activity.keep(&self.scope, &self.fact).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::activity::Route;

    /// What SQS takes in a body, as its documentation says.
    fn is_taken(character: char) -> bool {
        matches!(character,
            '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
    }

    #[test]
    fn whatever_people_write_makes_a_body_that_sqs_takes_and_is_read_back() {
        let text: String = ('\0'..=' ')
            .chain([
                '\u{7F}',
                '"',
                '\\',
                '\u{FFFD}',
                '\u{FFFE}',
                '\u{FFFF}',
                '\u{10FFFF}',
            ])
            .chain("\\uFFFE".chars())
            .collect();
        let parameters = [
            ("MessageSid", "SM00000000000000000000000000000001"),
            ("Body", &text),
        ];
        let parameters = parameters.into_iter().collect();
        let fact = Fact::new(Route::Sms, &parameters, Timestamp::UNIX_EPOCH).unwrap();
        let tenant_id: TenantId = "acme".parse().unwrap();

        let message = WrittenMessage {
            tenant_id: &tenant_id,
            fact: &fact,
            turn_at: Some(Timestamp::UNIX_EPOCH),
        };
        let body = message.body().unwrap();

        assert_eq!(body.chars().find(|character| !is_taken(*character)), None);
        let webhook = DeferredWebhook::from_message(&body).unwrap();
        assert_eq!(
            (webhook.scope.tenant_id(), webhook.fact, webhook.turn_at),
            (&tenant_id, fact, Some(Timestamp::UNIX_EPOCH))
        );
    }
}
