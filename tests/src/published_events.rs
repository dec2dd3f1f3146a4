//! What happens ends on the event bus, with its tenant, as its schema says: from a signed webhook, or from what becomes of
//! credentials.

pub(crate) mod batches;
mod credentials;
mod gone_tenants;
mod killed;
mod outages;
mod schemas;

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use local::emulators::{BusEvent, EventBus, EventMark};
use serde_json::json;
use shared::activity::{Resource, Route};
use shared::tenant::TenantId;

use crate::harness::{Harness, Tenant};
use crate::traffic::{self, CONTACT, Event, WORDS, event};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// The bus as a test sees it that looks for the events of one tenant since it began.
pub(crate) struct Listener {
    bus: EventBus,
    begun: EventMark,
    tenant: TenantId,
}

impl Listener {
    pub(crate) fn start(harness: &Harness, tenant: &TenantId) -> Self {
        let name = harness
            .stack
            .template()
            .event_buses()
            .map(|(_, bus)| bus.name.clone())
            .next();
        let bus = harness.stack.emulators().eventbridge().bus(name.unwrap());
        Self {
            begun: bus.mark(),
            bus,
            tenant: tenant.clone(),
        }
    }

    fn is_ours(&self, event: &BusEvent) -> bool {
        event.tenant() == Some(self.tenant.as_str())
    }

    /// What was heard so far, each as its schema says.
    pub(super) fn heard(&self) -> Vec<BusEvent> {
        let mut events = self.bus.since(self.begun);
        events.retain(|event| self.is_ours(event));
        for event in &events {
            assert_eq!(event.source, "trunkline");
            assert_eq!(event.detail["type"], event.detail_type.as_str());
            schemas::assert_conforms(&event.detail);
        }
        events
    }

    /// Waits until this is heard.
    pub(crate) async fn hear(&self, wanted: impl Fn(&BusEvent) -> bool) -> BusEvent {
        let event = self
            .bus
            .wait_for(self.begun, |event| self.is_ours(event) && wanted(event));
        let event = tokio::time::timeout(PATIENCE, event).await;
        event.unwrap_or_else(|_| panic!("never heard; only {:?}", self.types()))
    }

    /// Waits until so many events of these types are heard.
    pub(crate) async fn hear_all(&self, wanted: &[(&str, usize)]) {
        let is_all = |events: &[BusEvent]| {
            let count = |name: &str| {
                let ours = events.iter().filter(|event| self.is_ours(event));
                ours.filter(|event| event.detail_type == name).count()
            };
            wanted.iter().all(|(name, number)| count(name) >= *number)
        };
        let heard = self.bus.wait_until(self.begun, is_all);
        let heard = tokio::time::timeout(PATIENCE, heard).await;
        assert!(heard.is_ok(), "wanted {wanted:?}, heard {:?}", self.types());
    }

    /// How many events of each type were heard.
    pub(super) fn types(&self) -> BTreeMap<String, usize> {
        let mut types = BTreeMap::new();
        for event in self.heard() {
            *types.entry(event.detail_type).or_default() += 1;
        }
        types
    }
}

/// Whether an event tells of a message, call or recording.
pub(crate) fn is_of(event: &BusEvent, name: &str, resource: &Resource) -> bool {
    event.detail_type == name && event.detail["data"]["sid"] == resource.sid()
}

/// The events that a webhook of a route about something new gives, besides that of its contact.
fn expected(route: Route) -> &'static [&'static str] {
    match route {
        Route::Sms | Route::Whatsapp => &["message.received"],
        Route::SmsStatus | Route::WhatsappStatus => &["message.status"],
        Route::Voice | Route::VoiceDial => &["call.started"],
        Route::VoiceStatus => &["call.started", "call.ended"],
        Route::VoiceRecording => &["recording.ready"],
        // Twilio says of neither that the recording can be played.
        Route::VoiceVoicemail | Route::VoiceTranscription => &[],
    }
}

async fn deliver(tenant: &Tenant, event: &Event) {
    let status = traffic::deliver(tenant, event).await;
    assert!(status == 200 || status == 204, "{status}");
}

/// Delivers a message and waits for its event: events are still told. Of what was written before it that says nothing.
async fn say_something(tenant: &Tenant, listener: &Listener) {
    let last = event(tenant, Route::Sms);
    deliver(tenant, &last).await;
    listener
        .hear(|event| is_of(event, "message.received", &last.resource))
        .await;
}

#[tokio::test]
async fn a_webhook_of_every_kind_ends_as_its_events_on_the_bus() {
    let harness = Harness::shared().await;
    let tenant = harness.tenant(json!({})).await;
    let listener = Listener::start(harness, &tenant.id);
    let mut types: BTreeMap<String, usize> = BTreeMap::new();
    for route in Route::ALL {
        let event = event(&tenant, *route);
        deliver(&tenant, &event).await;
        for name in expected(*route) {
            let heard = listener
                .hear(|heard| is_of(heard, name, &event.resource))
                .await;
            assert_eq!(heard.detail["version"], 1, "{route:?}");
            *types.entry((*name).to_owned()).or_default() += 1;
        }
    }
    // Who wrote by SMS and called is one contact, who wrote by WhatsApp another.
    listener.hear_all(&[("contact.created", 2)]).await;
    types.insert("contact.created".to_owned(), 2);
    harness.published().await;
    assert_eq!(listener.types(), types);
    let words = listener
        .hear(|event| event.detail["data"]["body"] == WORDS)
        .await;
    assert_eq!(words.detail["data"]["contact"], CONTACT);
}

#[tokio::test]
async fn a_webhook_that_is_delivered_again_is_not_told_again() {
    let harness = Harness::shared().await;
    let tenant = harness.tenant(json!({})).await;
    let listener = Listener::start(harness, &tenant.id);
    let sms = event(&tenant, Route::Sms);
    for _ in 0..3 {
        deliver(&tenant, &sms).await;
    }
    let is_about_it = |event: &BusEvent| is_of(event, "message.received", &sms.resource);
    listener.hear(is_about_it).await;
    harness.published().await;
    let heard = listener.heard();
    assert_eq!(heard.iter().filter(|event| is_about_it(event)).count(), 1);
}

#[tokio::test]
async fn a_stop_is_told_as_an_opt_out_and_as_the_message_that_it_is() {
    let harness = Harness::shared().await;
    let tenant = harness.tenant(json!({})).await;
    let listener = Listener::start(harness, &tenant.id);
    for (word, is_out) in [("STOP", true), ("START", false)] {
        let message = tenant.sms(word);
        let sms = Event {
            webhook: tenant.sms_webhook(&message),
            resource: Resource::Message(message.sid.clone()),
        };
        deliver(&tenant, &sms).await;
        let told = listener
            .hear(|event| {
                event.detail_type == "opt_out.changed"
                    && event.detail["data"]["message_sid"] == sms.resource.sid()
            })
            .await;
        assert_eq!(told.detail["data"]["opted_out"], is_out);
        assert_eq!(told.detail["data"]["contact"], CONTACT);
        listener
            .hear(|event| is_of(event, "message.received", &sms.resource))
            .await;
    }
}

#[tokio::test]
async fn of_what_is_deleted_nothing_is_told() {
    let harness = Harness::shared().await;
    let tenant = harness.tenant(json!({})).await;
    let before = Listener::start(harness, &tenant.id);
    for _ in 0..2 {
        say_something(&tenant, &before).await;
    }
    before.hear_all(&[("contact.created", 1)]).await;
    harness.published().await;
    let listener = Listener::start(harness, &tenant.id);
    let items = traffic::items_of(harness, &tenant).await;
    assert!(items.len() >= 3);
    for item in items {
        let delete = harness.dynamodb().delete_item();
        let delete = delete.table_name(harness.variable("ACTIVITY_TABLE"));
        let key = |name: &str| item[name].clone();
        let delete = delete.key("pk", key("pk")).key("sk", key("sk"));
        delete.send().await.unwrap();
    }
    let last = event(&tenant, Route::SmsStatus);
    deliver(&tenant, &last).await;
    listener
        .hear(|event| is_of(event, "message.status", &last.resource))
        .await;
    harness.published().await;
    assert_eq!(listener.types(), [("message.status".to_owned(), 1)].into());
}

/// Puts an item into the Activity table by hand.
async fn put(harness: &Harness, partition: &str, sort: &str, attribute: (&str, AttributeValue)) {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let put = harness.dynamodb().put_item();
    let put = put
        .table_name(harness.variable("ACTIVITY_TABLE"))
        .item("pk", text(partition))
        .item("sk", text(sort))
        .item(attribute.0, attribute.1);
    put.send().await.unwrap();
}
