//! Credentials against a scripted Twilio.

mod key_policy;
mod proof;

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::outbound::scripted::{Provider, Reaction, Received, soon};

const ACCOUNT: &str = "AC00112233445566778899aabbccddeeff";
const KEY: &str = "SK00112233445566778899aabbccddeeff";
const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const SECOND: &str = "11111111111111112222222222222222";
const SECRET: &str = "fedcba9876543210fedcba9876543210";

fn credentials(has_key: bool, has_secondary: bool) -> TwilioCredentials {
    TwilioCredentials::from_input(&json!({
        "account_sid": ACCOUNT, "auth_token": TOKEN,
        "secondary_auth_token": has_secondary.then_some(SECOND),
        "api_key_sid": has_key.then_some(KEY), "api_key_secret": has_key.then_some(SECRET),
    }))
    .unwrap()
}

fn account(status: &str, token: Value) -> Reaction {
    let document = json!({"sid": ACCOUNT, "status": status, "type": "Full", "auth_token": token});
    Reaction::json(200, &document)
}

fn active() -> Reaction {
    account("active", json!(TOKEN))
}

fn no_apps() -> Reaction {
    Reaction::json(200, &json!({"applications": [], "next_page_uri": null}))
}

/// Reactions to the account's fetch by each token, to the key's list, to the key's fetch and to that of its policy by each token.
struct Twilio {
    primary: Reaction,
    secondary: Reaction,
    key: Reaction,
    fetched_key: Reaction,
    policy: [Reaction; 2],
}

impl Twilio {
    fn new() -> Self {
        Self {
            primary: active(),
            secondary: active(),
            key: no_apps(),
            fetched_key: Reaction::json(200, &json!({"sid": KEY})),
            policy: [(); 2].map(|()| key_policy::policy(&json!(null))),
        }
    }

    fn react(&self, request: &Received) -> Reaction {
        assert_eq!(request.method, "GET");
        let fetch = format!("/2010-04-01/Accounts/{ACCOUNT}.json");
        let list = format!("/2010-04-01/Accounts/{ACCOUNT}/Applications.json?PageSize=1");
        let key = format!("/2010-04-01/Accounts/{ACCOUNT}/Keys/{KEY}.json");
        let policy = format!("/v1/Keys/{KEY}");
        let (user, password) = request.basic();
        match (user.as_str(), password.as_str(), &request.target) {
            (ACCOUNT, TOKEN, target) if *target == fetch => self.primary.clone(),
            (ACCOUNT, SECOND, target) if *target == fetch => self.secondary.clone(),
            (KEY, SECRET, target) if *target == list => self.key.clone(),
            (ACCOUNT, TOKEN, target) if *target == key => self.fetched_key.clone(),
            (ACCOUNT, TOKEN, target) if *target == policy => self.policy[0].clone(),
            (ACCOUNT, SECOND, target) if *target == policy => self.policy[1].clone(),
            other => panic!("not a call of a check: {other:?}"),
        }
    }

    async fn verify(self, credentials: TwilioCredentials) -> Verification {
        self.verify_until(credentials, soon()).await
    }

    async fn verify_until(self, credentials: TwilioCredentials, deadline: Instant) -> Verification {
        let provider = Provider::start(move |request| self.react(request)).await;
        let clock = Clock::fixed(Timestamp::UNIX_EPOCH);
        let outbound = provider.outbound();
        let verification = verify(&outbound, &credentials, &clock, deadline).await;
        assert_eq!(verification.checked_at, Timestamp::UNIX_EPOCH);
        if let Some(error) = &verification.error {
            for secret in [TOKEN, SECOND, SECRET, "message of", "<html>"] {
                assert!(!error.contains(secret), "{error}");
            }
        }
        verification
    }
}

use Capability::{CallApi, IssueTokens, ReceiveWebhooks};

#[tokio::test]
async fn credentials_that_work_are_valid() {
    let verification = Twilio::new().verify(credentials(true, true)).await;
    assert_eq!(verification.outcome, Outcome::Valid);
    assert_eq!(
        verification.capabilities,
        [ReceiveWebhooks, CallApi, IssueTokens]
    );
    assert_eq!(verification.error, None);
}

#[tokio::test]
async fn without_an_api_key_no_tokens_can_be_issued_and_it_is_told() {
    let verification = Twilio::new().verify(credentials(false, false)).await;
    assert_eq!(verification.outcome, Outcome::Valid);
    assert_eq!(verification.capabilities, [ReceiveWebhooks, CallApi]);
    assert!(verification.error.unwrap().starts_with("api_key_sid:"));
}

#[tokio::test]
async fn the_auth_token_is_judged_by_what_twilio_says() {
    for (reaction, outcome, field) in [
        (
            Reaction::error(401, 20003),
            Outcome::Invalid,
            "account_sid, auth_token:",
        ),
        (
            Reaction::error(403, 20008),
            Outcome::Invalid,
            "account_sid, auth_token:",
        ),
        (
            Reaction::error(401, 20005),
            Outcome::Invalid,
            "account_sid:",
        ),
        (
            Reaction::error(401, 10001),
            Outcome::Invalid,
            "account_sid:",
        ),
        (
            Reaction::error(403, 20403),
            Outcome::Invalid,
            "account_sid:",
        ),
        (
            Reaction::error(404, 20404),
            Outcome::Invalid,
            "account_sid:",
        ),
        (
            Reaction::json(401, &json!({"message": "no", "status": 401})),
            Outcome::Invalid,
            "account_sid,",
        ),
        (Reaction::error(403, 70051), Outcome::Unreachable, "Twilio"),
        (Reaction::error(400, 20001), Outcome::Unreachable, "Twilio"),
        (Reaction::error(429, 20429), Outcome::RateLimited, "Twilio"),
        (
            Reaction::error(429, 20429).with("retry-after", "60"),
            Outcome::RateLimited,
            "Twilio",
        ),
        (Reaction::error(500, 20500), Outcome::Unreachable, "Twilio"),
        (Reaction::html(401), Outcome::Unreachable, "Twilio"),
        (Reaction::html(403), Outcome::Unreachable, "Twilio"),
        (Reaction::html(404), Outcome::Unreachable, "Twilio"),
        (Reaction::html(503), Outcome::Unreachable, "Twilio"),
        (Reaction::html(200), Outcome::Unreachable, "Twilio"),
        (
            Reaction::json(401, &json!({})),
            Outcome::Unreachable,
            "Twilio",
        ),
        (
            account("closed", json!("")),
            Outcome::Invalid,
            "account_sid:",
        ),
        (Reaction::Close, Outcome::Unreachable, "Twilio"),
    ] {
        let case = format!("{reaction:?}");
        let twilio = Twilio {
            primary: reaction,
            ..Twilio::new()
        };
        let verification = twilio.verify(credentials(true, true)).await;
        assert_eq!(verification.outcome, outcome, "{case}");
        assert!(verification.error.unwrap().starts_with(field), "{case}");
        assert!(verification.capabilities.is_empty(), "{case}");
    }
}

#[tokio::test]
async fn an_answer_about_another_account_says_nothing() {
    let other = json!({"sid": "AC99999999999999999999999999999999", "status": "active"});
    let twilio = Twilio {
        primary: Reaction::json(200, &other),
        ..Twilio::new()
    };
    let verification = twilio.verify(credentials(false, false)).await;
    assert_eq!(verification.outcome, Outcome::Unreachable);
}

#[tokio::test]
async fn a_suspended_account_is_genuine_whatever_its_key_is_answered() {
    let twilio = Twilio {
        primary: account("suspended", json!(TOKEN)),
        key: Reaction::error(401, 20003),
        ..Twilio::new()
    };
    let verification = twilio.verify(credentials(true, false)).await;
    assert_eq!(verification.outcome, Outcome::Restricted);
    assert_eq!(verification.capabilities, [ReceiveWebhooks]);
    assert!(verification.error.unwrap().contains("suspended"));
}

#[tokio::test]
async fn a_status_that_is_new_says_nothing_against_an_account() {
    let twilio = Twilio {
        primary: account("resting", json!(TOKEN)),
        ..Twilio::new()
    };
    let verification = twilio.verify(credentials(true, false)).await;
    assert_eq!(verification.outcome, Outcome::Valid);
}

#[tokio::test]
async fn the_api_key_is_judged_by_what_twilio_says() {
    for (reaction, outcome, field) in [
        (
            Reaction::error(401, 20003),
            Outcome::Invalid,
            "api_key_secret:",
        ),
        (
            Reaction::error(404, 20404),
            Outcome::Invalid,
            "api_key_sid:",
        ),
        (
            Reaction::error(401, 20005),
            Outcome::Invalid,
            "account_sid:",
        ),
        (
            Reaction::error(403, 70051),
            Outcome::Restricted,
            "api_key_sid:",
        ),
        (
            Reaction::error(401, 70051),
            Outcome::Restricted,
            "api_key_sid:",
        ),
        (
            Reaction::json(403, &json!({"code": 70001, "message": "no"})),
            Outcome::Restricted,
            "api_key_sid:",
        ),
        (Reaction::error(429, 20429), Outcome::RateLimited, "Twilio"),
        (Reaction::error(503, 20503), Outcome::Unreachable, "Twilio"),
        (Reaction::html(401), Outcome::Unreachable, "Twilio"),
        (Reaction::html(403), Outcome::Unreachable, "Twilio"),
        (
            Reaction::json(200, &json!({})),
            Outcome::Unreachable,
            "Twilio",
        ),
    ] {
        let case = format!("{reaction:?}");
        let twilio = Twilio {
            key: reaction,
            ..Twilio::new()
        };
        let verification = twilio.verify(credentials(true, false)).await;
        assert_eq!(verification.outcome, outcome, "{case}");
        assert!(verification.error.unwrap().starts_with(field), "{case}");
        assert_eq!(verification.capabilities, [ReceiveWebhooks], "{case}");
    }
}

#[tokio::test]
async fn which_half_of_a_key_is_wrong_is_told_where_twilio_tells() {
    for (fetched, field) in [
        (Reaction::json(200, &json!({"sid": KEY})), "api_key_secret:"),
        (
            Reaction::error(404, 20404),
            "api_key_sid: the account has no such key",
        ),
        (Reaction::error(500, 20500), "api_key_sid, api_key_secret:"),
    ] {
        let key = Reaction::error(401, 20003);
        let twilio = Twilio {
            key,
            fetched_key: fetched,
            ..Twilio::new()
        };
        let verification = twilio.verify(credentials(true, false)).await;
        assert_eq!(verification.outcome, Outcome::Invalid);
        let error = verification.error.unwrap();
        assert!(error.starts_with(field), "{error}");
    }
}

#[tokio::test]
async fn a_secondary_token_that_does_not_work_restricts() {
    for (reaction, outcome) in [
        (Reaction::error(401, 20003), Outcome::Restricted),
        (Reaction::error(429, 20429), Outcome::RateLimited),
        (Reaction::html(401), Outcome::Unreachable),
    ] {
        let twilio = Twilio {
            secondary: reaction,
            ..Twilio::new()
        };
        let verification = twilio.verify(credentials(true, true)).await;
        assert_eq!(verification.outcome, outcome);
        assert_eq!(
            verification.capabilities,
            [ReceiveWebhooks, CallApi, IssueTokens]
        );
    }
}

#[tokio::test]
async fn a_secondary_token_that_was_promoted_restricts_and_keeps_what_works() {
    for (shown, has_key, outcome, capabilities) in [
        (
            SECOND,
            true,
            Outcome::Restricted,
            &[ReceiveWebhooks, CallApi, IssueTokens][..],
        ),
        (SECOND, false, Outcome::Restricted, &[ReceiveWebhooks]),
        // Yet another token signs.
        (
            "ffffffffffffffffffffffffffffffff",
            true,
            Outcome::Invalid,
            &[],
        ),
    ] {
        let twilio = Twilio {
            primary: Reaction::error(401, 20003),
            secondary: account("active", json!(shown)),
            ..Twilio::new()
        };
        let verification = twilio.verify(credentials(has_key, true)).await;
        assert_eq!(verification.outcome, outcome);
        assert_eq!(verification.capabilities, capabilities);
        assert!(verification.error.unwrap().contains("auth_token:"));
    }
}

#[tokio::test]
async fn a_token_that_signs_no_webhooks_restricts() {
    let other = account("active", json!("ffffffffffffffffffffffffffffffff"));
    let twilio = Twilio {
        primary: other,
        ..Twilio::new()
    };
    let verification = twilio.verify(credentials(true, false)).await;
    assert_eq!(verification.outcome, Outcome::Restricted);
    assert_eq!(verification.capabilities, [CallApi, IssueTokens]);
    assert!(verification.error.unwrap().starts_with("auth_token:"));
}

#[tokio::test]
async fn a_primary_token_stored_as_the_secondary_is_known_and_a_masked_one_not_judged() {
    for shown in [json!(SECOND), json!(""), json!(null), json!("[redacted]")] {
        let twilio = Twilio {
            primary: account("active", shown),
            ..Twilio::new()
        };
        let verification = twilio.verify(credentials(true, true)).await;
        assert_eq!(verification.outcome, Outcome::Valid);
    }
}

#[tokio::test]
async fn a_twilio_that_hangs_is_unreachable_at_the_deadline() {
    let twilio = Twilio {
        primary: Reaction::Hang,
        key: Reaction::Hang,
        ..Twilio::new()
    };
    let deadline = Instant::now() + Duration::from_millis(200);
    let verification = twilio
        .verify_until(credentials(true, false), deadline)
        .await;
    assert_eq!(verification.outcome, Outcome::Unreachable);
    assert!(deadline.elapsed() < Duration::from_secs(3));
}
