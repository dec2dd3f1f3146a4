//! A queue as event sources see it.

use std::collections::HashMap;

use tokio::sync::watch;
use winterbaume_core::default_account_id;
use winterbaume_sqs::state::SqsError;
use winterbaume_sqs::types::Message;

use super::queues::Queues;
use crate::iam::{Delegate, Denial, Request};
use crate::template::REGION;

/// A message that has been taken from a queue.
#[derive(Debug, Clone)]
pub struct Received {
    /// The message.
    pub message: Message,
    /// Its message group, if it has one.
    pub group: Option<String>,
}

/// A queue as Lambda's own poller sees it: not over the wire, and untouched by injected faults. What is done with it needs the
/// permissions of a role once it is [`QueueHandle::under`] one.
#[derive(Debug, Clone)]
pub struct QueueHandle {
    pub(super) queues: Queues,
    pub(super) name: String,
    pub(super) delegate: Option<Delegate>,
}

/// Why something could not be done with a queue.
#[derive(Debug, thiserror::Error)]
pub(crate) enum QueueError {
    /// SQS refused it.
    #[error(transparent)]
    Refused(#[from] SqsError),
    /// The role that it is done under may not do it.
    #[error("{0}")]
    Denied(Denial),
}

/// The ARN of a queue.
pub(super) fn arn(name: &str) -> String {
    format!("arn:aws:sqs:{REGION}:{}:{name}", default_account_id())
}

impl QueueHandle {
    /// The queue's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same under a function's role, as Lambda does what it does for one.
    #[must_use]
    pub fn under(mut self, delegate: Delegate) -> Self {
        self.delegate = Some(delegate);
        self
    }

    fn may(&self, actions: &[&str]) -> Result<(), QueueError> {
        let Some(delegate) = &self.delegate else {
            return Ok(());
        };
        let resource = arn(&self.name);
        let requests = actions.iter();
        let requests: Vec<Request> = requests
            .map(|action| Request::new(*action, resource.clone()))
            .collect();
        delegate.may(&requests).map_err(QueueError::Denied)
    }

    /// Takes up to `most` messages, hidden from others for `hidden_for` seconds (by default as the queue says). One that
    /// has been taken too often moves to the dead-letter queue instead.
    pub(crate) async fn receive(
        &self,
        most: usize,
        hidden_for: Option<u32>,
    ) -> Result<Vec<Received>, QueueError> {
        self.may(&["sqs:GetQueueAttributes", "sqs:ReceiveMessage"])?;
        let messages = self.queues.take(&self.name, most, hidden_for).await?;
        let groups = self.queues.groups();
        let received = messages.into_iter().map(|message| Received {
            group: groups.of(&message.message_id).map(str::to_owned),
            message,
        });
        Ok(received.collect())
    }

    /// Adds a message, as Lambda does for an on-failure destination.
    pub(crate) async fn send(&self, body: &str) -> Result<(), QueueError> {
        self.may(&["sqs:SendMessage"])?;
        let sent = self
            .queues
            .change(|state| state.send_message(&self.name, body, None, HashMap::new(), None, None));
        sent.await?;
        Ok(())
    }

    /// Deletes a message that has been taken.
    pub(crate) async fn delete(&self, receipt_handle: &str) -> Result<(), QueueError> {
        self.may(&["sqs:DeleteMessage"])?;
        self.queues
            .change(|state| state.delete_message(&self.name, receipt_handle))
            .await?;
        Ok(())
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
