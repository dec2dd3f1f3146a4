//! Messages and calls that are kept as the webhooks keep them, and consumers of what the stream tells of them.

use std::collections::HashMap;
use std::sync::OnceLock;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;
use shared::activity::{Fact, History, Resource, ResourceChange, Route};
use shared::clock::Clock;
use shared::contacts::Contacts;
use shared::store::{ContactItems, ContactRecord};
use shared::tenant::TenantScope;

use crate::harness::{Harness, Tenant};

/// Whom of the tenant everybody writes to and calls.
const OURS: &str = "+15005550006";

/// What may happen with an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Received,
    Sent,
    Call,
}

/// A message or call.
#[derive(Debug, Clone)]
pub(super) struct Happening {
    pub(super) kind: Kind,
    pub(super) address: String,
    pub(super) second: i64,
    pub(super) name: Option<String>,
    body: &'static str,
    number: String,
}

/// A stack's tenant, and the table as it is below the stores.
pub(super) struct World {
    pub(super) harness: &'static Harness,
    pub(super) tenant: Tenant,
    pub(super) scope: TenantScope,
}

/// Anything with one of three addresses, in one of few seconds, so that many meet.
pub(super) fn happening() -> impl Strategy<Value = Happening> {
    let kind = prop_oneof![
        3 => Just(Kind::Received),
        2 => Just(Kind::Sent),
        1 => Just(Kind::Call),
    ];
    let body = prop::sample::select(vec!["Hello", "STOP", "start", "Yes", "help"]);
    let name = prop::option::of(prop::sample::select(vec!["Ana", "Ben"]));
    (kind, 0..3_u8, 1..8_i64, body, name).prop_map(|(kind, who, second, body, name)| Happening {
        address: who.to_string(),
        second,
        name: name.map(str::to_owned).filter(|_| kind == Kind::Received),
        ..Happening::new(kind, body)
    })
}

impl Happening {
    pub(super) fn new(kind: Kind, body: &'static str) -> Self {
        Self {
            kind,
            address: "0".to_owned(),
            second: 1,
            name: None,
            body,
            number: String::new(),
        }
    }

    /// Gives it the addresses of a case, and a SID of its own.
    pub(super) fn place(&mut self, case: u32, number: u32) {
        self.address = format!("+1{case:07}{}", self.address);
        self.number = format!("{case:016x}{number:016x}");
    }

    pub(super) fn sid(&self) -> String {
        match self.kind {
            Kind::Call => format!("CA{}", self.number),
            _ => format!("SM{}", self.number),
        }
    }

    /// Whether it stops what is sent, or resumes it.
    pub(super) fn stops(&self) -> Option<bool> {
        let says = |words: &[&str]| self.kind == Kind::Received && words.contains(&self.body);
        match (says(&["STOP"]), says(&["start", "Yes"])) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        }
    }

    /// The facts that arrive about it, one after the other.
    pub(super) fn facts(&self) -> Vec<Fact> {
        let (sid, address) = (self.sid(), self.address.as_str());
        let name = self.name.as_deref().unwrap_or_default();
        let (sid, address) = (sid.as_str(), address);
        let fact = |route, parameters: &[(&str, &str)], second| {
            let at = Timestamp::from_second(second).unwrap();
            Fact::new(route, &parameters.iter().copied().collect(), at).unwrap()
        };
        let (first, second) = (self.second, self.second + 100);
        match self.kind {
            Kind::Received => {
                let all = [
                    ("MessageSid", sid),
                    ("From", address),
                    ("To", OURS),
                    ("Body", self.body),
                    ("ProfileName", name),
                    ("NumMedia", "0"),
                ];
                // Twilio's retry may say something more.
                vec![
                    fact(Route::Sms, &all[..5], first),
                    fact(Route::Sms, &all, second),
                ]
            }
            Kind::Sent => {
                let status = |status| {
                    [
                        ("MessageSid", sid),
                        ("From", OURS),
                        ("To", address),
                        ("MessageStatus", status),
                    ]
                };
                vec![
                    fact(Route::SmsStatus, &status("sent"), first),
                    fact(Route::SmsStatus, &status("delivered"), second),
                ]
            }
            Kind::Call => {
                let status = |status| {
                    [
                        ("CallSid", sid),
                        ("From", address),
                        ("To", OURS),
                        ("Direction", "inbound"),
                        ("CallStatus", status),
                    ]
                };
                vec![
                    fact(Route::Voice, &status("ringing"), first),
                    fact(Route::VoiceStatus, &status("completed"), second),
                ]
            }
        }
    }

    /// What the stream tells of it.
    pub(super) fn changes(&self) -> Vec<ResourceChange> {
        let facts = self.facts();
        let until = |count: usize| History::new(facts[..count].iter().cloned());
        let changes = (1..=facts.len()).map(|count| ResourceChange {
            resource: facts[0].resource.clone(),
            before: until(count - 1),
            after: until(count),
        });
        changes.collect()
    }

    pub(super) fn resource(&self) -> Resource {
        self.facts()[0].resource.clone()
    }
}

impl World {
    /// A tenant of the stack that all tests share.
    pub(super) async fn shared() -> &'static Self {
        static WORLD: OnceLock<World> = OnceLock::new();
        if let Some(world) = WORLD.get() {
            return world;
        }
        let world = Self::of(Harness::shared().await).await;
        WORLD.get_or_init(|| world)
    }

    pub(super) async fn of(harness: &'static Harness) -> Self {
        let tenant = harness.tenant(json!({})).await;
        Self {
            scope: tenant.console.scope(&tenant.id),
            tenant,
            harness,
        }
    }

    /// A consumer of the stream, for a deployment that keeps activity for so many days.
    pub(super) fn consumer(&self, retention_days: u32) -> Contacts {
        Contacts::new(
            &self.harness.dynamodb(),
            self.harness.variable("ACTIVITY_TABLE").to_owned(),
            self.harness.variable("TENANTS_TABLE").to_owned(),
            retention_days,
            Clock::system(),
        )
    }

    /// Keeps everything about a happening, as the webhooks do.
    pub(super) async fn keep(&self, happening: &Happening) {
        let console = self.harness.console();
        for fact in happening.facts() {
            console.activity().keep(&self.scope, &fact).await.unwrap();
        }
    }

    pub(super) async fn read(&self, address: &str) -> Option<ContactRecord> {
        let table = self.harness.variable("ACTIVITY_TABLE").to_owned();
        let items = ContactItems::new(self.harness.dynamodb(), table, 0);
        items.read(&self.scope, address).await.unwrap()
    }

    /// The item of an address.
    pub(super) async fn item(&self, address: &str) -> Option<HashMap<String, AttributeValue>> {
        self.item_at(&format!("contact#{address}"), "contact").await
    }

    /// The item of a happening.
    pub(super) async fn item_of(
        &self,
        happening: &Happening,
    ) -> Option<HashMap<String, AttributeValue>> {
        let resource = happening.resource();
        let (kind, sid) = (resource.kind(), resource.sid());
        self.item_at(&format!("{kind}#{sid}"), kind).await
    }

    async fn item_at(&self, part: &str, sort: &str) -> Option<HashMap<String, AttributeValue>> {
        let text = |text: String| AttributeValue::S(text);
        let client = self.harness.dynamodb();
        let read = client
            .get_item()
            .table_name(self.harness.variable("ACTIVITY_TABLE"))
            .key("pk", text(format!("{}#{part}", self.tenant.id)))
            .key("sk", text(sort.to_owned()))
            .consistent_read(true);
        read.send().await.unwrap().item
    }
}
