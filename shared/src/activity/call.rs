//! Call legs.

use jiff::Timestamp;
use serde::Serialize;

use super::{Direction, Fact, History, Resource, Route};
use crate::sid::CallSid;

/// A call leg as its facts tell it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Call {
    /// Its SID.
    pub sid: CallSid,
    /// The leg that dialled this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_sid: Option<String>,
    /// Whether it came or went. A browser's call went, though Twilio calls it inbound.
    pub direction: Direction,
    /// The caller as Twilio writes it.
    pub from: String,
    /// The callee as Twilio writes it; what a browser dialled is hostile input.
    pub to: String,
    /// How far it came; empty while no callback said so.
    pub status: CallStatus,
    /// Seconds from answer to end, once it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<u32>,
    /// `human` or a kind of machine, where detection was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered_by: Option<String>,
    /// How the leg that this one dialled ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dial_status: Option<CallStatus>,
    /// When it was first heard of.
    #[serde(serialize_with = "crate::clock::serialize")]
    pub created_at: Timestamp,
    /// When something new was last heard of it.
    #[serde(serialize_with = "crate::clock::serialize")]
    pub updated_at: Timestamp,
}

/// The one order over call statuses: of several the last in this list is the state. The ends exclude one another at Twilio;
/// that they have an order too makes the state a function of the set.
const STATUSES: &[&str] = &[
    "queued",
    "initiated",
    "ringing",
    "in-progress",
    "canceled",
    "failed",
    "no-answer",
    "busy",
    "answered",
    "completed",
];

/// The statuses of a leg that is over. `answered` is how a dialled leg ended for the one that dialled it.
/// Source: "Call status values", Twilio's reference of the Call resource.
const ENDS: &[&str] = &["canceled", "failed", "no-answer", "busy", "completed"];

/// A call's status as Twilio names it. One that is not known is kept, and ranks below all that are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct CallStatus(String);

impl CallStatus {
    /// Twilio's name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the leg is over, however it ended.
    #[must_use]
    pub fn is_final(&self) -> bool {
        ENDS.contains(&self.as_str())
    }
}

impl Call {
    /// Derives a call leg from its facts; nothing, without facts about a call.
    #[must_use]
    pub fn of(history: &History) -> Option<Self> {
        let Resource::Call(sid) = &history.iter().next()?.resource else {
            return None;
        };
        let from = history.parameter("From").unwrap_or_default();
        let went = from.starts_with("client:")
            || history
                .parameter("Direction")
                .is_some_and(|direction| direction.starts_with("outbound"));
        let statuses = history
            .iter()
            .filter_map(|fact| fact.parameter("CallStatus"));
        // Each from where Twilio says it, and from nowhere else.
        let dial_statuses = history
            .by(Route::VoiceDial)
            .filter_map(|fact| fact.parameter("DialCallStatus"));
        let durations = history
            .by(Route::VoiceStatus)
            .filter_map(|fact| fact.parameter("CallDuration")?.parse().ok());
        Some(Self {
            sid: sid.clone(),
            parent_sid: history
                .iter()
                .filter_map(Fact::parent)
                .min()
                .map(String::from),
            direction: if went {
                Direction::Outbound
            } else {
                Direction::Inbound
            },
            from: from.to_owned(),
            to: history.parameter("To").unwrap_or_default().to_owned(),
            status: CallStatus(highest(statuses, STATUSES).unwrap_or_default()),
            duration: durations.max(),
            answered_by: history.parameter("AnsweredBy").map(str::to_owned),
            dial_status: highest(dial_statuses, STATUSES).map(CallStatus),
            created_at: history.created_at()?,
            updated_at: history.updated_at()?,
        })
    }
}

/// The highest of some statuses in a total order: by place in the list, unknown ones below, ties by text.
pub(super) fn highest<'s>(
    statuses: impl Iterator<Item = &'s str>,
    order: &[&str],
) -> Option<String> {
    let rank = |status: &str| order.iter().position(|known| *known == status);
    statuses
        .max_by(|left, right| rank(left).cmp(&rank(right)).then(left.cmp(right)))
        .map(str::to_owned)
}
