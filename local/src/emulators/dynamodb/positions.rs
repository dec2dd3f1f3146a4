//! How far event sources have come in the streams, remembered between runs.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::super::StartError;
use super::super::state_directory::StateDirectory;

const FILE: &str = "streams.json";

/// How long DynamoDB keeps records.
const RETENTION: &str = "strftime('%s', 'now') - 86400";

/// Sequence numbers as callers see them are the engine's own and this.
const SEQUENCE_NUMBER_OFFSET: u128 = 100_000_000_000_000_000_000;

/// Where one event source stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    /// The ARN of the stream: a table that is made anew, or whose stream is, begins anew.
    pub(super) stream: String,
    /// The table of the stream.
    pub(super) table: String,
    /// The last record that is done with; none, if there was none yet.
    pub(super) after: Option<String>,
}

/// The positions of all event sources, by their names. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct Positions {
    known: Arc<watch::Sender<BTreeMap<String, Position>>>,
    directory: Option<Arc<StateDirectory>>,
}

impl Positions {
    /// Those that `directory` has; none without one.
    pub(super) fn read(directory: Option<Arc<StateDirectory>>) -> Result<Self, StartError> {
        let known = match &directory {
            Some(directory) => directory.read(FILE)?.unwrap_or_default(),
            None => BTreeMap::new(),
        };
        Ok(Self {
            known: Arc::new(watch::Sender::new(known)),
            directory,
        })
    }

    /// The position of an event source.
    pub(super) fn of(&self, source: &str) -> Option<Position> {
        self.known.borrow().get(source).cloned()
    }

    /// Remembers a position. When this returns, it is on disk.
    pub(super) fn remember(&self, source: &str, position: Position) -> std::io::Result<()> {
        let mut written = Ok(());
        // One after the other: what is written last is what is known.
        self.known.send_modify(|known| {
            known.insert(source.to_owned(), position);
            if let Some(directory) = &self.directory {
                written = directory.write(FILE, known);
            }
        });
        written
    }

    /// Waits until the position of an event source is as wanted.
    pub(super) async fn wait_for(
        &self,
        source: &str,
        is_wanted: impl Fn(Option<&Position>) -> bool,
    ) {
        let mut changes = self.known.subscribe();
        // The sender is here.
        let _ = changes.wait_for(|known| is_wanted(known.get(source))).await;
    }

    /// The SQL that deletes records as DynamoDB does after a day, but for those that a source has yet to see: other than
    /// Lambda, a stack on somebody's machine does not always run.
    pub(super) fn cleanup(&self) -> String {
        let mut sql = format!("DELETE FROM _stream_records WHERE created_at < {RETENTION}");
        for Position { table, after, .. } in self.known.borrow().values() {
            let after = after
                .as_deref()
                .and_then(|after| after.parse::<u128>().ok());
            let after = after.and_then(|after| after.checked_sub(SEQUENCE_NUMBER_OFFSET));
            // Writing to a string cannot fail.
            let _ = write!(
                sql,
                " AND NOT (table_name = '{}' AND CAST(sequence_number AS INTEGER) > {})",
                table.replace('\'', "''"),
                after.unwrap_or_default()
            );
        }
        sql
    }
}

#[cfg(test)]
mod tests {
    use super::super::engine::Engine;
    use super::super::streams::StreamHandle;
    use super::*;

    fn put(engine: &Engine, key: &str) {
        let body = format!(r#"{{"TableName": "items", "Item": {{"pk": {{"S": "{key}"}}}}}}"#);
        engine.call("PutItem", &body).unwrap();
    }

    #[tokio::test]
    async fn records_of_long_ago_are_deleted_unless_a_source_has_yet_to_see_them() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("database");
        let engine = Engine::open(Some(&file), "").unwrap();
        let table = r#"{"TableName": "items", "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "KEYS_ONLY"}}"#;
        engine.call("CreateTable", table).unwrap();
        for key in ["1", "2", "3"] {
            put(&engine, key);
        }
        let positions = Positions::read(None).unwrap();
        let of = |engine: Engine| {
            let (table, arn) = ("items".to_owned(), "arn:table/items/stream/1".to_owned());
            StreamHandle::new(engine, positions.clone(), table, arn)
        };
        let records = of(engine.clone()).records(None, 10).await.unwrap();
        of(engine.clone()).remember("source", Some(records[0].sequence_number.clone()));
        drop(engine);

        // As if a day had gone by.
        let cleanup = positions.cleanup().replace("- 86400", "+ 10");
        let engine = Engine::open(Some(&file), &cleanup).unwrap();
        let left = of(engine.clone()).records(None, 10).await.unwrap();
        let numbers = |records: &[super::super::StreamRecord]| {
            let numbers = records.iter().map(|record| record.sequence_number.clone());
            numbers.collect::<Vec<_>>()
        };
        assert_eq!(numbers(&left), numbers(&records[1..]));
        put(&engine, "4");
        assert_eq!(of(engine).records(None, 10).await.unwrap().len(), 3);
    }
}
