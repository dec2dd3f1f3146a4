//! What may be set, and what it means.

use serde_json::json;

use super::*;

fn open_at(weekly: serde_json::Value, moment: &str) -> bool {
    let document = json!({"business_hours": {"time_zone": "Europe/Vienna", "weekly": weekly}});
    Settings::from_input(&document)
        .unwrap()
        .is_open(moment.parse().unwrap())
}

#[test]
fn a_tenant_that_set_nothing_is_always_open() {
    assert!(Settings::default().is_open(Timestamp::UNIX_EPOCH));
}

#[test]
fn hours_count_in_the_tenants_own_time_zone() {
    // 2026-07-06 is a Monday; Vienna is two hours ahead of UTC in summer.
    let hours = json!([{"day": "monday", "open": "09:00", "close": "17:00"}]);
    assert!(!open_at(hours.clone(), "2026-07-06T06:59:59Z"));
    assert!(open_at(hours.clone(), "2026-07-06T07:00:00Z"));
    assert!(open_at(hours.clone(), "2026-07-06T14:59:59Z"));
    assert!(!open_at(hours.clone(), "2026-07-06T15:00:00Z"));
    assert!(!open_at(hours, "2026-07-07T08:00:00Z"));
}

#[test]
fn hours_may_go_on_past_midnight() {
    let hours = json!([{"day": "sunday", "open": "22:00", "close": "02:00"}]);
    assert!(open_at(hours.clone(), "2026-07-05T23:30:00Z"));
    assert!(!open_at(hours.clone(), "2026-07-06T00:00:00Z"));
    assert!(!open_at(hours, "2026-07-05T19:59:59Z"));
}

#[test]
fn midnight_closes_a_day() {
    let hours = json!([{"day": "monday", "open": "09:00", "close": "24:00"}]);
    assert!(open_at(hours.clone(), "2026-07-06T21:59:59Z"));
    assert!(!open_at(hours, "2026-07-06T22:00:00Z"));
}

#[test]
fn entered_settings_are_refused_with_the_fault() {
    let faults = [
        (
            json!({"autoreply": "x"}),
            "settings have no field `autoreply`; they have auto_record_calls",
        ),
        (
            json!({"forward_to": "0123"}),
            "settings: expected a phone number in E.164",
        ),
        (
            json!({"greeting": "g".repeat(4_097)}),
            "settings: greeting is longer",
        ),
        (
            json!({"auto_reply": "r".repeat(1_601)}),
            "settings: auto_reply is longer",
        ),
        (json!({"allowed_countries": ["us"]}), "settings: "),
        (
            json!({"inbound_route": "forward"}),
            "settings: inbound_route is forward, and forward_to names no number",
        ),
        (
            json!({"inbound_route": "browser"}),
            "settings: inbound_route is browser, and browser_users names nobody",
        ),
        (
            json!({"business_hours": {"time_zone": "Mars", "weekly": []}}),
            "settings: business_hours.time_zone",
        ),
        (json!([]), "settings: "),
    ];
    for (document, fault) in faults {
        let refusal = Settings::from_input(&document).unwrap_err().to_string();
        assert!(refusal.starts_with(fault), "{refusal}");
    }
}

#[test]
fn a_browser_user_has_a_name_that_twilio_takes() {
    let longest = "x".repeat(121);
    for (name, is_taken) in [
        ("alice_2", true),
        (longest.as_str(), true),
        ("", false),
        (&format!("{longest}x"), false),
        ("alice@example.com", false),
        ("f81d4fae-7dec", false),
        ("ali\u{e7}e", false),
    ] {
        let read = Settings::from_input(&json!({"browser_users": [name]}));
        assert_eq!(read.is_ok(), is_taken, "{name}");
    }
}

#[test]
fn a_browser_may_call_the_listed_countries_and_no_others() {
    let settings = Settings::from_input(&json!({"allowed_countries": ["US", "AT"]})).unwrap();
    // Jamaica shares +1; +979 is international premium.
    for (number, may) in [
        ("+12125550100", true),
        ("+4315550100", true),
        ("+18765550100", false),
        ("+979123456789", false),
    ] {
        assert_eq!(settings.may_call(&number.parse().unwrap()), may, "{number}");
    }
}

#[test]
fn a_tenant_that_lists_no_countries_may_call_all_of_them_and_nothing_else() {
    // A satellite network, international premium, premium at home, and Twilio's own test number.
    for (number, may) in [
        ("+18765550100", true),
        ("+8835100000000", false),
        ("+979123456789", false),
        ("+19005550100", false),
        ("+15005550006", false),
    ] {
        let number = number.parse().unwrap();
        assert_eq!(Settings::default().may_call(&number), may, "{number}");
    }
}

#[test]
fn every_field_is_listed() {
    let full = json!({
        "auto_record_calls": true, "greeting": "g", "inbound_route": "forward", "forward_to": "+15005550006",
        "browser_users": ["u"], "voicemail": false, "allowed_countries": ["US"], "auto_reply": "r",
        "business_hours": {"time_zone": "UTC", "weekly": [{"day": "friday", "open": "08:30", "close": "12:00"}]},
        "default_sender": "+15005550006", "drift": "report"
    });
    let written = serde_json::to_value(Settings::from_input(&full).unwrap()).unwrap();
    assert_eq!(written, full);
    let mut names: Vec<&str> = Settings::FIELDS.to_vec();
    names.sort_unstable();
    assert_eq!(
        written.as_object().unwrap().keys().collect::<Vec<_>>(),
        names
    );
}
