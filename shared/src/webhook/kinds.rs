//! What the answers to webhooks depend on.

use super::WebhookKind;
use crate::activity::{Fact, Route};
use crate::address::Address;

/// A webhook that is only kept: a status, a recording, a transcription.
#[derive(Debug, Clone, Copy)]
pub struct Notification;

impl WebhookKind for Notification {
    fn of(_fact: &Fact) -> Self {
        Self
    }
}

/// A message from a person.
#[derive(Debug, Clone)]
pub struct InboundMessage {
    /// Whether somebody writes who may be answered: not one who opts out, and not one whom Twilio or the carrier answers.
    pub may_be_answered: bool,
    /// Where the status of an answer to it is reported.
    pub status_route: Route,
}

/// Twilio's default keywords for long codes, which Twilio or the carrier answers; a message is one when it is nothing else, in
/// any case.
const SMS_KEYWORDS: &[&str] = &[
    "STOP",
    "UNSUBSCRIBE",
    "END",
    "QUIT",
    "STOPALL",
    "REVOKE",
    "OPTOUT",
    "CANCEL",
    "START",
    "YES",
    "UNSTOP",
    "HELP",
    "INFO",
];

/// The words that cannot mean anything but an opt-out. On WhatsApp nobody answers the others for us, and `Yes` may be the
/// button that was asked for.
const OPT_OUTS: &[&str] = &[
    "STOP",
    "STOPALL",
    "UNSUBSCRIBE",
    "OPTOUT",
    "OPT-OUT",
    "OPT OUT",
];

impl WebhookKind for InboundMessage {
    fn of(fact: &Fact) -> Self {
        let body = fact.parameter("Body").unwrap_or_default().trim();
        let is_whatsapp = fact.route == Route::Whatsapp;
        let (keywords, status_route): (&[&str], _) = match is_whatsapp {
            true => (&[], Route::WhatsappStatus),
            false => (SMS_KEYWORDS, Route::SmsStatus),
        };
        let mut words = keywords.iter().chain(OPT_OUTS);
        let is_keyword = words.any(|word| body.eq_ignore_ascii_case(word));
        let is_reaction = is_whatsapp && fact.parameter("MessageType") == Some("reaction");
        let is_opt_out = fact.parameter("OptOutType").is_some();
        Self {
            may_be_answered: !(is_keyword || is_reaction || is_opt_out),
            status_route,
        }
    }
}

/// A call that asks what to do: from the telephone network, or from a tenant's browser.
#[derive(Debug, Clone)]
pub struct IncomingCall {
    /// The caller.
    pub from: Address,
    /// Who was dialled. From a browser this is hostile input.
    pub to: Address,
}

impl WebhookKind for IncomingCall {
    fn of(fact: &Fact) -> Self {
        let address = |name| Address::from(fact.parameter(name).unwrap_or_default());
        Self {
            from: address("From"),
            to: address("To"),
        }
    }
}

/// The end of a `<Dial>`.
#[derive(Debug, Clone, Copy)]
pub struct DialResult {
    /// Whether somebody spoke: `completed`, or `answered` after a conference.
    pub was_answered: bool,
    /// Whether one of the tenant's own users dialled, from a browser.
    pub is_from_browser: bool,
}

impl WebhookKind for DialResult {
    fn of(fact: &Fact) -> Self {
        let status = fact.parameter("DialCallStatus").unwrap_or_default();
        let from = fact.parameter("From").unwrap_or_default();
        Self {
            was_answered: matches!(status, "completed" | "answered"),
            is_from_browser: matches!(Address::from(from), Address::Client(_)),
        }
    }
}

/// The end of a voicemail.
#[derive(Debug, Clone, Copy)]
pub struct Voicemail {
    /// Whether anything was recorded.
    pub was_left: bool,
}

impl WebhookKind for Voicemail {
    fn of(fact: &Fact) -> Self {
        Self {
            was_left: fact.parameter("RecordingUrl").is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn may_be_answered(route: Route, parameters: &[(&str, &str)]) -> bool {
        let sid = ("MessageSid", "SM00000000000000000000000000000001");
        let parameters = parameters.iter().copied().chain([sid]).collect();
        let fact = Fact::new(route, &parameters, Timestamp::UNIX_EPOCH).unwrap();
        InboundMessage::of(&fact).may_be_answered
    }

    #[test]
    fn a_word_that_twilio_answers_on_sms_is_answered_by_us_on_whatsapp() {
        for word in ["Yes", "START", "help", "Info", "end", "Cancel"] {
            assert!(!may_be_answered(Route::Sms, &[("Body", word)]), "{word}");
            assert!(
                may_be_answered(Route::Whatsapp, &[("Body", word)]),
                "{word}"
            );
            let button = [("Body", word), ("ButtonPayload", "1"), ("ButtonText", word)];
            assert!(may_be_answered(Route::Whatsapp, &button), "{word}");
        }
    }

    #[test]
    fn who_opts_out_is_answered_on_neither() {
        for route in [Route::Sms, Route::Whatsapp] {
            for word in [
                "STOP",
                " stop ",
                "Unsubscribe",
                "StopAll",
                "optout",
                "opt-out",
                "Opt out",
            ] {
                assert!(!may_be_answered(route, &[("Body", word)]), "{word}");
            }
            let told = [("Body", "No more"), ("OptOutType", "STOP")];
            assert!(!may_be_answered(route, &told));
            assert!(may_be_answered(route, &[("Body", "Stop by tomorrow")]));
        }
    }

    #[test]
    fn a_reaction_is_not_answered() {
        let reaction = [("Body", "👍"), ("MessageType", "reaction")];
        assert!(!may_be_answered(Route::Whatsapp, &reaction));
        assert!(may_be_answered(
            Route::Whatsapp,
            &[("Body", "👍"), ("MessageType", "text")]
        ));
    }
}
