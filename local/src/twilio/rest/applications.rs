//! TwiML Apps.

use serde_json::Value;

use super::error::ApiError;
use super::paging::{Item, page};
use super::property::{Kind, Property, Resource};
use super::state::{AccountState, Accounts};
use crate::double::{Answer, Request};

/// The most Apps of one account.
const MOST: usize = 1_000;

pub(super) const COLLECTION: &str = "Applications";

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
    property("VoiceUrl", "voice_url", Kind::Url),
    property("VoiceMethod", "voice_method", Kind::Method),
    property("VoiceFallbackUrl", "voice_fallback_url", Kind::Url),
    property("VoiceFallbackMethod", "voice_fallback_method", Kind::Method),
    property("StatusCallback", "status_callback", Kind::Url),
    property(
        "StatusCallbackMethod",
        "status_callback_method",
        Kind::Method,
    ),
    property("VoiceCallerIdLookup", "voice_caller_id_lookup", Kind::Flag),
    property("SmsUrl", "sms_url", Kind::Url),
    property("SmsMethod", "sms_method", Kind::Method),
    property("SmsFallbackUrl", "sms_fallback_url", Kind::Url),
    property("SmsFallbackMethod", "sms_fallback_method", Kind::Method),
    property("SmsStatusCallback", "sms_status_callback", Kind::Url),
    property(
        "MessageStatusCallback",
        "message_status_callback",
        Kind::Url,
    ),
    property(
        "PublicApplicationConnectEnabled",
        "public_application_connect_enabled",
        Kind::Flag,
    ),
];

/// The document of an App.
pub(super) fn document(account: &str, application: &Resource) -> Value {
    Value::Object(application.document(account, COLLECTION))
}

/// The list, the newest first. Twilio does not promise that its filter is exact, so this one also finds longer names.
pub(super) fn list(
    account: &AccountState,
    sid: &str,
    request: &Request,
) -> Result<Answer, ApiError> {
    let name = request.query("FriendlyName").unwrap_or_default();
    let found = account.applications.iter().rev();
    let found = found.filter(|application| application.text("friendly_name").starts_with(name));
    let items: Vec<Item> = found
        .map(|application| (application.sid.clone(), document(sid, application)))
        .collect();
    let page = page(request, &["FriendlyName"], items)?;
    Ok(Answer::json(200, &page.envelope("applications")))
}

/// Creates an App, whatever others are called.
pub(super) fn create(
    accounts: &Accounts,
    account: &mut AccountState,
    form: &[(String, String)],
) -> Result<Resource, ApiError> {
    if account.applications.len() >= MOST {
        return Err(ApiError::bad_request(
            20_001,
            format!("the account has {MOST} applications, and may not have more"),
        ));
    }
    let (sid, now) = (accounts.sids.sid("AP"), accounts.clock.now());
    let mut application = Resource::new(sid, now, PROPERTIES);
    application.update(PROPERTIES, form, now)?;
    account.applications.push(application.clone());
    Ok(application)
}
