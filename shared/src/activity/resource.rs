//! What a fact is about.

use serde::{Deserialize, Serialize};

use crate::sid::{CallSid, MessageSid, RecordingSid};

/// A verified webhook that names nothing it could be kept under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the webhook has no well-formed {parameter}")]
pub struct MalformedWebhook {
    /// The parameter that is missing or malformed.
    pub parameter: &'static str,
}

/// A thing at Twilio that facts arrive about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", content = "sid", rename_all = "snake_case")]
pub enum Resource {
    /// A message, in or out.
    Message(MessageSid),
    /// A call leg.
    Call(CallSid),
    /// A recording of a call, or a voicemail.
    Recording(RecordingSid),
}

/// The list by time of the child legs of calls.
pub(super) const CHILD_LEGS: &str = "leg";

/// The list by time of the addresses that wrote or called.
pub(crate) const CONTACTS: &str = "contact";
/// The list by time of the addresses that were only ever written to.
pub(crate) const ADDRESSEES: &str = "addressee";

/// The lists by time that whatever a tenant has in the Activity table is in, each item in one: those of the kinds, that of child
/// legs, and those of the addresses at the other end.
pub(crate) const LISTINGS: [&str; 6] = [
    "message",
    "call",
    "recording",
    CHILD_LEGS,
    CONTACTS,
    ADDRESSEES,
];

impl Resource {
    /// The kind, as keys name it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Message(_) => "message",
            Self::Call(_) => "call",
            Self::Recording(_) => "recording",
        }
    }

    /// The SID.
    #[must_use]
    pub fn sid(&self) -> &str {
        match self {
            Self::Message(sid) => sid.as_str(),
            Self::Call(sid) => sid.as_str(),
            Self::Recording(sid) => sid.as_str(),
        }
    }
}

/// What resources are listed together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Group {
    /// The messages with one contact, an address as Twilio writes it.
    Conversation(String),
    /// The child legs and recordings of a call.
    Call(CallSid),
}
