//! What is remembered of a tenant that was deleted: that its id was, and until when nobody else may have it.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem};

use super::item::number;
use super::routes::incomplete;
use super::{StoreError, keys};
use crate::clock::Clock;
use crate::tenant::TenantScope;

/// For how long an id rests, in seconds, when its tenant had traffic: the 14 days for which the queues may hold a webhook that
/// was put aside for it, which would be filed under the next tenant of that id, and one more.
const REST_SECONDS: i64 = 15 * 24 * 60 * 60;

/// For how long every id rests, in seconds. Another request that began before the deletion was finished may still be sweeping, and
/// a sweep deletes whatever it finds under the id: two minutes are longer than any invocation (30 seconds), for clocks that disagree
/// by more than a minute.
const SHORTEST_REST_SECONDS: i64 = 2 * 60;

/// The ids of tenants that were deleted, in the Tenants table.
#[derive(Clone)]
pub(super) struct DeletedTenants {
    client: Client,
    table: String,
    clock: Clock,
}

impl DeletedTenants {
    pub(super) fn new(client: Client, table: String, clock: Clock) -> Self {
        Self {
            client,
            table,
            clock,
        }
    }

    /// Whether a tenant of this id was deleted in the last 15 days. One strongly consistent read.
    pub(super) async fn has(&self, scope: &TenantScope) -> Result<bool, StoreError> {
        let output = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(keys::deleted_tenant(scope).into_attributes()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| StoreError::of("look for a deleted tenant", "", &error))?;
        Ok(output.item.is_some())
    }

    /// Remembers a tenant, in the transaction that removes its profile.
    pub(super) fn remember(
        &self,
        scope: &TenantScope,
        had_traffic: bool,
    ) -> Result<TransactWriteItem, StoreError> {
        let now = self.clock.now().as_second();
        let remembered = now.saturating_add(REST_SECONDS);
        let rested = match had_traffic {
            true => remembered,
            false => now.saturating_add(SHORTEST_REST_SECONDS),
        };
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(keys::deleted_tenant(scope).into_attributes()))
            .item("deleted_at", number(now))
            .item("reusable_at", number(rested))
            .item("expires_at", number(remembered))
            .build()
            .map_err(|_| incomplete("remember a deleted tenant"))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Takes the id for a new tenant, in the transaction that creates it. It fails while the id rests.
    pub(super) fn reuse(&self, scope: &TenantScope) -> Result<TransactWriteItem, StoreError> {
        let delete = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(keys::deleted_tenant(scope).into_attributes()))
            .condition_expression("attribute_not_exists(pk) OR reusable_at <= :now")
            .expression_attribute_values(":now", number(self.clock.now().as_second()))
            .build()
            .map_err(|_| incomplete("use the id of a deleted tenant again"))?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }
}
