//! Of a tenant that is deleted nothing is told, whatever waits for it; nor of one of which it is not known.

use local::emulators::FailedEntry;
use local::emulators::faults::{AwsError, Effect, Matching, Times};
use serde_json::{Value, json};
use shared::activity::Route;

use super::batches::{batch_of, invoke};
use super::outages::breakable;
use super::{Listener, PATIENCE, deliver, is_of, say_something};
use crate::harness::{Harness, Tenant};
use crate::tenant_store::Opened;
use crate::traffic::{Event, event, items_of};

/// Deletes a tenant to its end. What processes of the publisher remember of it is forgotten, as it is in the sixteen minutes for
/// which a deletion waits outside of tests.
async fn delete(harness: &Harness, tenant: &Tenant) {
    let opened = Opened::of(harness);
    opened.delete(tenant.id.as_str()).await.unwrap();
    harness.stack.function("publisher").unwrap().kill();
}

/// Delivers a message of a tenant, which the bus then refuses, and waits until it is put aside with the contact's event.
async fn put_aside(harness: &Harness, tenant: &Tenant) -> Event {
    let sms = event(tenant, Route::Sms);
    deliver(tenant, &sms).await;
    harness
        .wait_for_len("UndeliveredEventsQueue", |length| length >= 2)
        .await;
    sms
}

#[tokio::test]
async fn what_waits_in_the_queue_for_a_tenant_is_dropped_once_it_is_deleted() {
    let harness = breakable();
    let (deleted, other) = (
        harness.tenant(json!({})).await,
        harness.tenant(json!({})).await,
    );
    let (of_deleted, of_other) = (
        Listener::start(&harness, &deleted.id),
        Listener::start(&harness, &other.id),
    );
    let faults = harness.stack.emulators().eventbridge().entry_faults();
    faults.inject(Matching::any(), FailedEntry::throttled(), Times::Always);
    put_aside(&harness, &deleted).await;
    let sms = event(&other, Route::Sms);
    deliver(&other, &sms).await;
    harness
        .wait_for_len("UndeliveredEventsQueue", |length| length >= 4)
        .await;

    delete(&harness, &deleted).await;
    faults.clear();

    of_other
        .hear(|event| is_of(event, "message.received", &sms.resource))
        .await;
    harness.drained("UndeliveredEventsQueue").await;
    assert_eq!(of_deleted.heard(), []);
    let dead = harness.queue("UndeliveredEventsDeadLetterQueue");
    assert!(dead.is_empty().await);
}

#[tokio::test]
async fn of_a_deleted_tenant_each_message_that_waited_is_counted_as_dropped_once() {
    let harness = Harness::start(|options| options.feeds_streams = false);
    let tenant = harness.tenant(json!({})).await;
    deliver(&tenant, &event(&tenant, Route::Sms)).await;
    let batch = batch_of(&items_of(&harness, &tenant).await);
    // A record of which only the contact is still to be kept, and one of which nothing is done.
    let messages = [true, false].map(|is_told| {
        let record = &batch["Records"][0];
        let letter = json!({"reason": "it waits", "is_told": is_told, "record": record});
        json!({
            "eventSource": "aws:sqs",
            "messageId": format!("message-{is_told}"),
            "body": letter.to_string(),
            "attributes": {"ApproximateReceiveCount": "1"},
        })
    });
    delete(&harness, &tenant).await;

    let answer = invoke(&harness, &json!({"Records": messages})).await;

    assert_eq!(answer.unwrap(), json!({"batchItemFailures": []}));
    let logs = harness.stack.logs();
    let told = logs.wait_for(|line| line.text.contains(r#""source":"queue""#), PATIENCE);
    let told: Value = serde_json::from_str(&told.await.unwrap().text).unwrap();
    assert_eq!(
        (&told["messages"], &told["dropped"]),
        (&json!(2), &json!(2))
    );
}

#[tokio::test]
async fn what_is_still_in_the_stream_of_a_deleted_tenant_is_not_told() {
    let harness = breakable();
    let tenant = harness.tenant(json!({})).await;
    let before = Listener::start(&harness, &tenant.id);
    say_something(&tenant, &before).await;
    harness.published().await;
    delete(&harness, &tenant).await;
    let listener = Listener::start(&harness, &tenant.id);
    // A function that knows the tenant still, or what was put aside, may write something.
    let scope = tenant.console.scope(&tenant.id);
    for fact in (0..4).map(crate::tenant_deletion::numbered) {
        tenant.console.activity().keep(&scope, &fact).await.unwrap();
    }

    harness.published().await;
    let queue = harness.queue("UndeliveredEventsQueue");
    assert!(queue.is_empty().await);
    assert_eq!(listener.heard(), []);
}

#[tokio::test]
async fn as_long_as_it_is_not_known_whether_a_tenant_is_there_its_events_wait() {
    let harness = breakable();
    let tenant = harness.tenant(json!({})).await;
    let listener = Listener::start(&harness, &tenant.id);
    let faults = harness.stack.emulators().dynamodb().faults();
    // Of all functions that work here the publisher alone reads a profile so.
    let profile = Matching::operations(["GetItem"]).partition(format!("{}#tenant", tenant.id));
    let refusal = Effect::Refuse(AwsError::access_denied());
    let fault = faults.inject(profile, refusal, Times::Always);
    let sms = event(&tenant, Route::Sms);
    deliver(&tenant, &sms).await;
    // The message's event, and the record for its contact.
    harness
        .wait_for_len("UndeliveredEventsQueue", |length| length >= 2)
        .await;
    assert_eq!(listener.heard(), []);

    faults.remove(fault);

    listener
        .hear_all(&[("message.received", 1), ("contact.created", 1)])
        .await;
    harness.drained("UndeliveredEventsQueue").await;
}
