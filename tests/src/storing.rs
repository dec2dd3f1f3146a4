//! Tenants that are stored, and what stands against it.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use local::emulators::faults::{Effect, Matching, Times};
use serde_json::{Value, json};
use shared::clock::Clock;
use shared::store::{Routes, StoreError, Tenants};

use crate::harness::Harness;

/// The Routes table of a stack.
pub(crate) fn routes(harness: &Harness) -> Routes {
    let table = harness.variable("ROUTES_TABLE").to_owned();
    Routes::new(harness.dynamodb(), table, Clock::system())
}

/// The Tenants table of a stack.
pub(crate) fn tenants(harness: &Harness) -> Tenants {
    let table = harness.variable("TENANTS_TABLE").to_owned();
    Tenants::new(harness.dynamodb(), table, routes(harness), Clock::system())
}

#[tokio::test]
async fn a_configuration_that_is_longer_than_a_page_does_not_pass_for_one_without_credentials() {
    let harness = Harness::shared().await;
    let tenant = harness.tenant(json!({})).await;
    let partition = format!("{}#tenant", tenant.id);
    for sort in ["a", "b", "c"] {
        let put = harness.dynamodb().put_item();
        let put = put.table_name(harness.variable("TENANTS_TABLE"));
        let put = put
            .item("pk", text(&partition))
            .item("sk", text(sort))
            .item("filling", text(&"x".repeat(390 * 1024)));
        put.send().await.unwrap();
    }
    let scope = tenant.console.scope(&tenant.id);
    let error = tenants(harness).record(&scope).await.unwrap_err();
    assert!(matches!(error, StoreError::Unreadable { .. }), "{error}");
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

/// What storing this tenant is refused with.
async fn refusal(harness: &Harness, document: &Value) -> String {
    let tenant = serde_json::from_value(document.clone()).unwrap();
    let error = harness.console().store(&tenant).await.unwrap_err();
    error.to_string()
}

#[tokio::test]
async fn storing_a_tenant_says_which_condition_stood_against_it() {
    let harness = Harness::start(|_| {});
    let holder = harness.tenant(json!({})).await;
    let account = holder.sender.account().sid.clone();
    let mut other = Harness::document(json!({}));
    other["twilio"]["account_sid"] = json!(account.as_str());
    let held = refusal(&harness, &other).await;
    assert!(held.contains("belongs to another tenant"), "{held}");

    let scope = holder.console.scope(&holder.id);
    routes(&harness).release(&scope, &account).await.unwrap();
    let quarantined = refusal(&harness, &other).await;
    assert!(
        quarantined.contains("gave the Twilio account up less than 16 minutes ago"),
        "{quarantined}"
    );

    // Who gave it up may have another, and the first again.
    let mut document = holder.document.clone();
    for sid in [holder.sender.sids().sid("AC"), account.to_string()] {
        document["twilio"]["account_sid"] = json!(sid);
        harness.store(document.clone()).await;
    }

    // Stored twice at once: the slower one has read what is no longer there.
    let writes = Matching::operations(["TransactWriteItems"]);
    let delay = Effect::Delay(Duration::from_secs(1));
    let dynamodb = harness.stack.emulators().dynamodb();
    dynamodb.faults().inject(writes, delay, Times::Next(1));
    let mark = dynamodb.wire().mark();
    let faster = async {
        let arrived = || dynamodb.wire().since(mark).operation("TransactWriteItems");
        while arrived().count() == 0 {
            tokio::task::yield_now().await;
        }
        harness.store(document.clone()).await
    };
    let (changed, _) = tokio::join!(refusal(&harness, &document), faster);
    assert!(changed.contains("changed at the same moment"), "{changed}");
}
