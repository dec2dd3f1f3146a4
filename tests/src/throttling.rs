//! DynamoDB throttles everything for a minute in the middle of steady traffic.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use local::emulators::faults::{AwsError, Effect, Matching, Times};
use local::twilio::twiml::Verb;
use local::twilio::{Exchange, Expected};
use serde_json::json;
use shared::activity::Route;
use shared::store::ContactItems;

use crate::harness::{Harness, Tenant};
use crate::measured;
use crate::traffic::{CONTACT, Event, event, items};

const TENANTS: usize = 4;

/// What each tenant gets in turn; each webhook is about something new.
const ROUTES: [Route; 5] = [
    Route::Voice,
    Route::Sms,
    Route::SmsStatus,
    Route::Whatsapp,
    Route::VoiceStatus,
];

/// At least so many webhooks, and whole rounds, so that each tenant gets as many of each route.
const WEBHOOKS: usize = 2_000;
const ROUND: usize = TENANTS * ROUTES.len();

/// One webhook in this time: all of them take 70 seconds, of which the store throttles the middle 60. Where a slow machine makes up
/// for a pause, more are sent until that minute is over.
const PERIOD: Duration = Duration::from_millis(35);
const CALM: usize = 140;
const THROTTLED: Duration = Duration::from_secs(60);

/// Delivers as Twilio does at an account that is configured as the documentation says: with retries and a fallback.
async fn deliver(tenant: &Tenant, event: &Event) -> Exchange {
    let (mut webhook, target) = (event.webhook.clone(), &tenant.target);
    webhook.url.push_str("#rc=3&rp=5xx,ct,rt");
    let fallback = match webhook.purpose.expects() {
        Expected::Acknowledgement => None,
        _ if webhook.purpose.is_voice() => Some(target.voice_fallback_url()),
        _ => Some(target.sms_fallback_url()),
    };
    webhook.fallback_url = fallback;
    let sender = tenant.sender.clone();
    sender.deliver(&webhook).await
}

/// What a caller hears at first: a sentence.
fn hears_a_sentence(exchange: &Exchange) -> bool {
    let document = exchange.document().map(|(document, _)| document);
    let first = document.and_then(|document| document.verbs.first());
    matches!(first, Some(Verb::Say(_)))
}

/// Has the one process of each function know a tenant.
async fn warm_up(tenant: &Tenant) {
    for route in [Route::Sms, Route::Whatsapp, Route::Voice] {
        let known = deliver(tenant, &event(tenant, route)).await;
        assert!(known.fault().is_none(), "{known:?}");
    }
}

#[tokio::test]
async fn a_minute_of_throttling_in_the_middle_of_two_thousand_webhooks_loses_and_doubles_nothing() {
    let harness = Harness::start(|options| {
        options.concurrency = 1;
        // So that what was put aside is tried again a few times in that minute.
        options.redelivery_seconds = Some(15);
    });
    let mut tenants = Vec::new();
    for _ in 0..TENANTS {
        tenants.push(std::sync::Arc::new(harness.tenant(json!({})).await));
        warm_up(tenants.last().unwrap()).await;
    }
    let stranger = harness.tenant(json!({})).await;
    let faults = harness.stack.emulators().dynamodb().faults();
    let wire = harness.stack.emulators().dynamodb().wire();
    let refusal = Effect::Refuse(AwsError::throughput_exceeded());

    let (mut throttled_since, mut throttled, mut refused) = (None, 0, 0);
    let mut fault = None;
    let begun = wire.mark();
    let mut deliveries = Vec::new();
    let (mut clock, mut number) = (tokio::time::interval(PERIOD), 0);
    while number < WEBHOOKS || fault.is_some() || number % ROUND != 0 {
        clock.tick().await;
        if number == CALM {
            let every = (Matching::any(), refusal.clone());
            fault = Some(faults.inject(every.0, every.1, Times::Always));
            throttled_since = Some(Instant::now());
        }
        let is_over = |since: Instant| since.elapsed() >= THROTTLED;
        if let Some(active) = fault.filter(|_| throttled_since.is_some_and(is_over)) {
            faults.remove(active);
            refused = wire.since(begun).filter(|call| call.disturbed).count();
            fault = None;
        }
        throttled += usize::from(fault.is_some());
        let tenant = std::sync::Arc::clone(&tenants[number % TENANTS]);
        let event = event(&tenant, ROUTES[(number / TENANTS) % ROUTES.len()]);
        deliveries.push(tokio::spawn(async move {
            let exchange = deliver(&tenant, &event).await;
            (event, exchange)
        }));
        number += 1;
        if fault.is_some() && throttled == WEBHOOKS / 2 {
            // Whose account no process knows can only be told politely.
            let call = crate::traffic::event(&stranger, Route::Voice);
            let exchange = deliver(&stranger, &call).await;
            assert!(exchange.fault().is_some() && hears_a_sentence(&exchange));
        }
    }
    assert!(throttled > WEBHOOKS / 2 && refused > throttled);

    let mut expected = BTreeMap::new();
    let mut slowest = Duration::ZERO;
    for delivery in deliveries {
        let (event, exchange) = delivery.await.unwrap();
        assert!(exchange.fault().is_none(), "{exchange:?}");
        if exchange.purpose == local::twilio::Purpose::IncomingCall {
            assert!(hears_a_sentence(&exchange), "{exchange:?}");
        }
        slowest = slowest.max(exchange.duration);
        expected.insert(event.resource.sid().to_owned(), 1);
    }
    let sent = expected.len();
    assert_eq!(sent, number);
    let since = Instant::now();
    harness.drained("DeferredQueue").await;
    let measured = format!(
        "{throttled} of {sent} webhooks while {refused} calls were throttled; the slowest was answered in {slowest:.1?}; \
         everything kept {:.1?} later",
        since.elapsed()
    );
    measured::report("a minute of throttling", &measured);

    let mut kept: BTreeMap<String, usize> = BTreeMap::new();
    for item in items(&harness).await {
        let Some(sid) = item.get("sid") else { continue };
        let facts = item.keys().filter(|name| name.starts_with("fact:")).count();
        *kept.entry(sid.as_s().unwrap().clone()).or_default() += facts;
    }
    kept.retain(|sid, facts| expected.get(sid) == Some(facts));
    assert_eq!(kept, expected);
    assert!(harness.queue("DeferredDeadLetterQueue").is_empty().await);
    harness.published().await;
    harness.drained("UndeliveredEventsQueue").await;
    for tenant in &tenants {
        assert_counted(&harness, tenant, sent / ROUND).await;
    }
    let undelivered = harness.queue("UndeliveredEventsDeadLetterQueue");
    assert!(undelivered.is_empty().await);
}

/// Every message is counted with its contact, once.
async fn assert_counted(harness: &Harness, tenant: &Tenant, rounds: usize) {
    let table = harness.variable("ACTIVITY_TABLE").to_owned();
    let contacts = ContactItems::new(harness.dynamodb(), table, 0);
    let scope = tenant.console.scope(&tenant.id);
    let each = rounds as u64;
    // One of each channel taught the functions who the tenant is.
    let expected = [
        (CONTACT.to_owned(), 2 * each + 1),
        (format!("whatsapp:{CONTACT}"), each + 1),
    ];
    for (address, expected) in expected {
        let contact = contacts.read(&scope, &address).await.unwrap();
        let count = contact.map(|contact| contact.message_count);
        assert_eq!(count, Some(expected), "{address}");
    }
}
