//! What has expired is not shown any more, though the table still has it.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::ToSpan;
use local::emulators::BusEvent;
use serde_json::{Value, json};
use shared::activity::{Resource, Route};
use shared::clock::Clock;

use super::{LISTS, Reader, at, fact};
use crate::conversations::{CONTACT, recorded};
use crate::published_events::{Listener, is_of};
use crate::traffic::{self, items_of};

impl Reader {
    /// Says when some of the tenant's items expire, counted in seconds from now.
    async fn expires_in(&self, seconds: i64, is_meant: impl Fn(&str) -> bool) {
        let at = (Clock::system().now() + seconds.seconds()).as_second();
        for item in items_of(self.harness, &self.tenant).await {
            if !is_meant(item["pk"].as_s().unwrap()) {
                continue;
            }
            let update = self.harness.dynamodb().update_item();
            let update = update
                .table_name(self.harness.variable("ACTIVITY_TABLE"))
                .key("pk", item["pk"].clone())
                .key("sk", item["sk"].clone())
                .update_expression("SET expires_at = :at")
                .expression_attribute_values(":at", AttributeValue::N(at.to_string()));
            update.send().await.unwrap();
        }
    }
}

#[tokio::test]
async fn what_has_expired_is_in_no_list_and_not_read_nor_played() {
    let reader = Reader::with(json!({"inbound_route": "voicemail"})).await;
    let tenant = &reader.tenant;
    let message = tenant.sms("Hello");
    tenant.receive_sms(&message).await;
    let story = tenant.make(&tenant.phone_call()).await;
    let recording = recorded(&story).remove(0);
    reader.learn([Resource::Message(message.sid.clone())]).await;
    let resources = [
        format!("/api/messages/{}", message.sid),
        format!("/api/calls/{}", story.call),
        format!("/api/recordings/{recording}"),
    ];
    reader.expires_in(3_600, |_| true).await;
    for list in LISTS {
        assert!(!reader.items(list).await.is_empty(), "{list}");
    }
    for resource in &resources {
        reader.get(resource).await;
    }

    reader.expires_in(-1, |_| true).await;

    for list in LISTS {
        assert_eq!(reader.items(list).await, Vec::<Value>::new(), "{list}");
    }
    let admin = reader.harness.admin(&tenant.id);
    let [message, call, recording] = &resources;
    for (path, code) in [
        (message.clone(), "message_not_found"),
        (format!("{message}/media/0"), "message_not_found"),
        (call.clone(), "call_not_found"),
        (recording.clone(), "recording_not_found"),
        (format!("{recording}/media"), "recording_not_found"),
    ] {
        assert_eq!(admin.get(&path).await.refusal(), (404, code), "{path}");
    }
    let deleted = admin.delete(recording).await;
    assert_eq!(deleted.refusal(), (404, "recording_not_found"));
}

#[tokio::test]
async fn what_hangs_on_a_call_or_conversation_expires_by_itself() {
    let reader = Reader::with(json!({"inbound_route": "forward", "forward_to": "+15005550110"}));
    let reader = reader.await;
    let tenant = &reader.tenant;
    let message = tenant.sms("Hello");
    tenant.receive_sms(&message).await;
    let story = tenant.make(&tenant.phone_call()).await;
    reader.learn([Resource::Message(message.sid.clone())]).await;
    let call = format!("/api/calls/{}", story.call);
    let recording = tenant.sender.sids().recording();
    let parameters = json!({"CallSid": story.call, "RecordingSid": recording});
    let recording = Resource::Recording(recording);
    let told = fact(&recording, "/voice/recording", at(0), &parameters);
    reader.keep(&told).await;
    let read = reader.get(&call).await;
    let parts = ["legs", "recordings"].map(|parts| read[parts].as_array().unwrap().len());
    assert_eq!(parts, [1, 1]);

    let is_of_call = |key: &str| key.ends_with(story.call.as_str());
    let is_contact = |key: &str| key.ends_with(CONTACT);
    reader
        .expires_in(-1, |key| !is_of_call(key) && !is_contact(key))
        .await;

    let read = reader.get(&call).await;
    assert_eq!(
        (&read["legs"], &read["recordings"]),
        (&json!([]), &json!([]))
    );
    let listed = reader.items("/api/calls").await;
    assert_eq!(listed[0]["recordings"], json!([]));
    assert_eq!(reader.items("/api/contacts").await.len(), 1);
    assert_eq!(
        reader.items("/api/conversations").await,
        Vec::<Value>::new()
    );
}

#[tokio::test]
async fn who_calls_and_writes_after_they_expired_is_a_new_contact() {
    let reader = Reader::new().await;
    let tenant = &reader.tenant;
    let listener = Listener::start(reader.harness, &tenant.id);
    let deliver = async |route| {
        let event = traffic::event(tenant, route);
        traffic::deliver(tenant, &event).await;
        event.resource
    };
    deliver(Route::Sms).await;
    let is_contact = |event: &BusEvent| event.detail_type == "contact.created";
    let first = listener.hear(is_contact).await;

    reader.expires_in(-1, |_| true).await;
    deliver(Route::Voice).await;

    let is_another = |event: &BusEvent| is_contact(event) && event.detail != first.detail;
    let second = listener.hear(is_another).await;
    let (first, second) = (&first.detail["data"], &second.detail["data"]);
    assert_ne!(first["first_seen_at"], second["first_seen_at"]);
    let contacts = reader.items("/api/contacts").await;
    assert_eq!(contacts, std::slice::from_ref(second));
    let conversations = reader.items("/api/conversations").await;
    assert_eq!(conversations, Vec::<Value>::new());

    let message = deliver(Route::Sms).await;
    let is_told = |event: &BusEvent| is_of(event, "message.received", &message);
    listener.hear(is_told).await;
    let conversations = reader.items("/api/conversations").await;
    assert_eq!(conversations[0]["message_count"], 1);
    let contacts = reader.items("/api/contacts").await;
    assert_eq!(contacts[0]["first_seen_at"], second["first_seen_at"]);
    reader.harness.published().await;
    assert_eq!(listener.types()["contact.created"], 2);
}

#[tokio::test]
async fn who_opted_out_and_writes_after_they_expired_is_opted_out_still() {
    let reader = Reader::new().await;
    let tenant = &reader.tenant;
    let listener = Listener::start(reader.harness, &tenant.id);
    tenant.receive_sms(&tenant.sms("STOP")).await;
    let told = ["contact.created", "opt_out.changed"];
    listener.hear_all(&told.map(|name| (name, 1))).await;

    reader.expires_in(-1, |_| true).await;
    tenant.receive_sms(&tenant.sms("Hello")).await;

    listener.hear_all(&[("contact.created", 2)]).await;
    reader.harness.published().await;
    let contacts = reader.items("/api/contacts").await;
    assert_eq!(contacts[0]["opted_out"], true);
    assert_eq!(listener.types()["opt_out.changed"], 1);
}
