//! What the answers to webhooks depend on.

use super::WebhookKind;
use crate::activity::Fact;
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
    /// Whether it is an opt-out, an opt-in or a cry for help, which Twilio itself or the carrier answers.
    pub is_keyword: bool,
}

/// Twilio's default keywords for long codes; a message is one when it is nothing else, in any case.
const KEYWORDS: &[&str] = &[
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

impl WebhookKind for InboundMessage {
    fn of(fact: &Fact) -> Self {
        let body = fact.parameter("Body").unwrap_or_default().trim();
        let is_word = KEYWORDS
            .iter()
            .any(|keyword| body.eq_ignore_ascii_case(keyword));
        Self {
            is_keyword: is_word || fact.parameter("OptOutType").is_some(),
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
