//! Many webhooks of many tenants at once: all kept, each under its tenant, none twice, none lost.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use shared::activity::Route;

use crate::harness::{Harness, Tenant};
use crate::traffic::{CONTACT, Event, event, facts, items, with_retries};

/// What each tenant gets: of every channel something, 5 events of 4 kinds.
const ROUTES: [Route; 5] = [
    Route::Sms,
    Route::Whatsapp,
    Route::Voice,
    Route::VoiceStatus,
    Route::SmsStatus,
];

const TENANTS: usize = 20;

#[tokio::test]
async fn a_hundred_concurrent_webhooks_of_twenty_tenants_are_each_kept_once_under_their_tenant() {
    let harness = Harness::start(|options| options.concurrency = 4);
    let mut tenants: Vec<Tenant> = Vec::new();
    for _ in 0..TENANTS {
        tenants.push(harness.tenant(json!({"auto_reply": "Thank you"})).await);
    }
    let expected: Vec<(usize, Event)> = (0..TENANTS)
        .flat_map(|tenant| ROUTES.map(|route| (tenant, route)))
        .map(|(tenant, route)| (tenant, event(&tenants[tenant], route)))
        .collect();
    assert_eq!(expected.len(), 100);

    // Each twice, all at once, the tenants mixed.
    let both = expected.iter().chain(expected.iter().rev());
    let deliveries: Vec<_> = both
        .map(|(tenant, event)| {
            let sender = tenants[*tenant].sender.clone();
            let webhook = with_retries(event.webhook.clone());
            tokio::spawn(async move { sender.deliver(&webhook).await })
        })
        .collect();
    let mut answers = BTreeMap::<u16, usize>::new();
    for delivery in deliveries {
        let exchange = delivery.await.unwrap();
        assert!(exchange.fault().is_none(), "{exchange:?}");
        *answers.entry(exchange.status().unwrap()).or_default() += 1;
    }
    assert_eq!(answers, BTreeMap::from([(200, 120), (204, 80)]));

    // What a write that was too slow put aside is written from the queue.
    harness.drained("DeferredQueue").await;

    for (tenant, event) in &expected {
        assert_eq!(
            facts(&tenants[*tenant], &event.resource).await,
            1,
            "{event:?}"
        );
    }
    let mut kept: BTreeSet<String> = items(&harness)
        .await
        .iter()
        .map(|item| item["pk"].as_s().unwrap().clone())
        .collect();
    let named: BTreeSet<String> = expected
        .iter()
        .map(|(tenant, event)| {
            let (kind, sid) = (event.resource.kind(), event.resource.sid());
            format!("{}{kind}#{sid}", tenants[*tenant].partition())
        })
        .collect();
    // Whom a tenant answered by itself, it knows.
    for tenant in &tenants {
        for contact in [CONTACT.to_owned(), format!("whatsapp:{CONTACT}")] {
            kept.remove(&format!("{}contact#{contact}", tenant.partition()));
        }
    }
    assert_eq!(
        kept, named,
        "nothing else, and nothing in any other's partitions"
    );
}
