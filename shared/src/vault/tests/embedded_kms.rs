//! A KMS in process, behind the SDK's own client.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_kms::Client;
use aws_sdk_kms::config::retry::RetryConfig;
use aws_sdk_kms::config::timeout::TimeoutConfig;
use aws_sdk_kms::config::{BehaviorVersion, Region};
use winterbaume_core::{MockAws, MockRequest, MockResponse, MockService};
use winterbaume_kms::KmsService;

use super::super::{KeyArn, Vault};

/// What KMS does with the next calls.
#[derive(Clone)]
pub(super) enum Behaviour {
    Answer,
    /// Answers, but says that another key did.
    AnswerAs(KeyArn),
    /// Fails with this status and code.
    Fail(u16, &'static str),
    Hang,
}

/// The embedded KMS, counting calls, and failing when told to.
struct WatchedKms {
    kms: KmsService,
    calls: Mutex<Vec<String>>,
    behaviour: Mutex<Behaviour>,
}

impl MockService for WatchedKms {
    fn service_name(&self) -> &str {
        self.kms.service_name()
    }

    fn url_patterns(&self) -> Vec<&str> {
        self.kms.url_patterns()
    }

    fn handle(
        &self,
        request: MockRequest,
    ) -> Pin<Box<dyn Future<Output = MockResponse> + Send + '_>> {
        let target = request
            .headers
            .get("x-amz-target")
            .unwrap()
            .to_str()
            .unwrap();
        self.calls
            .lock()
            .unwrap()
            .push(target.rsplit('.').next().unwrap().to_owned());
        let behaviour = self.behaviour.lock().unwrap().clone();
        match behaviour {
            Behaviour::Answer => self.kms.handle(request),
            Behaviour::AnswerAs(key) => Box::pin(async move {
                let mut answer = self.kms.handle(request).await;
                let mut body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
                body["KeyId"] = key.as_str().into();
                answer.body = body.to_string().into();
                answer
            }),
            Behaviour::Fail(status, code) => {
                let body = format!(r#"{{"__type":"{code}","message":"told to"}}"#);
                Box::pin(std::future::ready(MockResponse::json(status, body)))
            }
            Behaviour::Hang => Box::pin(std::future::pending()),
        }
    }
}

/// A vault with a key of its own.
pub(super) struct EmbeddedKms {
    kms: Arc<WatchedKms>,
    pub(super) client: Client,
    pub(super) vault: Vault,
}

impl EmbeddedKms {
    pub(super) async fn new() -> Self {
        let kms = Arc::new(WatchedKms {
            kms: KmsService::new(),
            calls: Mutex::default(),
            behaviour: Mutex::new(Behaviour::Answer),
        });
        let aws = MockAws::builder().with_service(Arc::clone(&kms)).build();
        let configuration = aws_sdk_kms::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("eu-central-1"))
            .credentials_provider(aws.credentials_provider())
            .http_client(aws.http_client())
            .retry_config(RetryConfig::disabled())
            .timeout_config(
                TimeoutConfig::builder()
                    .operation_timeout(Duration::from_millis(200))
                    .build(),
            )
            .build();
        let client = Client::from_conf(configuration);
        let vault = Vault::new(client.clone(), new_key(&client).await);
        kms.calls.lock().unwrap().clear();
        Self { kms, client, vault }
    }

    pub(super) fn set(&self, behaviour: Behaviour) {
        *self.kms.behaviour.lock().unwrap() = behaviour;
    }

    /// The operations asked for since this was last called.
    pub(super) fn calls(&self) -> Vec<String> {
        std::mem::take(&mut *self.kms.calls.lock().unwrap())
    }

    pub(super) async fn new_key(&self) -> KeyArn {
        let key = new_key(&self.client).await;
        self.calls();
        key
    }
}

async fn new_key(client: &Client) -> KeyArn {
    let created = client.create_key().send().await.unwrap();
    created
        .key_metadata()
        .unwrap()
        .arn()
        .unwrap()
        .parse()
        .unwrap()
}
