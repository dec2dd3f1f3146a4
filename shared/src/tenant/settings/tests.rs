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

fn faults(document: &serde_json::Value) -> Vec<(String, String)> {
    let refusal = Settings::from_input(document).unwrap_err();
    assert_eq!(refusal.subject, "settings");
    let faults = refusal.faults.into_iter();
    faults.map(|fault| (fault.field, fault.fault)).collect()
}

#[test]
fn entered_settings_are_refused_with_the_fault() {
    let spans = json!({"day": "monday", "open": "09:00", "close": "17:00"});
    for (document, field, text) in [
        (
            json!({"autoreply": "x"}),
            "autoreply",
            "there is no such field; there are auto_record_calls, ",
        ),
        (
            json!({"forward_to": "0123"}),
            "forward_to",
            "expected a phone number in E.164",
        ),
        (
            json!({"greeting": "g".repeat(4_097)}),
            "greeting",
            "expected at most 4096 characters",
        ),
        (
            json!({"greeting": "a\u{0}b"}),
            "greeting",
            "expected a text without control characters",
        ),
        (
            json!({"auto_reply": "r".repeat(1_601)}),
            "auto_reply",
            "expected at most 1600 characters",
        ),
        (
            json!({"allowed_countries": ["US", "us"]}),
            "allowed_countries[1]",
            "expected the ISO 3166-1",
        ),
        (
            json!({"allowed_countries": vec!["US"; 301]}),
            "allowed_countries",
            "expected a list of at most 300",
        ),
        (
            json!({"browser_users": vec!["u"; 11]}),
            "browser_users",
            "expected a list of at most 10",
        ),
        (
            json!({"inbound_route": "forward"}),
            "forward_to",
            "needed because inbound_route is forward",
        ),
        (
            json!({"inbound_route": "browser"}),
            "browser_users",
            "needed because inbound_route is browser",
        ),
        (
            json!({"inbound_route": "pager"}),
            "inbound_route",
            "expected one of forward, browser, voicemail",
        ),
        (
            json!({"business_hours": {"time_zone": "Mars", "weekly": []}}),
            "business_hours.time_zone",
            "expected an IANA time zone",
        ),
        (
            json!({"business_hours": {"time_zone": "UTC", "weekly": vec![spans; 50]}}),
            "business_hours.weekly",
            "expected a list of at most 49",
        ),
        (
            json!({"drift": true}),
            "drift",
            "expected one of repair, report",
        ),
        (
            json!({"voicemail": "yes"}),
            "voicemail",
            "expected true or false",
        ),
        (
            json!({"default_sender": "somebody else"}),
            "default_sender",
            "expected a phone number in E.164, whatsapp:",
        ),
        (json!([]), "(all)", "expected an object"),
    ] {
        let found = faults(&document);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].0, field);
        assert!(found[0].1.starts_with(text), "{found:?}");
    }
}

#[test]
fn every_fault_is_named_at_once_with_its_place() {
    let found = faults(&json!({
        "colour": "red", "auto_record_calls": 1, "inbound_route": "forward", "forward_to": "0123",
        "browser_users": ["alice", "a b", 7], "drift": "maybe",
        "business_hours": {"weekly": [
            {"day": "monday", "open": "09:00", "close": "17:00"},
            "tuesday",
            {"day": "Friday", "open": "9 o'clock", "until": "17:00"}
        ]}
    }));
    let fields: Vec<&str> = found.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(
        fields,
        [
            "colour",
            "auto_record_calls",
            "forward_to",
            "browser_users[1]",
            "browser_users[2]",
            "business_hours.time_zone",
            "business_hours.weekly[1]",
            "business_hours.weekly[2].until",
            "business_hours.weekly[2].day",
            "business_hours.weekly[2].open",
            "business_hours.weekly[2].close",
            "drift",
        ]
    );
}

fn full() -> serde_json::Value {
    json!({
        "auto_record_calls": true, "greeting": "g", "inbound_route": "forward", "forward_to": "+15005550006",
        "browser_users": ["u"], "voicemail": false, "allowed_countries": ["US"], "auto_reply": "r",
        "business_hours": {"time_zone": "UTC", "weekly": [{"day": "friday", "open": "08:30", "close": "12:00"}]},
        "default_sender": "+15005550006", "drift": "report"
    })
}

#[test]
fn a_patch_of_nothing_changes_nothing() {
    for settings in [Settings::default(), Settings::from_input(&full()).unwrap()] {
        assert_eq!(settings.patched(&json!({})).unwrap(), settings);
    }
}

#[test]
fn a_patch_of_one_field_keeps_all_others() {
    let stored = Settings::from_input(&full()).unwrap();
    for (field, value) in full().as_object().unwrap() {
        let alone = json!({field.clone(): value});
        assert_eq!(stored.patched(&alone).unwrap(), stored, "{field}");
    }
    let patched = stored.patched(&json!({"greeting": "Hello"})).unwrap();
    let mut expected = stored;
    expected.greeting = Some("Hello".to_owned());
    assert_eq!(patched, expected);
}

#[test]
fn null_is_the_default() {
    let stored = Settings::from_input(&full()).unwrap();
    let mut nothing = full();
    for value in nothing.as_object_mut().unwrap().values_mut() {
        *value = serde_json::Value::Null;
    }
    assert_eq!(stored.patched(&nothing).unwrap(), Settings::default());
}

#[test]
fn what_a_patch_leaves_behind_must_work() {
    let stored = Settings::from_input(&full()).unwrap();
    let refusal = stored.patched(&json!({"forward_to": null})).unwrap_err();
    assert_eq!(refusal.faults[0].field, "forward_to");
}

#[test]
fn calls_are_not_forwarded_to_the_tenants_own_number() {
    let settings = Settings::from_input(&full()).unwrap();
    let (own, other) = (
        "+15005550006".parse().unwrap(),
        "+15005550001".parse().unwrap(),
    );
    assert_eq!(
        settings.check_against(Some(&own)).unwrap_err().faults[0].field,
        "forward_to"
    );
    assert!(settings.check_against(Some(&other)).is_ok());
    assert!(settings.check_against(None).is_ok());
    assert!(Settings::default().check_against(Some(&own)).is_ok());
}

#[test]
fn a_sender_is_one_that_twilio_takes() {
    for (sender, is_taken) in [
        ("+15005550006", true),
        ("whatsapp:+15005550006", true),
        ("MG00112233445566778899aabbccddeeff", true),
        ("12345", true),
        ("Acme & Sons", true),
        ("", false),
        ("12", false),
        ("whatsapp:Acme", false),
        ("Acme and Sons", false),
        ("AC00112233445566778899aabbccddeeff", false),
    ] {
        let read = Settings::from_input(&json!({"default_sender": sender}));
        assert_eq!(read.is_ok(), is_taken, "{sender}");
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
    let full = full();
    let written = serde_json::to_value(Settings::from_input(&full).unwrap()).unwrap();
    assert_eq!(written, full);
    let mut names: Vec<&str> = Settings::FIELDS.to_vec();
    names.sort_unstable();
    assert_eq!(
        written.as_object().unwrap().keys().collect::<Vec<_>>(),
        names
    );
}
