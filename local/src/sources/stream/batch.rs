//! The records of one event, and what becomes of them.

use serde_json::{Value, json};

use super::super::batch_response::failed_items;
use crate::emulators::StreamRecord;
use crate::lambda::PAYLOAD_LIMIT;

/// What an event has besides its records.
const FRAME: usize = r#"{"Records":[]}"#.len();

/// Records that are handed over together, in the order of the stream.
#[derive(Debug, Default)]
pub(super) struct Batch {
    records: Vec<StreamRecord>,
    /// Bytes of the event's JSON.
    size: usize,
    /// How often it was tried again because the function failed; splits do not count.
    attempts: u32,
    /// How often the function was invoked with these records, alone or among others.
    pub(super) invocations: u32,
    /// Whether the last invocation failed as a whole, rather than by its answer.
    pub(super) function_failed: bool,
}

/// A batch has no room for this record.
pub(super) struct Full(pub(super) StreamRecord);

/// What an invocation has brought.
pub(super) enum Outcome {
    /// Everything is handled.
    Done,
    /// From the record with index `at` on everything is to be tried again.
    Failed {
        at: usize,
        /// Whether it was an error, rather than an answer that names records.
        error: bool,
        reason: String,
    },
}

impl Batch {
    /// Adds a record if the event stays within Lambda's size and has at most `most` of them. The first always has room.
    pub(super) fn add(&mut self, record: StreamRecord, most: usize) -> Result<(), Full> {
        let size = record.document.to_string().len() + 1;
        let full = self.len() >= most || FRAME + self.size + size > PAYLOAD_LIMIT;
        if full && !self.is_empty() {
            return Err(Full(record));
        }
        self.size += size;
        self.records.push(record);
        Ok(())
    }

    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    pub(super) fn first(&self) -> Option<&StreamRecord> {
        self.records.first()
    }

    pub(super) fn last(&self) -> Option<&StreamRecord> {
        self.records.last()
    }

    /// The places of its records in the stream.
    pub(super) fn sequence_numbers(&self) -> impl Iterator<Item = String> {
        let records = self.records.iter();
        records.map(|record| record.sequence_number.clone())
    }

    /// The event that Lambda hands to the function.
    /// Source: "Example event", AWS Lambda Developer Guide, "Using AWS Lambda with Amazon DynamoDB".
    pub(super) fn event(&self) -> Value {
        let records: Vec<&Value> = self.records.iter().map(|record| &record.document).collect();
        json!({ "Records": records })
    }

    /// What the function's answer says: everything from the lowest sequence number that it names on is tried again.
    pub(super) fn outcome(&self, answer: &[u8]) -> Outcome {
        let index = |id: &str| {
            self.records
                .iter()
                .position(|record| record.sequence_number == id)
        };
        match failed_items(answer, |id| index(id).is_some()) {
            Ok(failed) => match failed.iter().filter_map(|id| index(id)).min() {
                Some(at) => Outcome::Failed {
                    at,
                    error: false,
                    reason: "the answer names records that failed".to_owned(),
                },
                None => Outcome::Done,
            },
            Err(reason) => Outcome::Failed {
                at: 0,
                error: false,
                reason,
            },
        }
    }

    /// Takes the first `count` records off, with the history of the whole.
    pub(super) fn take_first(&mut self, count: usize) -> Self {
        let rest = self.records.split_off(count.min(self.records.len()));
        Self {
            records: std::mem::replace(&mut self.records, rest),
            ..*self
        }
    }

    /// Takes the first records off that are too old, if there are any.
    pub(super) fn split_expired(
        &mut self,
        is_too_old: impl Fn(&StreamRecord) -> bool,
    ) -> Option<Self> {
        let expired = self.records.iter().take_while(|record| is_too_old(record));
        let expired = expired.count();
        (expired > 0).then(|| self.take_first(expired))
    }

    pub(super) fn note_failure(&mut self, function_failed: bool) {
        self.invocations = self.invocations.saturating_add(1);
        self.function_failed = function_failed;
    }

    pub(super) fn count_attempt(&mut self) {
        self.attempts = self.attempts.saturating_add(1);
    }

    /// Forgets the attempts: the first record is another one than before. AWS does not say what it does then.
    pub(super) fn begin_anew(&mut self) {
        self.attempts = 0;
    }

    pub(super) fn is_exhausted(&self, maximum: Option<u32>) -> bool {
        maximum.is_some_and(|maximum| self.attempts >= maximum)
    }
}
