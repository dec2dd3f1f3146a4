//! What the function does that keeps contacts and publishes events.

use aws_sdk_dynamodb::types::AttributeValue;
use local::emulators::faults::{AwsError, Effect, Matching, Times};
use serde_json::json;
use shared::activity::Route;
use shared::tenant::TenantId;
use tokio::time::timeout;

use super::PATIENCE;
use crate::harness::{Harness, workspace};
use crate::published_events::Listener;
use crate::tenant_deletion::numbered;
use crate::traffic::{deliver, event};

/// A stack whose stream has one lane and whose queues hand out again at once.
pub(in crate::iam) fn with_one_lane() -> Harness {
    const LANES: &str = "ParallelizationFactor: 4";
    let template = std::fs::read_to_string(workspace().join("template.yaml")).unwrap();
    assert!(template.contains(LANES));
    let template = template.replace(LANES, "ParallelizationFactor: 1");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), template).unwrap();
    Harness::start(|options| {
        options.template = file.path().to_owned();
        options.redelivery_seconds = Some(1);
    })
}

/// One of each kind of resource, several of one contact at once, events that the bus does not take, and a record that is none. The
/// harness must be [`with_one_lane`]: what comes at once is then together.
pub(in crate::iam) async fn ways_of_publisher(harness: &Harness) {
    let tenant = harness.newcomer().await.id;
    keep_one_of_each(harness, &tenant).await;
    call_and_message_at_once(harness).await;
    outage(harness).await;
}

/// Keeps a message, a call, a leg and a recording of a tenant, and waits until the publisher has done with them.
pub(super) async fn keep_one_of_each(harness: &Harness, id: &TenantId) {
    let listener = Listener::start(harness, id);
    let console = harness.console();
    for number in 0..4 {
        let scope = console.scope(id);
        let fact = numbered(number);
        console.activity().keep(&scope, &fact).await.unwrap();
    }
    let told = ["message.received", "call.started", "contact.created"];
    listener.hear_all(&told.map(|name| (name, 1))).await;
}

/// Somebody calls and writes, and the publisher hears of both at once: it keeps one contact by one transaction.
async fn call_and_message_at_once(harness: &Harness) {
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
    let busy = timeout(PATIENCE, busy).await;
    busy.expect("the publisher is busy");
    for route in [Route::Sms, Route::Voice] {
        deliver(&both, &event(&both, route)).await;
    }
    bus.faults().remove(held);
    listener
        .hear_all(&[("message.received", 1), ("call.started", 1)])
        .await;
}

/// The bus fails, events wait in the queue, and one record is none.
async fn outage(harness: &Harness) {
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

    put_what_is_nothing(harness, &tenant.id).await;
    let ended = async {
        let dead = harness.queue("UndeliveredEventsDeadLetterQueue");
        dead.wait_for_len(|length| length == 1).await;
        waiting.wait_for_len(|length| length == 0).await;
    };
    timeout(PATIENCE, ended).await.expect("the letter is dead");
}

async fn put_what_is_nothing(harness: &Harness, id: &TenantId) {
    let text = |text: String| AttributeValue::S(text);
    let put = harness.dynamodb().put_item();
    let put = put.table_name(harness.variable("ACTIVITY_TABLE"));
    let put = put
        .item("pk", text(format!("{id}#message#SM-of-nothing")))
        .item("sk", text("message".to_owned()))
        .item("fact:x", text("nothing".to_owned()));
    put.send().await.unwrap();
}
