//! Where calls and messages to a number really go: of the places where Twilio lets one configure it, only one counts.

use crate::sid::{ApplicationSid, TrunkSid};
use crate::twilio::rest::{IncomingPhoneNumber, MessagingService};

/// Where calls to a number go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VoiceRoute<'n> {
    /// To a SIP trunk.
    Trunk(&'n TrunkSid),
    /// To the voice URL of a TwiML App.
    Application(&'n ApplicationSid),
    /// To the number's own URL, by a method.
    Url(&'n str, &'n str),
    /// Nowhere.
    Nowhere,
}

/// Where messages to a number go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageRoute<'n> {
    /// To the URL of a messaging service that the number is in, by a method; without one they are dropped.
    Service(&'n MessagingService, Option<(&'n str, &'n str)>),
    /// To the SMS URL of a TwiML App.
    Application(&'n ApplicationSid),
    /// To the number's own URL, by a method.
    Url(&'n str, &'n str),
    /// Nowhere.
    Nowhere,
}

/// Where calls to a number go: a trunk counts before a TwiML App, and an App before every voice URL.
#[must_use]
pub fn voice_route(number: &IncomingPhoneNumber) -> VoiceRoute<'_> {
    if let Some(trunk) = &number.trunk_sid {
        VoiceRoute::Trunk(trunk)
    } else if let Some(application) = &number.voice_application_sid {
        VoiceRoute::Application(application)
    } else if let Some(url) = &number.voice_url {
        VoiceRoute::Url(url, method(number.voice_method.as_deref()))
    } else {
        VoiceRoute::Nowhere
    }
}

/// Where messages to a number go: a messaging service that it is in counts, unless the service defers to its numbers; then a
/// TwiML App counts before the SMS URL.
#[must_use]
pub fn message_route<'n>(
    number: &'n IncomingPhoneNumber,
    service: Option<&'n MessagingService>,
) -> MessageRoute<'n> {
    let service = service.filter(|service| service.use_inbound_webhook_on_number != Some(true));
    if let Some(service) = service {
        let url = service.inbound_request_url.as_deref();
        let url = url.map(|url| (url, method(service.inbound_method.as_deref())));
        MessageRoute::Service(service, url)
    } else if let Some(application) = &number.sms_application_sid {
        MessageRoute::Application(application)
    } else if let Some(url) = &number.sms_url {
        MessageRoute::Url(url, method(number.sms_method.as_deref()))
    } else {
        MessageRoute::Nowhere
    }
}

/// Twilio calls by POST unless told otherwise.
fn method(configured: Option<&str>) -> &str {
    configured.unwrap_or("POST")
}
