//! Which tenants are verified in which minute of the day.

use std::collections::HashSet;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem};

use super::item::{Attributes, text};
use super::routes::incomplete;
use super::{StoreError, batch, keys};
use crate::tenant::{Minute, TenantId, TenantScope};

/// The tenants of each minute, in the Tenants table: one entry of each tenant, in a partition a minute.
#[derive(Clone)]
pub struct Minutes {
    client: Client,
    table: String,
}

impl Minutes {
    /// Opens the table.
    #[must_use]
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Tenants of a minute in the order of their ids, behind one of them; none when there are no more. One query.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn tenants_after(
        &self,
        minute: Minute,
        after: Option<&str>,
        most: i32,
    ) -> Result<Vec<TenantScope>, StoreError> {
        const OPERATION: &str = "list the tenants of a minute";
        let partition = keys::minute_partition(minute);
        let start =
            after.map(|after| keys::item_of(partition.clone(), after.to_owned()).into_attributes());
        let output = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :partition")
            .expression_attribute_values(":partition", text(partition))
            .set_exclusive_start_key(start)
            .consistent_read(true)
            .limit(most)
            .send()
            .await
            .map_err(|error| StoreError::of(OPERATION, "", &error))?;
        let entries = output.items.unwrap_or_default();
        let scopes = entries.iter().map(|entry| {
            let tenant_id = Attributes::of(OPERATION, entry).parsed(keys::SORT)?;
            Ok(TenantScope::new(tenant_id))
        });
        scopes.collect()
    }

    /// Enters those tenants that have no entry yet, which were made before there were any; says how many. At most 100 tenants: one
    /// batch of reads, and one write for each that is entered.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn fill(&self, tenants: &[TenantScope]) -> Result<usize, StoreError> {
        const OPERATION: &str = "enter tenants into their minutes";
        let wanted = tenants.iter().map(|scope| scope.tenant_id());
        let keys = wanted.map(|tenant_id| keys::minute_entry(tenant_id).into_attributes());
        let found = batch::read(OPERATION, &self.client, &self.table, keys.collect()).await?;
        let mut there = HashSet::new();
        for entry in &found {
            let tenant_id: TenantId = Attributes::of(OPERATION, entry).parsed(keys::SORT)?;
            there.insert(tenant_id);
        }
        let missing = tenants
            .iter()
            .filter(|scope| !there.contains(scope.tenant_id()));
        let mut entered = 0;
        for scope in missing {
            let entry = keys::minute_entry(scope.tenant_id()).into_attributes();
            let put = self.client.put_item().table_name(&self.table);
            let sent = put.set_item(Some(entry)).send().await;
            sent.map_err(|error| StoreError::of(OPERATION, "", &error))?;
            entered += 1;
        }
        Ok(entered)
    }
}

/// The entry of a tenant in this table, to go into the transaction that stores it.
pub(super) fn enter(table: &str, tenant_id: &TenantId) -> Result<TransactWriteItem, StoreError> {
    let put = Put::builder()
        .table_name(table)
        .set_item(Some(keys::minute_entry(tenant_id).into_attributes()))
        .build()
        .map_err(|_| incomplete("enter a tenant into its minute"))?;
    Ok(TransactWriteItem::builder().put(put).build())
}

/// The removal of a tenant's entry, to go into the transaction that removes its profile.
pub(super) fn strike(table: &str, tenant_id: &TenantId) -> Result<TransactWriteItem, StoreError> {
    let delete = Delete::builder()
        .table_name(table)
        .set_key(Some(keys::minute_entry(tenant_id).into_attributes()))
        .build()
        .map_err(|_| incomplete("strike a tenant from its minute"))?;
    Ok(TransactWriteItem::builder().delete(delete).build())
}
