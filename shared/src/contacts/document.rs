//! A contact as callers of the client API and subscribers of events see it.

use jiff::Timestamp;
use serde::Serialize;

use crate::activity::Channel;
use crate::store::ContactRecord;

/// A contact's document: the same in the client API and in events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Contact<'c> {
    /// The address as Twilio writes it.
    pub address: &'c str,
    /// How it is written to.
    pub channel: Channel,
    /// How its owner called themselves on WhatsApp when they wrote last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile_name: Option<&'c str>,
    /// When it first wrote or called.
    #[serde(serialize_with = "crate::clock::serialize")]
    pub first_seen_at: Timestamp,
    /// When the newest message from it or to it was first heard of.
    #[serde(
        serialize_with = "crate::clock::serialize_known",
        skip_serializing_if = "Option::is_none"
    )]
    pub last_message_at: Option<Timestamp>,
    /// Whether there is a sender that may not write to it.
    pub opted_out: bool,
    /// Those senders, in the order of their names.
    pub opted_out_of: Vec<&'c str>,
}

impl<'c> Contact<'c> {
    /// Nothing of an address that was only written to, which is no contact yet.
    #[must_use]
    pub fn of(record: &'c ContactRecord) -> Option<Self> {
        let opted_out_of: Vec<_> = record.opted_out_of().collect();
        Some(Self {
            address: &record.address,
            channel: channel_of(&record.address),
            profile_name: record.profile_name.as_deref(),
            first_seen_at: record.since?,
            last_message_at: record.last_message.as_ref().map(|last| last.at),
            opted_out: !opted_out_of.is_empty(),
            opted_out_of,
        })
    }
}

/// How an address is written to.
#[must_use]
pub fn channel_of(address: &str) -> Channel {
    if address.starts_with("whatsapp:") {
        Channel::WhatsApp
    } else {
        Channel::Sms
    }
}
