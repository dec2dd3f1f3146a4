//! The event source mapping of SQS: takes messages from a queue, invokes a function with them, and deletes those that
//! it handled.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value, json};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use winterbaume_core::default_account_id;
use winterbaume_sqs::types::Message;

use super::batch_response::failed_items;
use super::invoke::Invoke;
use crate::emulators::{QueueHandle, Received};
use crate::template::{QueueSource, REGION};

#[cfg(test)]
mod tests;

/// How often a queue is looked at for messages whose time of hiding is over; new ones are seen at once.
const LOOK: Duration = Duration::from_millis(200);

/// How long nothing is taken from a queue that cannot be read, for instance because the role may not.
const UNREADABLE: Duration = Duration::from_secs(5);

/// How many batches are in work at once if the template does not say: Lambda starts with five.
const CONCURRENCY: usize = 5;

/// How a queue invokes a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqsSourceOptions {
    /// The most messages of one event.
    pub batch_size: usize,
    /// How long to wait for a batch to fill.
    pub batching_window: Duration,
    /// Whether the function's answer names the messages that failed.
    pub report_batch_item_failures: bool,
    /// The most events in work at once.
    pub concurrency: usize,
    /// Seconds until a message that failed is tried again; by default what the queue says. Tests shorten it.
    pub visibility_timeout: Option<u32>,
}

impl From<&QueueSource> for SqsSourceOptions {
    fn from(source: &QueueSource) -> Self {
        let number = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        Self {
            batch_size: number(source.batch_size),
            batching_window: Duration::from_secs(u64::from(source.batching_window)),
            report_batch_item_failures: source.report_batch_item_failures,
            concurrency: source.maximum_concurrency.map_or(CONCURRENCY, number),
            visibility_timeout: None,
        }
    }
}

/// A running event source.
#[derive(Debug)]
pub struct SqsSource {
    stopping: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl SqsSource {
    /// Starts to feed the function with this logical id from `queue`.
    pub fn start(
        queue: QueueHandle,
        function: impl Into<String>,
        options: SqsSourceOptions,
        invoke: Arc<impl Invoke>,
    ) -> Self {
        let stopping = watch::Sender::new(false);
        let poller = Poller {
            queue,
            function: function.into(),
            options,
            invoke,
        };
        let task = tokio::spawn(Arc::new(poller).run(stopping.subscribe()));
        Self { stopping, task }
    }

    /// Takes no more messages, and waits for the batches in work. Stop the functions after this, not before.
    pub async fn stop(mut self) {
        self.stopping.send_replace(true);
        let _ = (&mut self.task).await;
    }
}

impl Drop for SqsSource {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Poller<I> {
    queue: QueueHandle,
    function: String,
    options: SqsSourceOptions,
    invoke: Arc<I>,
}

impl<I: Invoke> Poller<I> {
    async fn run(self: Arc<Self>, mut stopping: watch::Receiver<bool>) {
        let mut batches = JoinSet::new();
        loop {
            while batches.try_join_next().is_some() {}
            let full = batches.len() >= self.options.concurrency.max(1);
            tokio::select! {
                biased;
                _ = stopping.wait_for(|stopping| *stopping) => break,
                _ = batches.join_next(), if full => {}
                batch = self.batch(), if !full => {
                    let poller = Arc::clone(&self);
                    batches.spawn(async move { poller.deliver(batch).await });
                }
            }
        }
        while batches.join_next().await.is_some() {}
    }

    /// The next batch, of at least one message.
    async fn batch(&self) -> Vec<Received> {
        let mut changes = self.queue.changes();
        let mut batch = Vec::new();
        let mut deadline = None;
        loop {
            changes.mark_unchanged();
            let room = self.options.batch_size.saturating_sub(batch.len());
            match self
                .queue
                .receive(room, self.options.visibility_timeout)
                .await
            {
                Ok(messages) => batch.extend(messages),
                Err(error) => {
                    tracing::error!(%error, queue = self.queue.name(), "messages could not be taken");
                    tokio::time::sleep(UNREADABLE).await;
                }
            }
            if !batch.is_empty() {
                let now = tokio::time::Instant::now();
                let end = *deadline.get_or_insert(now + self.options.batching_window);
                if batch.len() >= self.options.batch_size || now >= end {
                    return batch;
                }
            }
            let look = tokio::time::Instant::now() + LOOK;
            let next = deadline.map_or(look, |deadline| deadline.min(look));
            let _ = tokio::time::timeout_at(next, changes.changed()).await;
        }
    }

    async fn deliver(&self, batch: Vec<Received>) {
        let event = Bytes::from(event(self.queue.name(), &batch).to_string());
        let failed = match self.invoke.invoke(&self.function, event).await {
            Ok(answer) if self.options.report_batch_item_failures => failures(&answer, &batch),
            Ok(_) => Ok(HashSet::new()),
            Err(error) => Err(error.to_string()),
        };
        let failed = match failed {
            Ok(failed) => failed,
            Err(reason) => {
                tracing::warn!(
                    function = self.function,
                    messages = batch.len(),
                    reason,
                    "the whole batch failed and will be tried again"
                );
                return;
            }
        };
        for message in batch
            .iter()
            .map(|received| &received.message)
            .filter(|message| !failed.contains(message.message_id.as_str()))
        {
            let handle = message.receipt_handle.as_deref().unwrap_or_default();
            if let Err(error) = self.queue.delete(handle).await {
                tracing::error!(%error, queue = self.queue.name(), "a message could not be deleted");
            }
        }
    }
}

/// The event that Lambda hands to the function.
/// Source: "Example standard queue message event", AWS Lambda Developer Guide.
fn event(queue: &str, batch: &[Received]) -> Value {
    let arn = format!("arn:aws:sqs:{REGION}:{}:{queue}", default_account_id());
    let records = batch.iter().map(|Received { message, group }| {
        let mut attributes = json!({
            "ApproximateReceiveCount": message.approximate_receive_count.to_string(),
            "SentTimestamp": message.sent_timestamp.to_string(),
            "SenderId": message.sender_id,
            "ApproximateFirstReceiveTimestamp":
                message.approximate_first_receive_timestamp.unwrap_or_default().to_string(),
        });
        if let (Some(attributes), Some(group)) = (attributes.as_object_mut(), group) {
            attributes.insert("MessageGroupId".to_owned(), json!(group));
        }
        json!({
            "messageId": message.message_id,
            "receiptHandle": message.receipt_handle,
            "body": message.body,
            "attributes": attributes,
            "messageAttributes": message_attributes(message),
            "md5OfBody": message.body_md5,
            "eventSource": "aws:sqs",
            "eventSourceARN": arn,
            "awsRegion": REGION,
        })
    });
    json!({"Records": records.collect::<Vec<_>>()})
}

fn message_attributes(message: &Message) -> Map<String, Value> {
    let attributes = message.message_attributes.iter().map(|(name, attribute)| {
        let mut value = Map::from_iter([
            ("dataType".to_owned(), json!(attribute.data_type)),
            ("stringListValues".to_owned(), json!([])),
            ("binaryListValues".to_owned(), json!([])),
        ]);
        if let Some(text) = &attribute.string_value {
            value.insert("stringValue".to_owned(), json!(text));
        }
        if let Some(bytes) = &attribute.binary_value {
            value.insert("binaryValue".to_owned(), json!(STANDARD.encode(bytes)));
        }
        (name.clone(), Value::Object(value))
    });
    attributes.collect()
}

/// The messages that `answer` says have failed; an error stands for the whole batch.
fn failures(answer: &[u8], batch: &[Received]) -> Result<HashSet<String>, String> {
    failed_items(answer, |id| {
        batch
            .iter()
            .any(|received| received.message.message_id == id)
    })
}
