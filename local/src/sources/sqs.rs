//! The event source mapping of SQS: takes messages from a queue, invokes a function with them, and deletes those that
//! it handled.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use winterbaume_core::default_account_id;
use winterbaume_sqs::types::Message;

use crate::emulators::QueueHandle;
use crate::template::{QueueSource, REGION};

#[cfg(test)]
mod tests;

/// How often a queue is looked at for messages whose time of hiding is over; new ones are seen at once.
const LOOK: Duration = Duration::from_millis(200);

/// How many batches are in work at once if the template does not say: Lambda starts with five.
const CONCURRENCY: usize = 5;

/// A function could not be invoked, or failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvokeError(pub String);

/// Invokes functions.
pub trait Invoke: Send + Sync + 'static {
    /// Invokes the function with this logical id, and returns its answer.
    ///
    /// # Errors
    ///
    /// A function that could not be started, failed, or took too long.
    fn invoke(
        &self,
        function: &str,
        event: Bytes,
    ) -> impl Future<Output = Result<Bytes, InvokeError>> + Send;
}

impl<F, Answer> Invoke for F
where
    F: Fn(String, Bytes) -> Answer + Send + Sync + 'static,
    Answer: Future<Output = Result<Bytes, InvokeError>> + Send,
{
    fn invoke(
        &self,
        function: &str,
        event: Bytes,
    ) -> impl Future<Output = Result<Bytes, InvokeError>> + Send {
        self(function.to_owned(), event)
    }
}

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
    async fn batch(&self) -> Vec<Message> {
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

    async fn deliver(&self, batch: Vec<Message>) {
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
fn event(queue: &str, batch: &[Message]) -> Value {
    let arn = format!("arn:aws:sqs:{REGION}:{}:{queue}", default_account_id());
    let records = batch.iter().map(|message| {
        json!({
            "messageId": message.message_id,
            "receiptHandle": message.receipt_handle,
            "body": message.body,
            "attributes": {
                "ApproximateReceiveCount": message.approximate_receive_count.to_string(),
                "SentTimestamp": message.sent_timestamp.to_string(),
                "SenderId": message.sender_id,
                "ApproximateFirstReceiveTimestamp":
                    message.approximate_first_receive_timestamp.unwrap_or_default().to_string(),
            },
            "messageAttributes": attributes(message),
            "md5OfBody": message.body_md5,
            "eventSource": "aws:sqs",
            "eventSourceARN": arn,
            "awsRegion": REGION,
        })
    });
    json!({"Records": records.collect::<Vec<_>>()})
}

fn attributes(message: &Message) -> Map<String, Value> {
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

#[derive(Debug, Default, Deserialize)]
struct BatchResponse {
    #[serde(rename = "batchItemFailures")]
    batch_item_failures: Option<Vec<BatchItemFailure>>,
}

#[derive(Debug, Deserialize)]
struct BatchItemFailure {
    #[serde(rename = "itemIdentifier")]
    item_identifier: String,
}

/// The messages that `answer` says have failed. What Lambda cannot understand fails the whole batch: JSON of another
/// form, an empty identifier, or one that is not in the batch. An empty answer is a success.
/// Source: "Success and failure conditions", AWS Lambda Developer Guide, "Reporting batch item failures".
fn failures(answer: &[u8], batch: &[Message]) -> Result<HashSet<String>, String> {
    if answer.iter().all(u8::is_ascii_whitespace) {
        return Ok(HashSet::new());
    }
    let response: Option<BatchResponse> = serde_json::from_slice(answer)
        .map_err(|error| format!("the answer is not a batch response: {error}"))?;
    let failed = response
        .unwrap_or_default()
        .batch_item_failures
        .unwrap_or_default();
    let failed: HashSet<String> = failed
        .into_iter()
        .map(|failure| failure.item_identifier)
        .collect();
    match failed
        .iter()
        .find(|id| !batch.iter().any(|message| message.message_id == **id))
    {
        Some(stranger) => Err(format!(
            "the answer names `{stranger}`, which is not in the batch"
        )),
        None => Ok(failed),
    }
}
