//! The directory of all tenants, for who operates the platform.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem};

use super::item::{Attributes, text};
use super::profiles::{self, StoredProfile};
use super::routes::incomplete;
use super::{Page, StoreError, batch, keys};
use crate::tenant::{Operator, TenantId, TenantProfile, TenantScope};

/// The directory, in the Tenants table: one entry of each tenant, in the order of their creation.
#[derive(Clone)]
pub struct Directory {
    client: Client,
    table: String,
}

impl Directory {
    /// Opens the table.
    #[must_use]
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// A page of the tenants, the newest first, and the position of the next page. One query and one batch of reads: 1 read
    /// for each tenant and one for about 60 entries. A tenant that is deleted in between is left out, so that a page may be
    /// shorter than asked for though it is not the last.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn list(
        &self,
        operator: Operator,
        page: &Page,
    ) -> Result<(Vec<StoredProfile>, Option<String>), StoreError> {
        const OPERATION: &str = "list the tenants";
        let partition = keys::directory_partition();
        let (entries, next) = page
            .newest_first(OPERATION, &self.client, &self.table, partition)
            .await?;
        let tenants: Result<Vec<TenantId>, _> = entries
            .iter()
            .map(|entry| Attributes::of(OPERATION, entry).parsed("tenant_id"))
            .collect();
        let tenants = tenants?;
        let mut profiles = self.profiles(OPERATION, operator, &tenants).await?;
        let listed = tenants.iter().filter_map(|id| profiles.remove(id));
        Ok((listed.collect(), next))
    }

    /// Tenants in the order of their creation, behind a position of the directory, and the position of the last; none when
    /// there are no more. One query.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn tenants_after(
        &self,
        position: Option<&str>,
        most: i32,
    ) -> Result<Option<(Vec<TenantScope>, String)>, StoreError> {
        const OPERATION: &str = "walk the tenants";
        let partition = keys::directory_partition();
        let start = position.map(|position| {
            keys::item_of(partition.clone(), position.to_owned()).into_attributes()
        });
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
        let Some(last) = entries.last() else {
            return Ok(None);
        };
        let last = Attributes::of(OPERATION, last).text(keys::SORT)?.to_owned();
        let tenants: Result<Vec<TenantScope>, StoreError> = entries
            .iter()
            .map(|entry| {
                let tenant_id = Attributes::of(OPERATION, entry).parsed("tenant_id")?;
                Ok(TenantScope::new(tenant_id))
            })
            .collect();
        Ok(Some((tenants?, last)))
    }

    /// The profiles of at most 100 tenants, of those that are there.
    async fn profiles(
        &self,
        operation: &'static str,
        operator: Operator,
        tenants: &[TenantId],
    ) -> Result<HashMap<TenantId, StoredProfile>, StoreError> {
        let keys = tenants
            .iter()
            .map(|id| keys::profile(&operator.scope(id.clone())).into_attributes());
        let items = batch::read(operation, &self.client, &self.table, keys.collect()).await?;
        let mut found = HashMap::new();
        for item in items {
            let stored = profiles::stored(operation, &item)?;
            found.insert(stored.profile.tenant_id.clone(), stored);
        }
        Ok(found)
    }

    /// The entry of a tenant, to go into the transaction that stores it.
    pub(super) fn enter(&self, profile: &TenantProfile) -> Result<TransactWriteItem, StoreError> {
        enter(&self.table, profile)
    }

    /// The removal of a tenant's entry, to go into the transaction that removes its profile.
    pub(super) fn strike(&self, profile: &TenantProfile) -> Result<TransactWriteItem, StoreError> {
        let key = keys::directory_entry(profile.created_at, &profile.tenant_id);
        let delete = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(key.into_attributes()))
            .build()
            .map_err(|_| incomplete("strike a tenant from the directory"))?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }
}

/// The directory entry of a tenant in this table.
pub(super) fn enter(table: &str, profile: &TenantProfile) -> Result<TransactWriteItem, StoreError> {
    let key = keys::directory_entry(profile.created_at, &profile.tenant_id);
    let put = Put::builder()
        .table_name(table)
        .set_item(Some(key.into_attributes()))
        .item("tenant_id", text(profile.tenant_id.as_str()))
        .build()
        .map_err(|_| incomplete("enter a tenant into the directory"))?;
    Ok(TransactWriteItem::builder().put(put).build())
}
