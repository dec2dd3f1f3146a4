//! What a tenant used of Twilio.

use local::double::Misbehaviour;
use local::emulators::faults::Times;
use serde_json::{Value, json};

use super::onboarding::Newcomer;
use crate::harness::Harness;

const USAGE: &str = "/api/usage";
const NOVEMBER: &str = "start_date=2026-11-01&end_date=2026-11-30";

/// A tenant that sent and received in October and November.
async fn used(harness: &Harness) -> Newcomer {
    let newcomer = harness.connected().await;
    for (date, category, count, price) in [
        ("2026-10-31", "sms-outbound", 7, 70_000),
        ("2026-11-01", "sms-outbound", 2, 15_800),
        ("2026-11-02", "sms-outbound", 1, 7_900),
        ("2026-11-02", "sms-inbound", 3, 22_500),
    ] {
        newcomer.account.use_up(date, category, count, price);
    }
    newcomer
}

async fn usage(newcomer: &Newcomer, query: &str) -> Vec<Value> {
    let path = format!("{USAGE}?{query}");
    let listed = newcomer.admin.get(&path).await.document(200);
    assert_eq!(listed["next_cursor"], Value::Null);
    listed["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn usage_is_told_by_category_and_time() {
    let newcomer = used(Harness::shared().await).await;
    let total = usage(&newcomer, NOVEMBER).await;
    let of = |category: &str| total.iter().find(|it| it["category"] == category).unwrap();
    assert_eq!(total.len(), 2);
    let sent = of("sms-outbound");
    assert_eq!(
        (&sent["count"], &sent["price_unit"]),
        (&json!("3"), &json!("usd"))
    );
    assert_eq!(
        sent["price"]
            .as_str()
            .unwrap()
            .parse::<f64>()
            .unwrap()
            .to_string(),
        "0.0237"
    );
    assert_eq!(of("sms-inbound")["count"], "3");

    let daily = format!("{NOVEMBER}&granularity=daily&category=sms-outbound");
    let days: Vec<_> = usage(&newcomer, &daily).await;
    let days: Vec<_> = days
        .iter()
        .map(|day| (&day["start_date"], &day["count"]))
        .collect();
    assert_eq!(days.len(), 2);
    assert_eq!(days[0], (&json!("2026-11-02"), &json!("1")));
    let monthly =
        "start_date=2026-10-01&end_date=2026-11-30&granularity=monthly&category=sms-outbound";
    assert_eq!(usage(&newcomer, monthly).await.len(), 2);
}

#[tokio::test]
async fn a_tenant_is_not_billed_for_subaccounts_of_its_account() {
    let harness = Harness::shared().await;
    let (newcomer, other) = (used(harness).await, harness.newcomer().await);
    let token = "0123456789abcdef0123456789abcdef";
    other.account.open_under(newcomer.account.sid(), token);
    other.account.use_up("2026-11-03", "sms-outbound", 1_000, 1);
    let path = format!("{NOVEMBER}&category=sms-outbound");
    assert_eq!(usage(&newcomer, &path).await[0]["count"], "3");
}

#[tokio::test]
async fn usage_is_paged_as_twilio_pages_it() {
    let newcomer = Harness::shared().await.connected().await;
    for day in 1..=25 {
        let date = format!("2026-11-{day:02}");
        newcomer.account.use_up(&date, "sms-outbound", day, 1);
    }
    let query = format!("{USAGE}?{NOVEMBER}&granularity=daily&limit=10");
    let (mut seen, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = newcomer
            .admin
            .get(&format!("{query}{cursor}"))
            .await
            .document(200);
        pages += 1;
        let items = page["items"].as_array().unwrap().iter();
        seen.extend(items.map(|item| item["count"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let expected: Vec<_> = (1..=25).rev().map(|day| day.to_string()).collect();
    assert_eq!((seen, pages), (expected, 3));
    // A cursor is of its own query alone.
    let other = format!("{USAGE}?{NOVEMBER}&granularity=monthly&limit=10{cursor}");
    let refused = newcomer.admin.get(&other).await;
    assert_eq!(refused.refusal(), (400, "invalid_cursor"));
}

#[tokio::test]
async fn a_query_that_means_no_time_is_refused() {
    let newcomer = Harness::shared().await.connected().await;
    for query in [
        "start_date=2026-11-31",
        "start_date=2026-11",
        "end_date=20261101",
        "start_date=2026-11-02&end_date=2026-11-01",
        "granularity=weekly",
        "category=SMS",
        "include_subaccounts=true",
    ] {
        let refused = newcomer.admin.get(&format!("{USAGE}?{query}")).await;
        assert_eq!(refused.refusal(), (400, "invalid_parameter"), "{query}");
    }
}

#[tokio::test]
async fn usage_takes_credentials_and_an_answer_of_twilio() {
    let harness = Harness::shared().await;
    let newcomer = harness.newcomer().await;
    let refused = newcomer.admin.get(USAGE).await;
    assert_eq!(refused.refusal(), (409, "credentials_missing"));
    newcomer.store().await.document(201);
    newcomer
        .account
        .misbehave(Misbehaviour::Garbled, Times::Always);
    let refused = newcomer.admin.get(USAGE).await;
    assert_eq!(refused.refusal(), (503, "provider_unavailable"));
    let member = harness.user(&newcomer.id, "member");
    assert_eq!(member.get(USAGE).await.refusal(), (403, "role_required"));
}
