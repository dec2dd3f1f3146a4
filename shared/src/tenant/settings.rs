//! What a tenant decides about its own calls and messages.

mod input;

use jiff::Timestamp;
use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::address::PhoneNumber;
use crate::country::Country;

/// A tenant's settings. Every field has a default, so that a tenant that set nothing works; a field that is not known is
/// passed over, so that a deployment can be rolled back. [`Settings::from_input`] is the strict way in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
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
    /// The client identities that [`InboundRoute::Browser`] rings; Twilio rings at most 10. Each is 1 to 121 letters, digits
    /// and underscores of ASCII: with any other its browser could not sign in.
    pub browser_users: Vec<String>,
    /// Whether an unanswered call may leave a voicemail.
    pub voicemail: bool,
    /// When calls are put through; always, when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub business_hours: Option<BusinessHours>,
    /// The countries that browser users may call; any country, when empty.
    pub allowed_countries: Vec<Country>,
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

impl Settings {
    /// The names of all fields.
    pub const FIELDS: &[&str] = &[
        "auto_record_calls",
        "greeting",
        "inbound_route",
        "forward_to",
        "browser_users",
        "voicemail",
        "business_hours",
        "allowed_countries",
        "auto_reply",
        "default_sender",
        "drift",
    ];

    /// Whether a browser user may call a number. Whatever countries are listed, one of no country never: satellites, premium
    /// and unassigned ranges are where stolen accounts are emptied.
    #[must_use]
    pub fn may_call(&self, number: &PhoneNumber) -> bool {
        let is_listed = |country| self.allowed_countries.contains(&country);
        Country::of(number)
            .is_some_and(|country| self.allowed_countries.is_empty() || is_listed(country))
    }

    /// Whether calls are put through at a moment.
    #[must_use]
    pub fn is_open(&self, moment: Timestamp) -> bool {
        self.business_hours
            .as_ref()
            .is_none_or(|hours| hours.are_open(moment))
    }
}

impl BusinessHours {
    fn zone(&self) -> Option<TimeZone> {
        TimeZone::get(&self.time_zone).ok()
    }

    /// A time zone that no longer exists closes nothing: a missed call costs more than one out of hours.
    fn are_open(&self, moment: Timestamp) -> bool {
        let Some(zone) = self.zone() else { return true };
        let local = moment.to_zoned(zone);
        let (today, time) = (Day::from(local.weekday()), local.time());
        let yesterday = Day::from(local.weekday().previous());
        self.weekly.iter().any(|hours| {
            let overnight = hours.close <= hours.open;
            let began_today =
                hours.day == today && hours.open <= time && (overnight || time < hours.close);
            let began_yesterday = hours.day == yesterday && overnight && time < hours.close;
            began_today || began_yesterday
        })
    }
}

impl From<Weekday> for Day {
    fn from(day: Weekday) -> Self {
        match day {
            Weekday::Monday => Self::Monday,
            Weekday::Tuesday => Self::Tuesday,
            Weekday::Wednesday => Self::Wednesday,
            Weekday::Thursday => Self::Thursday,
            Weekday::Friday => Self::Friday,
            Weekday::Saturday => Self::Saturday,
            Weekday::Sunday => Self::Sunday,
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
pub struct BusinessHours {
    /// An IANA name, for instance `Europe/Vienna`.
    pub time_zone: String,
    /// The opening hours; a day without an entry is closed, a day may have several.
    pub weekly: Vec<OpeningHours>,
}

/// One span of opening hours; `close` before `open` goes on past midnight.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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

    /// A day's end, as its last hour's.
    pub(super) const MIDNIGHT_AT_THE_END: &str = "24:00";

    /// What a text should be that is none.
    pub(super) const FORM: &str = "expected a time of day as HH:MM";

    pub(super) fn serialize<S: Serializer>(time: &Time, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&time.strftime("%H:%M"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Time, D::Error> {
        let text = String::deserialize(deserializer)?;
        read(&text).ok_or_else(|| D::Error::custom(FORM))
    }

    pub(super) fn read(text: &str) -> Option<Time> {
        if text == MIDNIGHT_AT_THE_END {
            return Some(Time::midnight());
        }
        // Two digits each, which `strptime` does not insist on.
        let is_whole = text.len() == 5 && text.bytes().filter(u8::is_ascii_digit).count() == 4;
        Time::strptime("%H:%M", text).ok().filter(|_| is_whole)
    }
}

#[cfg(test)]
mod tests;
