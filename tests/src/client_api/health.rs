//! The health of a tenant's connection to Twilio: what is found, what is said to do about it, and that looking changes nothing.

mod numbers;

use local::double::Misbehaviour;
use local::emulators::faults::Times;
use local::twilio::Target;
use serde_json::{Value, json};

use super::onboarding::Newcomer;
use crate::harness::Harness;

const ELSEWHERE: &str = "https://elsewhere.example/voice";
const NUMBERS: &str = "GET /2010-04-01/Accounts/{AC}/IncomingPhoneNumbers.json";
const APPLICATION: &str = "GET /2010-04-01/Accounts/{AC}/Applications/{AP}.json";

/// One check of a report.
#[derive(Debug)]
struct Check {
    status: String,
    message: String,
    hint: String,
}

/// The report of a tenant, which is always answered by 200.
struct Report(Value);

impl Report {
    async fn of(newcomer: &Newcomer) -> Self {
        let report = newcomer.admin.get("/api/health/twilio").await.document(200);
        let checks = report["checks"].as_array().unwrap();
        let names: Vec<_> = checks.iter().map(|check| &check["name"]).collect();
        assert_eq!(names, ["credentials", "twiml_app", "phone_numbers"]);
        let worst = ["error", "degraded", "ok"]
            .into_iter()
            .find(|status| checks.iter().any(|check| check["status"] == *status));
        assert_eq!(report["status"].as_str(), worst);
        Self(report)
    }

    fn check(&self, number: usize) -> Check {
        let text = |field: &str| self.0["checks"][number][field].as_str();
        Check {
            status: text("status").unwrap().to_owned(),
            message: text("message").unwrap().to_owned(),
            hint: text("hint").unwrap_or_default().to_owned(),
        }
    }

    fn credentials(&self) -> Check {
        self.check(0)
    }

    fn application(&self) -> Check {
        self.check(1)
    }

    fn numbers(&self) -> Check {
        self.check(2)
    }
}

impl Check {
    /// What must be said of it, in message and hint.
    fn is(&self, status: &str, message: &str, hint: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert!(self.message.contains(message), "{self:?}");
        assert!(self.hint.contains(hint), "{self:?}");
        assert_eq!(hint.is_empty(), self.hint.is_empty(), "{self:?}");
    }
}

fn target(harness: &Harness, newcomer: &Newcomer) -> Target {
    newcomer.tenant(harness).target
}

/// Buys a number that leads to this deployment.
fn buy(newcomer: &Newcomer, target: &Target, number: &str) -> String {
    let sid = newcomer.account.add_number(number);
    let form = [
        ("VoiceUrl", target.voice_url()),
        ("SmsUrl", target.sms_url()),
    ];
    let form = form.each_ref().map(|(name, url)| (*name, url.as_str()));
    assert!(newcomer.account.configure_number(&sid, &form));
    sid
}

/// A tenant of which everything is right: credentials, the TwiML App that its first token made, one number.
async fn healthy(harness: &Harness) -> (Newcomer, Target, String) {
    let newcomer = harness.connected().await;
    take_token(harness, &newcomer).await;
    let target = target(harness, &newcomer);
    let number = buy(&newcomer, &target, "+12125550100");
    (newcomer, target, number)
}

async fn take_token(harness: &Harness, newcomer: &Newcomer) {
    let member = harness.user(&newcomer.id, "member");
    member.post("/api/token", &json!({})).await.document(200);
}

#[tokio::test]
async fn all_is_well_when_it_is_and_looking_only_reads() {
    let harness = Harness::shared().await;
    let (newcomer, _, _) = healthy(harness).await;
    let wire = harness.stack.twilio().wire();
    let mark = wire.mark();
    let report = Report::of(&newcomer).await;
    assert_eq!(report.0["status"], "ok");
    report
        .credentials()
        .is("ok", "auth token and the API key", "");
    report.application().is("ok", "leads here", "");
    report.numbers().is("ok", "lead here", "");
    let calls = wire.since(mark);
    let calls = calls.resource(newcomer.account.sid().as_str());
    let mut asked: Vec<&str> = calls.iter().map(|call| call.operation.as_str()).collect();
    asked.sort_unstable();
    assert_eq!(
        asked,
        [
            "GET /2010-04-01/Accounts/{AC}.json",
            "GET /2010-04-01/Accounts/{AC}/Applications.json",
            APPLICATION,
            NUMBERS,
            "GET /v1/Keys/{SK}",
            "GET /v1/Services",
        ]
    );
}

#[tokio::test]
async fn a_tenant_without_credentials_is_told_to_store_them() {
    let harness = Harness::shared().await;
    let newcomer = harness.newcomer().await;
    let report = Report::of(&newcomer).await;
    let (none, store) = ("No Twilio credentials", "PUT /api/integrations/twilio");
    report.credentials().is("error", none, store);
    for check in [report.application(), report.numbers()] {
        check.is("error", "without credentials", "credentials");
    }
    assert_eq!(newcomer.account.calls().count(), 0);
}

#[tokio::test]
async fn credentials_that_are_not_in_use_are_an_error_even_when_twilio_accepts_them_again() {
    let harness = Harness::shared().await;
    let (newcomer, _, _) = healthy(harness).await;
    let own = newcomer.account.auth_token().unwrap();
    newcomer.account.set_auth_token(&"5".repeat(32));
    let refused = Report::of(&newcomer).await.credentials();
    refused.is("error", "does not accept this pair", "Copy both again");
    assert!(!refused.message.contains("not in use"), "{refused:?}");
    let verify = "/api/integrations/twilio/verify";
    for _ in 0..2 {
        newcomer.admin.post(verify, &json!({})).await.document(200);
    }
    let out_of_use = Report::of(&newcomer).await.credentials();
    out_of_use.is("error", "They are not in use", "Copy both again");

    newcomer.account.set_auth_token(&own);
    let mended = Report::of(&newcomer).await.credentials();
    mended.is(
        "error",
        "Twilio accepts the auth token and the API key",
        verify,
    );
    newcomer.admin.post(verify, &json!({})).await.document(200);
    assert_eq!(Report::of(&newcomer).await.0["status"], "ok");
}

#[tokio::test]
async fn what_twilio_does_not_tell_degrades() {
    let harness = Harness::shared().await;
    let (newcomer, _, _) = healthy(harness).await;
    for (misbehaviour, message, hint) in [
        (
            Misbehaviour::TooManyRequests {
                retry_after: Some(60),
            },
            "Twilio asks for patience",
            "again in a minute",
        ),
        (Misbehaviour::Html(403), "did not answer", "again later"),
        (Misbehaviour::Garbled, "did not answer", "again later"),
    ] {
        let always = Times::Always;
        let fault = newcomer.account.misbehave(misbehaviour, always);
        let report = Report::of(&newcomer).await;
        for number in 0..3 {
            let check = report.check(number);
            assert_eq!(check.status, "degraded", "{check:?}");
            assert!(check.hint.to_lowercase().contains(hint), "{check:?}");
        }
        report.application().is("degraded", message, "again");
        harness.stack.twilio().faults().remove(fault);
    }
}

#[tokio::test]
async fn an_account_without_an_api_key_or_a_number_is_told_what_it_lacks() {
    let harness = Harness::shared().await;
    let mut newcomer = harness.newcomer().await;
    for field in ["api_key_sid", "api_key_secret"] {
        newcomer.credentials.as_object_mut().unwrap().remove(field);
    }
    newcomer.store().await.document(201);
    let report = Report::of(&newcomer).await;
    let (message, hint) = ("no access tokens can be issued", "Make a Standard key");
    report.credentials().is("ok", message, hint);
    let (none, first) = ("no TwiML App yet", "first access token makes it");
    report.application().is("ok", none, first);
    report.numbers().is("degraded", "no phone number", "Buy");
}

#[tokio::test]
async fn a_twiml_app_that_leads_elsewhere_is_told_with_the_url_to_set() {
    let harness = Harness::shared().await;
    let (newcomer, target, _) = healthy(harness).await;
    let app = newcomer.account.applications()[0]["sid"].clone();
    let app = app.as_str().unwrap();
    let configure = |form: &[(&str, &str)]| {
        assert!(newcomer.account.configure_application(app, form));
    };
    configure(&[("VoiceUrl", ELSEWHERE)]);
    let check = Report::of(&newcomer).await.application();
    check.is("error", "another voice_url", &target.voice_url());
    configure(&[("VoiceUrl", "")]);
    let check = Report::of(&newcomer).await.application();
    check.is("error", "another voice_url", &target.voice_url());
    let (_, voice_url) = check.hint.rsplit_once(": ").unwrap();
    configure(&[("VoiceUrl", voice_url), ("VoiceMethod", "GET")]);
    let check = Report::of(&newcomer).await.application();
    check.is("error", "another voice_method", "POST");
    configure(&[("VoiceMethod", "POST"), ("StatusCallback", ELSEWHERE)]);
    let check = Report::of(&newcomer).await.application();
    check.is("degraded", "another status_callback", "voice/status");
}

#[tokio::test]
async fn a_deleted_twiml_app_is_forgotten_and_the_next_token_makes_one() {
    let harness = Harness::shared().await;
    let (newcomer, _, _) = healthy(harness).await;
    let before = newcomer.account.applications()[0]["sid"].clone();
    assert!(
        newcomer
            .account
            .delete_application(before.as_str().unwrap())
    );
    let check = Report::of(&newcomer).await.application();
    check.is("error", "was deleted at Twilio", "Take new access tokens");
    // It is not asked for any more.
    let again = Report::of(&newcomer).await.application();
    again.is("ok", "no TwiML App yet", "first access token");
    let asked = newcomer.account.calls().operation(APPLICATION).count();
    assert_eq!(asked, 1);
    take_token(harness, &newcomer).await;
    let applications = newcomer.account.applications();
    assert_eq!(applications.len(), 1);
    assert_ne!(applications[0]["sid"], before);
    Report::of(&newcomer)
        .await
        .application()
        .is("ok", "leads here", "");
}

#[tokio::test]
async fn a_twiml_app_made_by_hand_in_place_of_a_deleted_one_is_adopted_and_corrected() {
    let harness = Harness::shared().await;
    let (newcomer, _, _) = healthy(harness).await;
    let before = newcomer.account.applications()[0].clone();
    let sid = before["sid"].as_str().unwrap();
    assert!(newcomer.account.delete_application(sid));
    let name = before["friendly_name"].as_str().unwrap();
    let by_hand = newcomer.account.add_application(name, ELSEWHERE).unwrap();
    Report::of(&newcomer).await;
    let check = Report::of(&newcomer).await.application();
    check.is("error", &by_hand, "voice_url");
    take_token(harness, &newcomer).await;
    let applications = newcomer.account.applications();
    assert_eq!(applications.len(), 1);
    assert_eq!(applications[0]["sid"], by_hand);
    assert_eq!(applications[0]["voice_url"], before["voice_url"]);
    Report::of(&newcomer)
        .await
        .application()
        .is("ok", &by_hand, "");
}
