//! What fails for a while loses nothing and stands in nobody's way.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use local::emulators::faults::{AwsError, Effect, Matching, Times};
use local::emulators::{BusEvent, FailedEntry};
use serde_json::{Value, json};
use shared::activity::Route;
use shared::aws::{Aws, Patience};
use shared::environment::Environment;

use super::{Listener, PATIENCE, deliver, is_of, put, say_something};
use crate::harness::Harness;
use crate::traffic::event;

/// A stack of its own, on which what waits is tried again soon.
pub(super) fn breakable() -> Harness {
    Harness::start(|options| options.redelivery_seconds = Some(1))
}

/// A message of a queue, of whom nobody takes any.
async fn letter(harness: &Harness, variable: &str) -> Value {
    let environment = Environment::of(harness.stack.environment().clone());
    let sqs = Aws::from_environment(&environment, Patience::BACKGROUND)
        .unwrap()
        .sqs();
    let received = sqs.receive_message().queue_url(harness.variable(variable));
    let received = received.send().await.unwrap().messages.unwrap();
    serde_json::from_str(received[0].body().unwrap()).unwrap()
}

/// The different events among those that were heard. On these stacks the queue delivers again what is still in work, so that one
/// may come twice.
fn ids(heard: &[BusEvent]) -> BTreeSet<String> {
    let ids = heard.iter().map(|event| event.detail["id"].as_str());
    ids.map(|id| id.unwrap().to_owned()).collect()
}

#[tokio::test]
async fn events_that_the_bus_refuses_all_come_later_and_others_do_not_wait() {
    let harness = breakable();
    let (refused, other) = (
        harness.tenant(json!({})).await,
        harness.tenant(json!({})).await,
    );
    let of_refused = Listener::start(&harness, &refused.id);
    let of_other = Listener::start(&harness, &other.id);
    let faults = harness.stack.emulators().eventbridge().entry_faults();
    let ours = Matching::any().partition(refused.partition());
    let fault = faults.inject(ours, FailedEntry::throttled(), Times::Always);
    let mut sids = BTreeSet::new();
    for _ in 0..5 {
        let sms = event(&refused, Route::Sms);
        deliver(&refused, &sms).await;
        sids.insert(sms.resource.sid().to_owned());
    }
    say_something(&other, &of_other).await;
    // The messages, and the contact that wrote them.
    harness
        .wait_for_len("UndeliveredEventsQueue", |length| length >= 6)
        .await;
    assert_eq!(of_refused.heard(), []);

    faults.remove(fault);
    of_refused
        .hear_all(&[("message.received", 5), ("contact.created", 1)])
        .await;
    harness.drained("UndeliveredEventsQueue").await;
    let heard = of_refused.heard();
    let messages = heard
        .iter()
        .filter(|event| event.detail_type == "message.received");
    let heard_sids: BTreeSet<_> = messages
        .map(|event| event.detail["data"]["sid"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(heard_sids, sids);
    assert_eq!(ids(&heard).len(), 6);
}

#[tokio::test]
async fn a_bus_that_does_not_work_at_all_holds_up_neither_contacts_nor_events() {
    let harness = breakable();
    let tenant = harness.tenant(json!({})).await;
    let listener = Listener::start(&harness, &tenant.id);
    let faults = harness.stack.emulators().eventbridge().faults();
    faults.inject(
        Matching::any(),
        Effect::Refuse(AwsError::internal()),
        Times::Always,
    );
    let sms = event(&tenant, Route::Sms);
    deliver(&tenant, &sms).await;
    harness
        .wait_for_len("UndeliveredEventsQueue", |length| length >= 2)
        .await;
    let scope = tenant.console.scope(&tenant.id);
    let history = tenant
        .console
        .activity()
        .history(&scope, &sms.resource)
        .await;
    assert_eq!(history.unwrap().iter().count(), 1);
    faults.clear();
    listener
        .hear_all(&[("message.received", 1), ("contact.created", 1)])
        .await;
    harness.drained("UndeliveredEventsQueue").await;
    assert_eq!(ids(&listener.heard()).len(), 2);
}

#[tokio::test]
async fn when_neither_bus_nor_queue_works_the_stream_delivers_again() {
    let harness = breakable();
    let tenant = harness.tenant(json!({})).await;
    let listener = Listener::start(&harness, &tenant.id);
    let (bus, sqs) = (
        harness.stack.emulators().eventbridge().faults(),
        harness.stack.emulators().sqs().faults(),
    );
    let begun = harness.stack.emulators().sqs().wire().mark();
    for faults in [bus, sqs] {
        let refusal = Effect::Refuse(AwsError::internal());
        faults.inject(
            Matching::operations(["PutEvents", "SendMessage"]),
            refusal,
            Times::Always,
        );
    }
    let sms = event(&tenant, Route::Sms);
    deliver(&tenant, &sms).await;
    let said = harness.stack.logs().wait_for(
        |line| &*line.function == "publisher" && line.text.contains("the queue did not take"),
        PATIENCE,
    );
    assert!(said.await.is_some());
    bus.clear();
    sqs.clear();
    listener
        .hear_all(&[("message.received", 1), ("contact.created", 1)])
        .await;
    assert_eq!(ids(&listener.heard()).len(), 2);
    let sent = harness.stack.emulators().sqs().wire().since(begun);
    assert!(sent.operation("SendMessage").count() > 0);
}

#[tokio::test]
async fn a_record_that_nobody_can_read_is_a_dead_letter_and_stops_nothing() {
    let harness = breakable();
    let tenant = harness.tenant(json!({})).await;
    let listener = Listener::start(&harness, &tenant.id);
    let partition = format!("{}#message#SM-of-nothing", tenant.id);
    let words = AttributeValue::S("x".repeat(100));
    put(&harness, &partition, "message", ("fact:x", words)).await;
    let too_large = AttributeValue::S("x".repeat(300 * 1024));
    let large = format!("{}#call#CA-of-nothing", tenant.id);
    put(&harness, &large, "call", ("fact:x", too_large)).await;
    say_something(&tenant, &listener).await;
    harness
        .wait_for_len("UndeliveredEventsDeadLetterQueue", |length| length == 2)
        .await;
    let first = letter(&harness, "UNDELIVERED_EVENTS_DEAD_LETTER_QUEUE_URL").await;
    assert_eq!(first["keys"]["pk"]["S"], partition.as_str());
    assert_eq!(
        first["record"]["dynamodb"]["NewImage"]["fact:x"]["S"],
        "x".repeat(100)
    );
}

#[tokio::test]
async fn a_contact_that_cannot_be_kept_is_kept_later_and_its_message_is_told_at_once() {
    let harness = breakable();
    let tenant = harness.tenant(json!({})).await;
    let listener = Listener::start(&harness, &tenant.id);
    let faults = harness.stack.emulators().dynamodb().faults();
    let folds = Matching::operations(["TransactWriteItems"]).partition(tenant.partition());
    let fault = faults.inject(
        folds,
        Effect::Refuse(AwsError::access_denied()),
        Times::Always,
    );
    let sms = event(&tenant, Route::Sms);
    deliver(&tenant, &sms).await;
    listener
        .hear(|event| is_of(event, "message.received", &sms.resource))
        .await;
    harness
        .wait_for_len("UndeliveredEventsQueue", |length| length >= 1)
        .await;
    faults.remove(fault);
    listener.hear_all(&[("contact.created", 1)]).await;
    harness.drained("UndeliveredEventsQueue").await;
    let expected = [
        ("contact.created".to_owned(), 1),
        ("message.received".to_owned(), 1),
    ];
    assert_eq!(listener.types(), expected.into());
}
