//! What the verifier is asked, and how tenants come to their minute.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use shared::tenant::{Minute, TenantId};
use tokio::time::{sleep, timeout};

use super::{PATIENCE, World, text};

fn partition(tenant: &TenantId) -> String {
    format!("platform#minute#{}", Minute::of(tenant))
}

#[tokio::test]
async fn a_tenant_has_its_minute_from_its_creation_until_it_is_deleted() {
    let world = World::start();
    let newcomer = world.harness.newcomer().await;
    let seeded = world.harness.tenant(json!({})).await;
    for tenant in [&newcomer.id, &seeded.id] {
        let entry = world.item(&partition(tenant), tenant.as_str()).await;
        assert!(entry.is_some(), "{tenant}");
    }
    let path = format!("/api/tenants/{}", newcomer.id);
    let gone = world.harness.operator().delete(&path).await;
    assert_eq!(gone.status, 204);
    let partition = partition(&newcomer.id);
    let entry = world.item(&partition, newcomer.id.as_str());
    assert_eq!(entry.await, None);
}

#[tokio::test]
async fn all_tenants_are_verified_when_somebody_asks_for_it_and_have_a_minute_then() {
    let world = World::start();
    let mut tenants = Vec::new();
    for _ in 0..60 {
        let tenant = world.harness.tenant(json!({})).await;
        let credentials = serde_json::from_value(tenant.document["twilio"].clone()).unwrap();
        world.harness.stack.twilio().register(&credentials);
        tenants.push(tenant.id.clone());
    }
    // As those that were stored before there were minutes.
    let forgotten = &tenants[7];
    let delete = world.harness.dynamodb().delete_item();
    let delete = delete
        .table_name(world.table())
        .key("pk", AttributeValue::S(partition(forgotten)))
        .key("sk", AttributeValue::S(forgotten.to_string()));
    delete.send().await.unwrap();

    let answer = world.ask(&json!({"all": true})).await;
    assert_eq!(answer["started"], true);
    let run = answer["run"].as_str().unwrap();
    let all_are_verified = async {
        for tenant in &tenants {
            while text(&world.twilio_item(tenant).await, "verified_run") != run {
                sleep(std::time::Duration::from_millis(50)).await;
            }
        }
    };
    timeout(PATIENCE, all_are_verified).await.unwrap();
    assert!(
        world
            .item(&partition(forgotten), forgotten.as_str())
            .await
            .is_some()
    );
    for tenant in &tenants {
        let item = world.twilio_item(tenant).await;
        // Once.
        assert_eq!(item["state_version"].as_n().unwrap(), "2", "{tenant}");
    }
}

#[tokio::test]
async fn a_tenant_is_verified_when_somebody_asks_for_it() {
    let world = World::start();
    let newcomer = world.harness.connected().await;
    let answer = world.verify(&newcomer.id).await;
    let expected = json!({"tenant_id": newcomer.id, "active": true, "drift": [],
        "integrations": [{"provider": "twilio", "outcome": "valid"}]});
    assert_eq!(answer, expected);

    let suspended = json!({"status": "suspended"});
    let path = format!("/api/tenants/{}", newcomer.id);
    let operator = world.harness.operator();
    operator.patch(&path, &suspended).await.document(200);
    let calls = newcomer.account.calls().count();
    let answer = world.verify(&newcomer.id).await;
    assert_eq!(
        (&answer["active"], &answer["integrations"]),
        (&json!(false), &json!([]))
    );
    assert_eq!(newcomer.account.calls().count(), calls);

    let (kind, message) = world
        .try_ask(&json!({"tenant_id": "nobody-at-all"}))
        .await
        .unwrap_err();
    assert_eq!(
        (kind.as_str(), message.as_str()),
        ("UnknownTenant", "there is no tenant nobody-at-all")
    );
}

#[tokio::test]
async fn anything_else_is_refused_in_words_that_say_what_there_is() {
    let world = World::start();
    for event in [
        json!({}),
        json!({"all": "yes"}),
        json!({"tenant": "acme"}),
        Value::Null,
    ] {
        let (kind, message) = world.try_ask(&event).await.unwrap_err();
        assert_eq!(kind, "UnknownRequest", "{event}");
        assert!(message.contains("{\"all\": true}"), "{message}");
    }
}
