//! Messages as they are kept in the state directory between runs.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use winterbaume_sqs::SqsState;
use winterbaume_sqs::types::{Message, MessageAttribute};

use super::groups::Groups;

/// Messages by queue name.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Saved(BTreeMap<String, Vec<SavedMessage>>);

#[derive(Debug, Clone, Serialize, Deserialize)]
struct SavedMessage {
    message_id: String,
    body: String,
    body_md5: String,
    sender_id: String,
    /// All times are milliseconds since 1970.
    sent: i64,
    first_received: Option<i64>,
    received_times: u32,
    /// A message in work stays hidden until its time is over, as if nothing had stopped.
    hidden_until: i64,
    attributes: HashMap<String, SavedAttribute>,
    group: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct SavedAttribute {
    kind: String,
    text: Option<String>,
    bytes: Option<Vec<u8>>,
}

impl Saved {
    /// All messages of `state`, and those of `others`, whose queues are not there.
    pub(super) fn of(state: &SqsState, groups: &Groups, others: &Self) -> Self {
        let others = others
            .0
            .iter()
            .filter(|(name, _)| !state.queues.contains_key(*name))
            .map(|(name, messages)| (name.clone(), messages.clone()));
        let queues = state.queues.iter().map(|(name, queue)| {
            (
                name.clone(),
                queue
                    .messages
                    .iter()
                    .map(|message| SavedMessage::of(message, groups.of(&message.message_id)))
                    .collect(),
            )
        });
        Self(
            queues
                .chain(others)
                .filter(|(_, messages): &(_, Vec<_>)| !messages.is_empty())
                .collect(),
        )
    }

    /// Puts the messages of the queues that `state` has back into them.
    pub(super) fn restore(&self, state: &mut SqsState, groups: &mut Groups) {
        for message in self.0.values().flatten() {
            if let Some(group) = &message.group {
                groups.insert(message.message_id.clone(), group.clone(), state);
            }
        }
        for (name, messages) in &self.0 {
            if let Some(queue) = state.queues.get_mut(name) {
                queue
                    .messages
                    .extend(messages.iter().map(SavedMessage::message));
            }
        }
    }
}

impl SavedMessage {
    fn message(&self) -> Message {
        let attributes = self.attributes.iter().map(|(name, attribute)| {
            let value = MessageAttribute {
                data_type: attribute.kind.clone(),
                string_value: attribute.text.clone(),
                binary_value: attribute.bytes.clone(),
            };
            (name.clone(), value)
        });
        Message {
            message_id: self.message_id.clone(),
            body: self.body.clone(),
            body_md5: self.body_md5.clone(),
            receipt_handle: None,
            all_receipt_handles: Vec::new(),
            sender_id: self.sender_id.clone(),
            sent_timestamp: self.sent,
            approximate_first_receive_timestamp: self.first_received,
            approximate_receive_count: self.received_times,
            visible_at: self.hidden_until,
            message_attributes: attributes.collect(),
        }
    }
}

impl SavedMessage {
    fn of(message: &Message, group: Option<&str>) -> Self {
        let attributes = message.message_attributes.iter().map(|(name, attribute)| {
            let value = SavedAttribute {
                kind: attribute.data_type.clone(),
                text: attribute.string_value.clone(),
                bytes: attribute.binary_value.clone(),
            };
            (name.clone(), value)
        });
        Self {
            message_id: message.message_id.clone(),
            body: message.body.clone(),
            body_md5: message.body_md5.clone(),
            sender_id: message.sender_id.clone(),
            sent: message.sent_timestamp,
            first_received: message.approximate_first_receive_timestamp,
            received_times: message.approximate_receive_count,
            hidden_until: message.visible_at,
            attributes: attributes.collect(),
            group: group.map(str::to_owned),
        }
    }
}
