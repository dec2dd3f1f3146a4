//! Settings: read, changed in part, and what the next call or message makes of them.

use local::twilio::{Parameters, sign};
use serde_json::{Value, json};
use shared::activity::Route;
use shared::clock::Clock;
use shared::environment::Environment;
use shared::http::HttpRequest;
use shared::webhook::{BODY_LIMIT, Webhooks};

use super::onboarding::{Newcomer, path_of};
use crate::conversations::{EMPTY_RESPONSE, answer, dialled};
use crate::harness::{Harness, Tenant};
use shared::tenant::Provider;

const SETTINGS: &str = "/api/settings";
const OFFICE: &str = "+15005550110";

fn defaults() -> Value {
    json!({
        "auto_record_calls": false, "greeting": null, "inbound_route": "voicemail", "forward_to": null,
        "browser_users": [], "voicemail": true, "business_hours": null, "allowed_countries": [],
        "auto_reply": null, "default_sender": null, "drift": "repair",
    })
}

/// Every field with another value than its default.
fn whole() -> Value {
    json!({
        "auto_record_calls": true, "greeting": "Grüß Gott,\nhello.", "inbound_route": "forward", "forward_to": OFFICE,
        "browser_users": ["alice", "bob_2"], "voicemail": false,
        "business_hours": {
            "time_zone": "Europe/Vienna",
            "weekly": [{"day": "monday", "open": "09:00", "close": "17:00"}, {"day": "friday", "open": "22:00", "close": "02:00"}],
        },
        "allowed_countries": ["AT", "US"], "auto_reply": "Thank <you>", "default_sender": "Acme", "drift": "report",
    })
}

async fn patch(newcomer: &Newcomer, change: Value) -> Value {
    newcomer.admin.patch(SETTINGS, &change).await.document(200)
}

#[tokio::test]
async fn a_new_tenant_has_the_defaults_and_every_field_is_changed_and_brought_back() {
    let newcomer = Harness::shared().await.newcomer().await;
    let read = newcomer.admin.get(SETTINGS).await;
    assert_eq!(read.header("etag"), Some("\"0\""));
    assert_eq!(read.document(200), defaults());
    let changed = newcomer.admin.patch(SETTINGS, &whole()).await;
    assert_eq!(changed.header("etag"), Some("\"1\""));
    assert_eq!(changed.document(200), whole());
    let read = newcomer.admin.get(SETTINGS).await;
    assert_eq!(read.header("etag"), Some("\"1\""));
    assert_eq!(read.document(200), whole());
    let mut expected = whole();
    // The route first, which needs the number.
    let mut fields = vec!["inbound_route"];
    let whole = whole();
    let others = whole.as_object().unwrap().keys();
    fields.extend(
        others
            .map(String::as_str)
            .filter(|one| *one != "inbound_route"),
    );
    for field in fields {
        expected[field] = defaults()[field].clone();
        assert_eq!(patch(&newcomer, json!({field: null})).await, expected);
    }
    assert_eq!(newcomer.admin.get(SETTINGS).await.document(200), defaults());
    let audit = newcomer.audit().await;
    let updates = audit
        .iter()
        .filter(|[action, ..]| action == "settings_updated");
    assert_eq!(updates.count(), 12);
    let first = audit
        .iter()
        .find(|[_, _, _, detail]| detail.contains("drift, "));
    let [_, actor, target, detail] = first.unwrap();
    assert!(actor.starts_with("user:admin-") && target == "settings");
    assert!(
        !detail.contains("Acme") && !detail.contains(OFFICE),
        "{detail}"
    );
}

#[tokio::test]
async fn every_fault_of_a_change_is_named_at_once_and_nothing_is_changed() {
    let newcomer = Harness::shared().await.newcomer().await;
    for (change, fields) in [
        (
            json!({
                "auto_record_calls": "yes", "greeting": "bell\u{7}", "inbound_route": "fax", "forward_to": "0043 1",
                "browser_users": ["alice", "bob smith", 7], "voicemail": 1, "allowed_countries": ["AT", "Austria"],
                "business_hours": {
                    "time_zone": "Mars/Olympus", "holidays": [],
                    "weekly": [{"day": "mon", "open": "9:00 am", "close": "25:00"}, {"day": "monday"}],
                },
                "auto_reply": "x".repeat(1_601), "default_sender": "a name that is too long", "drift": "ignore", "colour": "blue",
            }),
            vec![
                "allowed_countries[1]",
                "auto_record_calls",
                "auto_reply",
                "browser_users[1]",
                "browser_users[2]",
                "business_hours.holidays",
                "business_hours.time_zone",
                "business_hours.weekly[0].close",
                "business_hours.weekly[0].day",
                "business_hours.weekly[0].open",
                "business_hours.weekly[1].close",
                "business_hours.weekly[1].open",
                "colour",
                "default_sender",
                "drift",
                "forward_to",
                "greeting",
                "inbound_route",
                "voicemail",
            ],
        ),
        (json!({"inbound_route": "forward"}), vec!["forward_to"]),
        (
            json!({"inbound_route": "browser", "browser_users": []}),
            vec!["browser_users"],
        ),
        (json!([]), vec!["(all)"]),
    ] {
        let refused = newcomer.admin.patch(SETTINGS, &change).await;
        assert_eq!(refused.refusal(), (422, "invalid_fields"), "{change}");
        assert_eq!(refused.faulty_fields(), fields, "{change}");
    }
    let read = newcomer.admin.get(SETTINGS).await;
    assert_eq!(read.header("etag"), Some("\"0\""));
}

#[tokio::test]
async fn a_change_that_does_not_fit_what_stays_is_refused() {
    let newcomer = Harness::shared().await.newcomer().await;
    patch(
        &newcomer,
        json!({"inbound_route": "forward", "forward_to": OFFICE}),
    )
    .await;
    let refused = newcomer
        .admin
        .patch(SETTINGS, &json!({"forward_to": null}))
        .await;
    assert_eq!(refused.faulty_fields(), ["forward_to"]);
    let both = json!({"forward_to": null, "inbound_route": null});
    assert_eq!(patch(&newcomer, both).await["inbound_route"], "voicemail");
}

#[tokio::test]
async fn calls_are_never_forwarded_to_the_tenants_own_number_whichever_is_entered_last() {
    let harness = Harness::shared().await;
    let newcomer = harness.connected().await;
    let twilio = path_of(Provider::Twilio);
    let number = json!({"phone_number": OFFICE});
    newcomer.admin.patch(&twilio, &number).await.document(200);
    for change in [
        json!({"forward_to": OFFICE}),
        json!({"inbound_route": "forward", "forward_to": OFFICE}),
    ] {
        let refused = newcomer.admin.patch(SETTINGS, &change).await;
        assert_eq!(refused.refusal(), (422, "invalid_fields"));
        assert_eq!(refused.faulty_fields(), ["forward_to"]);
    }
    patch(&newcomer, json!({"forward_to": "+15005550111"})).await;
    let asked = newcomer.account.calls().count();
    let number = json!({"phone_number": "+15005550111"});
    let refused = newcomer.admin.patch(&twilio, &number).await;
    assert_eq!(refused.refusal(), (422, "invalid_fields"));
    assert_eq!(refused.faulty_fields(), ["phone_number"]);
    let mut whole = newcomer.credentials.clone();
    whole["phone_number"] = json!("+15005550111");
    let refused = newcomer.admin.put(&twilio, &whole).await;
    assert_eq!(refused.faulty_fields(), ["phone_number"]);
    // Nobody is asked about what would not be stored anyway.
    assert_eq!(newcomer.account.calls().count(), asked);
    patch(&newcomer, json!({"forward_to": null})).await;
    newcomer.admin.patch(&twilio, &number).await.document(200);
}

#[tokio::test]
async fn the_next_message_and_call_of_a_tenant_that_nobody_remembers_follow_its_settings() {
    let harness = Harness::shared().await;
    let newcomer = harness.connected().await;
    let tenant = newcomer.tenant(harness);
    patch(&newcomer, whole()).await;
    patch(
        &newcomer,
        json!({"business_hours": null, "voicemail": true}),
    )
    .await;
    let exchange = tenant.receive_sms(&tenant.sms("Hello")).await;
    let (status, _, text) = answer(&exchange);
    assert_eq!(status, 200);
    assert!(text.contains(">Thank &lt;you&gt;</Message>"), "{text}");
    let story = tenant.make(&tenant.phone_call()).await;
    assert_eq!(story.said(), ["Grüß Gott,\nhello."]);
    let legs = dialled(&story);
    let targets: Vec<_> = legs.iter().map(|(_, target)| target.as_str()).collect();
    assert_eq!(targets, [OFFICE]);
}

/// A message that comes in at a function of this process, whose clock is the test's; how it is answered.
async fn receive(function: &Webhooks, tenant: &Tenant) -> String {
    let message = tenant.sms("Hello");
    let parameters: Parameters = message.parameters();
    let host = "sms.example.com";
    let query = format!("account={}", tenant.sender.account().sid);
    let url = format!("https://{host}/sms?{query}");
    let event = json!({
        "rawPath": "/sms", "rawQueryString": query,
        "headers": {
            "content-type": "application/x-www-form-urlencoded", "host": host,
            "x-twilio-signature": sign(tenant.token(), &url, &parameters),
        },
        "requestContext": {"domainName": host, "http": {"method": "POST"}},
        "body": parameters.form_encoded(),
    });
    let request = HttpRequest::from_event(&event.to_string(), BODY_LIMIT).unwrap();
    let answer = function.receive_message(&request, Route::Sms).await;
    answer.reply().body().to_owned()
}

#[tokio::test]
async fn settings_reach_a_warm_function_five_minutes_after_it_read_the_tenant() {
    let harness = Harness::shared().await;
    let newcomer = harness.connected().await;
    let tenant = newcomer.tenant(harness);
    let clock = Clock::fixed("2026-03-01T12:00:00Z".parse().unwrap());
    let environment = Environment::of(harness.stack.environment().clone());
    let function = Webhooks::from_environment(&environment, clock.clone()).await;
    let function = function.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(receive(&function, &tenant).await, EMPTY_RESPONSE);
    patch(&newcomer, json!({"auto_reply": "Thank you"})).await;
    clock.advance(5 * 60 - 1);
    assert_eq!(receive(&function, &tenant).await, EMPTY_RESPONSE);
    clock.advance(1);
    let text = receive(&function, &tenant).await;
    assert!(text.contains(">Thank you</Message>"), "{text}");
}
