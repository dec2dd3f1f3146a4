//! Tenants that name another's account, whose SID is no secret, and give it up again: whoever proves it gets it all the same.

use local::http_client;
use local::twilio::{Account, WebhookSender};
use serde_json::json;
use shared::activity::Route;
use shared::secret::Secret;

use super::onboarding::Newcomer;
use crate::client_api::TWILIO;
use crate::harness::{Harness, Tenant};
use crate::traffic::{RawRequest, event, facts};

const UNCHECKED: &str = "/api/integrations/twilio?verify=false";
const INVENTED: &str = "an-invented-auth-token";

/// Names the account as the squatter's, without proof.
async fn squat(squatter: &Newcomer, owner: &Newcomer) {
    let claim = json!({"account_sid": owner.account.sid().as_str(), "auth_token": INVENTED});
    squatter.admin.put(UNCHECKED, &claim).await.document(201);
}

/// The status of an SMS to the account that is signed with the token a tenant entered, and whether it is kept as this tenant's.
async fn sms(tenant: &Tenant) -> (u16, bool) {
    let sms = event(tenant, Route::Sms);
    let webhook = &sms.webhook;
    let request = RawRequest::signed(&webhook.url, &webhook.parameters, tenant.token());
    let answer = request.insist(&http_client::client()).await;
    (answer.status, facts(tenant, &sms.resource).await == 1)
}

#[tokio::test]
async fn who_names_an_account_and_gives_it_up_over_and_over_does_not_keep_its_owner_out() {
    let harness = Harness::shared().await;
    let (squatter, owner) = (harness.newcomer().await, harness.newcomer().await);
    for _ in 0..3 {
        squat(&squatter, &owner).await;
        squatter.admin.delete(TWILIO).await.document(204);
    }
    // Who has no proof either waits as ever.
    let other = harness.newcomer().await;
    let claim = json!({"account_sid": owner.account.sid().as_str(), "auth_token": INVENTED});
    let refused = other.admin.put(UNCHECKED, &claim).await;
    assert_eq!(refused.refusal(), (409, "account_taken"));

    let stored = owner.store().await.document(201);
    assert_eq!(stored["status"], "valid");
    assert_eq!(owner.standing(harness).await, Some((true, false)));
    let refused = squatter.admin.put(UNCHECKED, &claim).await;
    assert_eq!(refused.refusal(), (409, "account_taken"));
}

#[tokio::test]
async fn an_account_that_a_squatter_moved_away_from_or_was_deleted_with_is_its_owners_at_once() {
    let harness = Harness::shared().await;
    let (mover, moved) = (harness.newcomer().await, harness.newcomer().await);
    squat(&mover, &moved).await;
    mover.store().await.document(200);
    moved.store().await.document(201);
    assert_eq!(moved.standing(harness).await, Some((true, false)));

    let (deleted, owner) = (harness.newcomer().await, harness.newcomer().await);
    squat(&deleted, &owner).await;
    let path = format!("/api/tenants/{}", deleted.id);
    harness.operator().delete(&path).await.document(202);
    owner.store().await.document(201);
    assert_eq!(owner.standing(harness).await, Some((true, false)));
}

#[tokio::test]
async fn an_account_that_was_proven_rests_also_for_one_who_can_prove_it() {
    let harness = Harness::shared().await;
    let (first, second) = (harness.connected().await, harness.newcomer().await);
    first.admin.delete(TWILIO).await.document(204);
    let refused = second.admin.put(TWILIO, &first.credentials).await;
    assert_eq!(refused.refusal(), (409, "account_taken"));
    assert_eq!(first.standing(harness).await, None);
    first.store().await.document(201);
}

#[tokio::test]
async fn webhooks_of_the_account_are_the_owners_though_warm_functions_knew_who_gave_it_up() {
    let harness = Harness::shared().await;
    let (squatter, owner) = (harness.newcomer().await, harness.newcomer().await);
    squat(&squatter, &owner).await;
    let mut squatting = squatter.tenant(harness);
    let account = Account::new(owner.account.sid().clone(), Secret::from(INVENTED));
    squatting.sender = WebhookSender::new(account.clone());
    squatting.target.account = account;
    // Warm: the functions know whose the account is.
    assert_eq!(sms(&squatting).await, (200, true));
    squatter.admin.delete(TWILIO).await.document(204);
    owner.store().await.document(201);
    let owning = owner.tenant(harness);
    // The signature does not match what they know, so that they look again.
    assert_eq!(sms(&owning).await, (200, true));
    assert_eq!(sms(&squatting).await, (403, false));
}
