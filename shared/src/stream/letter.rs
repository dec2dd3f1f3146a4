//! Records outside of the stream: put aside to be handled again, or among the dead letters for people.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::RawRecord;
use crate::deferred::body_of;

/// The most bytes of a letter: what every queue of SQS takes.
/// Source: "Amazon SQS message quotas", Amazon SQS Developer Guide, before the quota was raised to 1 MiB for new queues.
const MOST_BYTES: usize = 256 * 1024;

/// A record in a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// The message's body.
    pub body: String,
    /// Whether the record is in it as it came. One that is larger than a message may be is there by its keys and its place in the
    /// stream alone: nothing but people can deal with that.
    pub is_whole: bool,
}

#[derive(Serialize)]
struct Written<'l> {
    reason: &'l str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keys: Option<Box<RawValue>>,
    is_told: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<&'l RawValue>,
}

#[derive(Deserialize)]
struct Read {
    is_told: bool,
    record: RawRecord,
}

impl RawRecord {
    /// The record as a letter. `reason` says why it is one and repeats nothing of its content; `is_told` whether its events are
    /// seen to, so that only its contacts are left.
    ///
    /// # Errors
    /// None in practice: every part of it is JSON already.
    pub fn letter(&self, reason: &str, is_told: bool) -> Result<Letter, serde_json::Error> {
        let (sequence_number, keys) = self.place();
        let mut letter = Written {
            reason,
            sequence_number,
            keys,
            is_told,
            record: Some(self.as_raw()),
        };
        let body = body_of(serde_json::to_string(&letter)?);
        if body.len() <= MOST_BYTES {
            return Ok(Letter {
                body,
                is_whole: true,
            });
        }
        letter.record = None;
        Ok(Letter {
            body: body_of(serde_json::to_string(&letter)?),
            is_whole: false,
        })
    }

    /// The record that a letter holds, and whether its events are seen to; nothing, when the body is no letter with a record.
    #[must_use]
    pub fn of_letter(body: &str) -> Option<(Self, bool)> {
        let letter: Read = serde_json::from_str(body).ok()?;
        Some((letter.record, letter.is_told))
    }
}
