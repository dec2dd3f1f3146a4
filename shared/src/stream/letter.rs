//! A record among the dead letters.

use serde::Serialize;
use serde_json::value::RawValue;

use super::{RawRecord, UnreadableRecord};
use crate::deferred::body_of;

/// The most bytes of a letter: what every queue of SQS takes.
/// Source: "Amazon SQS message quotas", Amazon SQS Developer Guide, before the quota was raised to 1 MiB for new queues.
const MOST_BYTES: usize = 256 * 1024;

#[derive(Serialize)]
struct Letter<'l> {
    reason: &'l str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence_number: Option<&'l str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keys: Option<&'l RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<&'l RawValue>,
}

impl UnreadableRecord {
    /// The letter that people find it by: the record as it came, or by its keys and its place in the stream when it is larger
    /// than a message may be.
    ///
    /// # Errors
    /// None in practice: every part of it is JSON already.
    pub fn letter(&self, record: &RawRecord) -> Result<String, serde_json::Error> {
        let mut letter = Letter {
            reason: &self.reason,
            sequence_number: self.sequence_number.as_deref(),
            keys: self.keys.as_deref(),
            record: Some(record.as_raw()),
        };
        let whole = body_of(serde_json::to_string(&letter)?);
        if whole.len() <= MOST_BYTES {
            return Ok(whole);
        }
        letter.record = None;
        serde_json::to_string(&letter).map(body_of)
    }
}
