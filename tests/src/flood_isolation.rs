//! One tenant floods the functions, another does not notice: it is not refused, not forgotten, not put aside, and costs what it
//! always costs.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use local::emulators::BusEvent;
use local::emulators::wire::{Call, Target};
use local::logs::Line;
use serde_json::{Value, json};
use shared::activity::Route;
use shared::aws::Patience;
use shared::cache::CacheLimits;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::harness::{Harness, Tenant};
use crate::measured;
use crate::published_events::Listener;
use crate::traffic::{Event, binary, event, facts, items_of, with_retries};

/// What each of the functions takes in turn: messages and calls, and what becomes of them.
const ROUTES: [[Route; 2]; 3] = [
    [Route::Sms, Route::SmsStatus],
    [Route::Whatsapp, Route::WhatsappStatus],
    [Route::Voice, Route::VoiceStatus],
];

/// What people write in the flood, in turn: the first is answered by itself, the others change whether they are written to.
const WORDS: [&str; 3] = ["Hello", "STOP", "START"];

/// Webhooks of the quiet tenant, in quiet and once more in the flood.
const QUIET: u32 = 27;

/// How many of the flooding tenant come for each of those.
const TIMES: u32 = 50;

/// How many of the flood are under way at once, a third of them at each function: more than that has processes.
const AT_ONCE: u32 = 9;
const PROCESSES: usize = 2;

/// Webhooks a minute that are kept as they come, a fraction of the flood; and from the queue.
const LIMIT: u32 = 240;
const PACE: u32 = 6_000;

/// Calls by which a process learns of a tenant: of the account's item, the tenant's configuration and KMS.
const A_LOOK_UP: usize = 3;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(180);

/// A stack of its own with a low limit, and both tenants.
struct Flood {
    harness: Harness,
    flooding: Tenant,
    quiet: Tenant,
    /// Since when processes may know the tenants.
    begun: Instant,
    /// The flood's webhooks that the quiet tenant's did not follow yet.
    waves: Semaphore,
}

/// What the quiet tenant's webhooks of one phase came to.
struct Phase {
    events: Vec<Event>,
    latencies: Vec<Duration>,
    /// How long after its webhook was answered each event was on the bus.
    told_after: Vec<Duration>,
    /// Reads for the tenant or its account, and all calls of KMS.
    reads: usize,
    /// How often processes may have looked the tenant up again by its end, because what they knew had become too old.
    outdated: usize,
    /// Writes of facts.
    writes: usize,
}

fn percentile(durations: &[Duration], percent: usize) -> Duration {
    let mut sorted = durations.to_vec();
    sorted.sort_unstable();
    sorted[(sorted.len() - 1) * percent / 100]
}

/// Whether a call is one of those who work behind the webhooks: of single items these read only which tenant holds an account, and
/// they write nothing in transactions.
fn is_behind(call: &Call) -> bool {
    let is_account = |target: &Target| {
        let partition = target.partition.as_deref();
        partition.is_some_and(|partition| partition.starts_with("twilio-account#"))
    };
    match call.operation.as_str() {
        "GetItem" => !call.targets.iter().any(is_account),
        operation => operation == "TransactWriteItems",
    }
}

impl Phase {
    fn latency(&self, percent: usize) -> Duration {
        percentile(&self.latencies, percent)
    }

    /// One write a webhook; one more for each that took so long that the client may have made its call twice.
    fn costs_a_write_each(&self) -> bool {
        let slow = |latency: &&Duration| **latency >= Patience::WEBHOOK.attempt();
        let slow = self.latencies.iter().filter(slow).count();
        (self.events.len()..=self.events.len() + slow).contains(&self.writes)
    }
}

impl Flood {
    async fn start() -> Self {
        let harness = Harness::start(|options| {
            options.concurrency = PROCESSES;
            options.redelivery_seconds = Some(2);
            let parameters = [("TenantWebhookLimit", LIMIT), ("TenantDeferredPace", PACE)];
            let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_string()));
            options.parameters.extend(parameters);
        });
        let (flooding, quiet) = (
            harness.tenant(json!({"auto_reply": "Thank you"})).await,
            harness.tenant(json!({})).await,
        );
        Self {
            harness,
            flooding,
            quiet,
            begun: Instant::now(),
            waves: Semaphore::new(0),
        }
    }

    /// Has every process of every function know both tenants.
    async fn warm_up(&self) {
        for [_, status] in ROUTES {
            let known = tokio::time::timeout(PATIENCE, self.warm_up_with(status)).await;
            known.expect("every process knows both tenants");
        }
    }

    async fn warm_up_with(&self, status: Route) {
        let dynamodb = self.harness.stack.emulators().dynamodb().wire();
        let function = self.harness.stack.function(binary(status)).unwrap();
        let mut quiet_rounds = 0;
        while quiet_rounds < 3 || function.processes() < PROCESSES {
            let mark = dynamodb.mark();
            for tenant in [&self.quiet, &self.flooding] {
                let deliveries = (0..2 * PROCESSES).map(|_| {
                    let webhook = with_retries(event(tenant, status).webhook);
                    let sender = tenant.sender.clone();
                    tokio::spawn(async move { sender.deliver(&webhook).await })
                });
                for delivery in deliveries.collect::<Vec<_>>() {
                    assert_eq!(delivery.await.unwrap().status(), Some(204));
                }
            }
            let reads = dynamodb.since(mark).reads();
            let is_known = reads.filter(|call| !is_behind(call)).count() == 0;
            quiet_rounds = if is_known { quiet_rounds + 1 } else { 0 };
        }
    }

    /// Delivers webhooks of the flooding tenant to one of the functions, one after the other.
    async fn flood(&self, function: usize, webhooks: u32) -> Vec<Event> {
        let mut sent = Vec::new();
        let routes = ROUTES[function].into_iter().cycle();
        for (route, words) in routes
            .zip(WORDS.into_iter().cycle())
            .take(webhooks as usize)
        {
            let mut event = event(&self.flooding, route);
            if matches!(route, Route::Sms | Route::Whatsapp) {
                event.webhook.parameters.set("Body", words);
            }
            let webhook = with_retries(event.webhook.clone());
            let exchange = self.flooding.sender.deliver(&webhook).await;
            assert!(is_taken(exchange.status()), "{exchange:?}");
            sent.push(event);
            self.waves.add_permits(1);
        }
        sent
    }

    /// Delivers webhooks of the quiet tenant, each once: in the flood one for as many of the other's as it has to be.
    async fn quiet_phase(&self, in_flood: bool) -> Phase {
        let emulators = self.harness.stack.emulators();
        let (dynamodb, kms) = (emulators.dynamodb().wire(), emulators.kms().wire());
        let (since, since_kms) = (dynamodb.mark(), kms.mark());
        let (mut events, mut latencies) = (Vec::new(), Vec::new());
        let listener = Arc::new(Listener::start(&self.harness, &self.quiet.id));
        let mut told = JoinSet::new();
        let routes = ROUTES.into_iter().flatten().cycle();
        for route in routes.take(QUIET as usize) {
            if in_flood {
                let wave = tokio::time::timeout(PATIENCE, self.waves.acquire_many(TIMES));
                wave.await.expect("the flood goes on").unwrap().forget();
            }
            let event = event(&self.quiet, route);
            let exchange = self.quiet.sender.deliver(&event.webhook).await;
            assert!(is_taken(exchange.status()), "{exchange:?}");
            latencies.push(exchange.duration);
            let (listener, answered) = (Arc::clone(&listener), Instant::now());
            let resource = event.resource.clone();
            told.spawn(async move {
                let of_webhook = |event: &BusEvent| event.detail["data"]["sid"] == resource.sid();
                listener.hear(of_webhook).await;
                answered.elapsed()
            });
            events.push(event);
        }
        let account = &self.quiet.sender.account().sid;
        let told_after = told.join_all().await;
        let calls = dynamodb.since(since);
        let calls = calls.filter(|call| !is_behind(call));
        let of = |prefix: &str| calls.clone().partition(prefix);
        Phase {
            events,
            latencies,
            told_after,
            reads: of(&self.quiet.partition()).reads().count()
                + of(&format!("twilio-account#{account}")).count()
                + kms.since(since_kms).count(),
            outdated: self.outdated(),
            writes: ["message", "call"]
                .map(|kind| of(&format!("{}{kind}#", self.quiet.partition())).count())
                .iter()
                .sum(),
        }
    }

    /// Each process of each function forgets a tenant when it has known it for long, which a slow machine may take for a flood.
    fn outdated(&self) -> usize {
        let age = self.begun.elapsed().as_secs() / CacheLimits::TENANTS.time_to_live.as_secs();
        usize::try_from(age).unwrap() * PROCESSES * ROUTES.len()
    }

    /// The lines of a tenant's answered webhooks, once there are this many.
    async fn answered(&self, tenant: &Tenant, webhooks: usize) -> Vec<Value> {
        let id = tenant.id.as_str();
        let is_answered =
            |line: &Value| line["tenant_id"] == id && line["message"] == "webhook answered";
        // Most lines are another tenant's, and need not be read.
        let answered = |lines: &[Line]| -> Vec<Value> {
            let own = lines.iter().filter(|line| line.text.contains(id));
            let own = own.filter_map(|line| serde_json::from_str(&line.text).ok());
            own.filter(is_answered).collect()
        };
        let logs = self.harness.stack.logs();
        let all = logs.wait_until(|lines| answered(lines).len() >= webhooks);
        let all = tokio::time::timeout(PATIENCE, all).await;
        answered(&all.expect("every webhook has its line"))
    }
}

/// Whether a webhook was acknowledged or answered.
fn is_taken(status: Option<u16>) -> bool {
    matches!(status, Some(200 | 204))
}

#[tokio::test]
async fn a_tenant_at_fifty_times_its_rate_is_no_concern_of_another_and_loses_nothing() {
    let flood = Arc::new(Flood::start().await);
    flood.warm_up().await;
    let in_quiet = flood.quiet_phase(false).await;

    let begun = Instant::now();
    let functions = (0..ROUTES.len()).cycle().take(AT_ONCE as usize);
    let mut floods = JoinSet::new();
    for function in functions {
        let flood = Arc::clone(&flood);
        floods.spawn(async move { flood.flood(function, QUIET * TIMES / AT_ONCE).await });
    }
    // Together, so that a webhook of the flood that is refused ends the test then and there.
    let (in_flood, sent) = tokio::join!(flood.quiet_phase(true), floods.join_all());
    let sent = sent.concat();
    let flooded_for = begun.elapsed();
    flood.harness.drained("DeferredQueue").await;
    let latencies = |phase: &Phase| {
        let [middle, most, all] = [50, 90, 100].map(|percent| phase.latency(percent));
        format!("{middle:.1?} (p50), {most:.1?} (p90), {all:.1?} (all)")
    };
    let measured = format!(
        "{} webhooks in {flooded_for:.1?}, all kept after {:.1?}; latency of another tenant: \
         in quiet {}, in the flood {}; its events after {:.1?} (p50), {:.1?} (p90) in quiet, \
         {:.1?} (p50), {:.1?} (p90), {:.1?} at the latest in the flood",
        sent.len(),
        begun.elapsed(),
        latencies(&in_quiet),
        latencies(&in_flood),
        percentile(&in_quiet.told_after, 50),
        percentile(&in_quiet.told_after, 90),
        percentile(&in_flood.told_after, 50),
        percentile(&in_flood.told_after, 90),
        percentile(&in_flood.told_after, 100),
    );
    measured::report("a flood of one tenant", &measured);

    // The quiet one: known all the time, kept as it came, each webhook by one write.
    for phase in [&in_quiet, &in_flood] {
        assert!(
            phase.reads <= A_LOOK_UP * phase.outdated,
            "{} reads",
            phase.reads
        );
        assert!(phase.costs_a_write_each(), "{} writes", phase.writes);
        for event in &phase.events {
            assert_eq!(facts(&flood.quiet, &event.resource).await, 1);
        }
    }
    let delivered = in_quiet.events.len() + in_flood.events.len();
    let answered = flood.answered(&flood.quiet, delivered).await;
    let answered: Vec<_> = answered.iter().rev().take(delivered).collect();
    for line in &answered {
        assert_eq!(line["put_aside"], Value::Null, "{line}");
    }
    let looked_up = answered
        .iter()
        .filter(|line| line["credentials"] != "memory");
    assert!(looked_up.count() <= in_flood.outdated);

    // The flooding one: limited, and all of it there, once.
    let answered = flood.answered(&flood.flooding, sent.len()).await;
    let put_aside = answered.iter().filter(|line| line["put_aside"] == "limit");
    assert!(put_aside.count() > sent.len() / 2);
    let mut missing: BTreeSet<&str> = sent.iter().map(|event| event.resource.sid()).collect();
    assert_eq!(missing.len(), (QUIET * TIMES) as usize);
    let items = items_of(&flood.harness, &flood.flooding).await;
    let messages = items.iter().filter(|item| item.contains_key("sid"));
    for item in messages {
        let kept = item.keys().filter(|name| name.starts_with("fact:")).count();
        assert_eq!(kept, 1);
        missing.remove(item["sid"].as_s().unwrap().as_str());
    }
    assert_eq!(missing, BTreeSet::new(), "not kept");
    let dead = flood.harness.queue("DeferredDeadLetterQueue");
    assert!(dead.is_empty().await);
}
