//! A queue as event sources see it.

use std::collections::HashMap;

use tokio::sync::watch;
use winterbaume_sqs::state::SqsError;
use winterbaume_sqs::types::Message;

use super::queues::Queues;

/// A message that has been taken from a queue.
#[derive(Debug, Clone)]
pub struct Received {
    /// The message.
    pub message: Message,
    /// Its message group, if it has one.
    pub group: Option<String>,
}

/// A queue as Lambda's own poller sees it: not over the wire, and untouched by injected faults.
#[derive(Debug, Clone)]
pub struct QueueHandle {
    pub(super) queues: Queues,
    pub(super) name: String,
}

impl QueueHandle {
    /// The queue's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Takes up to `most` messages, hidden from others for `hidden_for` seconds (by default as the queue says). One that
    /// has been taken too often moves to the dead-letter queue instead.
    pub(crate) async fn receive(
        &self,
        most: usize,
        hidden_for: Option<u32>,
    ) -> Result<Vec<Received>, SqsError> {
        let messages = self.queues.take(&self.name, most, hidden_for).await?;
        let groups = self.queues.groups();
        let received = messages.into_iter().map(|message| Received {
            group: groups.of(&message.message_id).map(str::to_owned),
            message,
        });
        Ok(received.collect())
    }

    /// Adds a message, as Lambda does for an on-failure destination.
    pub(crate) async fn send(&self, body: &str) -> Result<(), SqsError> {
        let sent = self
            .queues
            .change(|state| state.send_message(&self.name, body, None, HashMap::new(), None, None));
        sent.await.map(|_| ())
    }

    /// Deletes a message that has been taken.
    pub(crate) async fn delete(&self, receipt_handle: &str) -> Result<(), SqsError> {
        self.queues
            .change(|state| state.delete_message(&self.name, receipt_handle))
            .await
    }

    /// How many messages there are, hidden ones included.
    pub async fn len(&self) -> usize {
        self.queues
            .look(|state| {
                state
                    .queues
                    .get(&self.name)
                    .map_or(0, |queue| queue.messages.len())
            })
            .await
    }

    /// Whether it has no message, hidden ones included.
    pub async fn is_empty(&self) -> bool {
        self.len().await == 0
    }

    /// Waits until `condition` holds for the number of messages. Put a time limit around it.
    pub async fn wait_for_len(&self, condition: impl Fn(usize) -> bool) -> usize {
        let mut changes = self.changes();
        loop {
            changes.mark_unchanged();
            let len = self.len().await;
            if condition(len) {
                return len;
            }
            // The sender lives as long as `self`.
            let _ = changes.changed().await;
        }
    }

    /// Changes whenever a message comes or goes.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.queues.changes()
    }
}
