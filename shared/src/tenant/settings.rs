//! What a tenant decides about its own calls and messages.

use jiff::civil::Time;
use serde::{Deserialize, Serialize};

use crate::address::PhoneNumber;

/// A tenant's settings. Every field has a default, so that a tenant that set nothing works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Whether answered calls are recorded.
    pub auto_record_calls: bool,
    /// Said to a caller before anything else; nothing is said when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub greeting: Option<String>,
    /// Where an inbound call goes.
    pub inbound_route: InboundRoute,
    /// The number that [`InboundRoute::Forward`] dials.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forward_to: Option<PhoneNumber>,
    /// The client identities that [`InboundRoute::Browser`] rings; Twilio rings at most 10.
    pub browser_users: Vec<String>,
    /// Whether an unanswered call may leave a voicemail.
    pub voicemail: bool,
    /// When calls are put through; always, when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub business_hours: Option<BusinessHours>,
    /// ISO 3166-1 alpha-2 codes that browser users may call; any, when empty.
    pub allowed_countries: Vec<String>,
    /// Sent in answer to an inbound message; no answer when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_reply: Option<String>,
    /// The sender of messages that name none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_sender: Option<String>,
    /// What the verifier does about what drifted.
    pub drift: Drift,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            auto_record_calls: false,
            greeting: None,
            inbound_route: InboundRoute::Voicemail,
            forward_to: None,
            browser_users: Vec::new(),
            voicemail: true,
            business_hours: None,
            allowed_countries: Vec::new(),
            auto_reply: None,
            default_sender: None,
            drift: Drift::Repair,
        }
    }
}

/// Where an inbound call goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InboundRoute {
    /// To [`Settings::forward_to`].
    Forward,
    /// To the browsers of [`Settings::browser_users`].
    Browser,
    /// To voicemail at once.
    Voicemail,
}

/// What the verifier does about a Twilio resource that no longer points here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Drift {
    /// Mends it.
    Repair,
    /// Only reports it.
    Report,
}

/// The hours in which calls are put through, in the tenant's own time zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BusinessHours {
    /// An IANA name, for instance `Europe/Vienna`.
    pub time_zone: String,
    /// The opening hours; a day without an entry is closed, a day may have several.
    pub weekly: Vec<OpeningHours>,
}

/// One span of opening hours; `close` before `open` goes on past midnight.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpeningHours {
    /// The day it begins on.
    pub day: Day,
    /// `HH:MM`, the first minute open.
    #[serde(with = "clock_time")]
    pub open: Time,
    /// `HH:MM`, the first minute closed; `00:00` and `24:00` both mean midnight at the day's end.
    #[serde(with = "clock_time")]
    pub close: Time,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names of the days say it")]
pub enum Day {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

/// Reads and writes `HH:MM`.
mod clock_time {
    use jiff::civil::Time;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(time: &Time, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&time.strftime("%H:%M"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Time, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "24:00" {
            return Ok(Time::midnight());
        }
        Time::strptime("%H:%M", &text).map_err(|_| D::Error::custom("expected a time of day as HH:MM"))
    }
}
