//! Whose a Twilio account is: who proves it has it, also over one who only said so.

use local::twilio::{Account, WebhookSender};
use serde_json::{Value, json};
use shared::secret::Secret;
use shared::sid::MessageSid;

use super::onboarding::Newcomer;
use super::webhooks_in_force::single;
use crate::client_api::TWILIO;
use crate::harness::{Harness, Tenant};

const UNCHECKED: &str = "/api/integrations/twilio?verify=false";
const VERIFY: &str = "/api/integrations/twilio/verify";
/// The token that the one enters who has none of the account.
const INVENTED: &str = "an-invented-auth-token";

/// A tenant that stored the account of another without proof.
async fn squatter(harness: &Harness, owner: &Newcomer) -> Newcomer {
    let squatter = harness.newcomer().await;
    let claim = json!({"account_sid": owner.account.sid().as_str(), "auth_token": INVENTED});
    squatter.admin.put(UNCHECKED, &claim).await.document(201);
    squatter
}

/// The entries of a tenant's log about accounts that changed hands: actor, target and detail.
async fn take_overs(newcomer: &Newcomer) -> Vec<[String; 3]> {
    let audit = newcomer.audit().await.into_iter();
    let take_overs = audit.filter(|[action, ..]| action == "account_taken_over");
    take_overs
        .map(|[_, actor, target, detail]| [actor, target, detail])
        .collect()
}

/// Asserts that the account went from one to the other, and that both can read so.
async fn assert_taken(harness: &Harness, owner: &Newcomer, squatter: &Newcomer) {
    assert_eq!(owner.standing(harness).await, Some((true, false)));
    let lost = squatter.admin.get(TWILIO).await.document(200);
    assert_eq!(
        (&lost["is_active"], &lost["version"]),
        (&json!(false), &json!(1))
    );
    let reason = lost["verification_error"].as_str().unwrap();
    assert!(reason.contains("another tenant proved"), "{reason}");
    let sid = owner.account.sid().to_string();
    let theirs = take_overs(owner).await;
    let [[actor, target, detail]] = theirs.as_slice() else {
        panic!("{theirs:?}")
    };
    assert!(actor.starts_with("user:admin-"), "{actor}");
    assert_eq!(*target, sid);
    assert!(detail.contains("without having proved it"), "{detail}");
    let ours = take_overs(squatter).await;
    let [[actor, target, detail]] = ours.as_slice() else {
        panic!("{ours:?}")
    };
    // Neither learns who the other is.
    assert_eq!(actor, "function:credentials");
    assert_eq!(*target, sid);
    assert!(detail.contains("another tenant proved"), "{detail}");
    for (log, other) in [(theirs, squatter), (ours, owner)] {
        assert!(!format!("{log:?}").contains(other.id.as_str()));
    }
}

/// A message to the account's number as Twilio signs it with this token; its SID and how it was answered.
async fn receive(tenant: &Tenant) -> (MessageSid, Option<u16>) {
    let message = tenant.sms("Hello");
    let exchange = tenant.receive_sms(&message).await;
    (message.sid.clone(), exchange.status())
}

/// Whether a message is filed under a tenant.
async fn is_filed(tenant: &Tenant, sid: &MessageSid) -> bool {
    let stored = tenant.console.message(&tenant.id, sid).await.unwrap();
    stored.is_some()
}

#[tokio::test]
async fn an_account_that_was_stored_without_proof_goes_to_the_tenant_whose_check_succeeds() {
    let harness = Harness::shared().await;
    let owner = harness.newcomer().await;
    let squatter = squatter(harness, &owner).await;
    assert_eq!(
        squatter.standing_of(harness, &owner).await,
        Some((true, true))
    );
    let stored = owner.store().await.document(201);
    assert_eq!(
        (&stored["status"], &stored["is_active"]),
        (&json!("valid"), &json!(true))
    );
    assert_taken(harness, &owner, &squatter).await;

    // The loser's credentials act no more, do not come back by a check, and cannot be stored again.
    let token = squatter.admin.post("/api/token", &json!({})).await;
    assert_eq!(token.refusal(), (409, "credentials_inactive"));
    let checked = squatter.admin.post(VERIFY, &json!({})).await.document(200);
    assert_eq!(checked["outcome"], "invalid");
    let again = squatter.admin.patch(UNCHECKED, &json!({})).await;
    assert_eq!(again.refusal(), (409, "account_taken"));
    owner
        .admin
        .post("/api/token", &json!({}))
        .await
        .document(200);
    // It may enter an account of its own.
    let own = squatter.store().await.document(200);
    assert_eq!(
        (&own["is_active"], &own["verification_error"]),
        (&json!(true), &Value::Null)
    );
}

#[tokio::test]
async fn a_check_on_demand_takes_an_account_over_as_storing_does() {
    let harness = Harness::shared().await;
    let owner = harness.newcomer().await;
    let first = harness.newcomer().await;
    first
        .admin
        .put(UNCHECKED, &owner.credentials)
        .await
        .document(201);
    // Without proof the second to come gets nothing.
    let refused = owner.admin.put(UNCHECKED, &owner.credentials).await;
    assert_eq!(refused.refusal(), (409, "account_taken"));
    let missing = owner.admin.get(TWILIO).await;
    assert_eq!(missing.refusal(), (404, "integration_not_found"));
    // The first can prove it after all.
    let checked = first.admin.post(VERIFY, &json!({})).await.document(200);
    assert_eq!(checked["outcome"], "valid");
    assert_eq!(
        first.standing_of(harness, &owner).await,
        Some((true, false))
    );
    assert_eq!(owner.store().await.refusal(), (409, "account_taken"));
    assert!(take_overs(&first).await.is_empty());
}

#[tokio::test]
async fn a_proven_account_is_refused_to_others_also_with_valid_credentials() {
    let harness = Harness::shared().await;
    let owner = harness.connected().await;
    let other = harness.newcomer().await;
    for path in [TWILIO, UNCHECKED] {
        let refused = other.admin.put(path, &owner.credentials).await;
        assert_eq!(refused.refusal(), (409, "account_taken"), "{path}");
        assert!(!refused.body.to_string().contains(owner.id.as_str()));
    }
    let missing = other.admin.get(TWILIO).await;
    assert_eq!(missing.refusal(), (404, "integration_not_found"));
    assert_eq!(owner.standing(harness).await, Some((true, false)));
    let kept = owner.admin.get(TWILIO).await.document(200);
    assert_eq!(
        (&kept["is_active"], &kept["version"]),
        (&json!(true), &json!(1))
    );
}

#[tokio::test]
async fn a_proven_account_is_lost_only_after_its_tenant_replaced_the_secrets_without_proof() {
    let harness = Harness::shared().await;
    let first = harness.connected().await;
    let second = harness.newcomer().await;
    let sender = json!({"phone_number": "+15005550009"});
    first.admin.patch(UNCHECKED, &sender).await.document(200);
    let refused = second.admin.put(TWILIO, &first.credentials).await;
    assert_eq!(refused.refusal(), (409, "account_taken"));
    let invented = json!({"auth_token": INVENTED});
    let changed = first.admin.patch(UNCHECKED, &invented).await.document(200);
    assert_eq!(changed["status"], Value::Null);
    second
        .admin
        .put(TWILIO, &first.credentials)
        .await
        .document(201);
    let lost = first.admin.get(TWILIO).await.document(200);
    assert_eq!(lost["is_active"], false);
}

#[tokio::test]
async fn webhooks_of_the_account_reach_the_winner_though_warm_functions_knew_the_loser() {
    let harness = single().await;
    let owner = harness.newcomer().await;
    let squatter = squatter(harness, &owner).await;
    let mut invented = squatter.tenant(harness);
    let account = Account::new(owner.account.sid().clone(), Secret::from(INVENTED));
    invented.sender = WebhookSender::new(account.clone());
    invented.target.account = account;
    let real = owner.tenant(harness);
    // It says whose the account is to the function's one process.
    let (sid, status) = receive(&invented).await;
    assert_eq!(status, Some(200));
    assert!(is_filed(&invented, &sid).await);

    owner.store().await.document(201);

    let (sid, status) = receive(&real).await;
    assert_eq!(status, Some(200));
    assert!(is_filed(&real, &sid).await);
    assert!(!is_filed(&invented, &sid).await);
    let (_, status) = receive(&invented).await;
    assert_eq!(status, Some(403));
}

#[tokio::test]
async fn a_tenant_that_changes_its_account_gives_the_old_one_up() {
    let harness = Harness::shared().await;
    let (first, spare) = (harness.connected().await, harness.newcomer().await);
    let moved = first
        .admin
        .put(TWILIO, &spare.credentials)
        .await
        .document(200);
    assert_eq!(moved["config"]["account_sid"], spare.account.sid().as_str());
    assert_eq!(
        (&moved["version"], &moved["status"]),
        (&json!(2), &json!("valid"))
    );
    assert_eq!(first.standing(harness).await, None);
    assert_eq!(
        first.standing_of(harness, &spare).await,
        Some((true, false))
    );
    // Its Apps are of its new account from now on.
    first
        .admin
        .post("/api/token", &json!({}))
        .await
        .document(200);
    assert_eq!(spare.account.applications().len(), 1);
    assert_eq!(first.account.applications().len(), 0);
    // The old one is free again for nobody but itself, as long as warm functions may know it.
    let other = harness.newcomer().await;
    let early = other.admin.put(TWILIO, &first.credentials).await;
    assert_eq!(early.refusal(), (409, "account_taken"));
    let back = first.admin.patch(TWILIO, &first.credentials).await;
    let back = back.document(200);
    assert_eq!(back["status"], "valid");
    assert_eq!(first.standing(harness).await, Some((true, false)));
    assert_eq!(first.standing_of(harness, &spare).await, None);
}

#[tokio::test]
async fn of_two_who_prove_the_same_account_at_once_one_gets_it() {
    let harness = Harness::shared().await;
    let (one, other) = (harness.newcomer().await, harness.newcomer().await);
    let (first, second) = tokio::join!(
        one.admin.put(TWILIO, &one.credentials),
        other.admin.put(TWILIO, &one.credentials),
    );
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409], "{first:?} {second:?}");
    let is_first = first.status == 201;
    assert_eq!(one.standing(harness).await, Some((is_first, false)));
}
