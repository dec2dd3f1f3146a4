//! What may become of credentials at Twilio.

use local::double::Misbehaviour;
use local::emulators::faults::{Matching, Times};
use local::twilio::rest::{KeyKind, Permission};
use serde_json::json;
use tokio::task::JoinSet;

use super::{
    ACCOUNT, ALL, APPLICATIONS, KEY, POLICY, TWILIO, counted, operations, stored, verified,
};
use crate::client_api::onboarding::Newcomer;
use crate::harness::Harness;

/// What becomes of credentials at Twilio, and what a check makes of it.
struct Fate {
    happens: fn(&Harness, &Newcomer),
    outcome: &'static str,
    capabilities: &'static [&'static str],
    says: &'static str,
    asked: &'static [(&'static str, usize)],
}

const BOTH: &[(&str, usize)] = &[(ACCOUNT, 1), (APPLICATIONS, 1)];
/// Of a key that works it is asked whether it is restricted.
const WITH_POLICY: &[(&str, usize)] = &[(ACCOUNT, 1), (APPLICATIONS, 1), (POLICY, 1)];
/// Of one that does not, whether there is such a key.
const WITH_KEY: &[(&str, usize)] = &[(ACCOUNT, 1), (APPLICATIONS, 1), (KEY, 1)];

fn key_of(newcomer: &Newcomer) -> (&str, &str) {
    let text = |field: &str| newcomer.credentials[field].as_str().unwrap();
    (text("api_key_sid"), text("api_key_secret"))
}

/// Makes the key one of another kind, of the same SID and secret.
fn replace_key(newcomer: &Newcomer, kind: KeyKind) {
    let (sid, secret) = key_of(newcomer);
    newcomer.account.delete_key(sid);
    newcomer.account.add_known_key(kind, sid, secret);
}

fn fates() -> Vec<Fate> {
    vec![
        Fate {
            happens: |_, _| {},
            outcome: "valid",
            capabilities: ALL,
            says: "",
            asked: WITH_POLICY,
        },
        Fate {
            happens: |_, newcomer| newcomer.account.suspend(),
            outcome: "invalid",
            capabilities: &[],
            says: "suspended or closed",
            asked: BOTH,
        },
        Fate {
            happens: |_, newcomer| newcomer.account.close(),
            outcome: "invalid",
            capabilities: &[],
            says: "suspended or closed",
            asked: BOTH,
        },
        Fate {
            happens: |_, newcomer| newcomer.account.become_test_account(),
            outcome: "invalid",
            capabilities: &[],
            says: "test credentials",
            asked: BOTH,
        },
        Fate {
            happens: |_, newcomer| newcomer.account.set_auth_token(&"5".repeat(32)),
            outcome: "invalid",
            capabilities: &[],
            says: "auth_token: Twilio does not accept",
            asked: WITH_POLICY,
        },
        // Both tokens authenticate, but webhooks are signed by the other one.
        Fate {
            happens: |_, newcomer| {
                let stored = newcomer.account.auth_token();
                newcomer.account.set_secondary_auth_token(stored.as_deref());
                newcomer.account.set_auth_token(&"5".repeat(32));
            },
            outcome: "restricted",
            capabilities: &["call_api", "issue_tokens"],
            says: "not the primary one",
            asked: WITH_POLICY,
        },
        Fate {
            happens: |_, newcomer| {
                let (sid, _) = key_of(newcomer);
                newcomer.account.delete_key(sid);
                let other = "another-secret-of-this-key-000001";
                newcomer
                    .account
                    .add_known_key(KeyKind::Standard, sid, other);
            },
            outcome: "invalid",
            capabilities: &["receive_webhooks"],
            says: "api_key_secret: it is not the secret of this key",
            asked: WITH_KEY,
        },
        Fate {
            happens: |_, newcomer| newcomer.account.delete_key(key_of(newcomer).0),
            outcome: "invalid",
            capabilities: &["receive_webhooks"],
            says: "no such key",
            asked: WITH_KEY,
        },
        Fate {
            happens: |harness, newcomer| {
                let (sid, secret) = key_of(newcomer);
                newcomer.account.delete_key(sid);
                let other = sid.replacen("SK", "AC", 1).parse().unwrap();
                let other = harness.stack.twilio().account(&other);
                other.open("the-auth-token-of-somebody-else");
                other.add_known_key(KeyKind::Standard, sid, secret);
            },
            outcome: "invalid",
            capabilities: &["receive_webhooks"],
            says: "no such key",
            asked: BOTH,
        },
        Fate {
            happens: |_, newcomer| {
                let permissions = vec![Permission::ReadNumbers];
                replace_key(newcomer, KeyKind::Restricted(permissions));
            },
            outcome: "restricted",
            capabilities: &["receive_webhooks"],
            says: "the key is restricted",
            asked: BOTH,
        },
        // It may do what keys are tried with.
        Fate {
            happens: |_, newcomer| {
                let permissions = vec![Permission::ReadApplications, Permission::WriteApplications];
                replace_key(newcomer, KeyKind::Restricted(permissions));
            },
            outcome: "restricted",
            capabilities: &["receive_webhooks"],
            says: "the key is restricted",
            asked: WITH_POLICY,
        },
        // Twilio tells nothing of it, and it may do everything.
        Fate {
            happens: |_, newcomer| replace_key(newcomer, KeyKind::Main),
            outcome: "valid",
            capabilities: ALL,
            says: "",
            asked: WITH_POLICY,
        },
    ]
}

#[tokio::test]
async fn what_is_wrong_with_credentials_is_told_on_entry() {
    let harness = Harness::shared().await;
    let mut cases = JoinSet::new();
    for fate in fates() {
        cases.spawn(async move {
            let newcomer = harness.newcomer().await;
            (fate.happens)(harness, &newcomer);
            let (answer, asked) = counted(harness, &newcomer, newcomer.store()).await;
            assert_eq!(asked, operations(fate.asked), "{}", fate.says);
            if fate.outcome == "invalid" {
                assert_eq!(answer.refusal(), (422, "credentials_invalid"));
                let detail = answer.body["detail"].as_str().unwrap();
                assert!(detail.contains(fate.says), "{detail}");
                assert_eq!(newcomer.admin.get(TWILIO).await.status, 404);
                return;
            }
            let entered = answer.document(201);
            assert_eq!(entered["status"], fate.outcome, "{}", fate.says);
            assert_eq!(entered["capabilities"], json!(fate.capabilities));
            let error = entered["verification_error"].as_str().unwrap_or_default();
            assert!(error.contains(fate.says), "{error}");
        });
    }
    cases.join_all().await;
}

#[tokio::test]
async fn what_has_become_of_credentials_is_found_on_demand() {
    let harness = Harness::shared().await;
    let mut cases = JoinSet::new();
    for fate in fates() {
        cases.spawn(async move {
            let newcomer = harness.connected().await;
            (fate.happens)(harness, &newcomer);
            let (found, asked) = counted(harness, &newcomer, verified(&newcomer)).await;
            assert_eq!(asked, operations(fate.asked), "{}", fate.says);
            assert_eq!(found["outcome"], fate.outcome, "{}", fate.says);
            assert_eq!(found["capabilities"], json!(fate.capabilities));
            let error = found["error"].as_str().unwrap_or_default();
            assert!(error.contains(fate.says), "{error}");
            let after = stored(&newcomer).await;
            assert_eq!(after["status"], fate.outcome);
            assert_eq!(after["capabilities"], json!(fate.capabilities));
            assert_eq!(after["verification_error"], found["error"]);
            assert_eq!(after["is_active"], true);
        });
    }
    cases.join_all().await;
}

#[tokio::test]
async fn what_a_key_may_do_is_no_reason_to_refuse_it_while_twilio_does_not_tell() {
    let harness = Harness::shared().await;
    let mut cases = JoinSet::new();
    for misbehaviour in [
        Misbehaviour::NotFound,
        Misbehaviour::TooManyRequests {
            retry_after: Some(60),
        },
        Misbehaviour::Unavailable,
        Misbehaviour::Html(404),
        Misbehaviour::Garbled,
    ] {
        cases.spawn(async move {
            let newcomer = harness.newcomer().await;
            let matching = Matching::operations([POLICY]).on(newcomer.account.sid().as_str());
            let faults = harness.stack.twilio().faults();
            faults.inject(matching, misbehaviour.clone(), Times::Always);
            let entered = newcomer.store().await.document(201);
            assert_eq!(entered["status"], "valid", "{misbehaviour:?}");
            assert_eq!(entered["capabilities"], json!(ALL));
        });
    }
    cases.join_all().await;
}
