//! Functions that die in the middle, and services that are down while a tenant is looked up.

use local::emulators::faults::{AwsError, Effect, Faults, Matching, Times};
use local::lambda::Moment;
use serde_json::json;
use shared::activity::Route;

use crate::harness::{Harness, Tenant};
use crate::traffic::{self, Event, RawRequest, binary, event, facts};

/// A stack that a test may break, with one process a function.
fn breakable() -> Harness {
    Harness::start(|options| options.concurrency = 1)
}

/// Delivers once, without retries.
async fn deliver(tenant: &Tenant, event: &Event) -> (u16, usize) {
    let mut webhook = event.webhook.clone();
    webhook.url.push_str("#rc=0");
    let answer = tenant.sender.deliver(&webhook).await.response.unwrap();
    (answer.status, answer.body.len())
}

/// Kills the function of each route at a moment; Twilio's retry is answered, and the fact is kept once.
async fn is_kept_once_when_killed_at(moment: Moment) {
    let harness = breakable();
    let tenant = harness.tenant(json!({})).await;
    for route in Route::ALL {
        // The process that is killed knows the tenant.
        let before = event(&tenant, *route);
        assert!(matches!(
            traffic::deliver(&tenant, &before).await,
            200 | 204
        ));
        let event = event(&tenant, *route);
        let function = harness.stack.function(binary(*route)).unwrap();
        function.kill_next_at(moment);
        assert_eq!(deliver(&tenant, &event).await.0, 502, "{route:?}");
        let kept = usize::from(moment == Moment::Answer);
        assert_eq!(facts(&tenant, &event.resource).await, kept, "{route:?}");
        let status = traffic::deliver(&tenant, &event).await;
        assert!(matches!(status, 200 | 204), "{route:?}: {status}");
        assert_eq!(facts(&tenant, &event.resource).await, 1, "{route:?}");
    }
}

#[tokio::test]
async fn a_webhook_whose_function_dies_before_it_reads_it_is_kept_once_after_the_retry() {
    is_kept_once_when_killed_at(Moment::Delivery).await;
}

#[tokio::test]
async fn a_webhook_whose_function_dies_before_it_answers_is_kept_once_after_the_retry() {
    is_kept_once_when_killed_at(Moment::Answer).await;
}

#[tokio::test]
async fn a_message_whose_writer_dies_before_it_answers_is_kept_once() {
    let harness = Harness::start(|options| {
        options.concurrency = 1;
        // The publisher's writes would take the faults.
        options.feeds_streams = false;
        options.redelivery_seconds = Some(1);
    });
    let tenant = harness.tenant(json!({})).await;
    let first = event(&tenant, Route::Sms);
    assert_eq!(traffic::deliver(&tenant, &first).await, 200);
    let writer = harness.stack.function("deferred-writer").unwrap();
    writer.kill_next_at(Moment::Answer);
    let writes = Matching::writes().partition(tenant.partition());
    let faults = harness.stack.emulators().dynamodb().faults();
    // The function tries twice, and then leaves it to the writer.
    faults.inject(writes, Effect::Drop, Times::Next(2));
    let event = event(&tenant, Route::Sms);
    assert_eq!(deliver(&tenant, &event).await.0, 200);
    harness.drained("DeferredQueue").await;
    assert_eq!(facts(&tenant, &event.resource).await, 1);
    assert_eq!(writer.records().len(), 2, "once killed, once not");
}

/// A new tenant's webhook is a 503 without a body while the service is down, and taken when it is back.
async fn is_unavailable_while(
    tenant: &Tenant,
    faults: &Faults,
    matching: Matching,
    effect: Effect,
) {
    faults.inject(matching, effect.clone(), Times::Always);
    let event = event(tenant, Route::Sms);
    assert_eq!(deliver(tenant, &event).await, (503, 0), "{effect:?}");
    faults.clear();
    assert_eq!(facts(tenant, &event.resource).await, 0, "{effect:?}");
    assert_eq!(traffic::deliver(tenant, &event).await, 200, "{effect:?}");
    assert_eq!(facts(tenant, &event.resource).await, 1, "{effect:?}");
}

fn ways_to_be_down() -> [Effect; 4] {
    [
        Effect::Refuse(AwsError::internal()),
        Effect::Refuse(AwsError::throttled()),
        Effect::Drop,
        Effect::Hang,
    ]
}

#[tokio::test]
async fn a_tenants_first_webhook_is_a_503_while_kms_is_down_and_taken_when_it_is_back() {
    let harness = breakable();
    for effect in ways_to_be_down() {
        let tenant = harness.tenant(json!({})).await;
        let faults = harness.stack.emulators().kms().faults();
        is_unavailable_while(&tenant, faults, Matching::any(), effect).await;
    }
}

#[tokio::test]
async fn a_tenants_first_webhook_is_a_503_while_dynamodb_is_down_and_taken_when_it_is_back() {
    let harness = breakable();
    for effect in ways_to_be_down() {
        let tenant = harness.tenant(json!({})).await;
        let faults = harness.stack.emulators().dynamodb().faults();
        is_unavailable_while(&tenant, faults, Matching::reads(), effect).await;
    }
}

#[tokio::test]
async fn a_warm_function_does_not_notice_that_kms_and_dynamodbs_reads_are_down() {
    let harness = breakable();
    let tenant = harness.tenant(json!({})).await;
    for route in [Route::Sms, Route::Whatsapp, Route::Voice] {
        let event = event(&tenant, route);
        assert_eq!(traffic::deliver(&tenant, &event).await, 200);
    }
    let emulators = harness.stack.emulators();
    for effect in ways_to_be_down() {
        let (dynamodb, kms) = (emulators.dynamodb().faults(), emulators.kms().faults());
        kms.inject(Matching::any(), effect.clone(), Times::Always);
        dynamodb.inject(Matching::reads(), effect, Times::Always);
        let mut events = Vec::new();
        for route in Route::ALL {
            let event = event(&tenant, *route);
            let (status, _) = deliver(&tenant, &event).await;
            assert!(matches!(status, 200 | 204), "{route:?}: {status}");
            events.push(event);
        }
        kms.clear();
        dynamodb.clear();
        for event in events {
            assert_eq!(facts(&tenant, &event.resource).await, 1);
        }
    }
}

#[tokio::test]
async fn a_forged_webhook_is_not_taken_while_dynamodbs_reads_are_down() {
    let harness = breakable();
    let (tenant, other) = (
        harness.tenant(json!({})).await,
        harness.tenant(json!({})).await,
    );
    let first = event(&tenant, Route::Sms);
    assert_eq!(traffic::deliver(&tenant, &first).await, 200);
    let emulators = harness.stack.emulators();
    let reads = (Matching::reads(), Effect::Refuse(AwsError::internal()));
    emulators
        .dynamodb()
        .faults()
        .inject(reads.0, reads.1, Times::Always);
    let event = event(&tenant, Route::Sms);
    let webhook = &event.webhook;
    let forged = RawRequest::signed(&webhook.url, &webhook.parameters, other.token());
    let answer = forged.send(&local::http_client::client()).await;
    // Signed with a key that the tenant may have stored a moment ago: nobody can tell, and 403 would be final.
    assert_eq!((answer.status, answer.body.as_str()), (503, ""));
    emulators.dynamodb().faults().clear();
    assert_eq!(facts(&tenant, &event.resource).await, 0);
}
