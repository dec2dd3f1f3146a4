//! What the writer does with the messages of the queue, and what becomes of those that it cannot keep.

use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName;
use local::emulators::faults::{AwsError, Effect, Matching, Times};
use local::lambda::Moment;
use serde_json::{Value, json};
use shared::activity::Route;
use shared::audit::Actor;
use shared::aws::{Aws, Patience};
use shared::environment::Environment;
use shared::store::Expected;
use shared::tenants::Deletion;

use super::Breakable;
use crate::harness::{Harness, Tenant};
use crate::tenant_store::{Opened, scope};
use crate::traffic::{Event, WORDS, event, facts, history};

/// The body of a message that was put aside, in the form that is never changed.
pub(crate) fn message(tenant: &Tenant, event: &Event) -> String {
    json!({
        "tenant_id": tenant.id,
        "fact": {
            "resource": {"kind": "message", "sid": event.resource.sid()},
            "route": "/sms",
            "received_at": "2026-10-01T08:00:00.123Z",
            "parameters": {"From": "+15005550010", "To": "+15005550006", "Body": "put aside"},
        },
    })
    .to_string()
}

/// Invokes the writer with messages, named by their place.
pub(crate) async fn outcome(harness: &Harness, bodies: impl IntoIterator<Item = String>) -> Value {
    let message = |(place, body)| json!({"messageId": format!("message-{place}"), "body": body});
    let messages: Vec<_> = bodies.into_iter().enumerate().map(message).collect();
    let batch = json!({"Records": messages}).to_string();
    let writer = harness.stack.function("deferred-writer").unwrap().clone();
    let invoked = async move { writer.invoke(batch.into()).await };
    let outcome = harness.on_stack(invoked).await.unwrap();
    serde_json::from_slice(&outcome).unwrap()
}

pub(super) fn again(places: impl IntoIterator<Item = usize>) -> Value {
    let failure = |place| json!({"itemIdentifier": format!("message-{place}")});
    json!({"batchItemFailures": places.into_iter().map(failure).collect::<Vec<_>>()})
}

#[tokio::test]
async fn one_message_of_a_batch_that_is_refused_is_the_only_one_that_is_tried_again() {
    let harness = Harness::shared().await;
    let (tenant, refused) = (
        harness.tenant(json!({})).await,
        harness.tenant(json!({})).await,
    );
    let writes = Matching::writes().partition(refused.partition());
    let refusal = Effect::Refuse(AwsError::access_denied());
    let faults = harness.stack.emulators().dynamodb().faults();
    faults.inject(writes, refusal, Times::Always);
    let good = [event(&tenant, Route::Sms), event(&tenant, Route::Sms)];
    let bad = message(&refused, &event(&refused, Route::Sms));
    let bodies = [message(&tenant, &good[0]), bad, message(&tenant, &good[1])];
    assert_eq!(outcome(harness, bodies).await, again([1]));
    for event in good {
        let history = history(&tenant, &event.resource).await;
        let kept: Vec<_> = history.iter().collect();
        assert_eq!(kept.len(), 1);
        assert_eq!(kept[0].received_at.to_string(), "2026-10-01T08:00:00.123Z");
    }
}

#[tokio::test]
async fn a_batch_whose_writes_hang_is_answered_in_time_and_the_rest_of_it_is_kept() {
    // One after another, two would have taken all the time that the function has.
    let harness = Harness::shared().await;
    let (tenant, hanging) = (
        harness.tenant(json!({})).await,
        harness.tenant(json!({})).await,
    );
    let writes = Matching::writes().partition(hanging.partition());
    let faults = harness.stack.emulators().dynamodb().faults();
    let fault = faults.inject(writes, Effect::Hang, Times::Always);
    let good = event(&tenant, Route::Sms);
    let slow = (0..9).map(|_| message(&hanging, &event(&hanging, Route::Sms)));
    let bodies = slow.chain([message(&tenant, &good)]);
    assert_eq!(outcome(harness, bodies).await, again(0..9));
    assert_eq!(facts(&tenant, &good.resource).await, 1);
    faults.remove(fault);
}

#[tokio::test]
async fn what_was_put_aside_for_a_tenant_that_is_deleted_is_dropped_by_one_read_and_said() {
    let broken = Breakable::cold().await;
    let (gone, kept) = (&broken.tenant, broken.harness.tenant(json!({})).await);
    let opened = Opened::of(&broken.harness);
    let root = Actor::User("root".to_owned());
    for seconds in [0, 16 * 60 + 1] {
        opened.clock.advance(seconds);
        let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
        let scope = scope(gone.id.as_str());
        let administration = &opened.administration;
        let deletion = administration.delete(&scope, Expected::Any, &root, deadline);
        let deletion = deletion.await;
        let is_finished = deletion.unwrap() == Deletion::Finished;
        assert_eq!(is_finished, seconds > 0);
        // Not from the memory of the round before: a process of its own each time.
        let writer = broken.harness.stack.function("deferred-writer").unwrap();
        writer.kill_next_at(Moment::Delivery);
        let killed = writer.clone();
        let empty = json!({"Records": []}).to_string();
        let killed = broken
            .harness
            .on_stack(async move { killed.invoke(empty.into()).await });
        assert!(killed.await.is_err());

        let dropped: Vec<_> = (0..3).map(|_| event(gone, Route::Sms)).collect();
        let good = event(&kept, Route::Sms);
        let bodies = dropped.iter().map(|event| message(gone, event));
        let bodies = bodies.chain([message(&kept, &good)]);
        let dynamodb = broken.harness.stack.emulators().dynamodb().wire();
        let mark = dynamodb.mark();
        assert_eq!(outcome(&broken.harness, bodies).await, again([]));
        assert_eq!(facts(&kept, &good.resource).await, 1);
        let calls = |operation| {
            dynamodb
                .since(mark)
                .operation(operation)
                .partition(&gone.partition())
        };
        assert_eq!(calls("GetItem").count(), 1);
        assert_eq!(calls("UpdateItem").count(), 0);
        for event in dropped {
            assert_eq!(facts(gone, &event.resource).await, 0);
        }
    }
    let lines = broken
        .said("deferred-writer", "dropped a webhook that was put aside")
        .await;
    let of_gone = lines
        .iter()
        .filter(|line| line["tenant_id"] == gone.id.as_str());
    assert_eq!(of_gone.count(), 3);
}

#[tokio::test]
async fn what_was_put_aside_waits_while_its_tenant_cannot_be_read() {
    let harness = Harness::shared().await;
    let tenant = harness.tenant(json!({})).await;
    let event = event(&tenant, Route::Sms);
    let reads = Matching::operations(["GetItem"]).partition(tenant.partition());
    let faults = harness.stack.emulators().dynamodb().faults();
    let refusal = Effect::Refuse(AwsError::throttled());
    let outage = faults.inject(reads, refusal, Times::Always);
    assert_eq!(
        outcome(harness, [message(&tenant, &event)]).await,
        again([0])
    );
    faults.remove(outage);
    assert_eq!(
        outcome(harness, [message(&tenant, &event)]).await,
        again([])
    );
    assert_eq!(facts(&tenant, &event.resource).await, 1);
}

#[tokio::test]
async fn the_times_of_the_queue_and_its_writer_add_up() {
    let harness = Harness::shared().await;
    let template = harness.stack.template();
    let queue = match template.resource("DeferredQueue") {
        Some(local::template::Resource::Queue(queue)) => queue,
        _ => panic!("the template has no DeferredQueue"),
    };
    let mut functions = template.functions();
    let declared = functions.find(|(_, function)| function.binary == "deferred-writer");
    let timeout = declared.unwrap().1.timeout;
    assert_eq!(u64::from(queue.visibility_timeout), 6 * timeout.as_secs());
    let tries = queue.redrive.as_ref().unwrap().max_receive_count;
    let hours = u64::from(tries) * u64::from(queue.visibility_timeout) / 3_600;
    assert!(hours >= 12, "given up after {hours} hours");
}

/// The queue's client, which the functions have too.
pub(super) fn client(harness: &Harness) -> aws_sdk_sqs::Client {
    let environment = Environment::of(harness.stack.environment().clone());
    Aws::from_environment(&environment, Patience::BACKGROUND)
        .unwrap()
        .sqs()
}

#[tokio::test]
async fn a_message_that_is_no_webhook_is_among_the_dead_letters_after_one_try() {
    let broken = Breakable::cold().await;
    let (client, queue) = (
        client(&broken.harness),
        broken.harness.variable("DEFERRED_QUEUE_URL"),
    );
    let good = event(&broken.tenant, Route::Sms);
    for body in ["no webhook".to_owned(), message(&broken.tenant, &good)] {
        client
            .send_message()
            .queue_url(queue)
            .message_body(body)
            .send()
            .await
            .unwrap();
    }
    broken.drained().await;
    assert_eq!(facts(&broken.tenant, &good.resource).await, 1);
    let letters = received(&broken).await;
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].body.as_deref(), Some("no webhook"));
    let lines = broken
        .said("deferred-writer", "moved to the dead letters")
        .await;
    let id = json!(letters[0].message_id.as_deref().unwrap());
    assert!(lines.iter().any(|line| line["dead_letter_id"] == id));
}

#[tokio::test]
async fn a_message_that_is_no_webhook_is_tried_again_while_the_dead_letters_cannot_be_reached() {
    let harness = Harness::start(|_| {});
    let sqs = harness.stack.emulators().sqs().faults();
    let sends = Matching::operations(["SendMessage"]);
    sqs.inject(
        sends,
        Effect::Refuse(AwsError::access_denied()),
        Times::Always,
    );
    let bodies = || ["no webhook".to_owned()];
    assert_eq!(outcome(&harness, bodies()).await, again([0]));
    sqs.clear();
    assert_eq!(outcome(&harness, bodies()).await, again([]));
    assert_eq!(harness.queue("DeferredDeadLetterQueue").len().await, 1);
}

/// Takes what is among the dead letters.
async fn received(broken: &Breakable) -> Vec<aws_sdk_sqs::types::Message> {
    let queue = broken.harness.variable("DEFERRED_QUEUE_URL");
    let dead = queue.replace("DeferredQueue", "DeferredDeadLetterQueue");
    let received = client(&broken.harness)
        .receive_message()
        .queue_url(dead)
        .max_number_of_messages(10);
    received.send().await.unwrap().messages.unwrap_or_default()
}

/// Has the queue give up after this many tries, few enough for a test to wait for.
pub(super) async fn give_up_after(tries: u32, harness: &Harness) {
    let (client, queue) = (client(harness), harness.variable("DEFERRED_QUEUE_URL"));
    let name = QueueAttributeName::RedrivePolicy;
    let attributes = client.get_queue_attributes().queue_url(queue);
    let attributes = attributes
        .attribute_names(name.clone())
        .send()
        .await
        .unwrap();
    let policy = &attributes.attributes.unwrap()[&name];
    let mut policy: Value = serde_json::from_str(policy).unwrap();
    policy["maxReceiveCount"] = json!(tries);
    let change = client.set_queue_attributes().queue_url(queue);
    let change = change.attributes(name, policy.to_string());
    change.send().await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_kept_for_long_is_in_the_dead_letter_queue_whole_and_without_a_secret() {
    let broken = Breakable::warm().await;
    give_up_after(5, &broken.harness).await;
    broken.break_writes(Effect::Refuse(AwsError::throughput_exceeded()));
    let call = event(&broken.tenant, Route::Voice);
    let sms = event(&broken.tenant, Route::Sms);
    for event in [&call, &sms] {
        assert_eq!(broken.deliver(event).await, 200);
    }
    broken.drained().await;
    let letters = broken.harness.queue("DeferredDeadLetterQueue");
    assert_eq!(letters.len().await, 2);

    let client = client(&broken.harness);
    let queue = broken.harness.variable("DEFERRED_QUEUE_URL");
    let bodies: Vec<_> = received(&broken)
        .await
        .into_iter()
        .filter_map(|message| message.body)
        .collect();
    assert_eq!(bodies.len(), 2);
    assert!(bodies.iter().any(|body| body.contains(WORDS)));
    let call_token = call.webhook.parameters.get("CallToken").unwrap();
    for body in &bodies {
        for secret in [broken.tenant.token().expose(), call_token] {
            assert!(!body.contains(secret), "{body}");
        }
    }

    // As the runbook says: mended, and sent again.
    broken.mend_writes();
    for body in bodies {
        client
            .send_message()
            .queue_url(queue)
            .message_body(body)
            .send()
            .await
            .unwrap();
    }
    broken.drained().await;
    for event in [&call, &sms] {
        assert_eq!(facts(&broken.tenant, &event.resource).await, 1);
    }
}
