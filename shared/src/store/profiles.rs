//! The profile of a tenant: who it is, whether it is served, and what of its deletion is known.

use aws_sdk_dynamodb::types::{
    ConditionCheck, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};

use super::item::text;
use super::routes::incomplete;
use super::{StoreError, keys};
use crate::tenant::{TenantScope, TenantStatus};

/// Holds when the tenant exists and is not being deleted. It goes into every transaction that writes anything else into a
/// tenant's partition: what was written after the sweep would never be deleted. When it fails it gives the profile, if any.
pub(super) fn is_not_deleting(
    table: &str,
    scope: &TenantScope,
) -> Result<TransactWriteItem, StoreError> {
    let check = ConditionCheck::builder()
        .table_name(table)
        .set_key(Some(keys::profile(scope).into_attributes()))
        .condition_expression("attribute_exists(pk) AND #status <> :deleting")
        .expression_attribute_names("#status", "status")
        .expression_attribute_values(":deleting", text(TenantStatus::Deleting.as_str()))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .build()
        .map_err(|_| incomplete("check that a tenant is not being deleted"))?;
    Ok(TransactWriteItem::builder().condition_check(check).build())
}
