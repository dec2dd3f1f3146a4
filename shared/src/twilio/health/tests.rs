//! Health against a scripted Twilio.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::*;
use crate::activity::Route;
use crate::outbound::scripted::{Provider, Reaction, Received, soon};
use crate::tenant::TenantId;
use crate::twilio::TwilioCredentials;
use crate::twilio::webhook_urls::tests::deployment;

const ACCOUNT: &str = "AC00112233445566778899aabbccddeeff";
const APP: &str = "AP00000000000000000000000000000001";
const OTHER_APP: &str = "AP00000000000000000000000000000002";
const SERVICE: &str = "MG00000000000000000000000000000001";
const VOICE: &str = "https://voice.example/voice";
const SMS: &str = "https://sms.example/sms";

fn expected() -> ApplicationConfig {
    let tenant: TenantId = "acme".parse().unwrap();
    ApplicationConfig::of_tenant(&tenant, &ACCOUNT.parse().unwrap(), &deployment(""))
}

fn app() -> Value {
    let expected = expected();
    json!({"sid": APP, "friendly_name": expected.friendly_name, "voice_url": expected.voice_url,
        "voice_fallback_url": expected.voice_fallback_url, "status_callback": expected.status_callback,
        "sms_url": SMS})
}

fn number(digit: u32, more: Value) -> Value {
    let mut number = json!({"sid": format!("PN{digit:032}"), "phone_number": format!("+1500555000{digit}"),
        "voice_url": VOICE, "sms_url": SMS, "capabilities": {"voice": true, "sms": true}});
    number
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    number
}

/// An account by its answers to paths below it, or to whole paths.
struct Twilio(HashMap<String, Reaction>);

impl Twilio {
    fn new() -> Self {
        let mut twilio = Self(HashMap::new());
        twilio.says(".json", json!({"sid": ACCOUNT, "status": "active"}));
        twilio.says("/Applications.json", json!({"applications": [app()]}));
        twilio.says(&format!("/Applications/{APP}.json"), app());
        twilio.says("/v1/Services", json!({"services": [], "meta": {}}));
        twilio.has_numbers(&[number(1, json!({}))]);
        twilio
    }

    fn says(&mut self, path: &str, document: Value) {
        self.does(path, Reaction::json(200, &document));
    }

    fn does(&mut self, path: &str, reaction: Reaction) {
        let path = match path.starts_with("/v1") {
            true => path.to_owned(),
            false => format!("/2010-04-01/Accounts/{ACCOUNT}{path}"),
        };
        self.0.insert(path, reaction);
    }

    fn has_numbers(&mut self, numbers: &[Value]) {
        self.says(
            "/IncomingPhoneNumbers.json",
            json!({"incoming_phone_numbers": numbers}),
        );
    }

    fn has_service(&mut self, service: &Value, numbers: &[&str]) {
        let members: Vec<Value> = numbers
            .iter()
            .map(|digit| json!({"sid": format!("PN{digit:0>32}"), "phone_number": "+15005550001"}))
            .collect();
        self.says("/v1/Services", json!({"services": [service], "meta": {}}));
        let path = format!("/v1/Services/{SERVICE}/PhoneNumbers");
        self.says(&path, json!({"phone_numbers": members, "meta": {}}));
    }

    fn react(&self, request: &Received) -> Reaction {
        assert_eq!(request.method, "GET", "health only reads");
        let known = self.0.get(request.path()).cloned();
        known.unwrap_or_else(|| Reaction::error(404, 20404))
    }

    async fn check(self, remembered: Option<&str>) -> HealthReport {
        self.check_with(json!({}), remembered, soon()).await
    }

    async fn check_with(
        self,
        more: Value,
        remembered: Option<&str>,
        deadline: Instant,
    ) -> HealthReport {
        let provider = Provider::start(move |request| self.react(request)).await;
        let mut document =
            json!({"account_sid": ACCOUNT, "auth_token": "0123456789abcdef0123456789abcdef"});
        document
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let credentials = TwilioCredentials::from_input(&document).unwrap();
        let outbound = provider.outbound();
        let client = TwilioClient::new(&outbound, &credentials, deadline);
        let remembered = remembered.map(|sid| sid.parse().unwrap());
        check(&client, &deployment(""), &expected(), remembered.as_ref()).await
    }
}

/// The check of the numbers for one number of this kind.
async fn of_number(more: Value) -> HealthCheck {
    let mut twilio = Twilio::new();
    twilio.has_numbers(&[number(1, more)]);
    twilio.check(Some(APP)).await.checks.remove(2)
}

#[tokio::test]
async fn a_connection_that_works_is_ok() {
    let report = Twilio::new().check(Some(APP)).await;
    let statuses: Vec<HealthStatus> = report.checks.iter().map(|check| check.status).collect();
    assert_eq!(statuses, [HealthStatus::Ok; 3], "{report:?}");
    assert_eq!(report.status, HealthStatus::Ok);
    assert!(!report.application_is_gone);
}

#[tokio::test]
async fn the_answers_names_are_those_of_the_contract() {
    let mut twilio = Twilio::new();
    twilio.does(".json", Reaction::error(401, 20003));
    let report = serde_json::to_value(twilio.check(Some(OTHER_APP)).await).unwrap();
    assert_eq!(report["status"], "error");
    let members: Vec<&String> = report.as_object().unwrap().keys().collect();
    assert_eq!(members, ["checks", "status"]);
    let names: Vec<&Value> = report["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|check| &check["name"])
        .collect();
    assert_eq!(names, ["credentials", "twiml_app", "phone_numbers"]);
    let check = &report["checks"][0];
    assert_eq!(check["status"], "error");
    assert!(
        check["message"]
            .as_str()
            .unwrap()
            .contains("does not accept")
    );
    assert!(check["hint"].as_str().unwrap().contains("Copy both again"));
}

#[tokio::test]
async fn what_one_check_cannot_tell_the_others_still_do() {
    let mut twilio = Twilio::new();
    twilio.does(&format!("/Applications/{APP}.json"), Reaction::html(503));
    let report = twilio.check(Some(APP)).await;
    let statuses: Vec<HealthStatus> = report.checks.iter().map(|check| check.status).collect();
    assert_eq!(
        statuses,
        [HealthStatus::Ok, HealthStatus::Degraded, HealthStatus::Ok]
    );
    assert_eq!(report.status, HealthStatus::Degraded);
}

#[tokio::test]
async fn a_twilio_that_asks_for_patience_or_hangs_degrades() {
    for (reaction, seconds) in [
        (Reaction::error(429, 20429), 20),
        (Reaction::html(502), 20),
        (Reaction::Hang, 1),
    ] {
        let mut twilio = Twilio::new();
        for answer in twilio.0.values_mut() {
            *answer = reaction.clone();
        }
        let deadline = Instant::now() + Duration::from_secs(seconds);
        let report = twilio.check_with(json!({}), Some(APP), deadline).await;
        for check in &report.checks {
            assert_eq!(check.status, HealthStatus::Degraded, "{check:?}");
            assert!(
                check.hint.as_deref().unwrap().contains("again"),
                "{check:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_missing_app_is_made_by_the_first_token_and_a_deleted_one_is_an_error() {
    let mut twilio = Twilio::new();
    twilio.says("/Applications.json", json!({"applications": []}));
    let report = twilio.check(None).await;
    assert_eq!(report.checks[1].status, HealthStatus::Ok);
    assert!(report.checks[1].hint.is_some());

    let report = Twilio::new().check(Some(OTHER_APP)).await;
    assert_eq!(report.checks[1].status, HealthStatus::Error);
    assert!(report.application_is_gone);
}

#[tokio::test]
async fn an_app_that_leads_elsewhere_is_told_with_the_url_to_set() {
    for (member, status) in [
        ("voice_url", HealthStatus::Error),
        ("voice_fallback_url", HealthStatus::Degraded),
        ("status_callback", HealthStatus::Degraded),
    ] {
        let mut wrong = app();
        wrong[member] = json!("https://elsewhere.example/");
        let mut twilio = Twilio::new();
        twilio.says("/Applications.json", json!({"applications": [wrong]}));
        let check = twilio.check(None).await.checks.remove(1);
        assert_eq!(check.status, status, "{check:?}");
        let url = match member {
            "voice_url" => expected().voice_url,
            "voice_fallback_url" => expected().voice_fallback_url,
            _ => expected().status_callback,
        };
        assert!(check.hint.unwrap().ends_with(&format!("{member}: {url}")));
    }
}

#[tokio::test]
async fn a_number_can_look_right_and_lead_elsewhere() {
    let elsewhere = "https://elsewhere.example/";
    let trunk = "TK00000000000000000000000000000001";
    for (more, told) in [
        (
            json!({"trunk_sid": trunk, "voice_application_sid": APP}),
            "SIP trunk",
        ),
        (
            json!({"voice_application_sid": OTHER_APP}),
            "which does not exist",
        ),
        (json!({"voice_url": elsewhere}), "not of this deployment"),
        (json!({"voice_url": ""}), "go nowhere"),
        (json!({"voice_method": "GET"}), "called by GET"),
        (
            json!({"voice_url": format!("{VOICE}?account=AC1")}),
            "another account",
        ),
        (
            json!({"sms_application_sid": OTHER_APP}),
            "which does not exist",
        ),
        (json!({"sms_url": elsewhere}), "not of this deployment"),
        (json!({"sms_url": VOICE}), "not of this deployment"),
        (json!({"sms_url": null}), "go nowhere"),
        (json!({"sms_method": "GET"}), "called by GET"),
    ] {
        let check = of_number(more.clone()).await;
        assert_eq!(check.status, HealthStatus::Error, "{more} {check:?}");
        assert!(check.message.contains(told), "{more} {check:?}");
        let expected = deployment("").webhook(
            if more.to_string().contains("sms") {
                Route::Sms
            } else {
                Route::Voice
            },
            &ACCOUNT.parse().unwrap(),
        );
        assert!(check.hint.unwrap().contains(&expected), "{more}");
    }
}

#[tokio::test]
async fn an_app_that_leads_here_counts_before_urls_that_do_not() {
    let elsewhere = "https://elsewhere.example/";
    let check = of_number(json!({"voice_application_sid": APP, "voice_url": elsewhere,
        "sms_application_sid": APP, "sms_url": elsewhere}))
    .await;
    assert_eq!(check.status, HealthStatus::Ok, "{check:?}");
}

#[tokio::test]
async fn what_a_number_cannot_receive_is_not_asked_of_it() {
    let check =
        of_number(json!({"voice_url": "", "capabilities": {"voice": false, "sms": true}})).await;
    assert_eq!(check.status, HealthStatus::Ok, "{check:?}");
    let check =
        of_number(json!({"sms_url": "", "capabilities": {"voice": true, "sms": false}})).await;
    assert_eq!(check.status, HealthStatus::Ok, "{check:?}");
}

#[tokio::test]
async fn a_messaging_service_counts_before_the_numbers_own_url_unless_it_defers() {
    for (url, defers, number_url, told) in [
        (json!(SMS), false, "https://elsewhere.example/", None),
        (json!(null), false, SMS, Some("not set")),
        (
            json!("https://elsewhere.example/"),
            false,
            SMS,
            Some("messaging service MG"),
        ),
        (json!("https://elsewhere.example/"), true, SMS, None),
        (
            json!(SMS),
            true,
            "https://elsewhere.example/",
            Some("not of this deployment"),
        ),
    ] {
        let service = json!({"sid": SERVICE, "inbound_request_url": url,
            "use_inbound_webhook_on_number": defers});
        let mut twilio = Twilio::new();
        twilio.has_service(&service, &["1"]);
        twilio.has_numbers(&[number(1, json!({"sms_url": number_url}))]);
        let check = twilio.check(Some(APP)).await.checks.remove(2);
        match told {
            None => assert_eq!(check.status, HealthStatus::Ok, "{check:?}"),
            Some(told) => assert!(check.message.contains(told), "{check:?}"),
        }
    }
}

#[tokio::test]
async fn one_wrong_number_of_two_degrades_and_a_long_list_is_cut() {
    let wrong = |digit| number(digit, json!({"voice_url": ""}));
    let mut twilio = Twilio::new();
    twilio.has_numbers(&[number(1, json!({})), wrong(2)]);
    let check = twilio.check(Some(APP)).await.checks.remove(2);
    assert_eq!(check.status, HealthStatus::Degraded);
    assert!(
        check.message.starts_with("1 of 2 phone numbers"),
        "{check:?}"
    );
    assert!(check.message.contains("+15005550002") && !check.message.contains("+15005550001"));

    let mut twilio = Twilio::new();
    let many: Vec<Value> = (0..300).map(wrong).collect();
    twilio.has_numbers(&many);
    let check = twilio.check(Some(APP)).await.checks.remove(2);
    assert!(check.message.ends_with("And 290 more."), "{check:?}");
    assert!(check.message.len() + check.hint.unwrap().len() < 8_000);
}

#[tokio::test]
async fn services_that_cannot_be_listed_leave_the_rest_told() {
    let mut twilio = Twilio::new();
    twilio.does("/v1/Services", Reaction::error(403, 70051));
    let check = twilio.check(Some(APP)).await.checks.remove(2);
    assert_eq!(check.status, HealthStatus::Degraded);
    assert!(check.message.contains("could be looked at"), "{check:?}");
}

#[tokio::test]
async fn a_refusal_is_told_by_what_it_is_looked_up_by_and_not_in_twilios_words() {
    let mut twilio = Twilio::new();
    let words = json!({"code": 21601, "message": "+15005550001 of somebody else's customer"});
    let refusal = Reaction::json(400, &words).with("twilio-request-id", "RQ0123");
    twilio.does("/IncomingPhoneNumbers.json", refusal);
    let check = twilio.check(Some(APP)).await.checks.remove(2);
    let told = "Twilio refused it (status 400, error 21601, request RQ0123)";
    assert!(check.message.contains(told), "{check:?}");
    assert!(!check.message.contains("customer"), "{check:?}");
}

#[tokio::test]
async fn senders_that_the_account_does_not_have_are_told() {
    let senders = json!({"phone_number": "+15005550009", "messaging_service_sid": SERVICE});
    let report = Twilio::new().check_with(senders, Some(APP), soon()).await;
    let check = &report.checks[2];
    assert_eq!(check.status, HealthStatus::Degraded);
    assert!(
        check.message.contains("+15005550009") && check.message.contains(SERVICE),
        "{check:?}"
    );
}

#[tokio::test]
async fn an_account_without_numbers_is_told_to_buy_one() {
    let mut twilio = Twilio::new();
    twilio.has_numbers(&[]);
    let check = twilio.check(Some(APP)).await.checks.remove(2);
    assert_eq!(check.status, HealthStatus::Degraded);
    assert!(check.hint.unwrap().contains("Buy"));
}
