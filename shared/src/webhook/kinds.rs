//! What the answers to webhooks depend on.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::WebhookKind;
use crate::activity::{Fact, Resource, Route};
use crate::address::Address;
use crate::contacts::{OptOut, OptOutChange, sender};
use crate::store::ReplyTurn;

/// A webhook that is only kept: a status, a recording, a transcription.
#[derive(Debug, Clone, Copy)]
pub struct Notification;

impl WebhookKind for Notification {
    fn of(_fact: &Fact) -> Self {
        Self
    }
}

/// A message from somebody.
#[derive(Debug, Clone)]
pub struct InboundMessage {
    /// Whether it is one that is answered: not one that opts out, nor one that Twilio or the carrier answers.
    pub may_be_answered: bool,
    /// Where the status of an answer to it is reported.
    pub status_route: Route,
    /// What it changes about being written to.
    pub opt_out: Option<OptOutChange>,
    /// Who wrote to whom and when; nothing, when it names no two ends.
    pub turn: Option<ReplyTurn>,
    /// The tenant's end.
    pub to: String,
}

impl WebhookKind for InboundMessage {
    fn of(fact: &Fact) -> Self {
        let is_whatsapp = fact.route == Route::Whatsapp;
        let opt_out = OptOut::of(fact);
        // On WhatsApp nobody answers HELP and START for us.
        let is_answered_by_twilio =
            fact.parameter("OptOutType").is_some() || (opt_out.is_some() && !is_whatsapp);
        let is_reaction = is_whatsapp && fact.parameter("MessageType") == Some("reaction");
        let is_opt_out = opt_out == Some(OptOut::Stop);
        Self {
            may_be_answered: !(is_answered_by_twilio || is_opt_out || is_reaction),
            status_route: match is_whatsapp {
                true => Route::WhatsappStatus,
                false => Route::SmsStatus,
            },
            opt_out: OptOutChange::of(fact),
            turn: turn(fact),
            to: fact.parameter("To").unwrap_or_default().to_owned(),
        }
    }
}

fn turn(fact: &Fact) -> Option<ReplyTurn> {
    let Resource::Message(sid) = &fact.resource else {
        return None;
    };
    Some(ReplyTurn {
        address: fact.far_end()?.to_owned(),
        sender: sender(fact)?,
        sid: sid.clone(),
        at: fact.received_at,
        words: words(fact.parameter("Body").unwrap_or_default()),
    })
}

/// What tells the words of a message from others: 16 characters of the SHA-256 of them, without the spaces around them.
pub(super) fn words(text: &str) -> String {
    let digest = Sha256::digest(text.trim());
    URL_SAFE_NO_PAD.encode(digest.get(..12).unwrap_or_default())
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
