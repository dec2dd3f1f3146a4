//! Why there is no token: each reason under its own code, and none where it does not hold.

use std::time::Duration;

use local::double::Misbehaviour;
use local::emulators::faults::{AwsError, Effect, Matching, Times};
use local::twilio::rest::{KeyKind, Permission};
use serde_json::json;
use shared::tenant::TenantId;
use tokio::task::JoinSet;

use super::tokens::Opened;
use crate::harness::Harness;

#[tokio::test]
async fn a_tenant_without_credentials_gets_no_token() {
    let harness = Harness::shared().await;
    let newcomer = harness.newcomer().await;
    let refused = harness.user(&newcomer.id, "member").ask_token().await;
    assert_eq!(refused.refusal(), (409, "credentials_missing"));
}

#[tokio::test]
async fn a_tenant_that_is_not_there_gets_no_token() {
    let harness = Harness::shared().await;
    let nobody: TenantId = "never-created".parse().unwrap();
    let refused = harness.user(&nobody, "member").ask_token().await;
    assert_eq!(refused.refusal(), (404, "tenant_not_found"));
}

#[tokio::test]
async fn without_an_api_key_there_is_no_token() {
    let harness = Harness::shared().await;
    let newcomer = harness.newcomer().await;
    let mut credentials = newcomer.credentials.clone();
    let fields = credentials.as_object_mut().unwrap();
    fields.remove("api_key_sid");
    fields.remove("api_key_secret");
    let path = "/api/integrations/twilio";
    newcomer.admin.put(path, &credentials).await.document(201);
    let refused = harness.user(&newcomer.id, "member").ask_token().await;
    assert_eq!(refused.refusal(), (409, "api_key_missing"));
}

#[tokio::test]
async fn a_restricted_api_key_signs_no_token() {
    let harness = Harness::shared().await;
    for permissions in [
        vec![Permission::ReadNumbers, Permission::WriteNumbers],
        // It could make the App that tokens lead to, and Twilio would take no token of it.
        vec![Permission::ReadApplications, Permission::WriteApplications],
    ] {
        let newcomer = harness.newcomer().await;
        let key = newcomer.account.add_key(KeyKind::Restricted(permissions));
        let mut credentials = newcomer.credentials.clone();
        credentials["api_key_sid"] = json!(key.sid);
        credentials["api_key_secret"] = json!(key.secret);
        let path = "/api/integrations/twilio";
        newcomer.admin.put(path, &credentials).await.document(201);
        let refused = harness.user(&newcomer.id, "member").ask_token().await;
        assert_eq!(refused.refusal(), (409, "api_key_restricted"));
        assert_eq!(newcomer.account.applications().len(), 0);
    }
}

#[tokio::test]
async fn credentials_that_nobody_checked_sign_tokens() {
    let harness = Harness::shared().await;
    let newcomer = harness.newcomer().await;
    let path = "/api/integrations/twilio?verify=false";
    let stored = newcomer.admin.put(path, &newcomer.credentials).await;
    stored.document(201);
    let issued = harness.user(&newcomer.id, "member").take_token().await;
    Opened::of(&newcomer, &issued);
}

#[tokio::test]
async fn a_suspended_tenant_and_one_in_deletion_get_no_token() {
    let harness = Harness::shared().await;
    let (suspended, deleting) = (harness.connected().await, harness.connected().await);
    let operator = harness.operator();
    let path = format!("/api/tenants/{}", suspended.id);
    let change = json!({"status": "suspended"});
    operator.patch(&path, &change).await.document(200);
    let path = format!("/api/tenants/{}", deleting.id);
    operator.delete(&path).await.document(202);
    for (tenant, refusal) in [
        (&suspended, (403, "tenant_suspended")),
        (&deleting, (409, "tenant_deleting")),
    ] {
        let refused = harness.user(&tenant.id, "member").ask_token().await;
        assert_eq!(refused.refusal(), refusal);
    }
}

#[tokio::test]
async fn a_suspended_tenant_without_credentials_is_told_that_it_is_suspended() {
    let harness = Harness::shared().await;
    let newcomer = harness.newcomer().await;
    let path = format!("/api/tenants/{}", newcomer.id);
    let change = json!({"status": "suspended"});
    harness.operator().patch(&path, &change).await.document(200);
    let refused = harness.user(&newcomer.id, "member").ask_token().await;
    assert_eq!(refused.refusal(), (403, "tenant_suspended"));
}

#[tokio::test]
async fn without_twilio_there_is_no_first_token_and_soon_after_it_there_is() {
    let harness = Harness::shared().await;
    let rate_limited = Misbehaviour::TooManyRequests {
        retry_after: Some(60),
    };
    let misbehaviours = [
        (Misbehaviour::Close, 5),
        (Misbehaviour::Unavailable, 5),
        (Misbehaviour::HtmlUnavailable, 5),
        (rate_limited, 60),
    ];
    let tests = misbehaviours
        .into_iter()
        .map(async move |(misbehaviour, wait)| {
            let newcomer = harness.connected().await;
            let member = harness.user(&newcomer.id, "member");
            let fault = newcomer
                .account
                .misbehave(misbehaviour.clone(), Times::Always);
            let refused = member.ask_token().await;
            assert_eq!(
                refused.refusal(),
                (503, "provider_unavailable"),
                "{misbehaviour:?}"
            );
            let told: u64 = refused.header("retry-after").unwrap().parse().unwrap();
            assert_eq!(told, wait, "{misbehaviour:?}");
            harness.stack.twilio().faults().remove(fault);
            // Who comes at once waits until it is sure that no App is about to appear, which is 5 seconds at most.
            let issued = tokio::time::timeout(Duration::from_secs(15), member.take_token());
            Opened::of(&newcomer, &issued.await.unwrap());
            assert_eq!(newcomer.account.applications().len(), 1);
        });
    tests.collect::<JoinSet<()>>().join_all().await;
}

#[tokio::test]
async fn what_twilio_refuses_is_told_as_its_refusal_and_the_next_token_asks_again_at_once() {
    let harness = Harness::shared().await;
    let newcomer = harness.connected().await;
    let member = harness.user(&newcomer.id, "member");
    let refused = async || {
        let refused = member.ask_token().await;
        assert_eq!(refused.refusal(), (502, "provider_refused"));
        refused.body["detail"].as_str().unwrap().to_owned()
    };
    newcomer.account.suspend();
    let detail = refused().await;
    assert!(detail.contains("suspended or closed"), "{detail}");
    newcomer.account.resume();
    let unauthorized = Misbehaviour::Unauthorized;
    let fault = newcomer.account.misbehave(unauthorized, Times::Always);
    let detail = refused().await;
    assert!(detail.contains("does not accept"), "{detail}");
    harness.stack.twilio().faults().remove(fault);
    let issued = member.take_token().await;
    Opened::of(&newcomer, &issued);
}

#[tokio::test]
async fn a_known_app_needs_no_twilio() {
    let harness = Harness::shared().await;
    let newcomer = harness.connected().await;
    let member = harness.user(&newcomer.id, "member");
    let first = member.take_token().await;
    newcomer
        .account
        .misbehave(Misbehaviour::Unavailable, Times::Always);
    let before = newcomer.account.calls().count();
    let later = member.take_token().await;
    let applications =
        [first, later].map(|issued| Opened::of(&newcomer, &issued).application().to_owned());
    assert_eq!(applications[0], applications[1]);
    assert_eq!(newcomer.account.calls().count(), before);
}

#[tokio::test]
async fn a_request_that_cannot_be_counted_gets_no_token() {
    let harness = Harness::shared().await;
    let newcomer = harness.connected().await;
    let member = harness.user(&newcomer.id, "member");
    member.take_token().await;
    let faults = harness.stack.emulators().dynamodb().faults();
    let counter = Matching::writes().partition(format!("{}#limit", newcomer.id));
    let down = Effect::Refuse(AwsError::internal());
    let fault = faults.inject(counter, down, Times::Always);
    let refused = member.ask_token().await;
    faults.remove(fault);
    assert_eq!(refused.refusal(), (503, "unavailable"));
    member.take_token().await;
}

#[tokio::test]
async fn a_process_that_remembers_nothing_issues_no_token_while_the_store_is_down() {
    let harness = Harness::shared().await;
    let newcomer = harness.connected().await;
    let member = harness.user(&newcomer.id, "member");
    let faults = harness.stack.emulators().dynamodb().faults();
    let reads = Matching::reads().partition(format!("{}#tenant", newcomer.id));
    for effect in [
        Effect::Refuse(AwsError::internal()),
        Effect::Refuse(AwsError::throttled()),
        Effect::Drop,
    ] {
        let fault = faults.inject(reads.clone(), effect.clone(), Times::Always);
        let refused = member.ask_token().await;
        faults.remove(fault);
        assert_eq!(refused.refusal(), (503, "unavailable"), "{effect:?}");
    }
    member.take_token().await;
}

#[tokio::test]
async fn an_app_that_the_store_does_not_keep_is_adopted_when_it_does_again() {
    let harness = Harness::shared().await;
    let newcomer = harness.connected().await;
    let member = harness.user(&newcomer.id, "member");
    let faults = harness.stack.emulators().dynamodb().faults();
    let keep = Matching::operations(["TransactWriteItems"]);
    let keep = keep.partition(format!("{}#tenant", newcomer.id));
    let down = Effect::Refuse(AwsError::internal());
    let fault = faults.inject(keep, down, Times::Always);
    let refused = member.ask_token().await;
    faults.remove(fault);
    assert_eq!(refused.refusal(), (503, "unavailable"));
    assert_eq!(newcomer.account.applications().len(), 1);
    let issued = member.take_token().await;
    let applications = newcomer.account.applications();
    assert_eq!(applications.len(), 1);
    let opened = Opened::of(&newcomer, &issued);
    assert_eq!(applications[0]["sid"], opened.application());
}
