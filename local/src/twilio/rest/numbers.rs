//! Phone numbers of an account.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::error::ApiError;
use super::paging::{Item, page};
use super::property::{Kind, Property, Resource};
use super::state::AccountState;
use crate::double::{Answer, Request, first};

pub(super) const COLLECTION: &str = "IncomingPhoneNumbers";

const fn property(parameter: &'static str, name: &'static str, kind: Kind) -> Property {
    Property {
        parameter,
        name,
        kind,
    }
}

pub(super) const PROPERTIES: &[Property] = &[
    property("FriendlyName", "friendly_name", Kind::Name),
    property("ApiVersion", "api_version", Kind::Version),
    property("TrunkSid", "trunk_sid", Kind::SidOrNull("TK")),
    property(
        "VoiceApplicationSid",
        "voice_application_sid",
        Kind::Sid("AP"),
    ),
    property("VoiceUrl", "voice_url", Kind::Url),
    property("VoiceMethod", "voice_method", Kind::Method),
    property("VoiceFallbackUrl", "voice_fallback_url", Kind::Url),
    property("VoiceFallbackMethod", "voice_fallback_method", Kind::Method),
    property("VoiceCallerIdLookup", "voice_caller_id_lookup", Kind::Flag),
    property("StatusCallback", "status_callback", Kind::UrlOrEmpty),
    property(
        "StatusCallbackMethod",
        "status_callback_method",
        Kind::Method,
    ),
    property("SmsApplicationSid", "sms_application_sid", Kind::Sid("AP")),
    property("SmsUrl", "sms_url", Kind::UrlOrEmpty),
    property("SmsMethod", "sms_method", Kind::Method),
    property("SmsFallbackUrl", "sms_fallback_url", Kind::UrlOrEmpty),
    property("SmsFallbackMethod", "sms_fallback_method", Kind::Method),
];

/// A number as Twilio sells it: nothing of it is configured.
pub(super) fn bought(sid: String, phone_number: &str, now: Timestamp) -> Resource {
    let mut number = Resource::new(sid, now, PROPERTIES);
    for (name, value) in [
        ("phone_number", json!(phone_number)),
        ("friendly_name", json!(phone_number)),
        (
            "capabilities",
            json!({"voice": true, "sms": true, "mms": true, "fax": false}),
        ),
        ("address_requirements", json!("none")),
        ("address_sid", Value::Null),
        ("beta", json!(false)),
        ("bundle_sid", Value::Null),
        ("emergency_address_sid", Value::Null),
        ("emergency_address_status", json!("unregistered")),
        ("emergency_status", json!("Inactive")),
        ("identity_sid", Value::Null),
        ("origin", json!("twilio")),
        ("status", json!("in-use")),
        ("type", json!("local")),
        ("voice_receive_mode", json!("voice")),
    ] {
        number.put(name, value);
    }
    number
}

/// The document of a number.
pub(super) fn document(account: &str, number: &Resource) -> Value {
    Value::Object(number.document(account, COLLECTION))
}

/// The list, the newest first.
pub(super) fn list(
    account: &AccountState,
    sid: &str,
    request: &Request,
) -> Result<Answer, ApiError> {
    let pattern = request.query("PhoneNumber").unwrap_or_default();
    let name = request.query("FriendlyName");
    let found = account.numbers.iter().rev().filter(|number| {
        matches(number.text("phone_number"), pattern)
            && name.is_none_or(|name| number.text("friendly_name") == name)
    });
    let items: Vec<Item> = found
        .map(|number| (number.sid.clone(), document(sid, number)))
        .collect();
    let page = page(request, &["FriendlyName", "PhoneNumber"], items)?;
    Ok(Answer::json(200, &page.envelope("incoming_phone_numbers")))
}

/// Whether a part of a number is the pattern, in which `*` is any digit.
fn matches(number: &str, pattern: &str) -> bool {
    let (number, pattern) = (number.as_bytes(), pattern.as_bytes());
    pattern.is_empty()
        || number.windows(pattern.len()).any(|part| {
            let mut pairs = part.iter().zip(pattern);
            pairs.all(|(digit, wanted)| digit == wanted || *wanted == b'*')
        })
}

/// Updates a number. It has a trunk or an App for calls: setting one clears the other.
pub(super) fn update(
    number: &mut Resource,
    form: &[(String, String)],
    now: Timestamp,
) -> Result<(), ApiError> {
    number.update(PROPERTIES, form, now)?;
    let set = |parameter| first(form, parameter).is_some_and(|value| !value.is_empty());
    // The trunk goes before the App, also if both come at once.
    if set("TrunkSid") {
        number.put("voice_application_sid", "");
    } else if set("VoiceApplicationSid") {
        number.put("trunk_sid", Value::Null);
    }
    Ok(())
}
