//! SQS: standard queues whose messages survive a restart.

mod groups;
mod handle;
mod queues;
mod saved;
mod visibility;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use winterbaume_core::{MockRequest, MockService, default_account_id};
use winterbaume_sqs::{SqsBackend, SqsService};

use super::StartError;
use super::faults::{AwsError, Faults};
use super::front::{Answer, Emulated, Front, Incoming, bind, refused};
use super::state_directory::StateDirectory;
use super::wire::{Target, WireLog};
use crate::iam::{self, Access, Caller};
use crate::template::{Attributes, Queue, REF, REGION, Template};
pub use handle::{QueueHandle, Received};
use queues::Queues;
use saved::Saved;

const FILE: &str = "sqs.json";

/// How often changed queues are written down: what a crash may cost.
const SAVE: Duration = Duration::from_millis(250);

/// The running SQS emulator.
#[derive(Debug)]
pub struct Sqs {
    front: Front,
    keeper: Option<Arc<Keeper>>,
    saving: Option<JoinHandle<()>>,
    queues: Queues,
}

struct Service {
    sqs: SqsService,
    queues: Queues,
}

/// Writes the queues down.
#[derive(Debug)]
struct Keeper {
    queues: Queues,
    directory: Arc<StateDirectory>,
    /// What was read at the start: messages of queues that the template has no more are kept.
    found: Saved,
}

impl Sqs {
    /// Every call since the start. What the event source does is not a call.
    #[must_use]
    pub fn wire(&self) -> &WireLog {
        &self.front.wire
    }

    /// The faults that calls meet.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.front.faults
    }

    /// The base URL, for `AWS_ENDPOINT_URL_SQS`.
    #[must_use]
    pub fn url(&self) -> String {
        self.front.url()
    }

    /// A queue as its event source sees it.
    #[must_use]
    pub fn queue(&self, name: impl Into<String>) -> QueueHandle {
        QueueHandle {
            queues: self.queues.clone(),
            name: name.into(),
            delegate: None,
        }
    }

    /// Starts SQS with the queues of `template`, and says what became of them.
    pub(super) async fn start(
        template: &Template,
        directory: Option<Arc<StateDirectory>>,
        port: u16,
        attributes: &mut Attributes,
        access: &Access,
    ) -> Result<Self, StartError> {
        let listener = bind(Service::NAME, port).await?;
        let address = listener.local_addr().map_err(|source| StartError::Port {
            name: Service::NAME,
            port,
            source,
        })?;
        let queues = Queues::new(format!("http://{address}"));
        for (logical_id, queue) in template.queues() {
            create(&queues, template, queue).await?;
            let url = queues.url(&queue.name);
            attributes.set(logical_id, "QueueUrl", &url);
            attributes.set(logical_id, REF, url);
        }
        let keeper = match directory {
            Some(directory) => {
                let found = directory.read::<Saved>(FILE)?.unwrap_or_default();
                let restore = |state: &mut _| found.restore(state, &mut queues.groups());
                queues.change(restore).await;
                Some(Arc::new(Keeper {
                    queues: queues.clone(),
                    directory,
                    found,
                }))
            }
            None => None,
        };
        let saving = keeper
            .clone()
            .map(|keeper| tokio::spawn(async move { keeper.run().await }));
        let service = Service {
            sqs: SqsService::with_backend(Arc::new(queues.clone())),
            queues: queues.clone(),
        };
        Ok(Self {
            front: Front::serve(listener, Arc::new(service), access)?,
            keeper,
            saving,
            queues,
        })
    }

    /// Ends it, and writes its messages down.
    pub(super) async fn stop(&mut self) -> Result<(), StartError> {
        self.front.stop().await;
        if let Some(saving) = &self.saving {
            saving.abort();
        }
        match &self.keeper {
            Some(keeper) => keeper.save().await,
            None => Ok(()),
        }
    }
}

impl Drop for Sqs {
    fn drop(&mut self) {
        if let Some(saving) = &self.saving {
            saving.abort();
        }
    }
}

async fn create(queues: &Queues, template: &Template, queue: &Queue) -> Result<(), StartError> {
    let mut attributes = HashMap::from([
        ("VisibilityTimeout", queue.visibility_timeout.to_string()),
        ("MessageRetentionPeriod", queue.retention.to_string()),
        ("DelaySeconds", queue.delay.to_string()),
        ("MaximumMessageSize", queue.maximum_message_size.to_string()),
        (
            "ReceiveMessageWaitTimeSeconds",
            queue.receive_wait.to_string(),
        ),
    ]);
    if let Some(redrive) = &queue.redrive {
        let known = template.attributes(&Attributes::new());
        let target = known
            .get(&redrive.dead_letter_queue, "Arn")
            .unwrap_or_default();
        let policy =
            json!({"deadLetterTargetArn": target, "maxReceiveCount": redrive.max_receive_count});
        attributes.insert("RedrivePolicy", policy.to_string());
    }
    let attributes = attributes
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    let (account, region) = (default_account_id().to_owned(), REGION.to_owned());
    queues
        .create_queue(account, region, queue.name.clone(), attributes, None)
        .await
        .map(|_| ())
        .map_err(|error| StartError::Emulator {
            name: "SQS",
            message: error.to_string(),
        })
}

impl Keeper {
    async fn run(&self) {
        let mut changes = self.queues.changes();
        while changes.changed().await.is_ok() {
            tokio::time::sleep(SAVE).await;
            changes.mark_unchanged();
            if let Err(error) = self.save().await {
                tracing::error!(%error, "the messages could not be saved");
            }
        }
    }

    async fn save(&self) -> Result<(), StartError> {
        let saved = self
            .queues
            .look(|state| Saved::of(state, &self.queues.groups(), &self.found))
            .await;
        let path = self.directory.path().join(FILE);
        self.directory
            .write(FILE, &saved)
            .map_err(|source| StartError::Directory { path, source })
    }
}

impl Emulated for Service {
    const NAME: &'static str = "SQS";
    const SERVICE: &'static str = "sqs";
    const CONTENT_TYPE: &'static str = "application/x-amz-json-1.0";

    fn targets(&self, _operation: &str, body: &Value) -> Vec<Target> {
        let url = body["QueueUrl"]
            .as_str()
            .or_else(|| body["QueueName"].as_str());
        let name = url.and_then(|url| url.rsplit('/').next());
        let target = |name: &str| Target {
            resource: name.to_owned(),
            partition: None,
            index: None,
            action: None,
        };
        name.map(target).into_iter().collect()
    }

    fn requests(&self, operation: &str, body: &Value) -> Vec<iam::Request> {
        let queue = self.targets(operation, body).into_iter().next();
        let resource = queue.map_or_else(|| "*".to_owned(), |queue| handle::arn(&queue.resource));
        // A batch takes the permission of its parts.
        let action = operation.strip_suffix("Batch").unwrap_or(operation);
        vec![iam::Request::new(format!("sqs:{action}"), resource)]
    }

    async fn answer(&self, call: Incoming, _caller: Option<Caller>) -> Answer {
        let body = call.document;
        match call.operation.as_str() {
            "SendMessage" | "SendMessageBatch" => {
                if let Err(error) = check_groups(&body) {
                    return refused(&error);
                }
            }
            "ChangeMessageVisibilityBatch" => return self.change_visibility(body).await,
            _ => {}
        }
        let with_groups = call.operation == "ReceiveMessage" && asks_for_group(&body);
        let request = MockRequest {
            method: "POST".to_owned(),
            uri: format!("https://sqs.{REGION}.amazonaws.com/"),
            headers: call.headers,
            body: call.body,
        };
        let response = self.sqs.handle(request).await;
        let body = if with_groups {
            self.with_groups(&response.body)
        } else {
            response.body
        };
        Answer {
            status: response.status,
            body,
        }
    }
}

impl Service {
    /// An answer of `ReceiveMessage` with each message's group among its attributes, which winterbaume does not keep.
    fn with_groups(&self, body: &Bytes) -> Bytes {
        let mut answer: Value = serde_json::from_slice(body).unwrap_or_default();
        let messages = answer.get_mut("Messages").and_then(Value::as_array_mut);
        for message in messages.into_iter().flatten() {
            let groups = self.queues.groups();
            let group = message["MessageId"].as_str().and_then(|id| groups.of(id));
            let group = group.map(|group| json!(group));
            let attributes = message.get_mut("Attributes").and_then(Value::as_object_mut);
            if let (Some(group), Some(attributes)) = (group, attributes) {
                attributes.insert("MessageGroupId".to_owned(), group);
            }
        }
        Bytes::from(answer.to_string())
    }

    async fn change_visibility(&self, body: Value) -> Answer {
        let request: Result<visibility::Request, _> = serde_json::from_value(body);
        let changed = match request {
            Ok(request) => match request.check() {
                Ok(()) => self.queues.change(|state| request.change(state)).await,
                Err(error) => Err(error),
            },
            Err(error) => Err(AwsError::new(400, "MissingParameter", error.to_string())),
        };
        match changed {
            Ok(answer) => Answer {
                status: 200,
                body: Bytes::from(answer.to_string()),
            },
            Err(error) => refused(&error),
        }
    }
}

/// Checks the `MessageGroupId`s of messages to be sent.
fn check_groups(body: &Value) -> Result<(), AwsError> {
    let entries = body["Entries"].as_array().into_iter().flatten();
    let messages = std::iter::once(body).chain(entries);
    let mut groups = messages.filter_map(|message| message["MessageGroupId"].as_str());
    if groups.all(groups::is_group) {
        return Ok(());
    }
    let message = "Value for parameter MessageGroupId is invalid. Reason: it takes 1 to 128 letters, digits and punctuation.";
    Err(AwsError::new(400, "InvalidParameterValue", message))
}

/// Whether a `ReceiveMessage` asks for the messages' groups.
fn asks_for_group(body: &Value) -> bool {
    ["MessageSystemAttributeNames", "AttributeNames"]
        .iter()
        .filter_map(|name| body[*name].as_array())
        .flatten()
        .any(|name| matches!(name.as_str(), Some("All" | "MessageGroupId")))
}
