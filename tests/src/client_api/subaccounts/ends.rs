//! The end of a subaccount: with its tenant's deletion, which waits for nobody.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use local::double::Misbehaviour;
use local::emulators::faults::{Matching, Times};
use local::twilio::rest::TwilioAccount;
use reqwest::Method;
use serde_json::json;
use shared::clock::Clock;
use shared::store::Routes;

use super::{Given, TWILIO, as_platform, own};

impl Given<'_> {
    /// The sort keys of what is stored of it.
    async fn items(&self) -> Vec<String> {
        let table = self.harness.variable("TENANTS_TABLE");
        let query = self.harness.dynamodb().query().table_name(table);
        let partition = AttributeValue::S(format!("{}#tenant", self.id));
        let query = query
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", partition);
        let items = query.send().await.unwrap().items.unwrap_or_default();
        let sort = |item: &HashMap<_, AttributeValue>| item["sk"].as_s().unwrap().clone();
        items.iter().map(sort).collect()
    }

    /// Whether the account is routed to the tenant.
    async fn is_routed(&self, account: &TwilioAccount) -> bool {
        let table = self.harness.variable("ROUTES_TABLE").to_owned();
        let routes = Routes::new(self.harness.dynamodb(), table, Clock::system());
        let route = routes.resolve(account.sid()).await.unwrap();
        route.is_some_and(|route| *route.tenant_id() == self.id)
    }
}

#[tokio::test]
async fn what_a_deleted_tenant_has_goes_though_its_subaccount_cannot_be_closed_yet() {
    let harness = own().await;
    let given = Given::new(&harness).await;
    let account = given.account();
    let faults = harness.stack.twilio().faults();
    let close = Matching::operations(["POST /2010-04-01/Accounts/{AC}.json"]);
    let fault = faults.inject(close, Misbehaviour::Unavailable, Times::Always);
    assert_eq!(given.operator.delete(&given.path()).await.status, 202);
    let read = given.operator.get(&given.path()).await.document(200);
    assert_eq!(
        (&read["status"], &read["subaccount"]["status"]),
        (&json!("deleting"), &json!("active"))
    );
    // All that is left is what the subaccount is closed by.
    assert!(!given.is_routed(&account).await);
    assert_eq!(given.items().await, ["profile"]);

    faults.remove(fault);
    assert_eq!(given.operator.delete(&given.path()).await.status, 202);
    assert_eq!(account.status().unwrap(), "closed");
    let read = given.operator.get(&given.path()).await.document(200);
    assert_eq!(read["subaccount"]["status"], "closed");
}

#[tokio::test]
async fn a_subaccount_that_twilio_suspended_is_left_and_keeps_no_deletion_waiting() {
    let harness = own().await;
    let given = Given::new(&harness).await;
    let account = given.account();
    account.suspend_for_good();
    given.operator.delete(&given.path()).await;
    assert_eq!(account.status().unwrap(), "suspended");
    let read = given.operator.get(&given.path()).await.document(200);
    assert_eq!(read["subaccount"]["status"], "closed");
}

#[tokio::test]
async fn a_subaccount_of_another_account_of_the_platform_is_not_taken_for_closed() {
    let harness = own().await;
    let given = Given::new(&harness).await;
    let account = given.account();
    let other = format!("AC{}", "9".repeat(32)).parse().unwrap();
    let other = harness.stack.twilio().account(&other);
    let token = "9f".repeat(16);
    other.open(&token);
    let credentials = json!({"account_sid": other.sid().as_str(), "auth_token": token});
    let stored = as_platform(&harness.operator(), Method::PUT, TWILIO, Some(&credentials)).await;
    stored.document(200);
    assert_eq!(given.operator.delete(&given.path()).await.status, 202);
    assert_eq!(account.status().unwrap(), "active");
    let read = given.operator.get(&given.path()).await.document(200);
    assert_eq!(read["subaccount"]["status"], "active");
    assert_eq!(given.items().await, ["profile"]);
}
