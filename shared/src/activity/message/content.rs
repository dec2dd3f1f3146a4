//! What a message holds besides its text: files, and what WhatsApp adds.

use serde::Serialize;

use crate::activity::{Fact, History};
use crate::sid::MessageSid;

/// The most files that a message has. Twilio numbers them from 0.
const MOST_MEDIA: usize = 10;

/// A file of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Media {
    /// What kind of file it is, as Twilio tells it, for instance `image/jpeg`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Where the client API serves it.
    pub url: String,
}

impl Media {
    /// The files of a message. What counts is which URLs came: `NumMedia` may be anything.
    pub(super) fn of(sid: &MessageSid, history: &History) -> Vec<Self> {
        let file = |index| {
            media_url(history, index)?;
            Some(Self {
                content_type: history
                    .parameter(&format!("MediaContentType{index}"))
                    .map(str::to_owned),
                url: format!("/api/messages/{sid}/media/{index}"),
            })
        };
        (0..MOST_MEDIA).filter_map(file).collect()
    }
}

/// Where Twilio keeps a file of a message, by Twilio's number of it, from 0. Reading it needs the tenant's credentials.
/// Nothing for a number that no file has, and for a URL of which only the start was kept.
#[must_use]
pub fn media_url(history: &History, index: usize) -> Option<&str> {
    let name = (index < MOST_MEDIA).then(|| format!("MediaUrl{index}"))?;
    let is_whole = |fact: &&Fact| !fact.truncated.contains(&name);
    let whole = history.iter().filter(is_whole);
    whole.filter_map(|fact| fact.parameter(&name)).min()
}

/// The quick reply that somebody tapped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Button {
    /// What the button says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What the button means to whoever sent it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<String>,
}

/// The entry of a list that somebody chose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListReply {
    /// What the entry means to whoever sent it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What the entry says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

/// A coordinate in degrees, always a number.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Degrees(f64);

/// Only what is not a number does not equal itself.
impl Eq for Degrees {}

impl Degrees {
    /// Reads a coordinate from 0 to `most`, to either side.
    fn parse(text: &str, most: f64) -> Option<Self> {
        let degrees: f64 = text.trim().parse().ok()?;
        // Not a number is in no range.
        (-most..=most).contains(&degrees).then_some(Self(degrees))
    }
}

/// A place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Location {
    /// Degrees north, -90 to 90.
    pub latitude: Degrees,
    /// Degrees east, -180 to 180.
    pub longitude: Degrees,
    /// Its address, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Its name, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// The advertisement through which somebody began to write: click to WhatsApp.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Referral {
    /// Its id at Meta.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_id: Option<String>,
    /// What it is, for instance `ad` or `post`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_type: Option<String>,
    /// Where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_url: Option<String>,
    /// Its headline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headline: Option<String>,
    /// Its text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Meta's id of the click.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ctwa_clid: Option<String>,
}

/// A parameter as it is kept.
fn told(history: &History, name: &str) -> Option<String> {
    history.parameter(name).map(str::to_owned)
}

impl Button {
    pub(super) fn of(history: &History) -> Option<Self> {
        let button = Self {
            text: told(history, "ButtonText"),
            payload: told(history, "ButtonPayload"),
        };
        (button.text.is_some() || button.payload.is_some()).then_some(button)
    }
}

impl ListReply {
    pub(super) fn of(history: &History) -> Option<Self> {
        let reply = Self {
            id: told(history, "ListId"),
            title: told(history, "ListTitle"),
        };
        (reply.id.is_some() || reply.title.is_some()).then_some(reply)
    }
}

impl Location {
    /// Nothing unless both coordinates are on Earth.
    pub(super) fn of(history: &History) -> Option<Self> {
        let degrees = |name, most| Degrees::parse(history.parameter(name)?, most);
        Some(Self {
            latitude: degrees("Latitude", 90.0)?,
            longitude: degrees("Longitude", 180.0)?,
            address: told(history, "Address"),
            label: told(history, "Label"),
        })
    }
}

impl Referral {
    /// `ReferralNumMedia` comes with every message and makes none.
    pub(super) fn of(history: &History) -> Option<Self> {
        let referral = Self {
            source_id: told(history, "ReferralSourceId"),
            source_type: told(history, "ReferralSourceType"),
            source_url: told(history, "ReferralSourceUrl"),
            headline: told(history, "ReferralHeadline"),
            body: told(history, "ReferralBody"),
            ctwa_clid: told(history, "ReferralCtwaClid"),
        };
        let nothing = Self::default();
        (referral != nothing).then_some(referral)
    }
}
