//! The verifier: what drifted is found and mended, what is not accepted is marked, and a run that is killed ends as if it had not been.

mod drift;
mod due;
mod failures;
mod looks;
mod requests;
mod runs;
mod strikes;
mod sweep;

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use local::stack::StackOptions;
use serde_json::{Value, json};
use shared::clock::Clock;
use shared::store::DueWork;
use shared::tenant::{Minute, TenantId};

use crate::client_api::onboarding::Newcomer;
use crate::harness::Harness;

/// How long is waited for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// A day on which nothing else happens: its runs are nobody's.
const MIDNIGHT: &str = "2026-03-02T00:00:00Z";

/// A stack where the verifier gives the providers of a tenant 2 seconds.
pub(crate) struct World {
    pub(crate) harness: Harness,
}

impl World {
    pub(crate) fn start() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut StackOptions)) -> Self {
        let harness = Harness::start(|options| {
            options.feeds_streams = false;
            options.redelivery_seconds = Some(1);
            let timeout = ("VerificationTimeoutSeconds", "2");
            let parameters = [timeout].map(|(name, value)| (name.to_owned(), value.to_owned()));
            options.parameters.extend(parameters);
            change(options);
        });
        Self { harness }
    }

    /// What the function answers, or the type and message of its error.
    async fn try_ask(&self, event: &Value) -> Result<Value, (String, String)> {
        let function = self.harness.stack.function("verifier").unwrap();
        match function.invoke(event.to_string().into()).await {
            Ok(answer) => Ok(serde_json::from_slice(&answer).unwrap()),
            Err(error) => {
                let document: Value = serde_json::from_slice(error.payload()).unwrap_or_default();
                let text = |name: &str| document[name].as_str().unwrap_or_default().to_owned();
                Err((text("errorType"), text("errorMessage")))
            }
        }
    }

    pub(crate) async fn ask(&self, event: &Value) -> Value {
        let answer = self.try_ask(event).await;
        answer.unwrap_or_else(|(kind, message)| panic!("{kind}: {message}"))
    }

    pub(crate) async fn verify(&self, tenant: &TenantId) -> Value {
        self.ask(&json!({"tenant_id": tenant})).await
    }

    /// The schedule's event of a moment.
    pub(crate) async fn minute(&self, at: Timestamp) -> Value {
        self.ask(&scheduled(at)).await
    }

    fn table(&self) -> &str {
        self.harness.variable("TENANTS_TABLE")
    }

    /// An item of the Tenants table.
    async fn item(&self, pk: &str, sk: &str) -> Option<HashMap<String, AttributeValue>> {
        let get = self.harness.dynamodb().get_item().table_name(self.table());
        let got = get
            .key("pk", AttributeValue::S(pk.to_owned()))
            .key("sk", AttributeValue::S(sk.to_owned()))
            .consistent_read(true);
        got.send().await.unwrap().item
    }

    async fn twilio_item(&self, tenant: &TenantId) -> HashMap<String, AttributeValue> {
        let partition = format!("{tenant}#tenant");
        let item = self.item(&partition, "integration#twilio");
        item.await.unwrap()
    }

    /// The items of a partition.
    async fn partition(&self, pk: &str) -> Vec<HashMap<String, AttributeValue>> {
        let query = self.harness.dynamodb().query().table_name(self.table());
        let query = query
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", AttributeValue::S(pk.to_owned()));
        query.send().await.unwrap().items.unwrap_or_default()
    }

    pub(crate) fn due(&self) -> DueWork {
        let table = self.table().to_owned();
        DueWork::new(self.harness.dynamodb(), table, Clock::system())
    }

    /// What is kept of a part of a run.
    pub(crate) async fn part_of(&self, run: &str) -> Option<String> {
        let name = format!("part#{run}#");
        let runs = self.partition("platform#runs").await;
        let mut parts = runs
            .iter()
            .filter(|item| text(item, "sk").starts_with(&name));
        parts.next().map(|item| text(item, "counts"))
    }

    /// The work that is due for a tenant some time, and when.
    async fn due_of(&self, tenant: &TenantId) -> Vec<(String, Timestamp)> {
        let entries = self.partition("platform#due").await;
        let own = entries
            .iter()
            .filter(|entry| text(entry, "tenant_id") == tenant.as_str());
        own.map(|entry| (text(entry, "work"), text(entry, "due_at").parse().unwrap()))
            .collect()
    }

    /// As if the time of whoever was killed were over.
    pub(crate) async fn end_lease(&self, run: &str) {
        let update = self.harness.dynamodb().update_item();
        let update = update
            .table_name(self.table())
            .key("pk", AttributeValue::S("platform#runs".to_owned()))
            .key("sk", AttributeValue::S(run.to_owned()))
            .update_expression("SET leased_until = :past")
            .expression_attribute_values(":past", AttributeValue::S(MIDNIGHT.to_owned()));
        update.send().await.unwrap();
    }
}

fn text(item: &HashMap<String, AttributeValue>, name: &str) -> String {
    let value = item.get(name);
    value.map_or_else(String::new, |value| value.as_s().unwrap().clone())
}

fn scheduled(at: Timestamp) -> Value {
    let at = Timestamp::from_second(at.as_second()).unwrap();
    json!({"version": "0", "id": "1", "detail-type": "Scheduled Event", "source": "aws.events",
        "account": "123456789012", "time": at.to_string(), "region": "us-east-1", "resources": [], "detail": {}})
}

/// A moment in the minute of a tenant, on a day that has gone.
pub(crate) fn moment_of(tenant: &TenantId) -> Timestamp {
    let minute: i64 = Minute::of(tenant).to_string().parse().unwrap();
    let midnight: Timestamp = MIDNIGHT.parse().unwrap();
    Timestamp::from_second(midnight.as_second() + minute * 60 + 7).unwrap()
}

/// The name of the run of a moment.
pub(crate) fn run_of(at: Timestamp) -> String {
    format!("{:08}", at.as_second() / 60)
}

impl Newcomer {
    /// What its admin sees of what drifted: resource, SID, problem and outcome.
    pub(crate) async fn drift(&self) -> Vec<[String; 4]> {
        let shown = self
            .admin
            .get("/api/integrations/twilio")
            .await
            .document(200);
        let found = shown["drift"]["found"].as_array().unwrap();
        let member = |finding: &Value, name: &str| finding[name].as_str().unwrap().to_owned();
        let mut found: Vec<_> = found
            .iter()
            .map(|finding| {
                ["resource", "sid", "problem", "outcome"].map(|name| member(finding, name))
            })
            .collect();
        found.sort_unstable();
        found
    }

    /// Whether its log has such an entry: action, actor, target.
    async fn is_logged(&self, action: &str, target: &str) -> bool {
        let audit = self.audit().await;
        let entry = [action, "function:verifier", target];
        audit.iter().any(|it| it[..3] == entry)
    }
}
