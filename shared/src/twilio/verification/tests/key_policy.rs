//! Keys that work, and what Twilio tells of them: a restricted one may be allowed what it is tried with.

use super::*;

/// A key as the newer API shows it.
pub(super) fn policy(policy: &Value) -> Reaction {
    Reaction::json(200, &json!({"sid": KEY, "policy": policy}))
}

async fn verified(policy: [Reaction; 2], primary: Reaction, has_secondary: bool) -> Verification {
    let promoted = account("active", json!(SECOND));
    let twilio = Twilio {
        primary,
        secondary: if has_secondary { promoted } else { active() },
        policy,
        ..Twilio::new()
    };
    twilio.verify(credentials(true, has_secondary)).await
}

fn is_restricted(verification: &Verification) -> bool {
    let error = verification.error.as_deref().unwrap_or_default();
    let is_restricted = verification.outcome == Outcome::Restricted;
    assert_eq!(is_restricted, error.contains("the key is restricted"));
    // Which of all calls it may make is not known.
    let capabilities = match is_restricted {
        true => &[ReceiveWebhooks][..],
        false => &[ReceiveWebhooks, CallApi, IssueTokens],
    };
    assert_eq!(verification.capabilities, capabilities);
    is_restricted
}

#[tokio::test]
async fn a_key_with_a_policy_is_restricted_though_it_may_list_apps() {
    for allowed in [
        json!({"allow": ["/twilio/voice/applications/read"]}),
        json!({"allow": []}),
        json!({}),
        json!([]),
        json!("{}"),
    ] {
        let answers = [policy(&allowed), Reaction::Hang];
        let verification = verified(answers, active(), false).await;
        assert!(is_restricted(&verification), "{allowed}");
    }
}

#[tokio::test]
async fn an_answer_that_tells_of_no_policy_says_nothing_against_a_key_that_works() {
    let other = "SK99999999999999999999999999999999";
    for answer in [
        policy(&json!(null)),
        policy(&json!("")),
        Reaction::json(200, &json!({"sid": KEY})),
        Reaction::json(200, &json!({"sid": other, "policy": {"allow": []}})),
        Reaction::json(200, &json!({})),
        Reaction::html(200),
        Reaction::error(401, 20003),
        Reaction::error(403, 70051),
        Reaction::error(404, 20404),
        Reaction::error(405, 20004),
        Reaction::error(429, 20429),
        // Longer than it is worth.
        Reaction::error(429, 20429).with("retry-after", "6"),
        Reaction::error(500, 20500),
        Reaction::html(404),
        Reaction::html(503),
        Reaction::Close,
    ] {
        let case = format!("{answer:?}");
        let answers = [answer, Reaction::Hang];
        let verification = verified(answers, active(), false).await;
        assert!(!is_restricted(&verification), "{case}");
    }
}

#[tokio::test]
async fn a_twilio_that_does_not_tell_of_a_policy_is_given_up_long_before_the_deadline() {
    let started = Instant::now();
    let answers = [Reaction::Hang, Reaction::Hang];
    let twilio = Twilio {
        policy: answers,
        ..Twilio::new()
    };
    let deadline = started + Duration::from_secs(60);
    let verification = twilio
        .verify_until(credentials(true, false), deadline)
        .await;
    assert!(!is_restricted(&verification));
    assert!(started.elapsed() < POLICY_LIMIT + Duration::from_secs(3));
}

#[tokio::test]
async fn after_a_promotion_the_secondary_token_asks_for_the_policy() {
    for (allowed, has_policy) in [(json!(null), false), (json!({"allow": []}), true)] {
        let refused = || Reaction::error(401, 20003);
        let answers = [refused(), policy(&allowed)];
        let verification = verified(answers, refused(), true).await;
        assert_eq!(verification.outcome, Outcome::Restricted);
        // That the token was promoted is the first of two that are as bad.
        assert!(verification.error.unwrap().starts_with("auth_token:"));
        let signs = verification.capabilities.contains(&IssueTokens);
        assert_eq!(signs, !has_policy);
    }
}
