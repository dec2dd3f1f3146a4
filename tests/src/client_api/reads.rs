//! What a tenant's users read of what happened: messages, conversations, contacts, calls and recordings.

mod brought;
mod expired;
mod isolation;
mod many;
mod narrowed;
mod paging;
mod parameters;

use jiff::{Timestamp, ToSpan};
use reqwest::Method;
use serde_json::{Value, json};
use shared::activity::{Fact, History, Resource, ResourceChange};
use shared::clock::Clock;
use shared::contacts::Contacts;

use super::caller::{Answer, Caller};
use crate::contacts::in_time;
use crate::harness::{Harness, Tenant};

/// The lists, each without filters.
const LISTS: [&str; 6] = [
    "/api/messages",
    "/api/conversations",
    "/api/conversations/%2B15005550010/messages",
    "/api/contacts",
    "/api/calls",
    "/api/recordings",
];

/// A tenant, and a user of it who reads.
struct Reader {
    harness: &'static Harness,
    tenant: Tenant,
    member: Caller,
}

impl Reader {
    async fn new() -> Self {
        Self::with(json!({})).await
    }

    /// Of a tenant with these settings.
    async fn with(settings: Value) -> Self {
        Self::on(Harness::shared().await, settings).await
    }

    async fn on(harness: &'static Harness, settings: Value) -> Self {
        let tenant = harness.tenant(settings).await;
        Self {
            harness,
            member: harness.user(&tenant.id, "member"),
            tenant,
        }
    }

    async fn get(&self, path: &str) -> Value {
        self.member.get(path).await.document(200)
    }

    async fn refused(&self, path: &str) -> Answer {
        let answer = self.member.send(Method::GET, path, |request| request);
        let answer = answer.await;
        assert_eq!(answer.status, 400, "{path}: {}", answer.body);
        answer
    }

    /// The items of a list that is on one page.
    async fn items(&self, path: &str) -> Vec<Value> {
        let page = self.get(path).await;
        assert_eq!(page["next_cursor"], Value::Null, "{path}");
        page["items"].as_array().unwrap().clone()
    }

    /// The SIDs of a list that is on one page.
    async fn sids(&self, path: &str) -> Vec<String> {
        sids(&self.items(path).await)
    }

    /// The items of all pages of a list, page by page.
    async fn pages(&self, path: &str) -> Vec<Vec<Value>> {
        let (mut pages, mut cursor) = (Vec::new(), String::new());
        loop {
            let joint = if path.contains('?') { '&' } else { '?' };
            let page = match cursor.as_str() {
                "" => self.get(path).await,
                cursor => self.get(&format!("{path}{joint}cursor={cursor}")).await,
            };
            pages.push(page["items"].as_array().unwrap().clone());
            match page["next_cursor"].as_str() {
                Some(next) => next.clone_into(&mut cursor),
                None => return pages,
            }
        }
    }

    /// Keeps what Twilio told, as webhooks do.
    async fn keep(&self, fact: &Fact) {
        let scope = self.tenant.console.scope(&self.tenant.id);
        let activity = self.tenant.console.activity();
        activity.keep(&scope, fact).await.unwrap();
    }

    /// Has the stream's consumer learn of what is kept of these.
    async fn learn(&self, resources: impl IntoIterator<Item = Resource>) {
        let console = &self.tenant.console;
        let scope = console.scope(&self.tenant.id);
        let table = |name| self.harness.variable(name).to_owned();
        let (activity, tenants) = (table("ACTIVITY_TABLE"), table("TENANTS_TABLE"));
        let client = self.harness.dynamodb();
        let contacts = Contacts::new(&client, activity, tenants, 0, Clock::system());
        for resource in resources {
            let change = ResourceChange {
                before: History::default(),
                after: console.activity().history(&scope, &resource).await.unwrap(),
                resource,
            };
            let changes = [change];
            let applied = contacts.apply(&scope, &changes, in_time());
            applied.await.unwrap();
        }
    }
}

fn sids(items: &[Value]) -> Vec<String> {
    let sids = items.iter().map(|item| item["sid"].as_str().unwrap());
    sids.map(str::to_owned).collect()
}

/// A moment, counted in seconds.
fn at(second: i64) -> Timestamp {
    let start: Timestamp = "2026-10-01T08:00:00Z".parse().unwrap();
    start + second.seconds()
}

/// Something that Twilio told of a resource.
fn fact(resource: &Resource, route: &str, at: Timestamp, parameters: &Value) -> Fact {
    let fact = json!({
        "resource": resource, "route": route, "received_at": at, "parameters": parameters,
    });
    serde_json::from_value(fact).unwrap()
}

fn message(number: usize) -> Resource {
    Resource::Message(format!("SM{number:032x}").parse().unwrap())
}

/// An SMS from an address.
fn sms(number: usize, at: Timestamp, from: &str) -> Fact {
    let parameters =
        json!({"From": from, "To": "+15005550006", "Body": format!("number {number}")});
    fact(&message(number), "/sms", at, &parameters)
}
