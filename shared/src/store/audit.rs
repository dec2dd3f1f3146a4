//! The audit log in the store.

use aws_sdk_dynamodb::types::{Put, TransactWriteItem};

use super::item::{text, time};
use super::routes::incomplete;
use super::{StoreError, keys};
use crate::audit::AuditEntry;
use crate::tenant::TenantScope;

/// An entry, to go into the transaction of what it tells.
pub(super) fn put(
    table: &str,
    scope: &TenantScope,
    entry: &AuditEntry,
) -> Result<TransactWriteItem, StoreError> {
    const OPERATION: &str = "keep an audit entry";
    let mut random = [0_u8; 8];
    aws_lc_rs::rand::fill(&mut random).map_err(|_| incomplete(OPERATION))?;
    let random = u64::from_be_bytes(random);
    let action = serde_json::to_value(entry.action).map_err(|_| incomplete(OPERATION))?;
    let put = Put::builder()
        .table_name(table)
        .item("pk", text(format!("{}#audit", scope.tenant_id())))
        .item("sk", text(format!("{:.3}#{random:016x}", entry.at)))
        .item("at", time(entry.at))
        .item("actor", text(entry.actor.name()))
        .item("action", text(action.as_str().unwrap_or_default()))
        .item("target", text(&entry.target))
        .item("detail", text(&entry.detail))
        .build()
        .map_err(|_| incomplete(OPERATION))?;
    Ok(TransactWriteItem::builder().put(put).build())
}
