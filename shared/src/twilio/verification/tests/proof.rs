//! What proves whose an account is: the auth token alone.

use super::*;

#[tokio::test]
async fn an_account_is_proven_whatever_comes_of_the_key_and_of_the_secondary_token() {
    let busy = || Reaction::error(429, 20429).with("retry-after", "60");
    let refused = || Reaction::error(401, 20003);
    for (key, secondary, outcome) in [
        (no_apps(), active(), Outcome::Valid),
        (busy(), active(), Outcome::RateLimited),
        (Reaction::html(403), active(), Outcome::Unreachable),
        (Reaction::error(403, 70051), active(), Outcome::Restricted),
        (refused(), active(), Outcome::Invalid),
        (no_apps(), busy(), Outcome::RateLimited),
        (no_apps(), Reaction::html(503), Outcome::Unreachable),
        (no_apps(), refused(), Outcome::Restricted),
        (busy(), Reaction::html(401), Outcome::RateLimited),
    ] {
        let case = format!("{key:?} {secondary:?}");
        let twilio = Twilio {
            key,
            secondary,
            ..Twilio::new()
        };
        let verification = twilio.verify(credentials(true, true)).await;
        assert_eq!(verification.outcome, outcome, "{case}");
        assert!(verification.proves_account, "{case}");
    }
}

#[tokio::test]
async fn a_key_that_works_proves_no_account() {
    let elsewhere = json!({"sid": "AC99999999999999999999999999999999", "status": "active"});
    for primary in [
        Reaction::error(401, 20003),
        Reaction::error(403, 20005),
        Reaction::error(404, 20404),
        Reaction::error(429, 20429).with("retry-after", "60"),
        Reaction::error(500, 20500),
        Reaction::html(200),
        Reaction::json(200, &elsewhere),
        account("closed", json!(TOKEN)),
    ] {
        let case = format!("{primary:?}");
        let twilio = Twilio {
            primary,
            ..Twilio::new()
        };
        let verification = twilio.verify(credentials(true, false)).await;
        assert!(!verification.proves_account, "{case}");
    }
}

#[tokio::test]
async fn what_restricts_an_account_proves_it_all_the_same() {
    let other = json!("ffffffffffffffffffffffffffffffff");
    let promoted = account("active", json!(SECOND));
    for (primary, secondary) in [
        (account("suspended", json!(TOKEN)), active()),
        (account("active", other), active()),
        (Reaction::error(401, 20003), promoted),
    ] {
        let twilio = Twilio {
            primary,
            secondary,
            ..Twilio::new()
        };
        let verification = twilio.verify(credentials(true, true)).await;
        assert_eq!(verification.outcome, Outcome::Restricted);
        assert!(verification.proves_account);
    }
}

#[tokio::test]
async fn what_proves_an_account_is_told_to_nobody() {
    let verification = Twilio::new().verify(credentials(true, false)).await;
    let told = serde_json::to_value(&verification).unwrap();
    let told: Vec<_> = told.as_object().unwrap().keys().collect();
    assert_eq!(told, ["capabilities", "checked_at", "outcome"]);
}
