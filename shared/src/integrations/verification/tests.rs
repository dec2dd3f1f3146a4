//! What is asked of the providers, over the wire, and what becomes of their silence.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::input::Document;
use crate::outbound::scripted::{Provider as Scripted, Reaction, Received, soon};
use crate::tenant::Provider;
use crate::verification::{Capability, Outcome};

const KEY: &str = "re_0123456789abcdef";

fn configuration(provider: Provider) -> Configuration {
    let document = match provider {
        Provider::Twilio => json!({
            "account_sid": "AC00112233445566778899aabbccddeeff", "auth_token": KEY
        }),
        Provider::Vapi => json!({"api_key": KEY, "webhook_secret": "webhook-0123456789"}),
        Provider::GoogleCalendar => json!({
            "client_id": "1.apps.googleusercontent.com", "client_secret": "GOCSPX-0123456789",
            "refresh_token": "1//0123456789-abc"
        }),
        Provider::Resend | Provider::ElevenLabs => json!({"api_key": KEY}),
    };
    Configuration::from_input(provider, &Document::from(document)).unwrap()
}

fn clock() -> Clock {
    Clock::fixed(Timestamp::UNIX_EPOCH)
}

async fn verified(provider: Provider, scripted: &Scripted) -> Verified {
    let configuration = configuration(provider);
    verify(&scripted.outbound(), &configuration, &clock(), soon()).await
}

/// Starts a provider that answers 200 with this.
async fn answering(document: Value) -> Scripted {
    Scripted::in_turn([Reaction::json(200, &document)]).await
}

fn only(scripted: &Scripted) -> Received {
    let mut received = scripted.received();
    assert_eq!(received.len(), 1, "{received:?}");
    received.remove(0)
}

#[tokio::test]
async fn vapi_is_asked_for_one_assistant() {
    let vapi = answering(json!([])).await;
    let verification = verified(Provider::Vapi, &vapi).await.verification;
    assert_eq!(verification.outcome, Outcome::Valid);
    assert_eq!(verification.capabilities, [Capability::ManageAssistants]);
    assert_eq!(verification.checked_at, Timestamp::UNIX_EPOCH);
    let request = only(&vapi);
    assert_eq!(
        (request.method.as_str(), request.target.as_str()),
        ("GET", "/assistant?limit=1")
    );
    assert_eq!(request.headers["authorization"], format!("Bearer {KEY}"));
    assert!(request.headers.contains_key("user-agent"));
}

#[tokio::test]
async fn resend_is_asked_for_one_domain() {
    let resend = answering(json!({"object": "list", "data": []})).await;
    let verification = verified(Provider::Resend, &resend).await.verification;
    assert_eq!(verification.outcome, Outcome::Valid);
    let request = only(&resend);
    assert_eq!(
        (request.method.as_str(), request.target.as_str()),
        ("GET", "/domains?limit=1")
    );
    assert_eq!(request.headers["authorization"], format!("Bearer {KEY}"));
}

#[tokio::test]
async fn elevenlabs_is_asked_for_the_subscription_under_its_own_header() {
    let elevenlabs = answering(json!({"tier": "free"})).await;
    let verification = verified(Provider::ElevenLabs, &elevenlabs)
        .await
        .verification;
    assert_eq!(verification.outcome, Outcome::Valid);
    let request = only(&elevenlabs);
    assert_eq!(
        (request.method.as_str(), request.target.as_str()),
        ("GET", "/v1/user/subscription")
    );
    assert_eq!(request.headers["xi-api-key"], KEY);
    assert!(!request.headers.contains_key("authorization"));
}

fn token(more: Value) -> Reaction {
    let mut document = json!({
        "access_token": "ya29.access", "expires_in": 3599, "token_type": "Bearer",
        "scope": "https://www.googleapis.com/auth/calendar.events"
    });
    for (name, value) in more.as_object().unwrap() {
        document[name] = value.clone();
    }
    Reaction::json(200, &document)
}

#[tokio::test]
async fn google_is_asked_for_a_token_and_then_for_what_it_opens() {
    let calendar = Reaction::json(200, &json!({"kind": "calendar#events"}));
    let google = Scripted::in_turn([token(json!({})), calendar]).await;
    let verified = verified(Provider::GoogleCalendar, &google).await;
    assert_eq!(verified.verification.outcome, Outcome::Valid);
    assert!(verified.replaced.is_none());
    let received = google.received();
    assert_eq!(received.len(), 2);
    assert_eq!(
        (received[0].method.as_str(), received[0].target.as_str()),
        ("POST", "/token")
    );
    let form = received[0].form();
    assert_eq!(form["grant_type"], "refresh_token");
    assert_eq!(form["client_id"], "1.apps.googleusercontent.com");
    assert_eq!(form["client_secret"], "GOCSPX-0123456789");
    assert_eq!(form["refresh_token"], "1//0123456789-abc");
    assert_eq!(received[1].path(), "/calendar/v3/calendars/primary/events");
    assert_eq!(received[1].headers["authorization"], "Bearer ya29.access");
}

#[tokio::test]
async fn a_project_without_the_calendar_api_is_restricted() {
    let refusal = Reaction::json(
        403,
        &json!({"error": {"errors": [{"domain": "usageLimits", "reason": "accessNotConfigured"}]}}),
    );
    let scope = json!({"scope": "https://www.googleapis.com/auth/calendar"});
    let google = Scripted::in_turn([token(scope), refusal]).await;
    let verification = verified(Provider::GoogleCalendar, &google)
        .await
        .verification;
    assert_eq!(verification.outcome, Outcome::Restricted);
    assert!(
        verification
            .error
            .unwrap()
            .contains("Calendar API is not enabled")
    );
    assert_eq!(
        google.received()[1].path(),
        "/calendar/v3/users/me/calendarList"
    );
}

#[tokio::test]
async fn a_refresh_token_that_google_replaces_is_handed_back_whatever_the_calendar_answers() {
    let renewed = token(json!({"refresh_token": "1//renewed-0123456789"}));
    let google = Scripted::in_turn([renewed, Reaction::html(403)]).await;
    let replaced = verified(Provider::GoogleCalendar, &google).await.replaced;
    let Some(Configuration::GoogleCalendar(replaced)) = replaced else {
        panic!("{replaced:?}");
    };
    assert_eq!(replaced.refresh_token.expose(), "1//renewed-0123456789");
    assert_eq!(replaced.client_secret.expose(), "GOCSPX-0123456789");
}

#[tokio::test]
async fn the_same_refresh_token_again_replaces_nothing() {
    let same = token(json!({"refresh_token": "1//0123456789-abc"}));
    let google = Scripted::in_turn([same, Reaction::html(200)]).await;
    assert!(
        verified(Provider::GoogleCalendar, &google)
            .await
            .replaced
            .is_none()
    );
}

#[tokio::test]
async fn a_dead_grant_is_not_probed_any_further() {
    let google = Scripted::in_turn([Reaction::json(400, &json!({"error": "invalid_grant"}))]).await;
    let verification = verified(Provider::GoogleCalendar, &google)
        .await
        .verification;
    assert_eq!(verification.outcome, Outcome::Invalid);
    assert_eq!(only(&google).target, "/token");
}

#[tokio::test]
async fn a_provider_that_says_nothing_leaves_the_credentials_as_they_are() {
    for provider in Provider::ALL {
        // Of those that are tried again, nothing better comes by waiting.
        let moment = || Instant::now() + Duration::from_millis(200);
        let patience = Reaction::html(429).with("retry-after", "3600");
        for (reaction, deadline, expected) in [
            (Reaction::Hang, moment(), Outcome::Unreachable),
            (Reaction::Close, moment(), Outcome::Unreachable),
            (Reaction::html(503), moment(), Outcome::Unreachable),
            (Reaction::html(401), soon(), Outcome::Unreachable),
            (Reaction::html(403), soon(), Outcome::Unreachable),
            (patience, soon(), Outcome::RateLimited),
        ] {
            let scripted = Scripted::in_turn([reaction.clone()]).await;
            let outbound = scripted.outbound();
            let found = verify(&outbound, &configuration(provider), &clock(), deadline).await;
            let verification = found.verification;
            assert_eq!(verification.outcome, expected, "{provider} {reaction:?}");
            assert!(verification.error.is_some(), "{provider} {reaction:?}");
            assert!(verification.capabilities.is_empty());
        }
    }
}

#[tokio::test]
async fn no_words_of_a_provider_and_no_secret_are_repeated() {
    let told = json!({
        "message": format!("told {KEY}"), "statusCode": 401, "name": "invalid_api_key", "error": "invalid_grant",
        "error_description": format!("told {KEY}"), "detail": {"status": "invalid_api_key", "message": format!("told {KEY}")}
    });
    for provider in [
        Provider::Vapi,
        Provider::GoogleCalendar,
        Provider::Resend,
        Provider::ElevenLabs,
    ] {
        let scripted = Scripted::in_turn([Reaction::json(401, &told)]).await;
        let verification = verified(provider, &scripted).await.verification;
        assert_eq!(verification.outcome, Outcome::Invalid, "{provider}");
        let error = verification.error.unwrap();
        assert!(!error.contains("told") && !error.contains(KEY), "{error}");
    }
}
