//! The list of work that is due at a moment, for whoever looks every minute.
//!
//! An entry says *that* something may have to be done, never what there is of it: whoever takes it reads that where it is kept,
//! and may find it done. So an entry may be taken twice, and one too many does no harm; none is ever lost, since it stays until
//! its work is done or a later entry stands for it.

use std::fmt;
use std::str::FromStr;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem};
use jiff::Timestamp;

use super::error::unless_conflict;
use super::item::{Attributes, Item, number, text, time};
use super::routes::incomplete;
use super::transaction::{self, Transaction};
use super::{StoreError, keys};
use crate::clock::Clock;
use crate::tenant::{Provider, TenantScope};

/// How many entries one query looks at.
const PAGE: i32 = 100;

/// What is to be done for a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Work {
    /// Credentials are to be checked again: the first check found them invalid, or could not tell.
    Recheck(Provider),
    /// A deletion is to go on.
    Deletion,
    /// The rotation of the Twilio auth token is to go on.
    Rotation,
    /// A subaccount is to be made, suspended, resumed or closed.
    Subaccount,
}

impl fmt::Display for Work {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Recheck(provider) => write!(formatter, "recheck#{provider}"),
            Self::Deletion => formatter.write_str("deletion"),
            Self::Rotation => formatter.write_str("rotation"),
            Self::Subaccount => formatter.write_str("subaccount"),
        }
    }
}

/// A name of no work that this version knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected recheck#<provider>, deletion, rotation or subaccount")]
pub struct UnknownWork;

impl FromStr for Work {
    type Err = UnknownWork;

    fn from_str(name: &str) -> Result<Self, UnknownWork> {
        match name {
            "deletion" => Ok(Self::Deletion),
            "rotation" => Ok(Self::Rotation),
            "subaccount" => Ok(Self::Subaccount),
            _ => {
                let provider = name.strip_prefix("recheck#").ok_or(UnknownWork)?;
                let provider = provider.parse().map_err(|_| UnknownWork)?;
                Ok(Self::Recheck(provider))
            }
        }
    }
}

/// Work that was taken, and the proof that its tenant may be acted for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// For whom.
    pub scope: TenantScope,
    /// What.
    pub work: Work,
    /// Since when it is due.
    pub at: Timestamp,
    /// How often it was taken before, without being done: 0 at first.
    pub tries: u64,
    /// Until when nobody else is given it.
    taken_until: Timestamp,
}

/// The list, in the Tenants table.
#[derive(Clone)]
pub struct DueWork {
    client: Client,
    table: String,
    clock: Clock,
}

impl DueWork {
    /// Opens the table.
    #[must_use]
    pub fn new(client: Client, table: String, clock: Clock) -> Self {
        Self {
            client,
            table,
            clock,
        }
    }

    /// Says that work is due from a moment on. One write. What is said twice of one moment is one entry, which can be taken from
    /// then on even if somebody has taken it.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn put(
        &self,
        scope: &TenantScope,
        work: Work,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        const OPERATION: &str = "note work that is due";
        let put = self.client.put_item().table_name(&self.table);
        let sent = put.set_item(Some(keyed(scope, work, at, 0))).send().await;
        sent.map_err(|error| StoreError::of(OPERATION, "", &error))?;
        Ok(())
    }

    /// Takes what is due by now and `most` at most, as [`DueWork::look`] finds and [`DueWork::claim`] takes it.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict. What was taken before it failed is given again after `until`.
    pub async fn take(&self, most: usize, until: Timestamp) -> Result<Vec<Due>, StoreError> {
        let mut taken = Vec::new();
        for due in self.look(most).await? {
            taken.extend(self.claim(due, until).await?);
        }
        Ok(taken)
    }

    /// What is due by now and nobody has taken, `most` at most: checks after everything else, and of each what has been due longest
    /// first. One query of each, and none more once there are enough.
    ///
    /// An entry that this version cannot read stays for one that can, with a line in the log.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn look(&self, most: usize) -> Result<Vec<Due>, StoreError> {
        const OPERATION: &str = "look for work that is due";
        let now = self.clock.now();
        let mut found = Vec::new();
        for class in keys::DUE_CLASSES {
            let query = self
                .client
                .query()
                .table_name(&self.table)
                .key_condition_expression("pk = :partition AND sk BETWEEN :class AND :later")
                .expression_attribute_values(":partition", text(keys::due_partition()))
                .expression_attribute_values(":class", text(class))
                .expression_attribute_values(":later", text(format!("{class}#{}", following(now))))
                .consistent_read(true)
                .limit(PAGE);
            let mut after = None;
            loop {
                let page = query.clone().set_exclusive_start_key(after).send().await;
                let page = page.map_err(|error| StoreError::of(OPERATION, "", &error))?;
                for item in page.items.unwrap_or_default() {
                    if found.len() >= most {
                        return Ok(found);
                    }
                    match read(OPERATION, &item, now) {
                        Ok((due, before)) if before.is_none_or(|before| before <= now) => {
                            found.push(due);
                        }
                        Ok(_) => {}
                        Err(error) => {
                            tracing::error!(%error, "an entry of the list of due work cannot be read");
                        }
                    }
                }
                after = page.last_evaluated_key;
                if after.is_none() {
                    break;
                }
            }
        }
        Ok(found)
    }

    /// Takes an entry, unless somebody else has or it is gone. Nobody else is given it before `until`; whoever does not call
    /// [`DueWork::done`] or [`DueWork::later`] by then leaves it to the next. One conditional write.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn claim(&self, due: Due, until: Timestamp) -> Result<Option<Due>, StoreError> {
        const OPERATION: &str = "take work that is due";
        let now = self.clock.now();
        let due = Due {
            taken_until: until,
            ..due
        };
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(&due).into_attributes()))
            .update_expression("SET taken_until = :until, tries = :tries")
            .condition_expression(
                "attribute_exists(pk) AND (attribute_not_exists(taken_until) OR taken_until <= :now)",
            )
            .expression_attribute_values(":until", time(due.taken_until))
            .expression_attribute_values(":tries", number(due.tries.saturating_add(1)))
            .expression_attribute_values(":now", time(now));
        let updated = transaction::update(OPERATION, update).await?;
        match updated.map_err(|error| StoreError::of(OPERATION, "", &error)) {
            Ok(_) => Ok(Some(due)),
            Err(StoreError::Conflict { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes an entry whose work is done, unless the same was put again, or taken by another, meanwhile. One conditional write.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn done(&self, due: &Due) -> Result<(), StoreError> {
        let delete = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(key(due).into_attributes()))
            .condition_expression("taken_until = :mine")
            .expression_attribute_values(":mine", time(due.taken_until));
        unless_conflict("strike work that is done", delete.send().await)
    }

    /// Puts an entry for a later moment in the place of this one. One transaction of two writes.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn later(&self, due: &Due, at: Timestamp) -> Result<(), StoreError> {
        const OPERATION: &str = "put work off";
        let mut transaction = Transaction::<StoreError>::new(OPERATION);
        let tries = due.tries.saturating_add(1);
        transaction.write(entry(&self.table, &due.scope, due.work, at, tries)?);
        if keys::due_moment(at) != keys::due_moment(due.at) {
            let delete = Delete::builder()
                .table_name(&self.table)
                .set_key(Some(key(due).into_attributes()))
                .build()
                .map_err(|_| incomplete(OPERATION))?;
            transaction.write(TransactWriteItem::builder().delete(delete).build());
        }
        transaction.send(&self.client).await
    }
}

/// An entry of the list in this table, to go into the transaction of what makes the work due; `tries` of what it stands in for,
/// else 0.
pub(super) fn entry(
    table: &str,
    scope: &TenantScope,
    work: Work,
    at: Timestamp,
    tries: u64,
) -> Result<TransactWriteItem, StoreError> {
    let put = Put::builder()
        .table_name(table)
        .set_item(Some(keyed(scope, work, at, tries)))
        .build()
        .map_err(|_| incomplete("note work that is due"))?;
    Ok(TransactWriteItem::builder().put(put).build())
}

/// The removal of an entry of the list in this table, if it is there, to go into the transaction of what ends the work.
pub(super) fn strike(
    table: &str,
    scope: &TenantScope,
    work: Work,
    at: Timestamp,
) -> Result<TransactWriteItem, StoreError> {
    let key = keys::due(at, &work.to_string(), scope.tenant_id());
    let delete = Delete::builder()
        .table_name(table)
        .set_key(Some(key.into_attributes()))
        .build()
        .map_err(|_| incomplete("strike work that is done"))?;
    Ok(TransactWriteItem::builder().delete(delete).build())
}

fn keyed(scope: &TenantScope, work: Work, at: Timestamp, tries: u64) -> Item {
    let name = work.to_string();
    let mut item = keys::due(at, &name, scope.tenant_id()).into_attributes();
    item.insert("tenant_id".to_owned(), text(scope.tenant_id().as_str()));
    item.insert("work".to_owned(), text(name));
    item.insert("due_at".to_owned(), time(at));
    item.insert("tries".to_owned(), number(tries));
    item
}

fn key(due: &Due) -> keys::Key {
    keys::due(due.at, &due.work.to_string(), due.scope.tenant_id())
}

/// An entry as it would be taken now, and until when it is taken.
fn read(
    operation: &'static str,
    item: &Item,
    until: Timestamp,
) -> Result<(Due, Option<Timestamp>), StoreError> {
    let attributes = Attributes::of(operation, item);
    let due = Due {
        scope: TenantScope::new(attributes.parsed("tenant_id")?),
        work: attributes.parsed("work")?,
        at: attributes.time("due_at")?,
        tries: attributes.optional_number("tries")?.unwrap_or_default(),
        taken_until: until,
    };
    Ok((due, attributes.optional("taken_until")?))
}

/// What every moment in a sort key is below that is due at a moment or before.
fn following(now: Timestamp) -> String {
    let next = jiff::SignedDuration::from_millis(1);
    keys::due_moment(now.saturating_add(next).unwrap_or(Timestamp::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tenant::Operator;

    const ALL: [Work; 5] = [
        Work::Recheck(Provider::Twilio),
        Work::Recheck(Provider::GoogleCalendar),
        Work::Deletion,
        Work::Rotation,
        Work::Subaccount,
    ];

    fn sort(work: Work, at: &str) -> String {
        let scope = Operator::claimed().scope("acme".parse().unwrap());
        let key = keys::due(at.parse().unwrap(), &work.to_string(), scope.tenant_id());
        key.sort().to_owned()
    }

    #[test]
    fn work_is_read_as_it_is_written() {
        for work in ALL {
            assert_eq!(work.to_string().parse(), Ok(work));
        }
        for unknown in ["recheck", "recheck#fax", "rotation#twilio", ""] {
            assert_eq!(unknown.parse::<Work>(), Err(UnknownWork), "{unknown}");
        }
    }

    #[test]
    fn a_key_names_the_moment_the_work_and_whose_it_is() {
        let at = "2026-11-01T12:00:00.250Z";
        assert_eq!(sort(Work::Rotation, at), "work#1793534400250#rotation#acme");
        let recheck = sort(Work::Recheck(Provider::Vapi), at);
        assert_eq!(recheck, "check#1793534400250#recheck#acme#vapi");
    }

    #[test]
    fn what_is_due_at_this_very_millisecond_is_looked_for_and_nothing_later() {
        let now = "2026-11-01T12:00:00.250999Z";
        let bound = format!("work#{}", following(now.parse().unwrap()));
        assert!(sort(Work::Rotation, now) < bound);
        assert!(sort(Work::Rotation, "2026-11-01T12:00:00.251Z") >= bound);
        assert!(sort(Work::Rotation, "1970-01-01T00:00:00.001Z") < bound);
    }
}
