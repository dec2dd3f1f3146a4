//! The event source mapping of DynamoDB Streams: reads a table's stream in order and invokes a function with its records.
//!
//! Records are handed out to as many lanes as there may be batches in work at once, all of an item to the same. Each lane makes
//! batches of what comes to it and has them handled one after the other.

mod batch;
mod destination;
mod lane;
mod progress;
#[cfg(test)]
mod tests;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use shared::clock::Clock;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};

use super::invoke::Invoke;
use crate::emulators::{QueueHandle, StreamHandle, StreamRecord};
use crate::template::{self, Pattern, StartingPosition};
use lane::Lane;
use progress::Progress;

/// How long DynamoDB keeps records: no record is older than that.
const RETENTION: Duration = Duration::from_secs(24 * 60 * 60);

/// How often the stream is looked at without a sign that something was written.
const LOOK: Duration = Duration::from_secs(5);

/// How many reads of the stream may wait for a lane. One whose batch fails holds up the others only once so many do.
const READS_AHEAD: usize = 10;

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
    /// How many batches are in work at once.
    pub parallelization: usize,
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
            parallelization: usize::try_from(source.parallelization).unwrap_or(1),
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
        let progress = Progress::new(stream.clone(), function.source.clone());
        let reader = Reader {
            ground: Ground {
                started: clock.now(),
                stream,
                function,
                options,
                on_failure,
                clock,
                progress,
                invoke,
            },
            stopping: stopping.subscribe(),
        };
        let task = tokio::spawn(reader.run());
        Self { stopping, task }
    }

    /// Takes no more records, and waits for the batches in work. Stop the functions after this, not before. What is not
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

/// What all parts of a source work on.
struct Ground<I> {
    stream: StreamHandle,
    function: StreamFunction,
    options: StreamSourceOptions,
    on_failure: Option<QueueHandle>,
    clock: Clock,
    /// A record's age counts from here at the earliest: while the stack stands still nobody could have handled it.
    started: Timestamp,
    progress: Progress,
    invoke: Arc<I>,
}

/// Reads the stream and hands its records out.
struct Reader<I> {
    ground: Ground<I>,
    stopping: watch::Receiver<bool>,
}

impl<I: Invoke> Reader<I> {
    async fn run(mut self) {
        let Ok(position) = self.begin().await else {
            return;
        };
        let Self {
            ground,
            mut stopping,
        } = self;
        let ground = Arc::new(ground);
        // They end with this task.
        let mut tasks = JoinSet::new();
        let lanes = (0..ground.options.parallelization.max(1)).map(|_| {
            let (records, waiting) = mpsc::channel(READS_AHEAD);
            tasks.spawn(Lane::new(Arc::clone(&ground), waiting, stopping.clone()).run());
            records
        });
        let lanes: Vec<_> = lanes.collect();
        let _: Result<(), Stopping> = ground.read(position, &lanes, &mut stopping).await;
        while tasks.join_next().await.is_some() {}
    }

    /// Where the source goes on.
    async fn begin(&mut self) -> Result<Option<String>, Stopping> {
        let Ground {
            stream,
            function,
            options,
            ..
        } = &self.ground;
        let name = &function.source;
        loop {
            match stream.start(name, options.starting_position).await {
                Ok(position) => return Ok(position),
                Err(error) => {
                    tracing::error!(%error, source = name, "the stream cannot be read");
                    wait(&mut self.stopping, LAST_RETRY).await?;
                }
            }
        }
    }
}

impl<I> Ground<I> {
    /// Hands out what is written, until the source is stopped.
    async fn read(
        &self,
        mut position: Option<String>,
        lanes: &[mpsc::Sender<Vec<StreamRecord>>],
        stopping: &mut watch::Receiver<bool>,
    ) -> Result<(), Stopping> {
        let mut changes = self.stream.changes();
        // Enough for a whole batch in each lane.
        let most = self.options.batch_size.max(1).saturating_mul(lanes.len());
        loop {
            if *stopping.borrow() {
                return Err(Stopping);
            }
            changes.mark_unchanged();
            let records = match self.stream.records(position.as_deref(), most).await {
                Ok(records) => records,
                Err(error) => {
                    tracing::error!(%error, source = self.function.source, "the stream cannot be read");
                    wait(stopping, LAST_RETRY).await?;
                    continue;
                }
            };
            let Some(last) = records.last() else {
                tokio::select! {
                    biased;
                    _ = stopping.wait_for(|stopping| *stopping) => return Err(Stopping),
                    _ = tokio::time::timeout(LOOK, changes.changed()) => {}
                }
                continue;
            };
            position = Some(last.sequence_number.clone());
            let handed_out = self.hand_out(records, lanes);
            tokio::select! {
                biased;
                _ = stopping.wait_for(|stopping| *stopping) => return Err(Stopping),
                () = handed_out => {}
            }
        }
    }

    /// Hands records out, those of one item to the same lane in their order. What no pattern chooses is done with.
    async fn hand_out(
        &self,
        records: Vec<StreamRecord>,
        lanes: &[mpsc::Sender<Vec<StreamRecord>>],
    ) {
        let mut shares: Vec<Vec<StreamRecord>> = lanes.iter().map(|_| Vec::new()).collect();
        let mut passed = Vec::new();
        self.progress.begin(&records);
        for record in records {
            if !self.chooses(&record.document) {
                passed.push(record.sequence_number);
                continue;
            }
            let lane = lane_of(&record.document, lanes.len());
            if let Some(share) = shares.get_mut(lane) {
                share.push(record);
            }
        }
        self.progress.done(passed);
        for (lane, share) in lanes.iter().zip(shares) {
            if !share.is_empty() {
                // A lane ends only when the source is stopped.
                let _ = lane.send(share).await;
            }
        }
    }

    fn chooses(&self, record: &Value) -> bool {
        let filters = &self.options.filters;
        filters.is_empty() || filters.iter().any(|pattern| pattern.matches(record))
    }
}

/// The lane of a record: that of its item. Lambda keeps the order of an item's records, and of no others.
/// Source: "How Lambda processes records", AWS Lambda Developer Guide, "Using AWS Lambda with Amazon DynamoDB".
fn lane_of(record: &Value, lanes: usize) -> usize {
    let mut hasher = DefaultHasher::new();
    if let Some(keys) = record.pointer("/dynamodb/Keys") {
        keys.to_string().hash(&mut hasher);
    }
    let lanes = u64::try_from(lanes).unwrap_or(1).max(1);
    usize::try_from(hasher.finish() % lanes).unwrap_or_default()
}

/// Waits; fails at once when the source is stopped.
async fn wait(stopping: &mut watch::Receiver<bool>, time: Duration) -> Result<(), Stopping> {
    tokio::select! {
        biased;
        _ = stopping.wait_for(|stopping| *stopping) => Err(Stopping),
        () = tokio::time::sleep(time) => Ok(()),
    }
}
