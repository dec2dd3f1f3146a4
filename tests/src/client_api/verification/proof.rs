//! Whose an account is while a part of a check cannot be told: the auth token proves it, whatever comes of the rest.

use local::double::Misbehaviour;
use local::emulators::faults::{Matching, Times};
use serde_json::{Value, json};

use super::{ACCOUNT, APPLICATIONS, TWILIO, audited, stored, verified};
use crate::client_api::onboarding::Newcomer;
use crate::harness::Harness;

/// Makes Twilio ask for patience about one operation of an account, for longer than anybody waits.
fn throttle(harness: &Harness, newcomer: &Newcomer, operation: &str) {
    let busy = Misbehaviour::TooManyRequests {
        retry_after: Some(60),
    };
    let matching = Matching::operations([operation]).on(newcomer.account.sid().as_str());
    let faults = harness.stack.twilio().faults();
    faults.inject(matching, busy, Times::Always);
}

/// Another tenant, whose admin enters the same account without its auth token.
async fn squatter(harness: &Harness, owner: &Newcomer) -> Newcomer {
    let mut squatter = harness.newcomer().await;
    squatter.credentials = json!({
        "account_sid": owner.account.sid().as_str(), "auth_token": "5".repeat(32),
    });
    squatter
}

async fn store_unchecked(newcomer: &Newcomer) -> (u16, Value) {
    let path = format!("{TWILIO}?verify=false");
    let answer = newcomer.admin.put(&path, &newcomer.credentials).await;
    (answer.status, answer.body)
}

#[tokio::test]
async fn an_owner_whose_key_cannot_be_asked_about_takes_the_account_from_a_squatter() {
    let harness = Harness::shared().await;
    let owner = harness.newcomer().await;
    let squatter = squatter(harness, &owner).await;
    assert_eq!(store_unchecked(&squatter).await.0, 201);
    throttle(harness, &owner, APPLICATIONS);
    let entered = owner.store().await.document(201);
    assert_eq!(entered["status"], "rate_limited");
    assert_eq!(entered["is_active"], true);
    assert!(entered.get("proves_account").is_none());
    assert_eq!(stored(&squatter).await["is_active"], false);
    for tenant in [&owner, &squatter] {
        let log = audited(tenant).await;
        assert!(log.contains(&"account_taken_over".to_owned()), "{log:?}");
    }
    // And it is proven now: nobody else gets it.
    let (status, refusal) = store_unchecked(&squatter).await;
    assert_eq!((status, &refusal["code"]), (409, &json!("account_taken")));
}

#[tokio::test]
async fn a_check_on_demand_proves_the_account_when_only_the_key_cannot_be_asked_about() {
    let harness = Harness::shared().await;
    let owner = harness.newcomer().await;
    assert_eq!(store_unchecked(&owner).await.0, 201);
    throttle(harness, &owner, APPLICATIONS);
    assert_eq!(verified(&owner).await["outcome"], "rate_limited");
    assert_eq!(stored(&owner).await["status"], "rate_limited");
    // Were it held provisionally, who shows the same auth token would have it.
    let mut other = harness.newcomer().await;
    other.credentials = owner.credentials.clone();
    let refused = other.store().await;
    assert_eq!(refused.refusal(), (409, "account_taken"));
}

#[tokio::test]
async fn an_account_that_cannot_be_asked_about_is_not_taken_by_a_key_that_works() {
    let harness = Harness::shared().await;
    let owner = harness.newcomer().await;
    let squatter = squatter(harness, &owner).await;
    assert_eq!(store_unchecked(&squatter).await.0, 201);
    throttle(harness, &owner, ACCOUNT);
    let refused = owner.store().await;
    assert_eq!(refused.refusal(), (409, "account_taken"));
    assert_eq!(stored(&squatter).await["is_active"], true);
}
