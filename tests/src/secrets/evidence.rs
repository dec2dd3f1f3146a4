//! Traffic good and bad over every route of a stack of its own, with marked secrets, and everything that came out of it.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use local::lambda::Outcome;
use local::logs::{Line, Voice};
use local::twilio::call::{CallScript, simulate_call};
use local::twilio::{Exchange, Webhook, WebhookSender};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::conversations::CONTACT;
use crate::harness::{Harness, Tenant};

/// Every secret begins with it, and no part of one is anywhere else.
pub(super) const SECRET: &str = "canary-secret";
/// What people say, write and are called.
pub(super) const PRIVATE: &str = "canary-private";
/// What somebody sends who is not Twilio, in whatever place.
pub(super) const HOSTILE: &str = "canary-hostile";

/// Whom calls are forwarded to.
const FORWARD_TO: &str = "+15005550177";
/// Whom a browser calls.
pub(super) const CUSTOMER: &str = "+12025550188";
/// The webhook functions, then the queue's.
pub(super) const FUNCTIONS: [&str; 4] = [
    "sms-webhook",
    "whatsapp-webhook",
    "voice-webhook",
    "deferred-writer",
];
const PATIENCE: Duration = Duration::from_secs(30);

/// Everything that came out.
pub(super) struct Evidence {
    pub(super) lines: Vec<Line>,
    /// Status, headers and body of every answer.
    pub(super) answers: Vec<String>,
    /// The documents of invocations that failed.
    pub(super) errors: Vec<String>,
    /// Every item of every table, as text.
    pub(super) items: String,
    /// The signatures of all requests.
    pub(super) signatures: Vec<String>,
    /// The numbers of all who took part, without their plus.
    pub(super) numbers: Vec<String>,
    /// The invocations that were answered.
    pub(super) answered: Vec<String>,
}

/// Sends everything once, whichever test asks first.
pub(super) async fn evidence() -> &'static Evidence {
    static EVIDENCE: OnceCell<Evidence> = OnceCell::const_new();
    EVIDENCE.get_or_init(gather).await
}

/// What has come out so far.
pub(super) struct Gathering {
    pub(super) harness: Harness,
    answers: Vec<String>,
    errors: Vec<String>,
    pub(super) signatures: Vec<String>,
    numbers: Vec<String>,
}

async fn gather() -> Evidence {
    let start = || {
        Harness::start(|options| {
            let loud = [("LOG_LEVEL".to_owned(), "trace".to_owned())];
            let loud = FUNCTIONS.map(|name| (name.to_owned(), loud.clone().into()));
            options.overrides = loud.into();
        })
    };
    let mut gathering = Gathering {
        harness: tokio::task::spawn_blocking(start).await.unwrap(),
        answers: Vec::new(),
        errors: Vec::new(),
        signatures: Vec::new(),
        numbers: [CONTACT, FORWARD_TO, CUSTOMER].map(str::to_owned).into(),
    };
    let tenant = gathering.tenant().await;
    gathering.good_traffic(&tenant).await;
    gathering.forged_traffic(&tenant).await;
    gathering.malformed_traffic(&tenant).await;
    gathering.events_that_are_none().await;
    gathering.failing_stores(&tenant).await;
    gathering.dying_functions(&tenant).await;
    gathering.close().await
}

impl Gathering {
    /// A tenant with every kind of secret.
    pub(super) async fn tenant(&mut self) -> Tenant {
        let plain = self.harness.tenant(json!({})).await;
        let mut document = plain.document.clone();
        let twilio = &mut document["twilio"];
        for field in [
            "auth_token",
            "secondary_auth_token",
            "previous_auth_token",
            "api_key_secret",
        ] {
            twilio[field] = json!(format!("{SECRET}-{field}-{}", plain.id));
        }
        twilio["api_key_sid"] = json!(plain.sender.sids().sid("SK"));
        twilio["shared_keys"] = json!([{"id": "key-1", "secret": shared_key(&plain)}]);
        document["settings"] = json!({
            "auto_reply": "Thank you",
            "greeting": "Welcome",
            "auto_record_calls": true,
            "inbound_route": "forward",
            "forward_to": FORWARD_TO,
        });
        let tenant = self.harness.store(document).await;
        let target = &tenant.target;
        self.numbers
            .extend([target.phone_number.clone(), target.whatsapp_sender.clone()]);
        tenant
    }

    pub(super) fn note(&mut self, exchange: &Exchange) {
        let signature = exchange.request.header("X-Twilio-Signature");
        self.signatures.extend(signature.map(str::to_owned));
        let response = exchange.response.as_ref();
        self.answers
            .extend(response.map(|answer| format!("{:?} {}", answer.headers, answer.text())));
        if let Some(fallback) = &exchange.fallback {
            self.note(fallback);
        }
    }

    pub(super) async fn deliver(&mut self, tenant: &Tenant, webhook: &Webhook) -> Option<u16> {
        let exchange = tenant.sender.deliver(webhook).await;
        self.note(&exchange);
        exchange.status()
    }

    pub(super) async fn call(&mut self, sender: &WebhookSender, script: &CallScript) {
        let story = simulate_call(sender, script).await;
        story.exchanges().for_each(|exchange| self.note(exchange));
    }

    pub(super) async fn send(
        &mut self,
        method: &str,
        url: &str,
        headers: &[(&'static str, &str)],
        body: String,
    ) -> u16 {
        let mut request = local::http_client::client().request(method.parse().unwrap(), url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.body(body).send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.unwrap();
        self.answers.push(format!("{headers:?} {text}"));
        status.as_u16()
    }

    pub(super) async fn invoke(&mut self, function: &str, event: &Value) {
        let function = self.harness.stack.function(function).unwrap().clone();
        let payload = event.to_string().into();
        let invoked = async move { function.invoke(payload).await };
        match self.harness.on_stack(invoked).await {
            Ok(answer) => self
                .answers
                .push(String::from_utf8(answer.to_vec()).unwrap()),
            Err(error) => {
                let document = String::from_utf8_lossy(error.payload());
                self.errors.push(format!("{error} {error:?} {document}"));
            }
        }
    }

    /// Waits until everything that was put aside is kept.
    pub(super) async fn drained(&self) {
        self.harness.drained("DeferredQueue").await;
    }

    /// Waits until everything is logged and stored, and looks at it.
    async fn close(self) -> Evidence {
        let stack = &self.harness.stack;
        let mut answered = Vec::new();
        for name in FUNCTIONS.iter().take(3) {
            for record in stack.function(name).unwrap().records() {
                if record.outcome == Outcome::Answered {
                    answered.push(record.request_id);
                }
            }
        }
        for id in &answered {
            let last = |line: &Line| {
                let is_own = line.voice == Voice::Function;
                is_own && line.text.contains(id) && line.text.contains(r#""status":"#)
            };
            let logged = stack.logs().wait_for(last, PATIENCE).await;
            assert!(logged.is_some(), "the invocation {id} is not logged");
        }
        let digits = |number: &String| number.trim_start_matches('+').to_owned();
        Evidence {
            lines: stack.logs().lines(),
            items: stored_items(&self.harness).await,
            answers: self.answers,
            errors: self.errors,
            signatures: self.signatures,
            numbers: self.numbers.iter().map(digits).collect(),
            answered,
        }
    }
}

/// Every item of every table, as text.
pub(crate) async fn stored_items(harness: &Harness) -> String {
    let client = harness.dynamodb();
    let mut items = String::new();
    for table in ["TENANTS_TABLE", "ACTIVITY_TABLE", "ROUTES_TABLE"] {
        let scan = client.scan().table_name(harness.variable(table));
        let mut pages = scan.consistent_read(true).into_paginator().send();
        while let Some(page) = pages.next().await {
            let stored = page.unwrap().items.unwrap_or_default();
            let attributes = stored.iter().flat_map(|item| item.values());
            items.extend(attributes.map(readable));
        }
    }
    items
}

/// All that an attribute holds; bytes as the characters that they may be.
fn readable(value: &AttributeValue) -> String {
    match value {
        AttributeValue::S(text) => format!("{text}\n"),
        AttributeValue::B(bytes) => format!("{}\n", String::from_utf8_lossy(bytes.as_ref())),
        AttributeValue::M(members) => members.values().map(readable).collect(),
        AttributeValue::L(members) => members.iter().map(readable).collect(),
        other => format!("{other:?}\n"),
    }
}

/// The secret of the tenant's shared key.
pub(super) fn shared_key(tenant: &Tenant) -> String {
    format!("{SECRET}-shared-key-{}", tenant.id)
}
