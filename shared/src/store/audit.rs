//! The audit logs: one of each tenant, which goes with it, and the platform's, which stays.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use jiff::Timestamp;

use super::item::{Attributes, Item, text, time};
use super::routes::incomplete;
use super::{Page, StoreError, keys};
use crate::audit::AuditEntry;
use crate::tenant::{Operator, TenantScope};

/// The audit logs, in the Tenants table.
#[derive(Clone)]
pub struct Audit {
    client: Client,
    table: String,
}

/// An entry of a log as it is stored. Actor and action are texts: a log outlives the version that wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    /// Its place in the log, which no other entry has.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// Who: [`Actor::name`](crate::audit::Actor::name).
    pub actor: String,
    /// What was done: [`Action::as_str`](crate::audit::Action::as_str).
    pub action: String,
    /// To what.
    pub target: String,
    /// More about it for people; may be empty.
    pub detail: String,
}

impl Audit {
    /// Opens the table.
    #[must_use]
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// A page of a tenant's log, newest first. One query: 1 read per 4 KB, about 15 entries.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn list(
        &self,
        scope: &TenantScope,
        page: &Page,
    ) -> Result<(Vec<AuditRecord>, Option<String>), StoreError> {
        self.page_of(keys::audit_partition(scope), page).await
    }

    /// A page of the platform's log, newest first: the creation and deletion of tenants, whether they are still there or not.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn list_of_platform(
        &self,
        _: Operator,
        page: &Page,
    ) -> Result<(Vec<AuditRecord>, Option<String>), StoreError> {
        self.page_of(keys::platform_audit_partition(), page).await
    }

    async fn page_of(
        &self,
        partition: String,
        page: &Page,
    ) -> Result<(Vec<AuditRecord>, Option<String>), StoreError> {
        const OPERATION: &str = "list an audit log";
        let (items, next) = page
            .newest_first(OPERATION, &self.client, &self.table, partition)
            .await?;
        let records: Result<_, _> = items.iter().map(|item| record(OPERATION, item)).collect();
        Ok((records?, next))
    }

    /// An entry of a tenant's log, to go into the transaction of what it tells of.
    pub(super) fn entry(
        &self,
        scope: &TenantScope,
        entry: &AuditEntry,
    ) -> Result<TransactWriteItem, StoreError> {
        tenant_entry(&self.table, scope, entry)
    }

    /// The same in the platform's log.
    pub(super) fn platform_entry(
        &self,
        entry: &AuditEntry,
    ) -> Result<TransactWriteItem, StoreError> {
        put(&self.table, keys::platform_audit_partition(), entry)
    }
}

/// An entry of a tenant's log, to go into a transaction.
pub(super) fn tenant_entry(
    table: &str,
    scope: &TenantScope,
    entry: &AuditEntry,
) -> Result<TransactWriteItem, StoreError> {
    put(table, keys::audit_partition(scope), entry)
}

fn put(
    table: &str,
    partition: String,
    entry: &AuditEntry,
) -> Result<TransactWriteItem, StoreError> {
    const OPERATION: &str = "write an audit entry";
    // Entries of one millisecond are told apart by chance: eight bytes never meet in a millisecond of one tenant.
    let mut random = [0_u8; 8];
    aws_lc_rs::rand::fill(&mut random).map_err(|_| StoreError::Refused {
        operation: OPERATION,
        cause: "the system gives no random bytes".to_owned(),
    })?;
    let chance = u64::from_be_bytes(random);
    let place = keys::moment(entry.at, format_args!("{chance:016x}"));
    let put = Put::builder()
        .table_name(table)
        .set_item(Some(keys::item_of(partition, place).into_attributes()))
        .item("at", time(entry.at))
        .item("actor", text(entry.actor.name()))
        .item("action", text(entry.action.as_str()))
        .item("target", text(&entry.target))
        .item("detail", text(&entry.detail))
        .build()
        .map_err(|_| incomplete(OPERATION))?;
    Ok(TransactWriteItem::builder().put(put).build())
}

fn record(operation: &'static str, item: &Item) -> Result<AuditRecord, StoreError> {
    let attributes = Attributes::of(operation, item);
    Ok(AuditRecord {
        id: attributes.text(keys::SORT)?.to_owned(),
        at: attributes.time("at")?,
        actor: attributes.text("actor")?.to_owned(),
        action: attributes.text("action")?.to_owned(),
        target: attributes.text("target")?.to_owned(),
        detail: attributes
            .optional_text("detail")
            .unwrap_or_default()
            .to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Action, Actor};

    fn stored(entry: &AuditEntry) -> Item {
        let write = put("tenants", "acme#audit".to_owned(), entry).unwrap();
        write.put.unwrap().item
    }

    fn entry() -> AuditEntry {
        AuditEntry {
            at: "2026-10-01T08:00:00.1234567Z".parse().unwrap(),
            actor: Actor::User("auth0|1".to_owned()),
            action: Action::TenantSuspended,
            target: "acme".to_owned(),
            detail: String::new(),
        }
    }

    #[test]
    fn an_entry_is_read_back_as_it_was_written_to_the_millisecond() {
        let record = record("read", &stored(&entry())).unwrap();
        assert!(record.id.starts_with("2026-10-01T08:00:00.123Z#"));
        assert_eq!(record.at, "2026-10-01T08:00:00.123Z".parse().unwrap());
        assert_eq!(
            (&*record.actor, &*record.action, &*record.target),
            ("user:auth0|1", "tenant_suspended", "acme")
        );
        assert_eq!(record.detail, "");
    }

    #[test]
    fn entries_of_one_millisecond_do_not_take_each_others_place() {
        let place = || stored(&entry()).remove(keys::SORT).unwrap();
        assert_ne!(place(), place());
    }

    #[test]
    fn an_action_of_another_version_is_kept_as_it_is_called() {
        let mut item = stored(&entry());
        item.insert("action".to_owned(), text("template_submitted"));
        assert_eq!(record("read", &item).unwrap().action, "template_submitted");
    }
}
