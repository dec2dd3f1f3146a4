//! The turns in which webhooks that were put aside are stored: one after the other for each tenant, whoever stores them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use local::emulators::faults::{AwsError, Effect, Matching, Times};
use local::emulators::wire::Calls;
use serde_json::{Value, json};
use shared::activity::Route;
use shared::clock::Clock;
use shared::deferred::{Batch, DeferredWebhook, Pace, Turn};

use super::writer::{again, client, give_up_after, message, outcome};
use crate::harness::{Harness, Tenant};
use crate::traffic::{Event, event, facts};

/// A webhook a second.
const INTERVAL: Duration = Duration::from_secs(1);

/// How many have their turn at once: those of the next two seconds, and the one of now.
const AT_ONCE: usize = 3;

fn start_of_test() -> Timestamp {
    "2026-10-01T08:00:00Z".parse().unwrap()
}

/// Turns by the tables of a stack, a second each.
fn pace(harness: &Harness, clock: &Clock) -> Pace {
    let tenants = harness.variable("TENANTS_TABLE").to_owned();
    Pace::new(harness.dynamodb(), tenants, INTERVAL, clock.clone())
}

/// A message that was put aside, put off to a time.
fn with_turn(tenant: &Tenant, event: &Event, turn_at: Timestamp) -> String {
    let mut body: Value = serde_json::from_str(&message(tenant, event)).unwrap();
    body["turn_at"] = json!(turn_at);
    body.to_string()
}

/// A batch of new messages of a tenant, and the webhooks in it.
fn batch(tenant: &Tenant, webhooks: usize) -> (Batch, Vec<DeferredWebhook>) {
    let bodies = (0..webhooks).map(|_| message(tenant, &event(tenant, Route::Sms)));
    let bodies: Vec<_> = bodies.collect();
    let records = bodies
        .iter()
        .map(|body| json!({"messageId": "", "body": body}));
    let batch = json!({"Records": records.collect::<Vec<_>>()});
    let webhooks = bodies
        .iter()
        .map(|body| DeferredWebhook::from_message(body).unwrap());
    (serde_json::from_value(batch).unwrap(), webhooks.collect())
}

/// The turns of a new batch, in seconds from the start; those that are at once have none.
async fn turns(pace: &Pace, tenant: &Tenant, webhooks: usize) -> Vec<Option<i64>> {
    let (batch, webhooks) = batch(tenant, webhooks);
    let turns = pace.turns(&batch);
    let mut seconds = Vec::new();
    for webhook in &webhooks {
        seconds.push(match turns.of(webhook).await.unwrap() {
            Turn::Now => None,
            Turn::At(time) => Some(time.duration_since(start_of_test()).as_secs()),
        });
    }
    seconds
}

/// What was asked of a tenant's counters.
fn asked(harness: &Harness, tenant: &Tenant) -> Calls {
    let counters = format!("{}limit", tenant.partition());
    let wire = harness.stack.emulators().dynamodb().wire();
    wire.calls().partition(&counters)
}

#[tokio::test]
async fn a_batch_takes_the_turns_of_a_tenant_by_two_writes_and_later_ones_by_one() {
    let harness = Harness::shared().await;
    let tenant = harness.tenant(json!({})).await;
    let pace = pace(harness, &Clock::fixed(start_of_test()));
    let first = turns(&pace, &tenant, 5).await;
    assert_eq!(first, [None, None, None, Some(3), Some(4)]);
    assert_eq!(asked(harness, &tenant).count(), 2);
    assert_eq!(turns(&pace, &tenant, 2).await, [Some(5), Some(6)]);
    assert_eq!(asked(harness, &tenant).count(), 3);
}

#[tokio::test]
async fn writers_at_the_same_moment_give_no_turn_out_twice() {
    let harness = Harness::shared().await;
    let tenant = Arc::new(harness.tenant(json!({})).await);
    let clock = Clock::fixed(start_of_test());
    let batches = (0..6).map(|_| {
        let (pace, tenant) = (pace(harness, &clock), Arc::clone(&tenant));
        tokio::spawn(async move { turns(&pace, &tenant, 10).await })
    });
    let mut given = Vec::new();
    for batch in batches.collect::<Vec<_>>() {
        given.extend(batch.await.unwrap());
    }
    let later: BTreeSet<i64> = given.iter().copied().flatten().collect();
    let at_once = given.iter().filter(|turn| turn.is_none()).count();
    assert_eq!((given.len(), at_once), (60, AT_ONCE));
    assert_eq!(later, (3..60).collect());
}

#[tokio::test]
async fn turns_that_were_not_needed_are_not_saved_up() {
    let harness = Harness::shared().await;
    let tenant = harness.tenant(json!({})).await;
    let clock = Clock::fixed(start_of_test());
    let pace = pace(harness, &clock);
    assert_eq!(turns(&pace, &tenant, 1).await, [None]);
    clock.advance(3_600);
    let later = turns(&pace, &tenant, 4).await;
    assert_eq!(later, [None, None, None, Some(3_603)]);
}

#[tokio::test]
async fn a_writer_whose_clock_is_a_year_ahead_does_not_have_the_others_wait_for_it() {
    let harness = Harness::shared().await;
    let tenant = harness.tenant(json!({})).await;
    let clock = Clock::fixed(start_of_test());
    clock.advance(365 * 24 * 3_600);
    assert_eq!(turns(&pace(harness, &clock), &tenant, 1).await, [None]);
    let right = pace(harness, &Clock::fixed(start_of_test()));
    assert_eq!(turns(&right, &tenant, 1).await, [None]);
}

#[tokio::test]
async fn turns_that_cannot_be_had_are_asked_for_once_a_batch() {
    let harness = Harness::shared().await;
    let tenant = harness.tenant(json!({})).await;
    let writes = Matching::writes().partition(format!("{}limit", tenant.partition()));
    let faults = harness.stack.emulators().dynamodb().faults();
    let refusal = Effect::Refuse(AwsError::access_denied());
    faults.inject(writes, refusal, Times::Always);
    let pace = pace(harness, &Clock::fixed(start_of_test()));
    let (batch, webhooks) = batch(&tenant, 10);
    let turns = pace.turns(&batch);
    for webhook in &webhooks {
        assert!(turns.of(webhook).await.is_err());
    }
    assert_eq!(asked(harness, &tenant).count(), 1);
}

#[tokio::test]
async fn a_webhook_waits_while_its_turn_cannot_be_had_and_is_kept_once_after_that() {
    let harness = Harness::shared().await;
    let tenant = harness.tenant(json!({})).await;
    let writes = Matching::writes().partition(format!("{}limit", tenant.partition()));
    let faults = harness.stack.emulators().dynamodb().faults();
    let outage = faults.inject(
        writes,
        Effect::Refuse(AwsError::throughput_exceeded()),
        Times::Always,
    );
    let event = event(&tenant, Route::Sms);
    let bodies = || [message(&tenant, &event)];
    assert_eq!(outcome(harness, bodies()).await, again([0]));
    assert_eq!(facts(&tenant, &event.resource).await, 0);
    faults.remove(outage);
    assert_eq!(outcome(harness, bodies()).await, again([]));
    assert_eq!(facts(&tenant, &event.resource).await, 1);
}

#[tokio::test]
async fn a_webhook_is_kept_in_the_turn_that_it_was_put_off_to_and_asks_for_no_other() {
    let harness = Harness::shared().await;
    let tenant = harness.tenant(json!({})).await;
    let event = event(&tenant, Route::Sms);
    let body = with_turn(&tenant, &event, Clock::system().now());
    assert_eq!(outcome(harness, [body]).await, again([]));
    assert_eq!(facts(&tenant, &event.resource).await, 1);
    assert_eq!(asked(harness, &tenant).count(), 0);
}

#[tokio::test]
async fn a_webhook_whose_turn_fell_into_an_outage_asks_for_another() {
    let harness = Harness::shared().await;
    let tenant = harness.tenant(json!({})).await;
    let event = event(&tenant, Route::Sms);
    let body = with_turn(&tenant, &event, start_of_test());
    assert_eq!(outcome(harness, [body]).await, again([]));
    assert_eq!(facts(&tenant, &event.resource).await, 1);
    assert_eq!(asked(harness, &tenant).count(), 2);
}

/// A stack of its own, whose writer stores a webhook a second of each tenant.
fn slow() -> Harness {
    Harness::start(|options| {
        options.concurrency = 1;
        // None is to be delivered again: a slow machine must not look like it.
        options.redelivery_seconds = Some(60);
        let pace = ("TenantDeferredPace".to_owned(), "60".to_owned());
        options.parameters.extend([pace]);
    })
}

/// Puts webhooks of a tenant aside, as a webhook function does.
async fn put_aside(harness: &Harness, tenant: &Tenant, webhooks: usize) -> Vec<Event> {
    let (client, queue) = (client(harness), harness.variable("DEFERRED_QUEUE_URL"));
    let events: Vec<_> = (0..webhooks).map(|_| event(tenant, Route::Sms)).collect();
    for event in &events {
        let sent = client.send_message().queue_url(queue);
        let sent = sent.message_body(message(tenant, event));
        let sent = sent.message_group_id(tenant.id.as_str());
        sent.send().await.unwrap();
    }
    events
}

/// When facts of a tenant were written.
fn written(harness: &Harness, tenant: &Tenant) -> Calls {
    let wire = harness.stack.emulators().dynamodb().wire();
    let messages = format!("{}message", tenant.partition());
    wire.calls().partition(&messages).operation("UpdateItem")
}

#[tokio::test]
async fn a_backlog_is_kept_once_at_its_tenants_pace_without_using_tries_up() {
    let harness = slow();
    // Whoever comes a second time is given up: none that is put off does.
    give_up_after(1, &harness).await;
    let tenant = harness.tenant(json!({})).await;
    let events = put_aside(&harness, &tenant, 12).await;
    harness.drained("DeferredQueue").await;
    assert!(harness.queue("DeferredDeadLetterQueue").is_empty().await);
    for event in &events {
        assert_eq!(facts(&tenant, &event.resource).await, 1);
    }
    let writes = written(&harness, &tenant);
    let times: Vec<_> = writes.iter().map(|call| call.at).collect();
    assert_eq!(times.len(), events.len());
    // The last one's turn is 11 seconds after the first one's, and it is kept 2 seconds before that at the earliest.
    assert!(times[11].duration_since(times[0]) >= Duration::from_secs(8));
}

#[tokio::test]
async fn another_tenants_webhook_overtakes_a_backlog() {
    let harness = slow();
    let (flooding, other) = (
        harness.tenant(json!({})).await,
        harness.tenant(json!({})).await,
    );
    let backlog = put_aside(&harness, &flooding, 12).await;
    let overtaking = put_aside(&harness, &other, 1).await;
    harness.drained("DeferredQueue").await;
    let overtook = written(&harness, &other).iter().next().unwrap().at;
    let kept = written(&harness, &flooding);
    let before = kept.iter().filter(|call| call.at < overtook).count();
    // Those that had their turn at once, and one that may have come to its turn meanwhile.
    assert!(before <= AT_ONCE + 1, "{before} were kept before it");
    assert_eq!(facts(&other, &overtaking[0].resource).await, 1);
    for event in &backlog {
        assert_eq!(facts(&flooding, &event.resource).await, 1);
    }
}

#[tokio::test]
async fn what_cannot_be_put_off_is_tried_again_and_kept_once() {
    let harness = slow();
    let tenant = harness.tenant(json!({})).await;
    let events: Vec<_> = (0..6).map(|_| event(&tenant, Route::Sms)).collect();
    let bodies = || events.iter().map(|event| message(&tenant, event));
    let sqs = harness.stack.emulators().sqs().faults();
    let refusal = Effect::Refuse(AwsError::access_denied());
    sqs.inject(
        Matching::operations(["SendMessage"]),
        refusal,
        Times::Always,
    );
    let failed = outcome(&harness, bodies()).await;
    let failed = failed["batchItemFailures"].as_array().unwrap().len();
    assert_eq!(failed, events.len() - AT_ONCE);
    sqs.clear();
    // Delivered again, those that were kept too: their answer may have been lost.
    assert_eq!(outcome(&harness, bodies()).await, again([]));
    harness.drained("DeferredQueue").await;
    for event in &events {
        assert_eq!(facts(&tenant, &event.resource).await, 1);
    }
}
