//! The numbers that a tenant's calls come to and from, in its Twilio credentials and among the numbers of its account that lead
//! here, and the one that they are forwarded to, in its settings: never the same, or calls would call themselves over and over.
//! They are items of their own: a write of one looks at the others, and holds only as long as they are what was seen.

use aws_sdk_dynamodb::types::{ConditionCheck, TransactWriteItem};
use serde_json::{Map, Value};

use super::change::{Change, Changes, Refusal, WriteConflict, WriteError};
use super::item::number;
use super::routes::incomplete;
use super::{NewIntegration, StoreError, integrations, keys, phone_numbers, settings};
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
    match own {
        Some(own) => is_not_forwarded(changes, change, scope, own).await,
        None => Ok(()),
    }
}

/// Lets a change make a number the tenant's own only if no calls are forwarded to it. One read.
pub(super) async fn is_not_forwarded(
    changes: &Changes,
    change: &mut Change<'_>,
    scope: &TenantScope,
    own: &str,
) -> Result<(), WriteError> {
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

/// Lets a change store settings only if they forward no calls to a number of the tenant's own. Two reads, if they forward any.
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
    let numbers = phone_numbers::own::read(changes, OPERATION, scope).await?;
    // Those of an account that was the tenant's before are nobody's here.
    let account = stored.as_ref().and_then(|it| it.account_sid.as_ref());
    let answers = numbers
        .as_ref()
        .is_some_and(|own| account == Some(own.account_sid()) && own.answers(target.as_str()));
    if answers || own == Some(target.as_str()) {
        return Err(WriteConflict::ForwardsToItself.into());
    }
    let check = phone_numbers::own::are_unchanged(changes, scope, numbers.as_ref())?;
    change.write(check, Refusal::Raced);
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
