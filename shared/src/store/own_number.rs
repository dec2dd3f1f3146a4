//! The number that a tenant's calls come from, in its Twilio credentials, and the one that they are forwarded to, in its
//! settings: never the same, or calls would call themselves over and over. They are two items: a write of either looks at the
//! other, and holds only as long as that is what was seen.

use aws_sdk_dynamodb::types::{ConditionCheck, TransactWriteItem};
use serde_json::{Map, Value};

use super::change::{Change, Changes, Refusal, WriteConflict, WriteError};
use super::item::number;
use super::routes::incomplete;
use super::{NewIntegration, StoreError, integrations, keys, settings};
use crate::tenant::{Provider, Settings, TenantScope};

const OPERATION: &str = "look where a tenant's calls are forwarded to";

/// Lets a change store credentials only if no calls are forwarded to their number. One read, if they have one.
pub(super) async fn is_not_forwarded_to(
    changes: &Changes,
    change: &mut Change<'_>,
    scope: &TenantScope,
    new: &NewIntegration,
) -> Result<(), WriteError> {
    let own = of_summary(&new.summary).filter(|_| new.provider == Provider::Twilio);
    let Some(own) = own else {
        return Ok(());
    };
    let stored = settings::read(changes, OPERATION, scope).await?;
    if stored
        .settings
        .forward_to
        .is_some_and(|it| it.as_str() == own)
    {
        return Err(WriteConflict::ForwardedTo.into());
    }
    let check = ConditionCheck::builder()
        .table_name(changes.table())
        .set_key(Some(keys::settings(scope).into_attributes()))
        .condition_expression(settings::unchanged(stored.version));
    let check = match stored.version {
        0 => check,
        version => check
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":expected", number(version)),
    };
    change.write(built(check.build())?, Refusal::Raced);
    Ok(())
}

/// Lets a change store settings only if they forward no calls to the tenant's own number. One read, if they forward any.
pub(super) async fn is_not_the_target(
    changes: &Changes,
    change: &mut Change<'_>,
    scope: &TenantScope,
    settings: &Settings,
) -> Result<(), WriteError> {
    let Some(target) = &settings.forward_to else {
        return Ok(());
    };
    let (client, table) = (changes.client(), changes.table());
    let stored = integrations::read(client, table, OPERATION, scope, Provider::Twilio).await?;
    let own = stored
        .as_ref()
        .and_then(|stored| of_summary(&stored.summary));
    if own == Some(target.as_str()) {
        return Err(WriteConflict::ForwardsToItself.into());
    }
    let check = ConditionCheck::builder().table_name(table).set_key(Some(
        keys::integration(scope, Provider::Twilio).into_attributes(),
    ));
    let check = match stored {
        None => check.condition_expression("attribute_not_exists(pk)"),
        Some(stored) => check
            .condition_expression("#version = :expected")
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":expected", number(stored.version)),
    };
    change.write(built(check.build())?, Refusal::Raced);
    Ok(())
}

/// The number in credentials as they are shown.
fn of_summary(summary: &Map<String, Value>) -> Option<&str> {
    summary.get("phone_number").and_then(Value::as_str)
}

fn built<E>(check: Result<ConditionCheck, E>) -> Result<TransactWriteItem, StoreError> {
    let check = check.map_err(|_| incomplete(OPERATION))?;
    Ok(TransactWriteItem::builder().condition_check(check).build())
}
