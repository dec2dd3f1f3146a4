//! The limit of webhooks per tenant: who is past it is put aside, never refused, and everything is kept once.

mod stops;

use std::time::{Duration, Instant};

use local::emulators::faults::{AwsError, Effect, Matching, Times};
use local::emulators::wire::Mark;
use local::logs::Line;
use serde_json::{Value, json};
use shared::activity::Route;
use shared::aws::Patience;
use shared::clock::Clock;

use crate::harness::{Harness, Tenant};
use crate::traffic::{self, event, items_of};
use crate::webhook_process::WebhookProcess;

const LIMIT: usize = 40;

/// How many webhooks may be kept while the answer to the report that tells of the limit is on its way.
const UNAWARE: usize = 10;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// A stack with a low limit, and one tenant.
struct Limited {
    harness: Harness,
    tenant: Tenant,
    clock: Clock,
    begun: Mark,
}

impl Limited {
    async fn start() -> Self {
        let harness = Harness::start(|options| {
            options.concurrency = 1;
            // Its queue would be counted too, and its calls of the tables.
            options.feeds_streams = false;
            options.redelivery_seconds = Some(1);
            let parameters = [
                ("TenantWebhookLimit", LIMIT.to_string()),
                // Nothing is put off, so that every message is of a webhook that was put aside.
                ("TenantDeferredPace", "1000000".to_owned()),
            ];
            let parameters = parameters.map(|(name, value)| (name.to_owned(), value));
            options.parameters.extend(parameters);
        });
        let tenant = harness.tenant(json!({"auto_reply": "Thank you"})).await;
        let begun = harness.stack.emulators().sqs().wire().mark();
        Self {
            harness,
            tenant,
            // The beginning of a minute.
            clock: Clock::fixed("2026-10-01T08:00:00Z".parse().unwrap()),
            begun,
        }
    }

    /// A process whose clock the test sets.
    async fn process(&self) -> WebhookProcess {
        WebhookProcess::start(&self.harness, &self.clock).await
    }

    /// Reports statuses at a process, each of which is taken, and gives how many were put aside.
    async fn report(&self, process: &WebhookProcess, webhooks: usize) -> usize {
        let before = self.put_aside();
        for _ in 0..webhooks {
            assert_eq!(self.status(process).await, 204);
        }
        self.put_aside() - before
    }

    async fn status(&self, process: &WebhookProcess) -> u16 {
        let account = &self.tenant.sender.account().sid;
        process
            .report_status(account.as_str(), self.tenant.token())
            .await
    }

    fn put_aside(&self) -> usize {
        let wire = self.harness.stack.emulators().sqs().wire();
        wire.since(self.begun).operation("SendMessage").count()
    }

    /// Waits until the writer has done with everything; then this many resources are kept, each with one fact.
    async fn keeps(&self, webhooks: usize) {
        self.harness.drained("DeferredQueue").await;
        let mut items = items_of(&self.harness, &self.tenant).await;
        // Those who were answered have an item of their own.
        items.retain(|item| item["sk"].as_s().unwrap() != "contact");
        assert_eq!(items.len(), webhooks);
        let is_fact = |name: &&String| name.starts_with("fact:");
        assert!(
            items
                .iter()
                .all(|item| item.keys().filter(is_fact).count() == 1)
        );
        let dead = self.harness.queue("DeferredDeadLetterQueue");
        assert!(dead.is_empty().await);
    }

    /// The lines of the functions, once they tell of this many answered webhooks.
    async fn lines_of(&self, webhooks: usize) -> Vec<Value> {
        let told = |lines: &[Line]| -> Vec<Value> {
            let lines = lines.iter();
            lines
                .filter_map(|line| serde_json::from_str(&line.text).ok())
                .collect()
        };
        let logs = self.harness.stack.logs();
        let all = logs.wait_until(|lines| {
            let told = told(lines).into_iter();
            let answered = told.filter(|line| line["message"] == "webhook answered");
            answered.count() >= webhooks
        });
        let all = tokio::time::timeout(PATIENCE, all).await;
        told(&all.expect("every webhook has its line"))
    }

    fn of_counter(&self) -> Matching {
        Matching::writes().partition(format!("{}limit", self.tenant.partition()))
    }
}

/// Whether so many were put aside, but for the few that came before the process knew. A slow machine may have some sent twice,
/// or put aside because the store took too long.
fn is_about(expected: usize, put_aside: usize) -> bool {
    put_aside.abs_diff(expected) <= UNAWARE
}

/// Whether all but the limit were put aside.
fn is_all_but_the_limit(put_aside: usize, webhooks: usize) -> bool {
    is_about(webhooks - LIMIT, put_aside)
}

#[tokio::test]
async fn past_the_limit_webhooks_are_answered_without_auto_reply_put_aside_and_kept_once() {
    const WEBHOOKS: usize = 200;
    let limited = Limited::start().await;
    let (mut replies, mut silent) = (0, 0);
    for number in 0..WEBHOOKS {
        let mut webhook = event(&limited.tenant, Route::Sms).webhook;
        // Each from somebody else, who has not been answered within the hour.
        let from = format!("+1500555{number:04}");
        webhook.parameters.set("From", &from);
        let webhook = traffic::with_retries(webhook);
        let exchange = limited.tenant.sender.deliver(&webhook).await;
        assert!(exchange.fault().is_none(), "{exchange:?}");
        let answer = exchange.response.unwrap();
        assert_eq!(answer.status, 200);
        if answer.text().contains(">Thank you</Message>") {
            replies += 1;
        } else {
            assert!(answer.text().contains("<Response/>"), "{}", answer.text());
            silent += 1;
        }
    }
    // Two minutes' limits at most: the test does not take longer.
    assert!((LIMIT..=2 * (LIMIT + UNAWARE)).contains(&replies));
    limited.keeps(WEBHOOKS).await;
    // A slow machine may have one sent twice.
    assert!((silent..=silent + UNAWARE).contains(&limited.put_aside()));
    let lines = limited.lines_of(WEBHOOKS).await;
    let aside = lines.iter().filter(|line| line["put_aside"] == "limit");
    assert_eq!(aside.count(), silent, "each line says why");
    let told = |line: &&Value| {
        let message = line["message"].as_str().unwrap_or_default();
        message.contains("past its limit") && line["tenant_id"] == limited.tenant.id.as_str()
    };
    assert!((1..=2).contains(&lines.iter().filter(told).count()));
}

#[tokio::test]
async fn the_limit_is_one_for_all_processes_and_for_one_minute() {
    let limited = Limited::start().await;
    let (one, other) = (limited.process().await, limited.process().await);
    assert!(is_all_but_the_limit(limited.report(&one, 80).await, 80));
    // The other one reports its first 20, and hears of those before.
    let put_aside = limited.report(&other, 60).await;
    assert!(is_about(40, put_aside), "{put_aside}");

    limited.clock.advance(60);
    assert!(is_about(0, limited.report(&one, 19).await));
    let put_aside = limited.report(&one, 61).await;
    assert!(is_all_but_the_limit(put_aside + 19, 80 + 19), "{put_aside}");
    limited.keeps(80 + 60 + 80).await;
}

#[tokio::test]
async fn a_process_whose_clock_is_wrong_limits_its_own_minute_and_disturbs_no_other() {
    let limited = Limited::start().await;
    let ahead = Clock::fixed("2026-10-01T08:05:00Z".parse().unwrap());
    let wrong = WebhookProcess::start(&limited.harness, &ahead).await;
    assert!(is_all_but_the_limit(limited.report(&wrong, 80).await, 80));
    let right = limited.process().await;
    assert!(is_about(0, limited.report(&right, LIMIT - 1).await));
    // Set back, into a minute that others counted in too.
    ahead.advance(-5 * 60);
    let put_aside = limited.report(&wrong, 60).await;
    assert!(is_about(40, put_aside), "{put_aside}");
    limited.keeps(80 + 39 + 60).await;
}

#[tokio::test]
async fn webhooks_spread_over_many_processes_are_counted_across_minutes() {
    let limited = Limited::start().await;
    let process = limited.process().await;
    let dynamodb = limited.harness.stack.emulators().dynamodb().wire();
    let mark = dynamodb.mark();
    // Five a minute, of which no minute sees twenty.
    let mut put_aside = 0;
    for _ in 0..12 {
        put_aside += limited.report(&process, 5).await;
        limited.clock.advance(60);
    }
    assert!(is_about(0, put_aside), "{put_aside}");
    limited.keeps(60).await;
    let counter = format!("{}limit", limited.tenant.partition());
    let reports = dynamodb.since(mark).partition(&counter);
    let reports = reports.filter(|call| call.operation == "UpdateItem");
    // The writer takes turns for what a slow machine put aside.
    assert!((3..=3 + 2 * put_aside).contains(&reports.count()));
}

#[tokio::test]
async fn without_its_counter_a_tenant_has_no_limit_and_waits_for_nothing() {
    let limited = Limited::start().await;
    for effect in [
        Effect::Refuse(AwsError::throughput_exceeded()),
        Effect::Hang,
    ] {
        let process = limited.process().await;
        let faults = limited.harness.stack.emulators().dynamodb().faults();
        let fault = faults.inject(limited.of_counter(), effect, Times::Always);
        let (mut fastest, mut put_aside) = (PATIENCE, 0);
        for webhook in 1..=100 {
            let begun = Instant::now();
            put_aside += limited.report(&process, 1).await;
            if webhook % 20 == 0 {
                fastest = fastest.min(begun.elapsed());
            }
        }
        assert!(is_about(0, put_aside), "{put_aside}");
        // Waiting for the report would take an attempt's time, each time.
        assert!(fastest < Patience::WEBHOOK.attempt(), "{fastest:?}");
        faults.remove(fault);
    }
    limited.keeps(200).await;
}

#[tokio::test]
async fn past_the_limit_a_webhook_that_the_queue_refuses_is_kept_at_once() {
    let limited = Limited::start().await;
    let process = limited.process().await;
    limited.report(&process, 80).await;
    let sqs = limited.harness.stack.emulators().sqs().faults();
    for (number, effect) in [Effect::Refuse(AwsError::access_denied()), Effect::Hang]
        .into_iter()
        .enumerate()
    {
        sqs.inject(Matching::operations(["SendMessage"]), effect, Times::Always);
        assert_eq!(limited.status(&process).await, 204);
        sqs.clear();
        limited.keeps(81 + number).await;
    }
}

#[tokio::test]
async fn past_the_limit_a_webhook_that_queue_and_store_refuse_is_a_503() {
    let limited = Limited::start().await;
    let process = limited.process().await;
    limited.report(&process, 80).await;
    limited.keeps(80).await;
    let emulators = limited.harness.stack.emulators();
    let refusal = Effect::Refuse(AwsError::access_denied());
    let (sqs, dynamodb) = (emulators.sqs().faults(), emulators.dynamodb().faults());
    sqs.inject(Matching::any(), refusal.clone(), Times::Always);
    dynamodb.inject(Matching::writes(), refusal, Times::Always);
    assert_eq!(limited.status(&process).await, 503);
    sqs.clear();
    dynamodb.clear();
    assert_eq!(limited.status(&process).await, 204);
    limited.keeps(81).await;
}

#[tokio::test]
async fn below_the_limit_a_warm_webhook_costs_one_write_and_a_twentieth() {
    let harness = Harness::start(|options| {
        options.concurrency = 1;
        options.feeds_streams = false;
    });
    let tenant = harness.tenant(json!({})).await;
    let first = event(&tenant, Route::SmsStatus);
    assert_eq!(traffic::deliver(&tenant, &first).await, 204);
    let dynamodb = harness.stack.emulators().dynamodb().wire();
    let mark = dynamodb.mark();
    let (mut slow, webhooks) = (0, 199);
    for _ in 0..webhooks {
        let webhook = event(&tenant, Route::SmsStatus).webhook;
        let exchange = tenant.sender.deliver(&webhook).await;
        assert_eq!(exchange.status(), Some(204));
        // A call may have been made twice.
        slow += usize::from(exchange.duration >= Patience::WEBHOOK.attempt());
    }
    let counter = format!("{}limit", tenant.partition());
    let reports = dynamodb.since(mark).partition(&counter).count();
    let calls = dynamodb.since(mark).count();
    assert!((10..=10 + slow).contains(&reports), "{reports} reports");
    let expected = webhooks + 10..=webhooks + 10 + 2 * slow;
    assert!(expected.contains(&calls), "{calls} calls, {slow} slow");
    assert_eq!(dynamodb.since(mark).reads().count(), 0);
}
