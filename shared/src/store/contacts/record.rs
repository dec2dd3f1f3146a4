//! A contact item, read.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use crate::clock::rfc3339;
use crate::contacts::OptOutChange;
use crate::sid::MessageSid;
use crate::store::item::{Attributes, Item, is_over, text, time};
use crate::store::{StoreError, keys};

/// What is known of an address at the other end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ContactRecord {
    /// The address as Twilio writes it.
    pub address: String,
    /// When it first wrote or called; absent while it was only written to.
    pub since: Option<Timestamp>,
    /// How its owner called themselves on WhatsApp when they wrote last.
    pub profile_name: Option<String>,
    /// How many messages came from it and went to it, since the item is there.
    pub message_count: u64,
    /// The newest of them.
    pub last_message: Option<LastMessage>,
    /// What it said to each of the tenant's senders about being written to.
    pub opt_outs: BTreeMap<String, OptOutState>,
    /// The moment that it is listed under.
    pub(super) listed_at: Option<String>,
    /// The moment of the message that the profile name is of.
    pub(super) named_at: Option<String>,
    /// When the item expires, in seconds since 1970.
    pub(super) expires_at: Option<i64>,
    /// Counts the writes of the stream's consumer; 0 before the first.
    pub(super) version: u64,
}

/// The newest message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastMessage {
    /// Its SID.
    pub sid: MessageSid,
    /// When it was first heard of.
    pub at: Timestamp,
    /// The moment that the conversation is listed under.
    pub(super) moment: String,
}

/// What an address said last to a sender about being written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptOutState {
    /// Whether nothing more is to be sent.
    pub stopped: bool,
    /// When the message that said so was first received.
    pub at: Timestamp,
    /// That message.
    pub sid: MessageSid,
}

impl OptOutState {
    /// The place in the order by which of two the last counts.
    fn place(&self) -> (String, bool, &str) {
        (rfc3339(self.at), self.stopped, self.sid.as_str())
    }

    pub(super) fn is_before(&self, other: &Self) -> bool {
        self.place() < other.place()
    }
}

impl From<&OptOutChange> for OptOutState {
    fn from(change: &OptOutChange) -> Self {
        Self {
            stopped: change.stopped,
            at: change.at,
            sid: change.sid.clone(),
        }
    }
}

impl ContactRecord {
    /// The senders that may not write to it, in the order of their names.
    pub fn opted_out_of(&self) -> impl Iterator<Item = &str> {
        let stopped = self.opt_outs.iter().filter(|(_, state)| state.stopped);
        stopped.map(|(sender, _)| sender.as_str())
    }

    /// Whether its time to live is over at some moment. What DynamoDB has not deleted by then is gone nevertheless.
    #[must_use]
    pub fn has_expired(&self, at: Timestamp) -> bool {
        is_over(self.expires_at, at)
    }

    /// One of the same address that begins anew: without anything but what was said to senders, which never expires, and the count
    /// of writes, which goes on.
    pub(super) fn anew(self) -> Self {
        Self {
            address: self.address,
            opt_outs: self.opt_outs,
            version: self.version,
            ..Self::default()
        }
    }

    /// Reads an item.
    pub(in crate::store) fn read(operation: &'static str, item: &Item) -> Result<Self, StoreError> {
        let attributes = Attributes::of(operation, item);
        let text = |name| attributes.optional_text(name).map(str::to_owned);
        let opt_outs = item.iter().filter_map(|(name, value)| {
            let sender = name.strip_prefix(keys::OPT_OUT)?;
            let state = opt_out(operation, value);
            Some(state.map(|state| (sender.to_owned(), state)))
        });
        let last_message = text("group_sk").map(|moment| {
            Ok::<_, StoreError>(LastMessage {
                sid: attributes.parsed("last_message_sid")?,
                at: attributes.time("last_message_at")?,
                moment,
            })
        });
        let expires_at = attributes.optional_number("expires_at")?;
        Ok(Self {
            address: attributes.text("address")?.to_owned(),
            since: attributes.optional("contact_since")?,
            profile_name: text("profile_name"),
            message_count: attributes.optional_number("message_count")?.unwrap_or(0),
            last_message: last_message.transpose()?,
            opt_outs: opt_outs.collect::<Result<_, _>>()?,
            listed_at: text("time_sk"),
            named_at: text("profile_named_at"),
            expires_at: expires_at.and_then(|seconds| i64::try_from(seconds).ok()),
            version: attributes.optional_number("version")?.unwrap_or(0),
        })
    }
}

fn opt_out(operation: &'static str, value: &AttributeValue) -> Result<OptOutState, StoreError> {
    let members: &Item = value.as_m().map_err(|_| StoreError::Unreadable {
        operation,
        attribute: "opt_out",
    })?;
    let attributes = Attributes::of(operation, members);
    Ok(OptOutState {
        stopped: attributes.flag("stopped"),
        at: attributes.time("at")?,
        sid: attributes.parsed("sid")?,
    })
}

/// An opt-out as it is kept.
pub(super) fn opt_out_attribute(change: &OptOutChange) -> AttributeValue {
    AttributeValue::M(HashMap::from([
        ("stopped".to_owned(), AttributeValue::Bool(change.stopped)),
        ("at".to_owned(), time(change.at)),
        ("sid".to_owned(), text(change.sid.as_str())),
    ]))
}
