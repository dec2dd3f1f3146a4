//! The Activity table: a resource is one item, a fact is one attribute of it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use jiff::{Timestamp, ToSpan};
use tracing::warn;

use super::item::{Attributes, Item, is_expired, number, text, time};
use super::{StoreError, keys, transaction};
use crate::activity::{Call, Fact, History, Message, Recording, Resource, Route};
use crate::clock::Clock;
use crate::environment::Environment;
use crate::sid::{CallSid, MessageSid, RecordingSid};
use crate::tenant::TenantScope;

/// What the name of a fact's attribute begins with; the rest is [`Fact::id`].
const FACT: &str = "fact:";

/// When somebody deleted the resource.
pub(super) const DELETED_AT: &str = "deleted_at";

/// The tenants' calls, messages and recordings.
#[derive(Clone)]
pub struct Activity {
    client: Client,
    table: String,
    retention_days: u32,
    clock: Clock,
}

impl Activity {
    /// Opens the table. Items expire after `retention_days`, counted from their first fact; never, when it is 0. By the clock those
    /// that have are not read any more.
    #[must_use]
    pub fn new(client: Client, table: String, retention_days: u32, clock: Clock) -> Self {
        Self {
            client,
            table,
            retention_days,
            clock,
        }
    }

    /// Reads `ACTIVITY_RETENTION_DAYS`; 0, the default, keeps for ever.
    #[must_use]
    pub fn retention_days(environment: &Environment) -> Option<u32> {
        environment.parsed(
            "ACTIVITY_RETENTION_DAYS",
            "a whole number of days, or 0 to keep for ever",
            0,
        )
    }

    /// Keeps a fact: one write without a condition, 1 write unit for an item up to 1 KB, and 1 for each index when the resource is
    /// new. The same fact again, or after a lost answer, changes nothing. Gives when the fact was first received; of an inbound
    /// message when anything of it was, since what counts of two messages is which came first. Of a recording that somebody
    /// deleted nothing is kept any more, and the fact is as good as kept; a transcription that it tells of is logged.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] and [`StoreError::Refused`]; in neither case is it known that nothing was kept.
    pub async fn keep(&self, scope: &TenantScope, fact: &Fact) -> Result<Timestamp, StoreError> {
        const OPERATION: &str = "keep a fact";
        let attribute = FACT.to_owned() + &fact.id();
        let mut update = Update::default();
        update.set_once("#fact", ":fact", attribute.clone(), fact_attribute(fact));
        update.set_once("#sid", ":sid", "sid".to_owned(), text(fact.resource.sid()));
        let moment = keys::moment(fact.received_at, fact.resource.sid());
        update.set_once(
            "#tp",
            ":tp",
            "time_pk".to_owned(),
            text(keys::by_time(scope, fact.listing())),
        );
        update.set_once("#ts", ":ts", "time_sk".to_owned(), text(moment.clone()));
        if let Some(group) = fact.group() {
            update.set_once(
                "#gp",
                ":gp",
                "group_pk".to_owned(),
                text(keys::by_group(scope, &group)),
            );
            update.set_once("#gs", ":gs", "group_sk".to_owned(), text(moment));
        }
        if let Some(expiry) = self.expiry(fact) {
            update.set_once("#ex", ":ex", "expires_at".to_owned(), number(expiry));
        }
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(
                keys::resource(scope, &fact.resource).into_attributes(),
            ))
            .update_expression(format!("SET {}", update.assignments.join(", ")))
            .set_expression_attribute_names(Some(update.names))
            .set_expression_attribute_values(Some(update.values))
            .return_values(returned(fact.route));
        // Only recordings are deleted one by one: what everything else costs stays as it is.
        let condition = matches!(fact.resource, Resource::Recording(_))
            .then(|| format!("attribute_not_exists({DELETED_AT})"));
        let update = update.set_condition_expression(condition);
        let updated = transaction::update(OPERATION, update).await?;
        let updated = updated.as_ref();
        let kept = match updated.map_err(|error| StoreError::of(OPERATION, "", error)) {
            Err(StoreError::Conflict { .. }) => {
                // Nothing else would tell that what was said is at Twilio: its recording was deleted before it was transcribed.
                if let Some(transcription) = fact.parameter("TranscriptionSid") {
                    let recording = fact.resource.sid();
                    warn!(
                        recording,
                        transcription, "left at Twilio: a deleted recording was transcribed"
                    );
                }
                return Ok(fact.received_at);
            }
            kept => kept?,
        };
        let facts = kept.attributes().into_iter().flatten();
        let facts = facts.filter(|(name, _)| name.starts_with(FACT));
        // Facts of any version, of which no more is needed.
        let first = facts.filter_map(|(_, fact)| fact.as_m().ok()?.get("at")?.as_s().ok());
        let first = first.filter_map(|at| at.parse().ok()).min();
        Ok(first.unwrap_or(fact.received_at))
    }

    /// A message, if any fact about it is kept. One read.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn message(
        &self,
        scope: &TenantScope,
        sid: &MessageSid,
    ) -> Result<Option<Message>, StoreError> {
        let history = self.history(scope, &Resource::Message(sid.clone())).await?;
        Ok(Message::of(&history))
    }

    /// A call leg, if any fact about it is kept. One read.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn call(
        &self,
        scope: &TenantScope,
        sid: &CallSid,
    ) -> Result<Option<Call>, StoreError> {
        let history = self.history(scope, &Resource::Call(sid.clone())).await?;
        Ok(Call::of(&history))
    }

    /// A recording, if any fact about it is kept. One read.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn recording(
        &self,
        scope: &TenantScope,
        sid: &RecordingSid,
    ) -> Result<Option<Recording>, StoreError> {
        let history = self
            .history(scope, &Resource::Recording(sid.clone()))
            .await?;
        Ok(Recording::of(&history))
    }

    /// Every fact about a resource, in order; none, when it is not known, was deleted or has expired. One strongly consistent read.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn history(
        &self,
        scope: &TenantScope,
        resource: &Resource,
    ) -> Result<History, StoreError> {
        const OPERATION: &str = "read a history";
        let output = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(keys::resource(scope, resource).into_attributes()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| StoreError::of(OPERATION, "", &error))?;
        let now = self.clock.now();
        let item = output.item.filter(|item| !is_expired(item, now));
        let item = item.unwrap_or_default();
        history_of(OPERATION, resource, &item)
    }

    fn expiry(&self, fact: &Fact) -> Option<i64> {
        if self.retention_days == 0 {
            return None;
        }
        let kept = i64::from(self.retention_days).saturating_mul(24).hours();
        fact.received_at
            .checked_add(kept)
            .ok()
            .map(|time| time.as_second())
    }
}

/// What the store gives back of an item with a new fact, which costs nothing either way: that fact, and of an inbound message all
/// that are known.
fn returned(route: Route) -> ReturnValue {
    match route {
        Route::Sms | Route::Whatsapp => ReturnValue::AllNew,
        _ => ReturnValue::UpdatedNew,
    }
}

/// The history of a resource as its item holds it; empty, when somebody deleted the resource, whatever Twilio still told of it
/// later.
pub(super) fn history_of(
    operation: &'static str,
    resource: &Resource,
    item: &Item,
) -> Result<History, StoreError> {
    if item.contains_key(DELETED_AT) {
        return Ok(History::default());
    }
    let facts = item.iter().filter(|(name, _)| name.starts_with(FACT));
    let facts: Result<Vec<Fact>, StoreError> = facts
        .map(|(_, value)| fact(operation, resource, value))
        .collect();
    Ok(History::new(facts?))
}

/// An update that only ever adds: `if_not_exists` leaves what is there, so that order and repetition do not matter.
#[derive(Default)]
struct Update {
    assignments: Vec<String>,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl Update {
    fn set_once(&mut self, name: &str, value: &str, attribute: String, content: AttributeValue) {
        self.assignments
            .push(format!("{name} = if_not_exists({name}, {value})"));
        self.names.insert(name.to_owned(), attribute);
        self.values.insert(value.to_owned(), content);
    }
}

fn fact_attribute(fact: &Fact) -> AttributeValue {
    let map = |parameters: &BTreeMap<String, String>| {
        let texts = parameters
            .iter()
            .map(|(name, value)| (name.clone(), text(value.clone())));
        AttributeValue::M(texts.collect())
    };
    let mut members = HashMap::from([
        ("at".to_owned(), time(fact.received_at)),
        ("route".to_owned(), text(fact.route.path())),
        ("parameters".to_owned(), map(&fact.parameters)),
    ]);
    if let Some(account) = &fact.account {
        members.insert("account".to_owned(), text(account.as_str()));
    }
    if !fact.custom.is_empty() {
        members.insert("custom".to_owned(), map(&fact.custom));
    }
    if !fact.truncated.is_empty() {
        let names = fact.truncated.iter().cloned().map(text).collect();
        members.insert("truncated".to_owned(), AttributeValue::L(names));
    }
    if fact.dropped > 0 {
        members.insert("dropped".to_owned(), number(fact.dropped));
    }
    AttributeValue::M(members)
}

fn fact(
    operation: &'static str,
    resource: &Resource,
    value: &AttributeValue,
) -> Result<Fact, StoreError> {
    let unreadable = |attribute| StoreError::Unreadable {
        operation,
        attribute,
    };
    let members: &Item = value.as_m().map_err(|_| unreadable("fact"))?;
    let attributes = Attributes::of(operation, members);
    let route = Route::of_path(attributes.text("route")?).ok_or_else(|| unreadable("route"))?;
    let texts = |value: &AttributeValue| -> Option<BTreeMap<String, String>> {
        let texts = value.as_m().ok()?.iter();
        texts
            .map(|(name, value)| Some((name.clone(), value.as_s().ok()?.clone())))
            .collect()
    };
    let names = |value: &AttributeValue| -> Option<BTreeSet<String>> {
        let names = value.as_l().ok()?.iter();
        names.map(|name| name.as_s().ok().cloned()).collect()
    };
    let count = |value: &AttributeValue| value.as_n().ok()?.parse().ok();
    let parameters = members.get("parameters").and_then(texts);
    // What few facts have is absent from the others.
    let custom = members.get("custom").map_or(Some(BTreeMap::new()), texts);
    let truncated = members
        .get("truncated")
        .map_or(Some(BTreeSet::new()), names);
    let dropped = members.get("dropped").map_or(Some(0), count);
    Ok(Fact {
        resource: resource.clone(),
        route,
        received_at: attributes.time("at")?,
        account: attributes.optional("account")?,
        parameters: parameters.ok_or_else(|| unreadable("parameters"))?,
        custom: custom.ok_or_else(|| unreadable("custom"))?,
        truncated: truncated.ok_or_else(|| unreadable("truncated"))?,
        dropped: dropped.ok_or_else(|| unreadable("dropped"))?,
    })
}
