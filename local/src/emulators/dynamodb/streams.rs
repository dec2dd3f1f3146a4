//! The stream of a table as Lambda's own poller reads it.

use std::time::Duration;

use dynoxide::DynoxideError;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use winterbaume_core::default_account_id;

use super::engine::Engine;
use super::positions::{Position, Positions};
use crate::iam::{Delegate, Request};
use crate::template::{REGION, StartingPosition};

/// The most records of one read, as of `GetRecords`.
const LARGEST_READ: usize = 1_000;

/// The ARN of a table's stream in this stack's region and account; the engine's own names others.
pub(super) fn arn(table: &str, of_engine: &str) -> String {
    let label = of_engine.rsplit('/').next().unwrap_or_default();
    format!(
        "arn:aws:dynamodb:{REGION}:{}:table/{table}/stream/{label}",
        default_account_id()
    )
}

/// One record of a stream.
#[derive(Debug, Clone)]
pub struct StreamRecord {
    /// Its place in the stream.
    pub sequence_number: String,
    /// When the item changed, to the second.
    pub created: Timestamp,
    /// The record as Lambda hands it to a function.
    pub document: Value,
}

/// The stream of a table as its event source sees it: not over the wire, and untouched by injected faults. It is read with the
/// permissions of a role once it is [`StreamHandle::under`] one.
#[derive(Debug, Clone)]
pub struct StreamHandle {
    engine: Engine,
    positions: Positions,
    table: String,
    arn: String,
    delegate: Option<Delegate>,
}

impl StreamHandle {
    pub(super) fn new(engine: Engine, positions: Positions, table: String, arn: String) -> Self {
        Self {
            engine,
            positions,
            table,
            arn,
            delegate: None,
        }
    }

    /// The same under a function's role, as Lambda reads a stream for one.
    #[must_use]
    pub fn under(mut self, delegate: Delegate) -> Self {
        self.delegate = Some(delegate);
        self
    }

    fn may(&self, actions: &[&str]) -> Result<(), DynoxideError> {
        let Some(delegate) = &self.delegate else {
            return Ok(());
        };
        let requests = actions.iter();
        let requests: Vec<Request> = requests
            .map(|action| Request::new(*action, self.arn.clone()))
            .collect();
        delegate
            .may(&requests)
            .map_err(|denial| DynoxideError::AccessDeniedException(denial.to_string()))
    }

    /// The stream's ARN.
    #[must_use]
    pub fn arn(&self) -> &str {
        &self.arn
    }

    /// The only shard that there is.
    #[must_use]
    pub fn shard(&self) -> String {
        format!("shardId-00000001-{}", self.table)
    }

    /// How far the event source of this name has come: the sequence number of the last record that it is done with, none
    /// before the first.
    #[must_use]
    pub fn position(&self, source: &str) -> Option<String> {
        let position = self.positions.of(source)?;
        position.after.filter(|_| position.stream == self.arn)
    }

    /// Waits until the event source of this name is done with every record that there is now.
    ///
    /// # Errors
    /// When the stream cannot be read.
    pub async fn handled_by(&self, source: &str) -> Result<(), DynoxideError> {
        let last = self.last().await?;
        self.done_with(source, last.as_deref().unwrap_or_default())
            .await;
        Ok(())
    }

    /// Waits until the event source of this name is done with everything up to this record.
    pub async fn done_with(&self, source: &str, sequence_number: &str) {
        self.positions
            .wait_for(source, |position| {
                let position = position.filter(|position| position.stream == self.arn);
                // All numbers have as many digits: the larger is later.
                position.is_some_and(|position| {
                    position.after.as_deref().unwrap_or_default() >= sequence_number
                })
            })
            .await;
    }

    /// Where the event source of this name goes on, or begins if it is new.
    pub(crate) async fn start(
        &self,
        source: &str,
        starting_position: StartingPosition,
    ) -> Result<Option<String>, DynoxideError> {
        self.may(&["dynamodb:ListStreams", "dynamodb:DescribeStream"])?;
        if let Some(position) = self.positions.of(source)
            && position.stream == self.arn
        {
            return Ok(position.after);
        }
        let after = match starting_position {
            StartingPosition::TrimHorizon => None,
            StartingPosition::Latest => self.last().await?,
        };
        self.remember(source, after.clone());
        Ok(after)
    }

    /// Remembers that the event source of this name is done with everything up to this record.
    pub(crate) fn remember(&self, source: &str, after: Option<String>) {
        let position = Position {
            stream: self.arn.clone(),
            table: self.table.clone(),
            after,
        };
        if let Err(error) = self.positions.remember(source, position) {
            tracing::error!(%error, source, "the position in a stream could not be saved");
        }
    }

    /// The next records after one, or from the oldest on. At most 1,000 at a time.
    ///
    /// # Errors
    /// What the engine says: above all that the record is in no stream.
    pub async fn records(
        &self,
        after: Option<&str>,
        most: usize,
    ) -> Result<Vec<StreamRecord>, DynoxideError> {
        self.may(&["dynamodb:GetShardIterator", "dynamodb:GetRecords"])?;
        let request = match after {
            Some(after) => json!({
                "StreamArn": self.arn,
                "ShardId": self.shard(),
                "ShardIteratorType": "AFTER_SEQUENCE_NUMBER",
                "SequenceNumber": after,
            }),
            None => json!({
                "StreamArn": self.arn,
                "ShardId": self.shard(),
                "ShardIteratorType": "TRIM_HORIZON",
            }),
        };
        let most = most.min(LARGEST_READ);
        let engine = self.engine.clone();
        let answer = spawn_blocking(move || {
            let iterator = call(&engine, "GetShardIterator", &request)?;
            let iterator = iterator.get("ShardIterator");
            call(
                &engine,
                "GetRecords",
                &json!({"ShardIterator": iterator, "Limit": most}),
            )
        });
        let mut answer = ended(answer.await)?;
        let records = answer.get_mut("Records").and_then(Value::as_array_mut);
        let records = records.map(std::mem::take).unwrap_or_default();
        Ok(records
            .into_iter()
            .map(|record| self.record(record))
            .collect())
    }

    /// A record of the engine as Lambda hands it over.
    fn record(&self, mut document: Value) -> StreamRecord {
        let change = document.get_mut("dynamodb").and_then(Value::as_object_mut);
        let created = change
            .as_ref()
            .and_then(|change| change.get("ApproximateCreationDateTime")?.as_f64())
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
            .map(|created| created.as_secs())
            .unwrap_or_default();
        let sequence_number = change
            .as_ref()
            .and_then(|change| change.get("SequenceNumber")?.as_str())
            .unwrap_or_default()
            .to_owned();
        if let Some(change) = change {
            // The engine writes a fraction, which is always 0.
            change.insert("ApproximateCreationDateTime".to_owned(), json!(created));
        }
        if let Some(members) = document.as_object_mut() {
            members.insert("awsRegion".to_owned(), json!(REGION));
            members.insert("eventSourceARN".to_owned(), json!(self.arn));
        }
        StreamRecord {
            sequence_number,
            created: i64::try_from(created)
                .ok()
                .and_then(|seconds| Timestamp::from_second(seconds).ok())
                .unwrap_or_default(),
            document,
        }
    }

    /// The newest record's sequence number; none, before the first.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn last(&self) -> Result<Option<String>, DynoxideError> {
        let engine = self.engine.clone();
        let request = json!({"StreamArn": self.arn});
        let answer = spawn_blocking(move || call(&engine, "DescribeStream", &request));
        let answer = ended(answer.await)?;
        let last = answer
            .pointer("/StreamDescription/Shards/0/SequenceNumberRange/EndingSequenceNumber")
            .and_then(Value::as_str);
        Ok(last.map(str::to_owned))
    }

    /// Changes whenever an item of any table may have changed.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.engine.changes()
    }
}

fn call(engine: &Engine, operation: &str, body: &Value) -> Result<Value, DynoxideError> {
    let answer = engine.call(operation, &body.to_string())?;
    serde_json::from_str(&answer)
        .map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

fn ended<T>(
    task: Result<Result<T, DynoxideError>, tokio::task::JoinError>,
) -> Result<T, DynoxideError> {
    task.unwrap_or_else(|error| Err(DynoxideError::InternalServerError(error.to_string())))
}
