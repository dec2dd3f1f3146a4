//! How Twilio writes values: "nothing" as `null` or as an empty text, dates in two forms.

use std::fmt::Display;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use serde::de::{Deserialize, Deserializer, Error};

/// A text, or nothing.
pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text: Option<String> = Option::deserialize(deserializer)?;
    Ok(text.filter(|text| !text.is_empty()))
}

/// A SID, or nothing.
pub(super) fn sid<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display>,
{
    let sid = text(deserializer)?.map(|text| text.parse());
    sid.transpose().map_err(D::Error::custom)
}

/// A time, in RFC 2822 (core API) or RFC 3339 (newer ones). One that cannot be read is none: it only orders.
pub(super) fn time<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Timestamp>, D::Error> {
    let read = |text: String| {
        let rfc2822 = rfc2822::DateTimeParser::new().parse_timestamp(&text);
        rfc2822.ok().or_else(|| text.parse().ok())
    };
    Ok(text(deserializer)?.and_then(read))
}
