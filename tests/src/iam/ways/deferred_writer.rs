//! What the function does that stores what was put aside, and what those do that put it aside.

use local::emulators::faults::{AwsError, Effect, Matching, Times};
use serde_json::json;
use shared::activity::Route;
use shared::aws::{Aws, Patience};
use shared::environment::Environment;
use tokio::time::timeout;

use super::PATIENCE;
use crate::harness::Harness;
use crate::traffic::{deliver, event};

/// One of each function that takes webhooks.
const ROUTES: [Route; 3] = [Route::Sms, Route::Whatsapp, Route::Voice];

/// Webhooks of every kind that cannot be stored are put aside, and stored when that works again: some later, one never. The harness
/// must have [`pace`], and hand out what was put off at once.
pub(in crate::iam) async fn ways_of_deferred_writer(harness: &Harness) {
    let tenant = harness.tenant(json!({})).await;
    for route in ROUTES {
        assert_eq!(deliver(&tenant, &event(&tenant, route)).await, 200);
    }
    let writes = Matching::writes().partition(tenant.partition());
    let refusal = Effect::Refuse(AwsError::internal());
    let faults = harness.stack.emulators().dynamodb().faults();
    let fault = faults.inject(writes, refusal, Times::Always);
    let sent = harness.stack.emulators().sqs().wire();
    let mark = sent.mark();
    let others = [Route::VoiceRecording, Route::SmsStatus, Route::SmsStatus];
    for route in ROUTES.into_iter().chain(others) {
        let status = deliver(&tenant, &event(&tenant, route)).await;
        assert!(matches!(status, 200 | 204), "{route:?}");
    }
    assert!(sent.since(mark).operation("SendMessage").count() >= 6);
    faults.remove(fault);
    put_aside_what_is_nothing(harness).await;
    let drained = async {
        let waiting = harness.queue("DeferredQueue");
        waiting.wait_for_len(|length| length == 0).await;
        let dead = harness.queue("DeferredDeadLetterQueue");
        dead.wait_for_len(|length| length == 1).await;
    };
    let drained = timeout(PATIENCE, drained).await;
    drained.expect("the queue is drained");
}

/// One webhook a second: of several some have their turn later.
pub(in crate::iam) fn pace() -> (String, String) {
    ("TenantDeferredPace".to_owned(), "60".to_owned())
}

async fn put_aside_what_is_nothing(harness: &Harness) {
    let environment = Environment::of(harness.stack.environment().clone());
    let sqs = Aws::from_environment(&environment, Patience::BACKGROUND);
    let message = sqs.unwrap().sqs().send_message();
    let queue = harness.variable("DEFERRED_QUEUE_URL");
    let sent = message.queue_url(queue).message_body("nothing").send();
    sent.await.unwrap();
}
