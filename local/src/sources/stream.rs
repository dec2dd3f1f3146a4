//! The event source mapping of DynamoDB Streams: reads a table's stream in order and invokes a function with its records,
//! one batch after the other.

mod batch;
mod destination;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;
use shared::clock::Clock;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::invoke::{Invoke, InvokeError};
use crate::emulators::{QueueHandle, StreamHandle, StreamRecord};
use crate::template::{self, Pattern, StartingPosition};
use batch::{Batch, Outcome};
use destination::{Condition, GivenUp};

/// How long DynamoDB keeps records: no record is older than that.
const RETENTION: Duration = Duration::from_secs(24 * 60 * 60);

/// How often the stream is looked at without a sign that something was written.
const LOOK: Duration = Duration::from_secs(5);

/// The wait before a batch that failed is tried again, doubled for each failure in a row.
const FIRST_RETRY: Duration = Duration::from_millis(100);

/// The longest wait before a batch is tried again.
const LAST_RETRY: Duration = Duration::from_secs(10);

/// How a stream invokes a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamSourceOptions {
    /// Where a source that is new begins.
    pub starting_position: StartingPosition,
    /// The most records of one event.
    pub batch_size: usize,
    /// How long to wait for a batch to fill.
    pub batching_window: Duration,
    /// How often a batch that failed is tried again; without end if there is none.
    pub maximum_retry_attempts: Option<u32>,
    /// How old a record may be when it is tried; a day at most.
    pub maximum_record_age: Duration,
    /// Whether a batch that failed is halved before it is tried again.
    pub bisect_on_error: bool,
    /// Whether the function's answer names the records that failed.
    pub report_batch_item_failures: bool,
    /// Which records are handed over: those that one of the patterns chooses, or all if there is none.
    pub filters: Vec<Pattern>,
}

impl From<&template::StreamSource> for StreamSourceOptions {
    fn from(source: &template::StreamSource) -> Self {
        let seconds = |seconds: u32| Duration::from_secs(u64::from(seconds));
        let age = source.maximum_record_age.map_or(RETENTION, seconds);
        Self {
            starting_position: source.starting_position,
            batch_size: usize::try_from(source.batch_size).unwrap_or(usize::MAX),
            batching_window: seconds(source.batching_window),
            maximum_retry_attempts: source.maximum_retry_attempts,
            maximum_record_age: age.min(RETENTION),
            bisect_on_error: source.bisect_on_error,
            report_batch_item_failures: source.report_batch_item_failures,
            filters: source.filters.clone(),
        }
    }
}

/// What a stream invokes, and the name under which its position is remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamFunction {
    /// The name of the event source, for instance `PublisherFunction/Activity`.
    pub source: String,
    /// The function's logical id.
    pub function: String,
    /// The function's ARN, for the on-failure destination.
    pub arn: String,
}

/// A running event source.
#[derive(Debug)]
pub struct StreamSource {
    stopping: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl StreamSource {
    /// Starts to feed a function from `stream`. `on_failure` is told of records that are given up.
    pub fn start(
        stream: StreamHandle,
        function: StreamFunction,
        options: StreamSourceOptions,
        on_failure: Option<QueueHandle>,
        clock: Clock,
        invoke: Arc<impl Invoke>,
    ) -> Self {
        let stopping = watch::Sender::new(false);
        let poller = Poller {
            stream,
            function,
            options,
            on_failure,
            started: clock.now(),
            clock,
            invoke,
            stopping: stopping.subscribe(),
        };
        let task = tokio::spawn(poller.run());
        Self { stopping, task }
    }

    /// Takes no more records, and waits for the batch in work. Stop the functions after this, not before. What is not
    /// done with is delivered again when the source starts again.
    pub async fn stop(mut self) {
        self.stopping.send_replace(true);
        let _ = (&mut self.task).await;
    }
}

impl Drop for StreamSource {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The source is being stopped.
struct Stopping;

struct Poller<I> {
    stream: StreamHandle,
    function: StreamFunction,
    options: StreamSourceOptions,
    on_failure: Option<QueueHandle>,
    clock: Clock,
    /// A record's age counts from here at the earliest: while the stack stands still nobody could have handled it.
    started: Timestamp,
    invoke: Arc<I>,
    stopping: watch::Receiver<bool>,
}

impl<I: Invoke> Poller<I> {
    async fn run(mut self) {
        let _: Result<(), Stopping> = async {
            let mut position = self.begin().await?;
            loop {
                let (batch, end) = self.gather(position).await?;
                self.deliver(batch).await?;
                self.done_with(&end);
                position = Some(end);
            }
        }
        .await;
    }

    /// Where the source goes on.
    async fn begin(&mut self) -> Result<Option<String>, Stopping> {
        loop {
            let name = &self.function.source;
            match self
                .stream
                .start(name, self.options.starting_position)
                .await
            {
                Ok(position) => return Ok(position),
                Err(error) => {
                    tracing::error!(%error, source = name, "the stream cannot be read");
                    self.wait(LAST_RETRY).await?;
                }
            }
        }
    }

    /// The next batch, of at least one record, and the last sequence number that was looked at for it.
    async fn gather(&mut self, position: Option<String>) -> Result<(Batch, String), Stopping> {
        let mut changes = self.stream.changes();
        let (mut batch, mut position) = (Batch::default(), position);
        let mut deadline = None;
        loop {
            if *self.stopping.borrow() {
                return Err(Stopping);
            }
            changes.mark_unchanged();
            let read = self.options.batch_size.max(1);
            let records = match self.stream.records(position.as_deref(), read).await {
                Ok(records) => records,
                Err(error) => {
                    tracing::error!(%error, source = self.function.source, "the stream cannot be read");
                    self.wait(LAST_RETRY).await?;
                    continue;
                }
            };
            let idle = records.is_empty();
            for record in records {
                let sequence_number = record.sequence_number.clone();
                if self.chooses(&record.document)
                    && let Err(_full) = batch.add(record, self.options.batch_size)
                {
                    return Ok((batch, position.unwrap_or_default()));
                }
                position = Some(sequence_number);
            }
            let now = tokio::time::Instant::now();
            if let Some(end) = &position
                && !batch.is_empty()
            {
                let window = *deadline.get_or_insert(now + self.options.batching_window);
                if batch.len() >= self.options.batch_size || now >= window {
                    return Ok((batch, end.clone()));
                }
            }
            if !idle {
                // Nothing but records that no pattern chooses: they need not be looked at again.
                if batch.is_empty()
                    && let Some(end) = &position
                {
                    self.done_with(end);
                }
                continue;
            }
            let look = now + LOOK;
            let next = deadline.map_or(look, |deadline| deadline.min(look));
            tokio::select! {
                biased;
                _ = self.stopping.wait_for(|stopping| *stopping) => return Err(Stopping),
                _ = tokio::time::timeout_at(next, changes.changed()) => {}
            }
        }
    }

    fn chooses(&self, record: &Value) -> bool {
        let filters = &self.options.filters;
        filters.is_empty() || filters.iter().any(|pattern| pattern.matches(record))
    }

    /// Invokes the function with a batch until all of its records are handled or given up.
    async fn deliver(&mut self, batch: Batch) -> Result<(), Stopping> {
        // Parts of the batch, the next one last.
        let mut parts = vec![batch];
        let mut wait = FIRST_RETRY;
        while let Some(mut part) = parts.pop() {
            if let Some(expired) = part.split_expired(|record| self.is_too_old(record)) {
                self.give_up(&expired, Condition::RecordAgeExceeded).await;
            }
            if part.is_empty() {
                continue;
            }
            if *self.stopping.borrow() {
                return Err(Stopping);
            }
            let event = Bytes::from(part.event().to_string());
            let answer = self.invoke.invoke(&self.function.function, event).await;
            if answer.is_err() && *self.stopping.borrow() {
                // The function may have been ended with the stack, which is no failure of its own.
                return Err(Stopping);
            }
            let outcome = match answer {
                Ok(answer) if self.options.report_batch_item_failures => part.outcome(&answer),
                Ok(_) => Outcome::Done,
                Err(InvokeError::Failed(reason)) => Outcome::Failed {
                    at: 0,
                    error: true,
                    reason,
                },
                Err(InvokeError::NotInvoked(reason)) => {
                    tracing::warn!(function = self.function.function, reason, "not invoked");
                    parts.push(part);
                    self.wait(wait).await?;
                    wait = (wait * 2).min(LAST_RETRY);
                    continue;
                }
            };
            let Outcome::Failed { at, error, reason } = outcome else {
                self.done(&part);
                wait = FIRST_RETRY;
                continue;
            };
            tracing::warn!(
                function = self.function.function,
                records = part.len() - at,
                reason,
                "records of a stream failed"
            );
            part.note_failure(error);
            if at > 0 {
                self.done(&part.take_first(at));
                part.begin_anew();
                parts.push(part);
            } else if self.options.bisect_on_error && part.len() > 1 {
                let first = part.take_first(part.len() / 2);
                parts.extend([part, first]);
            } else if part.is_exhausted(self.options.maximum_retry_attempts) {
                self.give_up(&part, Condition::RetryAttemptsExhausted).await;
                continue;
            } else {
                part.count_attempt();
                parts.push(part);
            }
            self.wait(wait).await?;
            wait = (wait * 2).min(LAST_RETRY);
        }
        Ok(())
    }

    fn is_too_old(&self, record: &StreamRecord) -> bool {
        let since = record.created.max(self.started);
        let age = self.clock.now().duration_since(since);
        Duration::try_from(age).is_ok_and(|age| age > self.options.maximum_record_age)
    }

    /// Tells the on-failure destination, and goes on behind these records.
    async fn give_up(&self, part: &Batch, condition: Condition) {
        tracing::error!(
            function = self.function.function,
            records = part.len(),
            ?condition,
            "records of a stream are given up"
        );
        if let Some(queue) = &self.on_failure {
            let given_up = GivenUp {
                batch: part,
                condition,
                function: &self.function.arn,
                stream: &self.stream,
                at: self.clock.now(),
            };
            if let Err(error) = queue.send(&given_up.message().to_string()).await {
                tracing::error!(%error, queue = queue.name(), "the on-failure destination took nothing");
            }
        }
        self.done(part);
    }

    /// Remembers that everything up to the end of `part` is done with.
    fn done(&self, part: &Batch) {
        if let Some(last) = part.last() {
            self.done_with(&last.sequence_number);
        }
    }

    fn done_with(&self, sequence_number: &str) {
        let source = &self.function.source;
        if self.stream.position(source).as_deref() != Some(sequence_number) {
            self.stream
                .remember(source, Some(sequence_number.to_owned()));
        }
    }

    async fn wait(&mut self, time: Duration) -> Result<(), Stopping> {
        tokio::select! {
            biased;
            _ = self.stopping.wait_for(|stopping| *stopping) => Err(Stopping),
            () = tokio::time::sleep(time) => Ok(()),
        }
    }
}
