//! What is told of credentials: that they are used no longer, and that they are used again.

use serde_json::json;

use super::{Listener, say_something};
use crate::client_api::TWILIO;
use crate::client_api::onboarding::Newcomer;
use crate::harness::Harness;

const VERIFY: &str = "/api/integrations/twilio/verify";

/// A check of the stored credentials, and what it finds.
async fn check(newcomer: &Newcomer) -> String {
    let checked = newcomer.admin.post(VERIFY, &json!({})).await.document(200);
    checked["outcome"].as_str().unwrap().to_owned()
}

/// The types of all that is told of a newcomer's credentials, sorted: what is told of two items comes in any order.
async fn told(harness: &Harness, newcomer: &Newcomer, listener: &Listener) -> Vec<String> {
    say_something(&newcomer.tenant(harness), listener).await;
    harness.published().await;
    let types = listener.heard().into_iter().map(|event| event.detail_type);
    let mut types: Vec<_> = types
        .filter(|name| name.starts_with("credential."))
        .collect();
    types.sort();
    types
}

#[tokio::test]
async fn credentials_that_fail_are_told_once_and_once_when_they_work_again() {
    let harness = Harness::shared().await;
    let newcomer = harness.connected().await;
    let listener = Listener::start(harness, &newcomer.id);
    newcomer.account.suspend();
    assert_eq!(check(&newcomer).await, "invalid");
    for _ in 0..2 {
        assert_eq!(check(&newcomer).await, "invalid");
    }
    let failed = listener
        .hear(|event| event.detail_type == "credential.failed")
        .await;
    assert_eq!(failed.detail["data"]["provider"], "twilio");
    assert_eq!(failed.detail["data"]["reason"], "invalid");
    let error = failed.detail["data"]["error"].as_str().unwrap();
    assert!(error.contains("suspended"), "{error}");

    newcomer.account.resume();
    for _ in 0..2 {
        assert_eq!(check(&newcomer).await, "valid");
    }
    let recovered = listener
        .hear(|event| event.detail_type == "credential.recovered")
        .await;
    assert_eq!(
        recovered.detail["data"],
        json!({"provider": "twilio", "outcome": "valid"})
    );
    assert_eq!(
        told(harness, &newcomer, &listener).await,
        ["credential.failed", "credential.recovered"]
    );
}

#[tokio::test]
async fn one_check_that_finds_credentials_invalid_is_not_told() {
    let harness = Harness::shared().await;
    let newcomer = harness.connected().await;
    let listener = Listener::start(harness, &newcomer.id);
    newcomer.account.suspend();
    assert_eq!(check(&newcomer).await, "invalid");
    newcomer.account.resume();
    assert_eq!(check(&newcomer).await, "valid");
    assert_eq!(told(harness, &newcomer, &listener).await, [""; 0]);
}

#[tokio::test]
async fn what_people_do_with_credentials_that_work_is_not_told() {
    let harness = Harness::shared().await;
    let newcomer = harness.connected().await;
    let listener = Listener::start(harness, &newcomer.id);
    newcomer.store().await.document(200);
    let sender = json!({"phone_number": "+15005550006"});
    newcomer.admin.patch(TWILIO, &sender).await.document(200);
    assert_eq!(newcomer.admin.delete(TWILIO).await.status, 204);
    newcomer.store().await.document(201);
    assert_eq!(told(harness, &newcomer, &listener).await, [""; 0]);
}

#[tokio::test]
async fn credentials_that_are_stored_over_failed_ones_are_told_to_work_again() {
    let harness = Harness::shared().await;
    let newcomer = harness.connected().await;
    let listener = Listener::start(harness, &newcomer.id);
    newcomer.account.suspend();
    for _ in 0..2 {
        assert_eq!(check(&newcomer).await, "invalid");
    }
    newcomer.account.resume();
    newcomer.store().await.document(200);
    listener
        .hear_all(&[("credential.failed", 1), ("credential.recovered", 1)])
        .await;
    assert_eq!(
        told(harness, &newcomer, &listener).await,
        ["credential.failed", "credential.recovered"]
    );
}

#[tokio::test]
async fn a_take_over_is_told_to_the_tenant_that_loses_and_to_nobody_else() {
    let harness = Harness::shared().await;
    let (owner, squatter) = (harness.newcomer().await, harness.newcomer().await);
    let claim = json!({
        "account_sid": owner.account.sid().as_str(), "auth_token": "an-invented-auth-token",
    });
    let unchecked = format!("{TWILIO}?verify=false");
    squatter.admin.put(&unchecked, &claim).await.document(201);
    let (of_owner, of_squatter) = (
        Listener::start(harness, &owner.id),
        Listener::start(harness, &squatter.id),
    );
    owner.store().await.document(201);
    let failed = of_squatter
        .hear(|event| event.detail_type == "credential.failed")
        .await;
    assert_eq!(failed.detail["data"]["reason"], "taken_over");
    assert!(!failed.detail.to_string().contains(owner.id.as_str()));
    assert_eq!(told(harness, &owner, &of_owner).await, [""; 0]);
    assert_eq!(of_squatter.heard().len(), 1);
}
