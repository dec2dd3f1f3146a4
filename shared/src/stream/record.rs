//! A batch of the stream, or of the queue, and the records in it.

use std::collections::HashMap;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::Change;
use super::attribute::{Attribute, item};
use crate::deferred::Batch;
use crate::store::images;
use crate::tenant::TenantScope;

/// What Lambda delivers to a function that reads the stream and a queue.
pub enum Delivery {
    /// Records of the stream, in order, each as it came.
    Stream(Vec<RawRecord>),
    /// Messages of the queue.
    Queue(Batch),
}

/// A record as it came, whatever it is.
#[derive(Deserialize)]
#[serde(transparent)]
pub struct RawRecord(Box<RawValue>);

impl RawRecord {
    pub(super) fn as_raw(&self) -> &RawValue {
        &self.0
    }

    /// Its JSON.
    pub(super) fn json(&self) -> &str {
        self.0.get()
    }

    /// The error that nothing can be made of it. `reason` repeats nothing of its content.
    #[must_use]
    pub fn without_use(&self, reason: String) -> UnreadableRecord {
        UnreadableRecord {
            sequence_number: self.place().0,
            reason,
        }
    }

    /// Its place in the stream and the keys of its item, as far as they can be read.
    pub(super) fn place(&self) -> (Option<String>, Option<Box<RawValue>>) {
        let place: Option<Place> = serde_json::from_str(self.json()).ok();
        let place = place.and_then(|place| place.dynamodb);
        place.map_or((None, None), |place| (place.sequence_number, place.keys))
    }
}

/// An event whose records come from neither.
const UNKNOWN_SOURCE: &str = "the records are neither of DynamoDB's streams nor of SQS";

impl<'de> Deserialize<'de> for Delivery {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        #[derive(Deserialize)]
        struct Event {
            #[serde(rename = "Records")]
            records: Vec<RawRecord>,
        }
        #[derive(Deserialize)]
        struct Source {
            #[serde(rename = "eventSource")]
            source: String,
        }
        let event = Event::deserialize(deserializer)?;
        // One event source, one event: all records are of the same, whether they can be read or not.
        let mut sources = event.records.iter().filter_map(|record| {
            let source: Option<Source> = serde_json::from_str(record.json()).ok();
            source.map(|source| source.source)
        });
        match sources.next().as_deref() {
            Some("aws:dynamodb") => Ok(Self::Stream(event.records)),
            Some("aws:sqs") => {
                let messages = event.records.iter();
                let messages = messages.map(|record| serde_json::from_str(record.json()));
                let messages: Result<Vec<_>, _> = messages.collect();
                let messages = messages.map_err(D::Error::custom)?;
                Ok(Self::Queue(Batch { messages }))
            }
            None if event.records.is_empty() => Ok(Self::Stream(Vec::new())),
            _ => Err(D::Error::custom(UNKNOWN_SOURCE)),
        }
    }
}

/// One write to the Activity table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamRecord {
    /// Its place in the stream, by which Lambda delivers it and what follows it again.
    pub sequence_number: String,
    /// Whose data was written. A record of the table's own stream is a work item of this bundle, like a webhook put aside.
    pub scope: TenantScope,
    /// What changed.
    pub change: Change,
}

/// A record that nothing can be made of, now or later.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct UnreadableRecord {
    /// Its place in the stream, if at least that can be read.
    pub sequence_number: Option<String>,
    /// What is wrong. Nothing of the item's content.
    pub reason: String,
}

#[derive(Deserialize)]
struct Raw {
    #[serde(rename = "eventName")]
    name: String,
    dynamodb: Write,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Write {
    sequence_number: String,
    keys: HashMap<String, Attribute>,
    new_image: Option<HashMap<String, Attribute>>,
    old_image: Option<HashMap<String, Attribute>>,
}

/// What may be readable of a record that is not.
#[derive(Deserialize)]
struct Place {
    dynamodb: Option<PlaceOfWrite>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PlaceOfWrite {
    sequence_number: Option<String>,
    keys: Option<Box<RawValue>>,
}

impl StreamRecord {
    /// Reads a record as it came.
    ///
    /// # Errors
    /// When it is none of a tenant's activity, or its item does not have the form that this version or one before it writes.
    pub fn read(record: &RawRecord) -> Result<Self, UnreadableRecord> {
        // serde's own words may repeat what people wrote.
        let read: Raw = serde_json::from_str(record.json()).map_err(|error| {
            let place = format!("line {} column {}", error.line(), error.column());
            record.without_use(format!("it is no record of a stream: {place}"))
        })?;
        let write = read.dynamodb;
        let keys = item(write.keys);
        let before = write.old_image.map(item);
        // What DynamoDB removed by itself or the bundle deleted is gone: there is nothing to tell of it.
        let after = match read.name.as_str() {
            "REMOVE" => None,
            _ => write.new_image.map(item),
        };
        let (scope, change) = images::change(&keys, before.as_ref(), after.as_ref())
            .map_err(|error| record.without_use(error.to_string()))?;
        Ok(Self {
            sequence_number: write.sequence_number,
            scope,
            change,
        })
    }
}
