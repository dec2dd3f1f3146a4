//! The items of the addresses at the other end: one for each that wrote, called or was written to, in the Activity table.
//!
//! Three write to one: the stream's consumer, guarded by `version`; and webhooks, which write opt-outs and what was answered
//! automatically, each an attribute of its own with a condition of its own.

mod fold;
mod record;

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{Timestamp, ToSpan};

pub use self::record::{ContactRecord, LastMessage, OptOutState};
use super::error::unless_conflict;
use super::item::{text, time};
use super::{StoreError, keys, transaction};
use crate::activity::{ADDRESSEES, Resource};
use crate::contacts::OptOutChange;
use crate::sid::MessageSid;
use crate::tenant::TenantScope;

/// For how long a sender answers an address only once, in hours.
const ONCE_IN_HOURS: i64 = 1;
/// For how long a sender does not answer the same words of an address again, in hours.
const SAME_WORDS_ONCE_IN_HOURS: i64 = 24;

/// The contacts, in the Activity table.
#[derive(Clone)]
pub struct ContactItems {
    client: Client,
    table: String,
    retention_days: u32,
}

/// A message that may be answered automatically.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyTurn {
    /// Who wrote it.
    pub address: String,
    /// Whom they wrote to, as of [`OptOutChange::sender`].
    pub sender: String,
    /// The message.
    pub sid: MessageSid,
    /// When it was first received.
    pub at: Timestamp,
    /// What tells its words from others, without showing them.
    pub words: String,
}

impl ContactItems {
    /// Opens the table. Items expire `retention_days` after the last message or call; never, when it is 0.
    #[must_use]
    pub fn new(client: Client, table: String, retention_days: u32) -> Self {
        Self {
            client,
            table,
            retention_days,
        }
    }

    /// What is known of an address; nothing, when there is no item. One strongly consistent read.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn read(
        &self,
        scope: &TenantScope,
        address: &str,
    ) -> Result<Option<ContactRecord>, StoreError> {
        const OPERATION: &str = "read a contact";
        let output = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(keys::contact(scope, address).into_attributes()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| StoreError::of(OPERATION, "", &error))?;
        let item = output.item.as_ref();
        item.map(|item| ContactRecord::read(OPERATION, item))
            .transpose()
    }

    /// Keeps that an address opted out of a sender, or back in: one conditional write, which changes nothing when what is kept is
    /// newer, or is of that very message or replaced it: a repeated STOP, which may look newer than it is, does not undo the START
    /// that came after the first.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict; it is not known that nothing was kept.
    pub async fn keep_opt_out(
        &self,
        scope: &TenantScope,
        address: &str,
        change: &OptOutChange,
    ) -> Result<(), StoreError> {
        const OPERATION: &str = "keep an opt-out";
        // The first replaces none; its own SID in the place of one says no more than the entry itself.
        const WRITTEN: &str = "#kept = :value, #replaced = if_not_exists(#kept.#sid, :sid)";
        let message = Resource::Message(change.sid.clone());
        let kept = record::opt_out_attribute(change);
        let condition = format!(
            "attribute_not_exists(#kept) OR (#kept.#sid <> :sid AND \
             (attribute_not_exists(#replaced) OR #replaced <> :sid) AND ({}))",
            is_newer(change)
        );
        let written = self
            .update(scope, address, &message, change.at, WRITTEN, kept)
            .condition_expression(condition)
            .expression_attribute_names("#kept", keys::opt_out_of(&change.sender))
            .expression_attribute_names("#replaced", keys::replaced_opt_out_of(&change.sender))
            .expression_attribute_names("#stopped", "stopped")
            .expression_attribute_names("#sid", "sid")
            .expression_attribute_names("#at", "at")
            .expression_attribute_values(":at", time(change.at))
            .expression_attribute_values(":sid", text(change.sid.as_str()))
            .expression_attribute_values(":no", AttributeValue::Bool(false));
        let written = transaction::update(OPERATION, written).await?;
        unless_conflict(OPERATION, written)
    }

    /// Takes the turn to answer a message automatically: one conditional write, after which nobody else may. It is given once an
    /// hour for each address and sender, once in 24 hours for the same words, and again for the same message, so that a
    /// delivery that is repeated gets the answer that the first one may not have got; and never to one who opted out.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict: then nobody is to answer.
    pub async fn take_reply_turn(
        &self,
        scope: &TenantScope,
        turn: &ReplyTurn,
    ) -> Result<bool, StoreError> {
        const OPERATION: &str = "take the turn to answer";
        const MAY_ANSWER: &str = "(attribute_not_exists(#opt_out) OR #opt_out.#stopped = :no) AND \
            (attribute_not_exists(#kept) OR #kept.#sid = :sid OR #kept.#at <= :day_ago OR \
            (#kept.#at <= :hour_ago AND #kept.#text <> :words))";
        let ago = |hours: i64| time(turn.at.saturating_sub(hours.hours()).unwrap_or(turn.at));
        let kept = HashMap::from([
            ("at".to_owned(), time(turn.at)),
            ("sid".to_owned(), text(turn.sid.as_str())),
            ("text".to_owned(), text(&turn.words)),
        ]);
        let message = Resource::Message(turn.sid.clone());
        let kept = AttributeValue::M(kept);
        let written = self
            .update(
                scope,
                &turn.address,
                &message,
                turn.at,
                "#kept = :value",
                kept,
            )
            .condition_expression(MAY_ANSWER)
            .expression_attribute_names("#kept", keys::auto_reply_of(&turn.sender))
            .expression_attribute_names("#opt_out", keys::opt_out_of(&turn.sender))
            .expression_attribute_names("#stopped", "stopped")
            .expression_attribute_names("#sid", "sid")
            .expression_attribute_names("#at", "at")
            .expression_attribute_names("#text", "text")
            .expression_attribute_values(":no", AttributeValue::Bool(false))
            .expression_attribute_values(":sid", text(turn.sid.as_str()))
            .expression_attribute_values(":words", text(&turn.words))
            .expression_attribute_values(":hour_ago", ago(ONCE_IN_HOURS))
            .expression_attribute_values(":day_ago", ago(SAME_WORDS_ONCE_IN_HOURS));
        match transaction::update(OPERATION, written).await? {
            Ok(_) => Ok(true),
            Err(error) => match StoreError::of(OPERATION, "", &error) {
                StoreError::Conflict { .. } => Ok(false),
                error => Err(error),
            },
        }
    }

    /// An update by a webhook, whose `assignments` are of a value under a placeholder. It makes the item when it is the first:
    /// listed like one that was only written to until the stream says more, so that the tenant's deletion finds it in any case.
    fn update(
        &self,
        scope: &TenantScope,
        address: &str,
        message: &Resource,
        at: Timestamp,
        assignments: &str,
        value: AttributeValue,
    ) -> UpdateItemFluentBuilder {
        let listing = keys::by_time(scope, ADDRESSEES);
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::contact(scope, address).into_attributes()))
            .update_expression(format!(
                "SET {assignments}, address = if_not_exists(address, :address), \
                 time_pk = if_not_exists(time_pk, :listing), time_sk = if_not_exists(time_sk, :moment)"
            ))
            .expression_attribute_values(":value", value)
            .expression_attribute_values(":address", text(address))
            .expression_attribute_values(":listing", text(listing))
            .expression_attribute_values(":moment", text(keys::moment(at, message.sid())))
    }
}

/// The condition that what is kept of an opt-out is before a change. Of one moment whatever stops comes last, then the SID
/// decides: a total order, whatever arrives first.
fn is_newer(change: &OptOutChange) -> String {
    let later_of_one_moment = match change.stopped {
        true => "#kept.#stopped = :no OR #kept.#sid < :sid",
        false => "#kept.#stopped = :no AND #kept.#sid < :sid",
    };
    format!("#kept.#at < :at OR (#kept.#at = :at AND ({later_of_one_moment}))")
}
