//! Events that the bus did not take, and records whose contacts could not be kept: they wait in a queue, whole.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tracing::{Instrument, Span, error};

use super::Event;
use crate::deferred::{body_of, confirmed, queue_url};
use crate::environment::Environment;
use crate::tenant::TenantScope;

/// How many messages are sent to the queue at once.
const AT_ONCE: usize = 10;

/// The queue of events that the bus did not take, and of records whose contacts could not be kept. It is encrypted: both hold what
/// people wrote.
#[derive(Clone)]
pub struct UndeliveredEvents {
    client: aws_sdk_sqs::Client,
    url: String,
}

/// A message of the queue that is no event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the message is not an event that was put aside")]
pub struct UnreadableEvent;

impl UndeliveredEvents {
    /// Opens the queue.
    #[must_use]
    pub fn new(client: aws_sdk_sqs::Client, url: String) -> Self {
        Self { client, url }
    }

    /// Reads `UNDELIVERED_EVENTS_QUEUE_URL`. What is no URL of a queue is a fault: it would only show when the queue is needed.
    #[must_use]
    pub fn url(environment: &Environment) -> Option<String> {
        queue_url(environment, "UNDELIVERED_EVENTS_QUEUE_URL")
    }

    /// Reads `UNDELIVERED_EVENTS_DEAD_LETTER_QUEUE_URL`, where what can never be told goes. What is no URL of a queue is a fault.
    #[must_use]
    pub fn dead_letters_url(environment: &Environment) -> Option<String> {
        queue_url(environment, "UNDELIVERED_EVENTS_DEAD_LETTER_QUEUE_URL")
    }

    /// Puts messages aside, and gives the places of those that the queue did not confirm until `deadline`. It may hold such a
    /// message nevertheless, which is harmless: whatever is done with it twice is the same.
    pub async fn put_aside(
        &self,
        bodies: impl IntoIterator<Item = String>,
        deadline: Instant,
    ) -> BTreeSet<usize> {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        let (mut tasks, mut left) = (JoinSet::new(), BTreeSet::new());
        for (place, body) in bodies.into_iter().enumerate() {
            left.insert(place);
            let (queue, places) = (self.clone(), Arc::clone(&places));
            let task = async move {
                // Nobody closes it.
                let _place = places.acquire().await;
                let message = queue.client.send_message().queue_url(&queue.url);
                let sent = confirmed("put an event aside", message.message_body(body)).await;
                if let Err(error) = &sent {
                    error!(error = %error, "the queue did not take an event either");
                }
                (place, sent.is_ok())
            };
            tasks.spawn(task.instrument(Span::current()));
        }
        while let Ok(Some(done)) = timeout_at(deadline, tasks.join_next()).await {
            if let Ok((place, true)) = done {
                left.remove(&place);
            }
        }
        left
    }
}

impl Event {
    /// The body of a message of the queue.
    ///
    /// # Errors
    /// None in practice, as [`Event::to_json`].
    pub fn to_message(&self) -> Result<String, serde_json::Error> {
        self.to_json().map(body_of)
    }
}

/// An event taken back from the queue. It was derived from what was stored before it was put aside, and so carries its scope.
#[derive(Debug)]
pub struct UndeliveredEvent {
    /// Whose event it is.
    pub scope: TenantScope,
    /// The event.
    pub event: Event,
}

impl UndeliveredEvent {
    /// Reads the body of a message of the queue.
    ///
    /// # Errors
    /// When it is no event; trying again will not help.
    pub fn from_message(body: &str) -> Result<Self, UnreadableEvent> {
        let event: Event = serde_json::from_str(body).map_err(|_| UnreadableEvent)?;
        Ok(Self {
            scope: TenantScope::new(event.tenant_id.clone()),
            event,
        })
    }
}
