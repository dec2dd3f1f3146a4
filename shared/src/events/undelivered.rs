//! Events that the bus did not take: they wait in a queue, whole.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tracing::{Instrument, Span, error};

use super::Event;
use crate::deferred::{QueueError, body_of, queue_url, send};
use crate::environment::Environment;

/// How many events are sent to the queue at once.
const AT_ONCE: usize = 10;

/// The queue of events that the bus did not take. It is encrypted: the events hold what people wrote.
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

    /// Puts events aside, each in a message of its own, and gives the places of those that the queue did not confirm until
    /// `deadline`. It may hold such an event nevertheless, which is harmless: it has the same id.
    pub async fn put_aside<'e>(
        &self,
        events: impl IntoIterator<Item = &'e Event>,
        deadline: Instant,
    ) -> BTreeSet<usize> {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        let (mut tasks, mut left) = (JoinSet::new(), BTreeSet::new());
        for (place, event) in events.into_iter().enumerate() {
            left.insert(place);
            let (queue, event) = (self.clone(), event.clone());
            let places = Arc::clone(&places);
            let task = async move {
                // Nobody closes it.
                let _place = places.acquire().await;
                let put = queue.put(&event).await;
                if let Err(error) = &put {
                    error!(event_id = event.id, error = %error, "an event was not put aside");
                }
                (place, put.is_ok())
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

    async fn put(&self, event: &Event) -> Result<String, QueueError> {
        let operation = "put an event aside";
        let body = event
            .to_json()
            .map_err(|error| QueueError::of(operation, &error))?;
        send(&self.client, &self.url, body_of(body), operation).await
    }
}

impl Event {
    /// Reads the body of a message of the queue.
    ///
    /// # Errors
    /// When it is no event; trying again will not help.
    pub fn from_message(body: &str) -> Result<Self, UnreadableEvent> {
        serde_json::from_str(body).map_err(|_| UnreadableEvent)
    }
}
