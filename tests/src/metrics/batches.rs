//! The lines of batches: of webhooks that were put aside, and of what is told.

use local::emulators::FailedEntry;
use local::emulators::faults::{AwsError, Effect, Matching, Times};
use serde_json::{Value, json};
use shared::activity::Route;
use shared::telemetry::metrics::{DEFERRED_BATCH, PUBLISHED_BATCH};

use super::{are_all_emitted, measured};
use crate::deferral::writer::{message, outcome};
use crate::harness::{Harness, Tenant};
use crate::published_events::batches::{batch_of, invoke};
use crate::traffic::{self, event, items_of};

/// A message of a tenant that was put aside.
fn deferred(tenant: &Tenant) -> String {
    message(tenant, &event(tenant, Route::Sms))
}

/// The same of a tenant that is not there.
fn of_nobody(text: &str, tenant: &Tenant) -> String {
    text.replace(tenant.id.as_str(), "nobody-is-there")
}

#[tokio::test]
async fn whatever_becomes_of_webhooks_that_were_put_aside_is_measured_on_the_line_of_their_batch() {
    let harness = Harness::start(|options| {
        options.concurrency = 1;
        options.feeds_streams = false;
        // One a second.
        let pace = ("TenantDeferredPace".to_owned(), "60".to_owned());
        options.parameters.extend([pace]);
    });
    let tenant = harness.tenant(json!({})).await;
    let (paced, refused) = (
        harness.tenant(json!({})).await,
        harness.tenant(json!({})).await,
    );
    let writes = Matching::writes().partition(refused.partition());
    let faults = harness.stack.emulators().dynamodb().faults();
    faults.inject(
        writes,
        Effect::Refuse(AwsError::access_denied()),
        Times::Always,
    );
    let bodies = [
        deferred(&tenant),
        "no webhook".to_owned(),
        of_nobody(&deferred(&tenant), &tenant),
        deferred(&refused),
    ];
    let bodies = bodies.into_iter().chain((0..5).map(|_| deferred(&paced)));
    outcome(&harness, bodies).await;
    faults.clear();
    are_all_emitted(&harness, DEFERRED_BATCH, &[]).await;
    let measured = measured(&harness);
    let line = &measured[0].line;
    let counts = ["messages", "dropped", "dead_letters", "again"].map(|name| line[name].as_u64());
    assert_eq!(counts, [Some(9), Some(1), Some(1), Some(1)]);
    let done = ["kept", "put_off"].map(|name| line[name].as_u64().unwrap());
    assert_eq!(done.iter().sum::<u64>(), 6);
}

#[tokio::test]
async fn whatever_becomes_of_records_and_events_is_measured_on_the_line_of_their_batch() {
    let harness = Harness::start(|options| options.redelivery_seconds = Some(1));
    let newcomer = harness.connected().await;
    let verify = async || {
        let path = "/api/integrations/twilio/verify";
        newcomer.admin.post(path, &json!({})).await.document(200);
    };
    newcomer.account.suspend();
    verify().await;
    verify().await;
    newcomer.account.resume();
    verify().await;
    let other = harness.tenant(json!({})).await;
    for route in [Route::Sms, Route::Voice] {
        let status = traffic::deliver(&other, &event(&other, route)).await;
        assert_eq!(status, 200);
    }
    other.receive_sms(&other.sms("STOP")).await;

    // What a full batch of the stream would have, and what nobody can make anything of.
    let batch = batch_of(&items_of(&harness, &other).await);
    let gone: Value = serde_json::from_str(&of_nobody(&batch.to_string(), &other)).unwrap();
    invoke(&harness, &gone).await.unwrap();
    let unreadable = json!({"eventSource": "aws:dynamodb", "eventName": "INSERT", "dynamodb": {"SequenceNumber": "1"}});
    invoke(&harness, &json!({"Records": [unreadable]}))
        .await
        .unwrap();

    let contacts = Matching::operations(["TransactWriteItems"]).partition(other.partition());
    let faults = harness.stack.emulators().dynamodb().faults();
    for refusal in [AwsError::throttled(), AwsError::access_denied()] {
        let refusal = Effect::Refuse(refusal);
        faults.inject(contacts.clone(), refusal, Times::Next(1));
    }
    let faults = harness.stack.emulators().eventbridge().entry_faults();
    let fault = faults.inject(Matching::any(), FailedEntry::throttled(), Times::Always);
    traffic::deliver(&other, &event(&other, Route::Sms)).await;
    are_all_emitted(&harness, PUBLISHED_BATCH, &[]).await;
    faults.remove(fault);
}
