//! KMS: real AES-GCM under keys that survive a restart.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Value, json};
use winterbaume_core::{MockRequest, MockService, StatefulService, default_account_id};
use winterbaume_kms::{KmsService, KmsStateView};

mod requests;

use super::StartError;
use super::faults::Faults;
use super::front::{Answer, Emulated, Front, Incoming, bind};
use super::state_directory::StateDirectory;
use super::wire::{Target, WireLog};
use crate::iam::{self, Access, Caller};
use crate::template::{Attributes, Key, REF, REGION, Template};

const FILE: &str = "kms.json";

/// The tag by which `CloudFormation` marks what it makes of which resource.
const LOGICAL_ID: &str = "aws:cloudformation:logical-id";

/// The running KMS emulator.
#[derive(Debug)]
pub struct Kms {
    front: Front,
    service: Arc<Service>,
}

struct Service {
    kms: KmsService,
    directory: Option<Arc<StateDirectory>>,
    /// The ids of the template's keys by the names of their aliases.
    aliases: HashMap<String, String>,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not the keys.
        formatter.debug_struct("Service").finish_non_exhaustive()
    }
}

impl Kms {
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

    /// The base URL, for `AWS_ENDPOINT_URL_KMS`.
    #[must_use]
    pub fn url(&self) -> String {
        self.front.url()
    }

    /// Starts KMS with the keys and aliases of `template`, and says what became of them.
    pub(super) async fn start(
        template: &Template,
        directory: Option<Arc<StateDirectory>>,
        port: u16,
        attributes: &mut Attributes,
        access: &Access,
    ) -> Result<Self, StartError> {
        let listener = bind(Service::NAME, port).await?;
        let mut service = Service {
            kms: KmsService::new(),
            directory,
            aliases: HashMap::new(),
        };
        if let Some(directory) = &service.directory
            && let Some(view) = directory.read::<KmsStateView>(FILE)?
        {
            let restored = service
                .kms
                .restore(default_account_id(), REGION, view)
                .await;
            restored.map_err(|error| StartError::Emulator {
                name: "KMS",
                message: error.to_string(),
            })?;
        }
        let mut ids = HashMap::new();
        for (logical_id, key) in template.keys() {
            let (id, arn) = service.ensure_key(logical_id, key).await?;
            attributes.set(logical_id, REF, &id);
            attributes.set(logical_id, "KeyId", &id);
            attributes.set(logical_id, "Arn", arn);
            ids.insert(logical_id, id);
        }
        for (_, alias) in template.aliases() {
            if let Some(id) = ids.get(alias.target.as_str()) {
                service.ensure_alias(&alias.name, id).await?;
                service.aliases.insert(alias.name.clone(), id.clone());
            }
        }
        service.save().await?;
        let service = Arc::new(service);
        Ok(Self {
            front: Front::serve(listener, Arc::clone(&service), access)?,
            service,
        })
    }

    /// Ends it; the keys are on disk already.
    pub(super) async fn stop(&mut self) -> Result<(), StartError> {
        self.front.stop().await;
        self.service.save().await
    }
}

impl Service {
    async fn snapshot(&self) -> KmsStateView {
        self.kms.snapshot(default_account_id(), REGION).await
    }

    async fn save(&self) -> Result<(), StartError> {
        let Some(directory) = &self.directory else {
            return Ok(());
        };
        let view = self.snapshot().await;
        let path = directory.path().join(FILE);
        directory
            .write(FILE, &view)
            .map_err(|source| StartError::Directory { path, source })
    }

    /// The id and ARN of the key of `logical_id`, which is made if it does not exist.
    async fn ensure_key(
        &self,
        logical_id: &str,
        key: &Key,
    ) -> Result<(String, String), StartError> {
        let tagged = |tags: &HashMap<String, String>| {
            tags.get(LOGICAL_ID).is_some_and(|tag| tag == logical_id)
        };
        let known = self
            .snapshot()
            .await
            .keys
            .into_values()
            .find(|key| tagged(&key.tags));
        let (id, arn) = if let Some(known) = known {
            (known.key_id, known.arn)
        } else {
            let tags = json!([{"TagKey": LOGICAL_ID, "TagValue": logical_id}]);
            let made = self
                .call(
                    "CreateKey",
                    &json!({"Description": key.description, "Tags": tags}),
                )
                .await?;
            let text = |name| {
                made.pointer(name)
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned()
            };
            (text("/KeyMetadata/KeyId"), text("/KeyMetadata/Arn"))
        };
        let rotation = if key.rotation {
            "EnableKeyRotation"
        } else {
            "DisableKeyRotation"
        };
        let state = if key.enabled {
            "EnableKey"
        } else {
            "DisableKey"
        };
        let by_id = json!({"KeyId": id});
        self.call(
            "UpdateKeyDescription",
            &json!({"KeyId": id, "Description": key.description}),
        )
        .await?;
        self.call("EnableKey", &by_id).await?;
        self.call(rotation, &by_id).await?;
        self.call(state, &by_id).await?;
        Ok((id, arn))
    }

    async fn ensure_alias(&self, name: &str, id: &str) -> Result<(), StartError> {
        let known = self.snapshot().await.aliases.contains_key(name);
        let operation = if known { "UpdateAlias" } else { "CreateAlias" };
        self.call(operation, &json!({"AliasName": name, "TargetKeyId": id}))
            .await
            .map(|_| ())
    }

    /// A call from within, which is not recorded.
    async fn call(&self, operation: &str, body: &Value) -> Result<Value, StartError> {
        let mut headers = HeaderMap::new();
        if let Ok(target) = format!("TrentService.{operation}").parse() {
            headers.insert("x-amz-target", target);
        }
        let answer = self.handle(headers, Bytes::from(body.to_string())).await;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        if answer.status != 200 {
            return Err(StartError::Emulator {
                name: "KMS",
                message: format!("{operation}: {text}"),
            });
        }
        Ok(serde_json::from_str(&text).unwrap_or_default())
    }

    async fn handle(&self, headers: HeaderMap, body: Bytes) -> Answer {
        let request = MockRequest {
            method: "POST".to_owned(),
            uri: format!("https://kms.{REGION}.amazonaws.com/"),
            headers,
            body,
        };
        let response = self.kms.handle(request).await;
        Answer {
            status: response.status,
            body: response.body,
        }
    }
}

impl Emulated for Service {
    const NAME: &'static str = "KMS";
    const SERVICE: &'static str = "kms";
    const CONTENT_TYPE: &'static str = "application/x-amz-json-1.1";

    fn targets(&self, _operation: &str, body: &Value) -> Vec<Target> {
        let key = body["KeyId"]
            .as_str()
            .or_else(|| body["TargetKeyId"].as_str());
        let target = |key: &str| Target {
            resource: key.to_owned(),
            partition: None,
            index: None,
            action: None,
        };
        key.map(target).into_iter().collect()
    }

    fn requests(&self, operation: &str, body: &Value) -> Vec<iam::Request> {
        requests::of(operation, body, &self.aliases)
    }

    async fn answer(&self, call: Incoming, _caller: Option<Caller>) -> Answer {
        let answer = self.handle(call.headers, call.body).await;
        if answer.status == 200
            && changes(&call.operation)
            && let Err(error) = self.save().await
        {
            tracing::error!(%error, "the keys could not be saved");
        }
        answer
    }
}

/// Whether an operation changes what must survive a restart.
fn changes(operation: &str) -> bool {
    let uses = [
        "Decrypt",
        "Describe",
        "Encrypt",
        "Generate",
        "Get",
        "List",
        "ReEncrypt",
        "Sign",
        "Verify",
    ];
    !uses.iter().any(|verb| operation.starts_with(verb))
}
