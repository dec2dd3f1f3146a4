//! Messages and calls folded into the item of the address that they are with: each message once, whoever applies it how often.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, TransactWriteItem, Update};
use jiff::{Timestamp, ToSpan};

use super::ContactItems;
use super::record::{ContactRecord, LastMessage, OptOutState, opt_out_attribute};
use crate::activity::{ADDRESSEES, CONTACTS, Resource};
use crate::contacts::{OptOutChange, Sighting};
use crate::store::change::Attempts;
use crate::store::item::{number, text, time};
use crate::store::routes::incomplete;
use crate::store::transaction::{Failure, refused_writes};
use crate::store::{StoreError, keys};
use crate::tenant::TenantScope;

const OPERATION: &str = "fold messages and calls into a contact";

/// How many messages and calls one transaction folds. DynamoDB takes 100 items and 4 MB: 50 messages, each of five facts of full
/// size, are still below both.
const A_TRANSACTION: usize = 50;

/// The attribute of a message that says that it is counted.
const COUNTED: &str = "counted";

/// How a transaction ended that did not fail.
enum Folded {
    Done,
    /// Others were first with these of its writes; none of it was made.
    Raced(Vec<usize>),
}

impl ContactItems {
    /// Folds messages and calls with one address into its item. A message that is counted already, or is not there any more, is
    /// left out, and so is a call that is gone: so nothing is counted twice, and nothing is kept for a tenant whose items are
    /// deleted. For each 50 of them 1 strongly consistent read and 1 transaction, of 2 write units for each 1 KB.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict; some may be folded, and all may be folded again.
    pub(crate) async fn fold(
        &self,
        scope: &TenantScope,
        address: &str,
        sightings: &[Sighting],
    ) -> Result<(), StoreError> {
        let mut known = BTreeSet::new();
        let mut sightings: Vec<&Sighting> = sightings.iter().collect();
        // No transaction takes two writes to one item.
        sightings.retain(|sighting| known.insert(sighting.resource.sid().to_owned()));
        for chunk in sightings.chunks(A_TRANSACTION) {
            self.fold_at_once(scope, address, chunk.to_vec()).await?;
        }
        Ok(())
    }

    async fn fold_at_once(
        &self,
        scope: &TenantScope,
        address: &str,
        mut sightings: Vec<&Sighting>,
    ) -> Result<(), StoreError> {
        let mut attempts = Attempts::default();
        while !sightings.is_empty() {
            let before = self.read(scope, address).await?;
            let before = before.unwrap_or_else(|| ContactRecord {
                address: address.to_owned(),
                ..ContactRecord::default()
            });
            // What counts is when they wrote, not when this runs: a record that waited does not end what it went on with.
            let first = sightings.iter().map(|sighting| sighting.at).min();
            let before = match first.is_some_and(|first| before.has_expired(first)) {
                true => before.anew(),
                false => before,
            };
            let mut after = before.clone();
            for sighting in &sightings {
                after.see(sighting, self.retention_days);
            }
            if after == before {
                return Ok(());
            }
            match self.write(scope, &before, &after, &sightings).await? {
                Folded::Done => return Ok(()),
                Folded::Raced(writes) => {
                    let left = sightings.len();
                    let mut number = 0_usize;
                    // The first write is that of the contact.
                    sightings.retain(|_| {
                        number = number.saturating_add(1);
                        !writes.contains(&number)
                    });
                    // Fewer each time comes to an end by itself.
                    if sightings.len() == left {
                        attempts.pause(OPERATION).await?;
                    }
                }
            }
        }
        Ok(())
    }

    async fn write(
        &self,
        scope: &TenantScope,
        before: &ContactRecord,
        after: &ContactRecord,
        sightings: &[&Sighting],
    ) -> Result<Folded, StoreError> {
        let mut writes = vec![self.contact(scope, before, after)?];
        for sighting in sightings {
            writes.push(match sighting.is_message() {
                true => self.mark(scope, sighting)?,
                false => self.is_there(scope, &sighting.resource)?,
            });
        }
        let sent = self.client.transact_write_items();
        match sent.set_transact_items(Some(writes)).send().await {
            Ok(_) => Ok(Folded::Done),
            Err(error) => raced(&error),
        }
    }

    /// The write of the contact, if it still is as it was read.
    fn contact(
        &self,
        scope: &TenantScope,
        before: &ContactRecord,
        after: &ContactRecord,
    ) -> Result<TransactWriteItem, StoreError> {
        let mut write = Write::default();
        let listing = match after.since {
            Some(_) => CONTACTS,
            None => ADDRESSEES,
        };
        write.set("address", text(&after.address));
        write.set("time_pk", text(keys::by_time(scope, listing)));
        write.put("time_sk", after.listed_at.as_ref().map(text));
        write.put("contact_since", after.since.map(time));
        write.put("profile_name", after.profile_name.as_ref().map(text));
        write.put("profile_named_at", after.named_at.as_ref().map(text));
        let last = after.last_message.as_ref();
        let of_last = |value: &dyn Fn(&LastMessage) -> AttributeValue| last.map(value);
        write.put("message_count", of_last(&|_| number(after.message_count)));
        write.put("last_message_sid", of_last(&|last| text(last.sid.as_str())));
        write.put("last_message_at", of_last(&|last| time(last.at)));
        write.put("group_pk", of_last(&|_| text(keys::conversations(scope))));
        write.put("group_sk", of_last(&|last| text(&last.moment)));
        write.set("version", number(before.version.saturating_add(1)));
        write.put("expires_at", after.expires_at.map(number));
        match before.version {
            0 => write.require("attribute_not_exists(version)".to_owned()),
            seen => {
                let value = write.value(number(seen));
                write.require(format!("version = {value}"));
            }
        }
        for (sender, state) in &after.opt_outs {
            let seen = before.opt_outs.get(sender);
            if seen != Some(state) {
                write.opt_out(sender, seen, state);
            }
        }
        let key = keys::contact(scope, &after.address);
        let update = write
            .into_update()
            .table_name(&self.table)
            .set_key(Some(key.into_attributes()))
            .build()
            .map_err(|_| incomplete(OPERATION))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    /// The write that marks a message as counted, once. It does not bring back one that is gone.
    fn mark(
        &self,
        scope: &TenantScope,
        sighting: &Sighting,
    ) -> Result<TransactWriteItem, StoreError> {
        let key = keys::resource(scope, &sighting.resource);
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(key.into_attributes()))
            .update_expression("SET #counted = :yes")
            .condition_expression("attribute_exists(pk) AND attribute_not_exists(#counted)")
            .expression_attribute_names("#counted", COUNTED)
            .expression_attribute_values(":yes", AttributeValue::Bool(true))
            .build()
            .map_err(|_| incomplete(OPERATION))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    fn is_there(
        &self,
        scope: &TenantScope,
        resource: &Resource,
    ) -> Result<TransactWriteItem, StoreError> {
        let check = ConditionCheck::builder()
            .table_name(&self.table)
            .set_key(Some(keys::resource(scope, resource).into_attributes()))
            .condition_expression("attribute_exists(pk)")
            .build()
            .map_err(|_| incomplete(OPERATION))?;
        Ok(TransactWriteItem::builder().condition_check(check).build())
    }
}

/// Which writes of a transaction others were first with.
fn raced(error: &SdkError<TransactWriteItemsError, HttpResponse>) -> Result<Folded, StoreError> {
    let refused = refused_writes(error);
    match Failure::of(OPERATION, error) {
        Failure::Condition { .. } => Ok(Folded::Raced(refused)),
        Failure::InTheWay => Ok(Folded::Raced(Vec::new())),
        Failure::Store(error) | Failure::Uncertain(error) => Err(error),
    }
}

impl ContactRecord {
    /// Adds what a message or call tells. Everything but the count is the smallest or largest of a kind, so that their order does
    /// not matter.
    fn see(&mut self, sighting: &Sighting, retention_days: u32) {
        let moment = keys::moment(sighting.at, sighting.resource.sid());
        let is_earlier = |than: &Option<String>| than.as_ref().is_none_or(|than| moment < *than);
        if sighting.is_inbound {
            // Until then it was listed by what was written to it.
            if self.since.is_none() || is_earlier(&self.listed_at) {
                self.since = Some(to_the_millisecond(sighting.at));
                self.listed_at = Some(moment.clone());
            }
        } else if self.since.is_none() && is_earlier(&self.listed_at) {
            self.listed_at = Some(moment.clone());
        }
        if let Resource::Message(sid) = &sighting.resource {
            self.message_count = self.message_count.saturating_add(1);
            let last = self.last_message.as_ref();
            if last.is_none_or(|last| last.moment < moment) {
                self.last_message = Some(LastMessage {
                    sid: sid.clone(),
                    at: to_the_millisecond(sighting.at),
                    moment: moment.clone(),
                });
            }
        }
        if let Some(name) = &sighting.profile_name
            && self.named_at.as_ref().is_none_or(|at| *at < moment)
        {
            self.profile_name = Some(name.clone());
            self.named_at = Some(moment);
        }
        if let Some(change) = &sighting.opt_out {
            self.note(change);
        }
        self.expires_at = self.expiry(sighting.at, retention_days);
    }

    fn note(&mut self, change: &OptOutChange) {
        let state = OptOutState::from(change);
        let sender = keys::opt_out_of(&change.sender);
        let sender = sender
            .strip_prefix(keys::OPT_OUT)
            .unwrap_or(&sender)
            .to_owned();
        let known = self.opt_outs.get(&sender);
        if known.is_none_or(|known| known.is_before(&state)) {
            self.opt_outs.insert(sender, state);
        }
    }

    /// Some days after the last message or call; never, while it opted out of anything: who forgets that writes again.
    fn expiry(&self, at: Timestamp, retention_days: u32) -> Option<i64> {
        if retention_days == 0 || self.opted_out_of().next().is_some() {
            return None;
        }
        let kept = i64::from(retention_days).saturating_mul(24).hours();
        let expiry = at.checked_add(kept).ok().map(Timestamp::as_second);
        expiry.max(self.expires_at)
    }
}

/// A time as it is kept.
fn to_the_millisecond(time: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(time.as_millisecond()).unwrap_or(time)
}

/// An update with placeholders that are numbered, since senders are named in attributes.
#[derive(Default)]
struct Write {
    set: Vec<String>,
    removed: Vec<String>,
    conditions: Vec<String>,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl Write {
    fn set(&mut self, attribute: &str, value: AttributeValue) {
        let (name, value) = (self.name(attribute), self.value(value));
        self.set.push(format!("{name} = {value}"));
    }

    /// Sets an attribute; removes it, when there is no value: an item that begins anew may have one that is of before.
    fn put(&mut self, attribute: &str, value: Option<AttributeValue>) {
        match value {
            Some(value) => self.set(attribute, value),
            None => {
                let name = self.name(attribute);
                self.removed.push(name);
            }
        }
    }

    fn require(&mut self, condition: String) {
        self.conditions.push(condition);
    }

    /// Sets what an address said to a sender, if a webhook did not set it since it was read.
    fn opt_out(&mut self, sender: &str, seen: Option<&OptOutState>, state: &OptOutState) {
        let change = OptOutChange {
            sender: sender.to_owned(),
            stopped: state.stopped,
            at: state.at,
            sid: state.sid.clone(),
        };
        let attribute = format!("{}{sender}", keys::OPT_OUT);
        let name = self.name(&attribute);
        let condition = match seen {
            None => format!("attribute_not_exists({name})"),
            Some(seen) => {
                let (at, sid) = (self.name("at"), self.name("sid"));
                let seen_at = self.value(time(seen.at));
                let seen_sid = self.value(text(seen.sid.as_str()));
                let replaced = keys::replaced_opt_out_of(sender);
                self.set(&replaced, text(seen.sid.as_str()));
                format!("{name}.{at} = {seen_at} AND {name}.{sid} = {seen_sid}")
            }
        };
        self.require(condition);
        let value = self.value(opt_out_attribute(&change));
        self.set.push(format!("{name} = {value}"));
    }

    fn name(&mut self, attribute: &str) -> String {
        let placeholder = format!("#n{}", self.names.len());
        self.names.insert(placeholder.clone(), attribute.to_owned());
        placeholder
    }

    fn value(&mut self, value: AttributeValue) -> String {
        let placeholder = format!(":v{}", self.values.len());
        self.values.insert(placeholder.clone(), value);
        placeholder
    }

    fn into_update(self) -> aws_sdk_dynamodb::types::builders::UpdateBuilder {
        let mut clauses = format!("SET {}", self.set.join(", "));
        if !self.removed.is_empty() {
            clauses.push_str(" REMOVE ");
            clauses.push_str(&self.removed.join(", "));
        }
        Update::builder()
            .update_expression(clauses)
            .condition_expression(self.conditions.join(" AND "))
            .set_expression_attribute_names(Some(self.names))
            .set_expression_attribute_values(Some(self.values))
    }
}
