//! DynamoDB: embedded, kept in a file of the state directory or in memory.

mod engine;
mod positions;
mod requests;
mod streams;
mod tables;
mod targets;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dynoxide::auth_material::{AuthMaterial, validate};
use http::header::{AUTHORIZATION, DATE};
use serde_json::Value;
use tokio::task::{JoinHandle, spawn_blocking};

use super::StartError;
use super::faults::{AwsError, Faults};
use super::front::{Answer, Emulated, Front, Incoming, bind, refused};
use super::state_directory::StateDirectory;
use super::wire::{Target, WireLog};
use crate::iam::{self, Access, Caller};
use crate::template::{Attributes, Template};
use engine::Engine;
pub use engine::ImportError;
use positions::Positions;
pub use streams::{StreamHandle, StreamRecord};
use targets::PartitionKeys;

const FILE: &str = "dynamodb.sqlite";

/// How often expired items are looked for.
const SWEEP: Duration = Duration::from_secs(60);

/// The running DynamoDB emulator.
#[derive(Debug)]
pub struct DynamoDb {
    front: Front,
    sweep: JoinHandle<()>,
    engine: Engine,
    positions: Positions,
}

#[derive(Debug)]
struct Service {
    engine: Engine,
    keys: PartitionKeys,
}

impl DynamoDb {
    /// Every call since the start.
    #[must_use]
    pub fn wire(&self) -> &WireLog {
        &self.front.wire
    }

    /// The faults that calls meet.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.front.faults
    }

    /// The base URL, for `AWS_ENDPOINT_URL_DYNAMODB`.
    #[must_use]
    pub fn url(&self) -> String {
        self.front.url()
    }

    /// Puts many items into a table at once, each as DynamoDB's JSON has it: 100,000 as calls would take minutes. It is no call,
    /// and no stream tells of it. Blocks.
    ///
    /// # Errors
    /// What is wrong with an item or the table; nothing is put then.
    pub fn import(&self, table: &str, items: Vec<Value>) -> Result<(), ImportError> {
        self.engine.import(table, items)
    }

    /// The stream of a table as its event source sees it. `arn` is what the attribute `StreamArn` says.
    #[must_use]
    pub fn stream(&self, table: impl Into<String>, arn: impl Into<String>) -> StreamHandle {
        StreamHandle::new(
            self.engine.clone(),
            self.positions.clone(),
            table.into(),
            arn.into(),
        )
    }

    /// Starts DynamoDB with the tables of `template`, and says what became of them.
    pub(super) async fn start(
        template: &Template,
        directory: Option<Arc<StateDirectory>>,
        port: u16,
        attributes: &mut Attributes,
        access: &Access,
    ) -> Result<Self, StartError> {
        let listener = bind(Service::NAME, port).await?;
        let file = directory
            .as_ref()
            .map(|directory| directory.private_file(FILE))
            .transpose()?;
        let positions = Positions::read(directory)?;
        let engine = Engine::open(file.as_deref(), &positions.cleanup())?;
        for (logical_id, table) in template.tables() {
            if let Some(stream) = tables::ensure(&engine, table)? {
                attributes.set(logical_id, "StreamArn", streams::arn(&table.name, &stream));
            }
        }
        let sweep = tokio::spawn({
            let engine = engine.clone();
            async move {
                loop {
                    let engine = engine.clone();
                    let _ = spawn_blocking(move || engine.sweep()).await;
                    tokio::time::sleep(SWEEP).await;
                }
            }
        });
        let service = Service {
            engine: engine.clone(),
            keys: PartitionKeys::of(template),
        };
        Ok(Self {
            front: Front::serve(listener, Arc::new(service), access)?,
            sweep,
            engine,
            positions,
        })
    }

    /// Ends it; what was written is on disk already.
    pub(super) async fn stop(&mut self) {
        self.front.stop().await;
        self.sweep.abort();
    }
}

impl Drop for DynamoDb {
    fn drop(&mut self) {
        self.sweep.abort();
    }
}

impl Emulated for Service {
    const NAME: &'static str = "DynamoDB";
    const SERVICE: &'static str = "dynamodb";
    const CONTENT_TYPE: &'static str = "application/x-amz-json-1.0";

    fn targets(&self, operation: &str, body: &Value) -> Vec<Target> {
        self.keys.targets(operation, body)
    }

    fn requests(&self, operation: &str, body: &Value) -> Vec<iam::Request> {
        requests::of(operation, body, &self.targets(operation, body))
    }

    fn unsigned(&self, call: &Incoming) -> Option<Answer> {
        let header = |name: &str| call.headers.get(name).and_then(|value| value.to_str().ok());
        let refusal = validate(AuthMaterial {
            authorization: header(AUTHORIZATION.as_str()),
            query: call.uri.query().unwrap_or_default(),
            has_date_header: header("x-amz-date")
                .or_else(|| header(DATE.as_str()))
                .is_some(),
        });
        refusal.map(|body| Answer {
            status: 400,
            body: Bytes::from(body),
        })
    }

    async fn answer(&self, call: Incoming, _caller: Option<Caller>) -> Answer {
        let engine = self.engine.clone();
        // On its own thread, and to its end: a caller that goes away does not take its write back.
        let done = spawn_blocking(move || {
            let body = String::from_utf8_lossy(&call.body);
            match engine.call(&call.operation, &body) {
                Ok(body) => Answer {
                    status: 200,
                    body: Bytes::from(body),
                },
                Err(error) => Answer {
                    status: error.status_code(),
                    body: Bytes::from(error.to_json()),
                },
            }
        });
        done.await.unwrap_or_else(|error| {
            tracing::error!(%error, "a call of DynamoDB ended early");
            refused(&AwsError::internal())
        })
    }
}
