//! Verified webhooks that cannot be kept at once: acknowledged, put aside, and kept once when that works again.

mod pace;
pub(crate) mod writer;

use std::time::Duration;

use local::emulators::faults::{AwsError, Effect, FaultId, Matching, Times};
use local::emulators::wire::Mark;
use serde_json::{Value, json};
use shared::activity::Route;
use shared::clock::Clock;

use crate::harness::{Harness, Tenant};
use crate::traffic::{self, Event, event, facts, history};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

/// A stack of its own, whose services a test may break, and one tenant.
struct Breakable {
    harness: Harness,
    tenant: Tenant,
    begun: Mark,
}

impl Breakable {
    /// The tenant is one that no function has heard of.
    async fn cold() -> Self {
        let harness = Harness::start(|options| {
            options.concurrency = 1;
            // Nobody but a webhook puts anything aside.
            options.feeds_streams = false;
            options.redelivery_seconds = Some(1);
        });
        let tenant = harness.tenant(json!({"auto_reply": "Thank you"})).await;
        let begun = harness.stack.emulators().sqs().wire().mark();
        Self {
            harness,
            tenant,
            begun,
        }
    }

    /// Every function has served the tenant.
    async fn warm() -> Self {
        let mut broken = Self::cold().await;
        for route in [Route::Sms, Route::Whatsapp, Route::Voice] {
            let event = event(&broken.tenant, route);
            assert_eq!(traffic::deliver(&broken.tenant, &event).await, 200);
        }
        broken.drained().await;
        broken.begun = broken.harness.stack.emulators().sqs().wire().mark();
        broken
    }

    fn break_writes(&self, effect: Effect) -> FaultId {
        let writes = Matching::writes().partition(self.tenant.partition());
        let faults = self.harness.stack.emulators().dynamodb().faults();
        faults.inject(writes, effect, Times::Always)
    }

    fn mend_writes(&self) {
        self.harness.stack.emulators().dynamodb().faults().clear();
    }

    /// Delivers once, without the retries of the URL, and gives the status.
    async fn deliver(&self, event: &Event) -> u16 {
        let mut webhook = event.webhook.clone();
        webhook.url.push_str("#rc=0");
        let exchange = self.tenant.sender.deliver(&webhook).await;
        exchange.status().unwrap()
    }

    fn put_aside(&self) -> usize {
        let wire = self.harness.stack.emulators().sqs().wire();
        wire.since(self.begun).operation("SendMessage").count()
    }

    /// Waits until the writer has done with everything.
    async fn drained(&self) {
        self.harness.drained("DeferredQueue").await;
    }

    /// Waits until the function says this, and gives what it says of the invocation that said so, in order.
    async fn said(&self, binary: &str, message: &str) -> Vec<Value> {
        let logs = self.harness.stack.logs();
        let said =
            |line: &local::logs::Line| &*line.function == binary && line.text.contains(message);
        let line = logs.wait_for(said, PATIENCE).await;
        let line = line.unwrap_or_else(|| panic!("{binary} never said {message:?}"));
        let request = parsed(&line.text)["request_id"].clone();
        let lines = logs.lines().into_iter().map(|line| parsed(&line.text));
        lines.filter(|line| line["request_id"] == request).collect()
    }
}

/// A line of a function; null, if it is the platform's.
fn parsed(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_default()
}

/// Breaks writes in one way, and has every route's webhook put aside and kept.
async fn is_put_aside_and_kept(effect: Effect, routes: &[Route]) {
    let broken = Breakable::warm().await;
    for (number, route) in (1..).zip(routes) {
        let event = event(&broken.tenant, *route);
        let expected =
            if event.webhook.purpose.expects() == local::twilio::Expected::Acknowledgement {
                204
            } else {
                200
            };
        let before = Clock::system().now();
        broken.break_writes(effect.clone());
        assert_eq!(broken.deliver(&event).await, expected, "{route:?}");
        let after = Clock::system().now();
        assert_eq!(broken.put_aside(), number);
        broken.mend_writes();
        broken.drained().await;

        let history = history(&broken.tenant, &event.resource).await;
        let kept: Vec<_> = history.iter().collect();
        assert_eq!(kept.len(), 1, "{route:?}");
        // Milliseconds are kept.
        let at = kept[0].received_at.as_millisecond();
        assert!((before.as_millisecond()..=after.as_millisecond()).contains(&at));
    }
}

#[tokio::test]
async fn a_webhook_that_dynamodb_throttles_is_put_aside_and_kept_once_on_every_route() {
    is_put_aside_and_kept(Effect::Refuse(AwsError::throughput_exceeded()), Route::ALL).await;
}

#[tokio::test]
async fn a_webhook_that_dynamodb_refuses_outright_is_put_aside_and_kept_once() {
    // As when a deployment has spoiled a policy: the next deployment mends it, and nothing was lost.
    is_put_aside_and_kept(Effect::Refuse(AwsError::access_denied()), &[Route::Sms]).await;
}

#[tokio::test]
async fn a_webhook_that_dynamodb_does_not_answer_is_put_aside_and_kept_once() {
    is_put_aside_and_kept(Effect::Hang, &[Route::Sms, Route::VoiceStatus]).await;
}

#[tokio::test]
async fn a_webhook_whose_connections_break_is_put_aside_and_kept_once() {
    is_put_aside_and_kept(Effect::Drop, &[Route::Sms, Route::Voice]).await;
}

#[tokio::test]
async fn a_webhook_that_was_written_with_its_answer_lost_is_put_aside_and_kept_once() {
    is_put_aside_and_kept(Effect::LoseAnswer, &[Route::Sms, Route::VoiceStatus]).await;
}

#[tokio::test]
async fn one_lost_answer_is_made_good_by_the_second_attempt_without_the_queue() {
    let broken = Breakable::warm().await;
    for effect in [Effect::Drop, Effect::LoseAnswer] {
        let writes = Matching::writes().partition(broken.tenant.partition());
        let faults = broken.harness.stack.emulators().dynamodb().faults();
        faults.inject(writes, effect, Times::Next(1));
        let event = event(&broken.tenant, Route::Sms);
        assert_eq!(broken.deliver(&event).await, 200);
        assert_eq!(facts(&broken.tenant, &event.resource).await, 1);
    }
    assert_eq!(broken.put_aside(), 0);
}

#[tokio::test]
async fn a_call_that_is_put_aside_is_answered_as_usual_and_a_message_by_no_auto_reply() {
    let broken = Breakable::warm().await;
    broken.break_writes(Effect::Refuse(AwsError::throughput_exceeded()));
    for (route, document) in [
        // Whether it is its turn, nobody can tell without the store.
        (Route::Sms, "<Response/>"),
        (Route::Whatsapp, "<Response/>"),
        (Route::Voice, "<Record "),
    ] {
        let webhook = event(&broken.tenant, route).webhook;
        let answer = broken
            .tenant
            .sender
            .deliver(&webhook)
            .await
            .response
            .unwrap();
        assert_eq!(
            answer.header("content-type"),
            Some("text/xml; charset=utf-8")
        );
        assert!(answer.text().contains(document), "{}", answer.text());
    }
}

#[tokio::test]
async fn a_store_that_does_not_answer_has_the_webhook_put_aside_before_it_is_answered() {
    let broken = Breakable::warm().await;
    broken.break_writes(Effect::Hang);
    assert_eq!(
        broken.deliver(&event(&broken.tenant, Route::Sms)).await,
        200
    );
    let lines = broken.said("sms-webhook", "putting it aside").await;
    let [aside, answered] = lines.as_slice() else {
        panic!("two lines: {lines:?}");
    };
    assert_eq!(aside["level"], "WARN");
    assert_eq!(aside["tenant_id"], broken.tenant.id.as_str());
    assert_eq!(answered["message"], "webhook answered");
    assert_eq!(
        (&answered["put_aside"], &answered["status"]),
        (&json!("outage"), &json!(200))
    );
}

#[tokio::test]
async fn neither_store_nor_queue_answering_is_a_503_and_the_retry_is_kept_once() {
    neither_store_nor_queue(Effect::Hang).await;
}

#[tokio::test]
async fn neither_store_nor_queue_working_is_a_503_and_the_retry_is_kept_once() {
    neither_store_nor_queue(Effect::Refuse(AwsError::internal())).await;
}

async fn neither_store_nor_queue(effect: Effect) {
    let broken = Breakable::warm().await;
    let sqs = broken.harness.stack.emulators().sqs().faults();
    broken.break_writes(effect.clone());
    sqs.inject(Matching::any(), effect, Times::Always);
    let event = event(&broken.tenant, Route::Sms);
    let answer = broken
        .tenant
        .sender
        .deliver(&event.webhook)
        .await
        .response
        .unwrap();
    assert_eq!((answer.status, answer.body.len()), (503, 0));
    assert_eq!(answer.header("content-type"), None);
    let lines = broken
        .said("sms-webhook", "the queue did not take the webhook")
        .await;
    let messages: Vec<_> = lines
        .iter()
        .map(|line| line["message"].as_str().unwrap())
        .collect();
    let [store, queue, outcome] = messages.as_slice() else {
        panic!("three lines: {lines:?}");
    };
    assert!(store.contains("putting it aside") && queue.contains("queue did not take"));
    assert_eq!(*outcome, "webhook not taken");

    broken.mend_writes();
    sqs.clear();
    assert_eq!(traffic::deliver(&broken.tenant, &event).await, 200);
    broken.drained().await;
    assert_eq!(facts(&broken.tenant, &event.resource).await, 1);
}
