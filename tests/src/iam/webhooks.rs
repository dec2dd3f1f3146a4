//! What the functions that take webhooks do with calls, and what is done when nothing can be stored.

use std::time::Duration;

use local::emulators::faults::{AwsError, Effect, Matching, Times};
use serde_json::json;
use shared::activity::Route;
use shared::aws::{Aws, Patience};
use shared::environment::Environment;
use tokio::time::timeout;

use crate::harness::Harness;
use crate::traffic::{deliver, event};

const PATIENCE: Duration = Duration::from_secs(60);

/// How many webhooks of a tenant a process takes before it says how many.
const COUNTED: usize = 20;

/// One of each route.
const ROUTES: [Route; 3] = [Route::Sms, Route::Whatsapp, Route::Voice];

/// Calls and their recordings, as many that they are counted.
pub(super) async fn calls() -> Harness {
    let harness = Harness::start(|options| {
        options.concurrency = 1;
        options.feeds_streams = false;
    });
    let tenant = harness.tenant(json!({})).await;
    let wire = harness.stack.emulators().dynamodb().wire();
    let mark = wire.mark();
    for route in [Route::Voice, Route::VoiceStatus, Route::VoiceRecording] {
        let status = deliver(&tenant, &event(&tenant, route)).await;
        assert!(matches!(status, 200 | 204), "{route:?}");
    }
    for _ in 0..COUNTED {
        let counted = event(&tenant, Route::VoiceStatus);
        assert_eq!(deliver(&tenant, &counted).await, 204);
    }
    let counter = format!("{}limit", tenant.partition());
    let counted = wire.wait_until(mark, |calls| calls.clone().partition(&counter).count() > 0);
    timeout(PATIENCE, counted).await.expect("they are counted");
    harness
}

/// Webhooks of every route that cannot be stored are put aside, and stored when that works again: some later, one never.
pub(super) async fn outage() -> Harness {
    let harness = Harness::start(|options| {
        options.concurrency = 1;
        options.feeds_streams = false;
        options.redelivery_seconds = Some(1);
        // One a second: of several some have their turn later.
        let pace = ("TenantDeferredPace".to_owned(), "60".to_owned());
        options.parameters.extend([pace]);
    });
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
    for route in
        ROUTES
            .into_iter()
            .chain([Route::VoiceRecording, Route::SmsStatus, Route::SmsStatus])
    {
        let status = deliver(&tenant, &event(&tenant, route)).await;
        assert!(matches!(status, 200 | 204), "{route:?}");
    }
    assert!(sent.since(mark).operation("SendMessage").count() >= 6);
    faults.remove(fault);
    let environment = Environment::of(harness.stack.environment().clone());
    let sqs = Aws::from_environment(&environment, Patience::BACKGROUND);
    let unreadable = sqs.unwrap().sqs().send_message();
    let queue = harness.variable("DEFERRED_QUEUE_URL");
    let unreadable = unreadable.queue_url(queue).message_body("nothing").send();
    unreadable.await.unwrap();
    let drained = async {
        harness
            .queue("DeferredQueue")
            .wait_for_len(|length| length == 0)
            .await;
        let dead = harness.queue("DeferredDeadLetterQueue");
        dead.wait_for_len(|length| length == 1).await;
    };
    timeout(PATIENCE, drained)
        .await
        .expect("the queue is drained");
    harness
}
