//! Messages.

mod content;

use jiff::Timestamp;
use serde::Serialize;

pub use self::content::{Button, Degrees, ListReply, Location, Media, Referral, media_url};
use super::{Fact, History, Resource, Route};
use crate::contacts::OptOut;
use crate::sid::{MessageSid, MessagingServiceSid};

/// A message as its facts tell it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    /// Its SID.
    pub sid: MessageSid,
    /// How it travels.
    pub channel: Channel,
    /// Whether it came or went.
    pub direction: Direction,
    /// The sender as Twilio writes it.
    pub from: String,
    /// The recipient as Twilio writes it.
    pub to: String,
    /// The other end: the sender of an inbound message, the recipient of an outbound one; empty, when no callback named any.
    pub contact: String,
    /// The text; absent while only status callbacks came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Its files.
    pub media: Vec<Media>,
    /// How far it came.
    pub status: MessageStatus,
    /// Twilio's code of why it failed; of no message that was delivered in the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<u32>,
    /// Why it failed, in Twilio's or the channel's words; of no message that was delivered in the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
    /// The messaging service that it went through; not every callback tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messaging_service_sid: Option<MessagingServiceSid>,
    /// What kind of WhatsApp message it is, as Twilio names it: `text`, `image`, `button`, `location` and others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// What a WhatsApp user is called, which users choose themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile_name: Option<String>,
    /// A WhatsApp user's number in digits; absent of users without a visible number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wa_id: Option<String>,
    /// The id of a WhatsApp user who need not have a visible number, `whatsapp:` and Meta's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_user_id: Option<String>,
    /// The message that it replies or reacts to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<MessageSid>,
    /// The quick reply that was tapped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub button: Option<Button>,
    /// The entry of a list that was chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list_reply: Option<ListReply>,
    /// The place that was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    /// The advertisement through which it came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub referral: Option<Referral>,
    /// Whether it was forwarded, where Twilio says so or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forwarded: Option<bool>,
    /// Whether it was forwarded many times, where Twilio says so or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frequently_forwarded: Option<bool>,
    /// What it says about being written to, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opt_out: Option<OptOut>,
    /// How many messages the carrier counts and bills.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segments: Option<u32>,
    /// When it was first heard of.
    #[serde(serialize_with = "crate::clock::serialize")]
    pub created_at: Timestamp,
    /// When something new was last heard of it.
    #[serde(serialize_with = "crate::clock::serialize")]
    pub updated_at: Timestamp,
}

/// How a message travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Channel {
    Sms,
    #[serde(rename = "whatsapp")]
    WhatsApp,
}

/// Whether something came or went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Direction {
    Inbound,
    Outbound,
}

/// The one order over message statuses: of several the last in this list is the state.
///
/// `read` proves delivery and delivery disproves failure; a late 63016 arrives as `failed` after `sent`, and counts.
const STATUSES: &[&str] = &[
    "accepted",
    "scheduled",
    "queued",
    "receiving",
    "sending",
    "sent",
    "received",
    "canceled",
    "failed",
    "undelivered",
    "partially_delivered",
    "delivered",
    "read",
];

/// The statuses of a message that did not arrive.
const FAILURES: &[&str] = &["failed", "undelivered"];

/// A message's status as Twilio names it. One that is not known is kept, and ranks below all that are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct MessageStatus(String);

impl MessageStatus {
    /// Twilio's name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Message {
    /// Derives a message from its facts; nothing, without facts about a message.
    #[must_use]
    pub fn of(history: &History) -> Option<Self> {
        let first = history.iter().next()?;
        let Resource::Message(sid) = &first.resource else {
            return None;
        };
        let inbound = history.iter().any(is_inbound);
        // Of the set and not of its first fact, whose place depends on when it came.
        let far_ends = history.iter().filter(|fact| is_inbound(fact) == inbound);
        let far_end = far_ends.filter_map(Fact::far_end).min();
        let mut from = history.parameter("From").unwrap_or_default();
        let to = history.parameter("To").unwrap_or_default();
        if inbound && from.is_empty() {
            from = far_end.unwrap_or_default();
        }
        let ends = if inbound { [from, to] } else { [to, from] };
        let contact = ends.into_iter().find(|end| !end.is_empty());
        let contact = contact.unwrap_or_default().to_owned();
        let by_whatsapp = history
            .iter()
            .any(|fact| matches!(fact.route, Route::Whatsapp | Route::WhatsappStatus));
        let statuses = history.iter().map(|fact| match fact.route {
            Route::Sms | Route::Whatsapp => "received",
            _ => fact.parameter("MessageStatus").unwrap_or_default(),
        });
        let status = super::call::highest(statuses, STATUSES)?;
        let failure = Failure::of(history, &status);
        let told = |name| history.parameter(name).map(str::to_owned);
        let is_said = |name| history.parameter(name)?.parse().ok();
        Some(Self {
            sid: sid.clone(),
            channel: if by_whatsapp || contact.starts_with("whatsapp:") {
                Channel::WhatsApp
            } else {
                Channel::Sms
            },
            direction: if inbound {
                Direction::Inbound
            } else {
                Direction::Outbound
            },
            from: from.to_owned(),
            to: to.to_owned(),
            contact,
            body: told("Body"),
            media: Media::of(sid, history),
            error_code: failure.code,
            error_message: failure.message,
            status: MessageStatus(status),
            messaging_service_sid: history
                .iter()
                .filter_map(|fact| fact.parameter("MessagingServiceSid")?.parse().ok())
                .min(),
            kind: told("MessageType"),
            profile_name: told("ProfileName"),
            wa_id: told("WaId"),
            external_user_id: told("ExternalUserId"),
            reply_to: history
                .iter()
                .filter_map(|fact| fact.parameter("OriginalRepliedMessageSid")?.parse().ok())
                .min(),
            button: Button::of(history),
            list_reply: ListReply::of(history),
            location: Location::of(history),
            referral: Referral::of(history),
            forwarded: is_said("Forwarded"),
            frequently_forwarded: is_said("FrequentlyForwarded"),
            opt_out: history.iter().filter_map(OptOut::of).min(),
            segments: history.largest("NumSegments"),
            created_at: history.created_at()?,
            updated_at: history.updated_at()?,
        })
    }
}

/// Whether a fact is the message itself, which somebody sent to the tenant.
fn is_inbound(fact: &Fact) -> bool {
    matches!(fact.route, Route::Sms | Route::Whatsapp)
}

/// Why a message did not arrive.
#[derive(Default)]
struct Failure {
    code: Option<u32>,
    message: Option<String>,
}

impl Failure {
    /// What came with the failure that the message ended in. The words are those of the code, if there is one.
    fn of(history: &History, status: &str) -> Self {
        if !FAILURES.contains(&status) {
            return Self::default();
        }
        let told = history
            .iter()
            .filter(|fact| fact.parameter("MessageStatus") == Some(status));
        let code = |fact: &Fact| -> Option<u32> {
            let code = fact.parameter("ErrorCode")?.parse().ok()?;
            (code != 0).then_some(code)
        };
        let words = |fact: &Fact| {
            let words = fact.parameter("ErrorMessage");
            let words = words.or_else(|| fact.parameter("ChannelStatusMessage"));
            words.map(str::to_owned)
        };
        let failures = told.map(|fact| (code(fact), words(fact)));
        let (code, message) = failures.max().unwrap_or_default();
        Self { code, message }
    }
}
