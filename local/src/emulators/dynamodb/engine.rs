//! DynamoDB itself: dynoxide's database, asked by operation name and JSON body.
//!
//! Its own HTTP server is not used: it answers any web page (`access-control-allow-origin: *`), and one more hop over
//! loopback would double the time of a call.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use dynoxide::storage::Storage;
use dynoxide::types::Item;
use dynoxide::{Database, DynoxideError, ImportOptions};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::watch;

use super::super::StartError;

/// What the engine lacks: it looks for the last record of a stream at each write, and for the next ones at each read, by
/// going through all of them.
const STREAM_INDEX: &str = "CREATE INDEX IF NOT EXISTS trunkline_stream_records
    ON _stream_records (table_name, CAST(sequence_number AS INTEGER))";

/// The operations that may change items.
const WRITES: [&str; 8] = [
    "BatchExecuteStatement",
    "BatchWriteItem",
    "DeleteItem",
    "ExecuteStatement",
    "ExecuteTransaction",
    "PutItem",
    "TransactWriteItems",
    "UpdateItem",
];

/// An open database. Clones share it.
#[derive(Clone)]
pub(super) struct Engine {
    database: Database,
    changes: watch::Sender<u64>,
}

/// Items that were not put into a table.
#[derive(Debug, thiserror::Error)]
#[error("the items are not imported: {0}")]
pub struct ImportError(String);

impl std::fmt::Debug for Engine {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Engine").finish_non_exhaustive()
    }
}

impl Engine {
    /// Opens the database in `file`, or one in memory. `cleanup` is SQL that is run before anything else.
    pub(super) fn open(file: Option<&Path>, cleanup: &str) -> Result<Self, StartError> {
        let path = match file {
            Some(file) => file.to_string_lossy().into_owned(),
            // A name of its own, so that two connections reach the same memory and no other stack of this process does.
            None => {
                static NUMBER: AtomicU64 = AtomicU64::new(0);
                let number = NUMBER.fetch_add(1, Ordering::Relaxed);
                format!("file:trunkline-{number}?mode=memory&cache=shared")
            }
        };
        let open = || {
            let storage = Storage::new(&path)?;
            storage.conn().execute_batch(STREAM_INDEX)?;
            storage.conn().execute_batch(cleanup)?;
            // Memory lasts as long as somebody has it open.
            Database::new(&path)
        };
        open()
            .map(|database| Self {
                database,
                changes: watch::Sender::new(0),
            })
            .map_err(|error: DynoxideError| StartError::Emulator {
                name: "DynamoDB",
                message: error.to_string(),
            })
    }

    /// Deletes what has expired, as DynamoDB does within days.
    pub(super) fn sweep(&self) {
        match self.database.sweep_ttl() {
            Ok(0) => {}
            Ok(_) => self.changed(),
            Err(error) => tracing::warn!(%error, "expired items could not be deleted"),
        }
    }

    /// Puts many items into a table at once.
    pub(super) fn import(&self, table: &str, items: Vec<Value>) -> Result<(), ImportError> {
        let items: Result<Vec<Item>, _> = items.into_iter().map(serde_json::from_value).collect();
        let items = items.map_err(|error| ImportError(error.to_string()))?;
        let imported = self
            .database
            .import_items(table, items, ImportOptions::default());
        imported.map_err(|error| ImportError(error.to_string()))?;
        Ok(())
    }

    /// Changes whenever an item may have changed.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn changed(&self) {
        self.changes
            .send_modify(|changes| *changes = changes.wrapping_add(1));
    }

    /// Does one call. Blocks: `SQLite` answers on this thread.
    pub(super) fn call(&self, operation: &str, body: &str) -> Result<String, DynoxideError> {
        let answer = self.run(operation, body);
        if answer.is_ok() && WRITES.contains(&operation) {
            self.changed();
        }
        answer
    }

    fn run(&self, operation: &str, body: &str) -> Result<String, DynoxideError> {
        let database = &self.database;
        match operation {
            "BatchExecuteStatement" => {
                run(body, |request| database.batch_execute_statement(request))
            }
            "BatchGetItem" => run(body, |request| database.batch_get_item(request)),
            "BatchWriteItem" => run(body, |request| database.batch_write_item(request)),
            "CreateTable" => run(body, |request| database.create_table(request)),
            "DeleteItem" => run(body, |request| database.delete_item(request)),
            "DeleteTable" => run(body, |request| database.delete_table(request)),
            "DescribeStream" => run(body, |request| database.describe_stream(request)),
            "DescribeTable" => run(body, |request| database.describe_table(request)),
            "DescribeTimeToLive" => run(body, |request| database.describe_time_to_live(request)),
            "ExecuteStatement" => run(body, |request| database.execute_statement(request)),
            "ExecuteTransaction" => run(body, |request| database.execute_transaction(request)),
            "GetItem" => run(body, |request| database.get_item(request)),
            "GetRecords" => run(body, |request| database.get_records(request)),
            "GetShardIterator" => run(body, |request| database.get_shard_iterator(request)),
            "ListStreams" => run(body, |request| database.list_streams(request)),
            "ListTables" => run(body, |request| database.list_tables(request)),
            "ListTagsOfResource" => run(body, |request| database.list_tags_of_resource(request)),
            "PutItem" => run(body, |request| database.put_item(request)),
            "Query" => run(body, |request| database.query(request)),
            "Scan" => run(body, |request| database.scan(request)),
            "TagResource" => run(body, |request| database.tag_resource(request)),
            "TransactGetItems" => run(body, |request| database.transact_get_items(request)),
            "TransactWriteItems" => run(body, |request| database.transact_write_items(request)),
            "UntagResource" => run(body, |request| database.untag_resource(request)),
            "UpdateItem" => run(body, |request| database.update_item(request)),
            "UpdateTable" => run(body, |request| database.update_table(request)),
            "UpdateTimeToLive" => run(body, |request| database.update_time_to_live(request)),
            _ => Err(DynoxideError::ValidationException(format!(
                "the local stack's DynamoDB has no operation `{operation}`"
            ))),
        }
    }
}

fn run<Request: DeserializeOwned, Response: Serialize>(
    body: &str,
    operation: impl FnOnce(Request) -> Result<Response, DynoxideError>,
) -> Result<String, DynoxideError> {
    let request = serde_json::from_str(body).map_err(|error| malformed(&error.to_string()))?;
    let response = operation(request)?;
    serde_json::to_string(&response)
        .map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

/// The request types mark their own findings, to which `serde_json` adds the place.
fn malformed(message: &str) -> DynoxideError {
    let message = message.split(" at line ").next().unwrap_or_default();
    match message.strip_prefix("VALIDATION:") {
        Some(finding) => DynoxideError::ValidationException(finding.to_owned()),
        None => DynoxideError::SerializationException(message.to_owned()),
    }
}
