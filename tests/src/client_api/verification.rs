//! Live checks of Twilio credentials: what Twilio answers, what is made of it, what is kept, and which calls it took.

mod fates;
mod proof;
mod use_of_credentials;

use std::collections::BTreeMap;

use local::double::Misbehaviour;
use local::emulators::faults::{Matching, Times};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::caller::Answer;
use super::onboarding::Newcomer;
use crate::client_api::TWILIO;
use crate::harness::Harness;

const VERIFY: &str = "/api/integrations/twilio/verify";

/// The calls that a check may make: none changes, sends or costs anything.
const ACCOUNT: &str = "GET /2010-04-01/Accounts/{AC}.json";
const APPLICATIONS: &str = "GET /2010-04-01/Accounts/{AC}/Applications.json";
const KEY: &str = "GET /2010-04-01/Accounts/{AC}/Keys/{SK}.json";
const POLICY: &str = "GET /v1/Keys/{SK}";

/// What valid credentials with an API key can do.
const ALL: &[&str] = &["receive_webhooks", "call_api", "issue_tokens"];

/// A request, with what it asked of Twilio in the tenant's name: each operation, and how often.
async fn counted<T>(
    harness: &Harness,
    newcomer: &Newcomer,
    request: impl Future<Output = T>,
) -> (T, BTreeMap<String, usize>) {
    let wire = harness.stack.twilio().wire();
    let mark = wire.mark();
    let outcome = request.await;
    let mut asked = BTreeMap::new();
    for call in wire
        .since(mark)
        .resource(newcomer.account.sid().as_str())
        .iter()
    {
        *asked.entry(call.operation.clone()).or_default() += 1;
    }
    (outcome, asked)
}

fn operations(expected: &[(&str, usize)]) -> BTreeMap<String, usize> {
    let expected = expected.iter();
    expected
        .map(|(operation, count)| ((*operation).to_owned(), *count))
        .collect()
}

async fn verified(newcomer: &Newcomer) -> Value {
    let answer = newcomer.admin.send(reqwest::Method::POST, VERIFY, |it| it);
    answer.await.document(200)
}

async fn stored(newcomer: &Newcomer) -> Value {
    newcomer.admin.get(TWILIO).await.document(200)
}

/// The actions of the tenant's audit log, the newest first.
async fn audited(newcomer: &Newcomer) -> Vec<String> {
    let log = newcomer.admin.get("/api/audit").await.document(200);
    let entries = log["items"].as_array().unwrap();
    let actions = entries.iter().map(|entry| entry["action"].as_str());
    actions.map(|action| action.unwrap().to_owned()).collect()
}

async fn token(harness: &Harness, newcomer: &Newcomer) -> Answer {
    let member = harness.user(&newcomer.id, "member");
    member.post("/api/token", &json!({})).await
}

/// Everything that Twilio may do with all requests of an account, how it is judged, and how often each call is made for it.
fn misbehaviours() -> Vec<(Misbehaviour, &'static str, usize)> {
    let limited = |retry_after| Misbehaviour::TooManyRequests { retry_after };
    vec![
        (Misbehaviour::Unauthorized, "invalid", 1),
        (Misbehaviour::NotFound, "invalid", 1),
        // Longer than anybody waits for the answer.
        (limited(Some(60)), "rate_limited", 1),
        (limited(None), "rate_limited", 4),
        (Misbehaviour::InternalError, "unreachable", 4),
        (Misbehaviour::Unavailable, "unreachable", 4),
        (Misbehaviour::Html(200), "unreachable", 1),
        (Misbehaviour::Html(401), "unreachable", 1),
        (Misbehaviour::Html(403), "unreachable", 1),
        (Misbehaviour::Html(404), "unreachable", 1),
        (Misbehaviour::Html(502), "unreachable", 4),
        (Misbehaviour::Garbled, "unreachable", 1),
        (Misbehaviour::Close, "unreachable", 4),
        (Misbehaviour::CutShort, "unreachable", 4),
    ]
}

/// What a check asks of an account of which every request is answered so.
fn asked_of(misbehaviour: &Misbehaviour, attempts: usize) -> BTreeMap<String, usize> {
    let mut asked = operations(&[(ACCOUNT, attempts), (APPLICATIONS, attempts)]);
    // A key that is refused is asked about, to say which half of it is wrong.
    if *misbehaviour == Misbehaviour::Unauthorized {
        asked.insert(KEY.to_owned(), 1);
    }
    asked
}

#[tokio::test]
async fn on_entry_only_what_twilio_itself_says_of_them_keeps_credentials_out() {
    let harness = Harness::shared().await;
    let mut cases = JoinSet::new();
    for (misbehaviour, outcome, attempts) in misbehaviours() {
        cases.spawn(async move {
            let newcomer = harness.newcomer().await;
            let always = Times::Always;
            let fault = newcomer.account.misbehave(misbehaviour.clone(), always);
            let (answer, asked) = counted(harness, &newcomer, newcomer.store()).await;
            assert_eq!(asked, asked_of(&misbehaviour, attempts), "{misbehaviour:?}");
            harness.stack.twilio().faults().remove(fault);
            if outcome == "invalid" {
                assert_eq!(answer.refusal(), (422, "credentials_invalid"));
                let missing = newcomer.admin.get(TWILIO).await;
                assert_eq!(missing.status, 404, "{misbehaviour:?}");
                assert!(
                    !audited(&newcomer)
                        .await
                        .contains(&"credential_stored".to_owned())
                );
                return;
            }
            let entered = answer.document(201);
            assert_eq!(entered, stored(&newcomer).await, "{misbehaviour:?}");
            assert_eq!(entered["status"], outcome, "{misbehaviour:?}");
            assert_eq!(entered["is_active"], true);
            assert_eq!(entered["capabilities"], json!([]));
            assert!(entered["verification_error"].is_string());
            assert!(entered["last_verified_at"].is_string());
            // Nothing was found against them: they work as soon as Twilio does.
            token(harness, &newcomer).await.document(200);
        });
    }
    cases.join_all().await;
}

#[tokio::test]
async fn on_demand_what_is_no_word_of_twilios_leaves_credentials_as_they_were() {
    let harness = Harness::shared().await;
    let mut cases = JoinSet::new();
    for (misbehaviour, outcome, attempts) in misbehaviours() {
        cases.spawn(async move {
            let newcomer = harness.connected().await;
            let before = stored(&newcomer).await;
            let always = Times::Always;
            newcomer.account.misbehave(misbehaviour.clone(), always);
            let (found, asked) = counted(harness, &newcomer, verified(&newcomer)).await;
            assert_eq!(asked, asked_of(&misbehaviour, attempts), "{misbehaviour:?}");
            assert_eq!(found["outcome"], outcome, "{misbehaviour:?}");
            assert_eq!(found["capabilities"], json!([]));
            let after = stored(&newcomer).await;
            assert_eq!(after["status"], outcome);
            assert_eq!(after["verification_error"], found["error"]);
            assert_eq!(after["last_verified_at"], found["checked_at"]);
            assert_eq!(after["is_active"], true);
            assert_eq!(after["version"], before["version"]);
            let known = match outcome {
                "invalid" => &json!([]),
                _ => &before["capabilities"],
            };
            assert_eq!(&after["capabilities"], known, "{misbehaviour:?}");
        });
    }
    cases.join_all().await;
}

#[tokio::test]
async fn without_an_api_key_an_account_is_valid_and_the_key_is_asked_for() {
    let harness = Harness::shared().await;
    let mut newcomer = harness.newcomer().await;
    for field in ["api_key_sid", "api_key_secret"] {
        newcomer.credentials.as_object_mut().unwrap().remove(field);
    }
    let (answer, asked) = counted(harness, &newcomer, newcomer.store()).await;
    assert_eq!(asked, operations(&[(ACCOUNT, 1)]));
    let entered = answer.document(201);
    assert_eq!(entered["status"], "valid");
    let expected = json!(["receive_webhooks", "call_api"]);
    assert_eq!(entered["capabilities"], expected);
    let error = entered["verification_error"].as_str().unwrap();
    assert!(error.contains("no access tokens can be issued"), "{error}");
    let refused = token(harness, &newcomer).await;
    assert_eq!(refused.refusal(), (409, "api_key_missing"));
}

#[tokio::test]
async fn a_secondary_token_is_checked_by_a_call_of_its_own() {
    let harness = Harness::shared().await;
    let mut newcomer = harness.newcomer().await;
    let secondary = "7".repeat(32);
    newcomer.credentials["secondary_auth_token"] = json!(secondary);
    newcomer.account.set_secondary_auth_token(Some(&secondary));
    let (answer, asked) = counted(harness, &newcomer, newcomer.store()).await;
    let expected = [(ACCOUNT, 2), (APPLICATIONS, 1), (POLICY, 1)];
    assert_eq!(asked, operations(&expected));
    assert_eq!(answer.document(201)["status"], "valid");

    newcomer.account.set_secondary_auth_token(None);
    let found = verified(&newcomer).await;
    // Everything works without it.
    assert_eq!(found["outcome"], "restricted");
    assert_eq!(found["capabilities"], json!(ALL));
    let error = found["error"].as_str().unwrap();
    assert!(error.starts_with("secondary_auth_token"), "{error}");
    token(harness, &newcomer).await.document(200);
}

#[tokio::test]
async fn a_promotion_of_the_stored_secondary_token_takes_nothing_out_of_use() {
    let harness = Harness::shared().await;
    let mut newcomer = harness.newcomer().await;
    let next = "7".repeat(32);
    newcomer.credentials["secondary_auth_token"] = json!(next);
    newcomer.account.set_secondary_auth_token(Some(&next));
    newcomer.store().await.document(201);
    // The secondary is promoted; the primary before is gone at once.
    newcomer.account.set_auth_token(&next);
    newcomer.account.set_secondary_auth_token(None);
    for _ in 0..2 {
        let found = verified(&newcomer).await;
        assert_eq!(found["outcome"], "restricted", "{found}");
        assert_eq!(found["capabilities"], json!(ALL));
        let error = found["error"].as_str().unwrap();
        assert!(error.starts_with("auth_token: "), "{error}");
    }
    assert_eq!(stored(&newcomer).await["is_active"], true);
    token(harness, &newcomer).await.document(200);
}

#[tokio::test]
async fn one_half_that_cannot_be_asked_about_leaves_the_other_told() {
    let harness = Harness::shared().await;
    let newcomer = harness.newcomer().await;
    let sid = newcomer.account.sid().as_str();
    harness.stack.twilio().faults().inject(
        Matching::operations([APPLICATIONS]).on(sid),
        Misbehaviour::TooManyRequests {
            retry_after: Some(60),
        },
        Times::Always,
    );
    let entered = newcomer.store().await.document(201);
    assert_eq!(entered["status"], "rate_limited");
    assert_eq!(entered["is_active"], true);
    // The account's wrong token is worse news than the key's silence.
    newcomer.account.set_auth_token(&"5".repeat(32));
    assert_eq!(verified(&newcomer).await["outcome"], "invalid");
}
