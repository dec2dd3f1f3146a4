//! Changes of a tenant's credentials and status: in force at every warm `token` process with its very next request.

use std::sync::OnceLock;

use local::emulators::faults::{Effect, Matching, Times};
use local::twilio::rest::KeyKind;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::caller::Answer;
use super::onboarding::Newcomer;
use super::tokens::Opened;
use crate::client_api::TWILIO;
use crate::harness::Harness;

/// As many processes as there are, each in the middle of its own request.
const PROCESSES: usize = 4;

/// A stack whose functions have this many processes, so that so many requests at once reach them all.
async fn stack() -> &'static Harness {
    static STACK: OnceLock<Harness> = OnceLock::new();
    Harness::once(&STACK, |options| options.concurrency = PROCESSES).await
}

/// Takes tokens at all processes, a few at each.
async fn ask_all(harness: &'static Harness, newcomer: &Newcomer) -> Vec<Answer> {
    let mut asked = JoinSet::new();
    for _ in 0..4 * PROCESSES {
        let member = harness.user(&newcomer.id, "member");
        asked.spawn(async move { member.ask_token().await });
    }
    asked.join_all().await
}

/// A tenant that all processes have issued tokens for.
async fn warm(harness: &'static Harness) -> Newcomer {
    let newcomer = harness.connected().await;
    for answer in ask_all(harness, &newcomer).await {
        answer.document(200);
    }
    newcomer
}

async fn all_refuse(harness: &'static Harness, newcomer: &Newcomer, refusal: (u16, &str)) {
    for answer in ask_all(harness, newcomer).await {
        assert_eq!(answer.refusal(), refusal);
    }
}

async fn all_issue(harness: &'static Harness, newcomer: &Newcomer) {
    for answer in ask_all(harness, newcomer).await {
        let opened = Opened::of(newcomer, &answer.document(200));
        assert_eq!(opened.claims["iss"], newcomer.credentials["api_key_sid"]);
    }
}

/// Enters another API key.
fn with_new_key(newcomer: &mut Newcomer) -> Value {
    let key = newcomer.account.add_key(KeyKind::Standard);
    newcomer.credentials["api_key_sid"] = json!(key.sid);
    newcomer.credentials["api_key_secret"] = json!(key.secret);
    json!({"api_key_sid": key.sid, "api_key_secret": key.secret})
}

async fn set_status(harness: &Harness, newcomer: &Newcomer, status: &str) {
    let path = format!("/api/tenants/{}", newcomer.id);
    let change = json!({"status": status});
    harness.operator().patch(&path, &change).await.document(200);
}

#[tokio::test]
async fn credentials_that_replace_others_sign_the_next_token() {
    let harness = stack().await;
    let mut newcomer = warm(harness).await;
    for _ in 0..3 {
        with_new_key(&mut newcomer);
        newcomer.store().await.document(200);
        all_issue(harness, &newcomer).await;
    }
}

#[tokio::test]
async fn a_key_that_was_changed_alone_signs_the_next_token() {
    let harness = stack().await;
    let mut newcomer = warm(harness).await;
    let change = with_new_key(&mut newcomer);
    newcomer.admin.patch(TWILIO, &change).await.document(200);
    all_issue(harness, &newcomer).await;
    let none = json!({"api_key_sid": null, "api_key_secret": null});
    newcomer.admin.patch(TWILIO, &none).await.document(200);
    all_refuse(harness, &newcomer, (409, "api_key_missing")).await;
}

#[tokio::test]
async fn deleted_credentials_sign_no_further_token() {
    let harness = stack().await;
    let newcomer = warm(harness).await;
    newcomer.admin.delete(TWILIO).await.document(204);
    all_refuse(harness, &newcomer, (409, "credentials_missing")).await;
    newcomer.store().await.document(201);
    all_issue(harness, &newcomer).await;
}

#[tokio::test]
async fn credentials_that_a_second_check_found_invalid_sign_no_further_token_until_one_finds_them_valid()
 {
    let harness = stack().await;
    let newcomer = warm(harness).await;
    let auth_token = newcomer.account.auth_token().unwrap();
    newcomer
        .account
        .set_auth_token("ffffffffffffffffffffffffffffffff");
    let verify = async || {
        let path = format!("{TWILIO}/verify");
        let verified = newcomer.admin.post(&path, &json!({})).await.document(200);
        verified["outcome"].as_str().unwrap().to_owned()
    };
    assert_eq!(verify().await, "invalid");
    all_issue(harness, &newcomer).await;
    assert_eq!(verify().await, "invalid");
    all_refuse(harness, &newcomer, (409, "credentials_inactive")).await;
    newcomer.account.set_auth_token(&auth_token);
    assert_eq!(verify().await, "valid");
    all_issue(harness, &newcomer).await;
}

#[tokio::test]
async fn a_suspended_tenant_gets_no_further_token_until_it_is_resumed() {
    let harness = stack().await;
    let newcomer = warm(harness).await;
    for _ in 0..2 {
        set_status(harness, &newcomer, "suspended").await;
        all_refuse(harness, &newcomer, (403, "tenant_suspended")).await;
        set_status(harness, &newcomer, "active").await;
        all_issue(harness, &newcomer).await;
    }
}

#[tokio::test]
async fn a_tenant_whose_deletion_was_asked_for_gets_no_further_token() {
    let harness = stack().await;
    let newcomer = warm(harness).await;
    let path = format!("/api/tenants/{}", newcomer.id);
    for _ in 0..2 {
        harness.operator().delete(&path).await.document(202);
        all_refuse(harness, &newcomer, (409, "tenant_deleting")).await;
    }
}

/// A tenant that all processes have issued tokens for, with the credentials of another, of which nobody proved that they are its
/// own; and that other tenant.
async fn warm_without_proof(harness: &'static Harness) -> (Newcomer, Newcomer) {
    let (mut loser, owner) = (harness.newcomer().await, harness.newcomer().await);
    loser.credentials = owner.credentials.clone();
    let path = format!("{TWILIO}?verify=false");
    let stored = loser.admin.put(&path, &loser.credentials).await;
    stored.document(201);
    for answer in ask_all(harness, &loser).await {
        answer.document(200);
    }
    (loser, owner)
}

#[tokio::test]
async fn a_tenant_that_loses_its_account_to_who_proved_it_gets_no_further_token() {
    let harness = stack().await;
    let (loser, owner) = warm_without_proof(harness).await;
    owner.store().await.document(201);
    all_refuse(harness, &loser, (409, "credentials_inactive")).await;
    all_issue(harness, &owner).await;
}

#[tokio::test]
async fn a_change_whose_answer_is_lost_is_in_force_with_the_next_token() {
    let harness = stack().await;
    let faults = harness.stack.emulators().dynamodb().faults();
    let lose_answers_of = |newcomer: &Newcomer| {
        let writes = Matching::operations(["TransactWriteItems"]);
        let writes = writes.partition(format!("{}#tenant", newcomer.id));
        faults.inject(writes, Effect::LoseAnswer, Times::Always)
    };
    let (loser, owner) = warm_without_proof(harness).await;
    let fault = lose_answers_of(&owner);
    let stored = owner.store().await;
    assert_eq!(stored.refusal(), (503, "unavailable"));
    faults.remove(fault);
    all_refuse(harness, &loser, (409, "credentials_inactive")).await;

    let deleted = warm(harness).await;
    let fault = lose_answers_of(&deleted);
    let answer = deleted.admin.delete(TWILIO).await;
    assert_eq!(answer.refusal(), (503, "unavailable"));
    faults.remove(fault);
    all_refuse(harness, &deleted, (409, "credentials_missing")).await;

    let suspended = warm(harness).await;
    let fault = lose_answers_of(&suspended);
    let path = format!("/api/tenants/{}", suspended.id);
    let change = json!({"status": "suspended"});
    let answer = harness.operator().patch(&path, &change).await;
    assert_eq!(answer.refusal(), (503, "unavailable"));
    faults.remove(fault);
    all_refuse(harness, &suspended, (403, "tenant_suspended")).await;
}
