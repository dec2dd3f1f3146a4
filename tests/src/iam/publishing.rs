//! What the publisher does when the bus does not take events, and with what it cannot read.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use local::emulators::faults::{AwsError, Effect, Matching, Times};
use serde_json::json;
use shared::activity::Route;
use tokio::time::timeout;

use crate::harness::Harness;
use crate::published_events::Listener;
use crate::traffic::{deliver, event};

const PATIENCE: Duration = Duration::from_secs(60);

/// Somebody calls and writes, and the publisher hears of both at once: it keeps one contact by one transaction.
pub(super) async fn call_and_message_at_once(harness: &Harness) {
    let (first, both) = (
        harness.tenant(json!({})).await,
        harness.tenant(json!({})).await,
    );
    let listener = Listener::start(harness, &both.id);
    let bus = harness.stack.emulators().eventbridge();
    let mark = bus.wire().mark();
    let held = bus
        .faults()
        .inject(Matching::any(), Effect::Hold, Times::Next(1));
    deliver(&first, &event(&first, Route::Sms)).await;
    let busy = bus.wire().wait_until(mark, |calls| calls.count() > 0);
    timeout(PATIENCE, busy)
        .await
        .expect("the publisher is busy");
    for route in [Route::Sms, Route::Voice] {
        deliver(&both, &event(&both, route)).await;
    }
    bus.faults().remove(held);
    listener
        .hear_all(&[("message.received", 1), ("call.started", 1)])
        .await;
}

/// The bus fails, events wait in the queue, and one record is none.
pub(super) async fn outage(harness: &Harness) {
    let tenant = harness.tenant(json!({})).await;
    let listener = Listener::start(harness, &tenant.id);
    let faults = harness.stack.emulators().eventbridge().faults();
    let refusal = Effect::Refuse(AwsError::internal());
    faults.inject(Matching::any(), refusal, Times::Always);
    for route in [Route::Sms, Route::Voice] {
        deliver(&tenant, &event(&tenant, route)).await;
    }
    let waiting = harness.queue("UndeliveredEventsQueue");
    let waits = waiting.wait_for_len(|length| length > 0);
    timeout(PATIENCE, waits).await.expect("events wait");
    faults.clear();
    listener
        .hear_all(&[("message.received", 1), ("call.started", 1)])
        .await;

    let text = |text: String| AttributeValue::S(text);
    let put = harness.dynamodb().put_item();
    let put = put.table_name(harness.variable("ACTIVITY_TABLE"));
    let put = put
        .item("pk", text(format!("{}#message#SM-of-nothing", tenant.id)))
        .item("sk", text("message".to_owned()))
        .item("fact:x", text("nothing".to_owned()));
    put.send().await.unwrap();
    let ended = async {
        let dead = harness.queue("UndeliveredEventsDeadLetterQueue");
        dead.wait_for_len(|length| length == 1).await;
        waiting.wait_for_len(|length| length == 0).await;
    };
    timeout(PATIENCE, ended).await.expect("the letter is dead");
}
