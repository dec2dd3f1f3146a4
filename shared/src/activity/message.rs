//! Messages.

use jiff::Timestamp;
use serde::Serialize;

use super::{History, Resource, Route};
use crate::sid::MessageSid;

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
    /// URLs of its media at Twilio, which need the tenant's credentials.
    pub media: Vec<String>,
    /// How far it came.
    pub status: MessageStatus,
    /// Twilio's code of why it failed; of no message that was delivered in the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<u32>,
    /// When it was first heard of.
    pub created_at: Timestamp,
    /// When something new was last heard of it.
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
        let from = history.parameter("From").unwrap_or_default().to_owned();
        let to = history.parameter("To").unwrap_or_default().to_owned();
        let inbound = history
            .iter()
            .any(|fact| matches!(fact.route, Route::Sms | Route::Whatsapp));
        // Of the set and not of its first fact, whose place depends on when it came.
        let ends = if inbound { [&from, &to] } else { [&to, &from] };
        let contact = ends.into_iter().find(|end| !end.is_empty());
        let contact = contact.cloned().unwrap_or_default();
        let by_whatsapp = history
            .iter()
            .any(|fact| matches!(fact.route, Route::Whatsapp | Route::WhatsappStatus));
        let statuses = history.iter().map(|fact| match fact.route {
            Route::Sms | Route::Whatsapp => "received",
            _ => fact.parameter("MessageStatus").unwrap_or_default(),
        });
        let status = super::call::highest(statuses, STATUSES)?;
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
            contact,
            body: history.parameter("Body").map(str::to_owned),
            media: media(history),
            error_code: error_code(history, &status),
            status: MessageStatus(status),
            created_at: history.created_at()?,
            updated_at: history.updated_at()?,
            from,
            to,
        })
    }
}

/// The code that came with the failure that the message ended in.
fn error_code(history: &History, status: &str) -> Option<u32> {
    let told = history.iter().filter(|fact| {
        FAILURES.contains(&status) && fact.parameter("MessageStatus") == Some(status)
    });
    told.filter_map(|fact| fact.parameter("ErrorCode")?.parse().ok())
        .filter(|code| *code != 0)
        .max()
}

/// Twilio numbers media from 0 and allows 10.
fn media(history: &History) -> Vec<String> {
    let count = history.largest("NumMedia").unwrap_or_default().min(10);
    (0..count)
        .filter_map(|n| {
            history
                .parameter(&format!("MediaUrl{n}"))
                .map(str::to_owned)
        })
        .collect()
}
