//! The tenants' integrations: sealed credentials of every provider, what checks found of them, and whose account they are of.

mod account;
mod checks;
mod entered;
mod record;
mod rotation;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{Delete, TransactWriteItem};
use jiff::Timestamp;

pub use self::checks::{OwnCheck, Repeat};
pub use self::entered::{Expected, NewIntegration};
pub use self::record::IntegrationRecord;
pub use self::rotation::RotationStep;
use super::change::{Attempts, Change, Changes, Commit, Displaced, Refusal, WriteError};
use super::error::unless_conflict;
use super::item::{number, text, time};
use super::routes::incomplete;
use super::{Routes, StoreError, TableNames, keys, outbox, own_number};
use crate::audit::AuditEntry;
use crate::clock::Clock;
use crate::tenant::{Provider, TenantScope};

/// The tenants' integrations.
///
/// Every write is one transaction that holds only while the tenant is not being deleted, and carries the entry of the audit log.
/// A write that meets a check of the same credentials is thought over again; one that meets another person's is refused.
#[derive(Clone)]
pub struct Integrations {
    changes: Changes,
    activity_table: String,
    routes: Routes,
    clock: Clock,
}

/// What a write made of credentials.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// The credentials.
    pub record: IntegrationRecord,
    /// The tenant that the account was taken from, if its credentials were made inactive.
    pub displaced: Option<Displaced>,
}

impl Integrations {
    /// Opens the tables: that of the tenants, and that of their activity, for the events that a change gives. Accounts are claimed
    /// in that of the routes.
    #[must_use]
    pub fn new(client: &Client, tables: &TableNames, clock: &Clock) -> Self {
        let routes = Routes::new(client.clone(), tables.routes.clone(), clock.clone());
        Self {
            changes: Changes::new(client.clone(), tables.tenants.clone()),
            activity_table: tables.activity.clone(),
            routes,
            clock: clock.clone(),
        }
    }

    /// All integrations of a tenant, in the order of [`Provider::ALL`]. One strongly consistent query.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn list(&self, scope: &TenantScope) -> Result<Vec<IntegrationRecord>, StoreError> {
        const OPERATION: &str = "list integrations";
        let output = self
            .changes
            .client()
            .query()
            .table_name(self.changes.table())
            .key_condition_expression("pk = :partition AND begins_with(sk, :integrations)")
            .expression_attribute_values(":partition", text(keys::tenant_partition(scope)))
            .expression_attribute_values(":integrations", text(keys::INTEGRATIONS))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| StoreError::of(OPERATION, "", &error))?;
        // Five items of a few KB; a part of them must not pass for the whole.
        if output.last_evaluated_key.is_some() {
            return Err(StoreError::Unreadable {
                operation: OPERATION,
                attribute: "end: it is longer than a page",
            });
        }
        let items = output.items.unwrap_or_default();
        let mut records = Vec::new();
        for provider in Provider::ALL {
            let sort = text(keys::integration_sort(provider));
            let item = items
                .iter()
                .find(|item| item.get(keys::SORT) == Some(&sort));
            if let Some(item) = item {
                records.push(IntegrationRecord::of_item(OPERATION, provider, item)?);
            }
        }
        Ok(records)
    }

    /// A tenant's credentials of one provider, if it has any. One strongly consistent read.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn read(
        &self,
        scope: &TenantScope,
        provider: Provider,
    ) -> Result<Option<IntegrationRecord>, StoreError> {
        let (client, table) = (self.changes.client(), self.changes.table());
        read(client, table, "read an integration", scope, provider).await
    }

    /// Stores credentials, and gives them as they are stored, and whom it displaced. Twilio's claim their account: with
    /// [proof](crate::verification::Verification::proves_account) also from a tenant that holds it without. The account before,
    /// if it was another, is released.
    ///
    /// A check that could not tell, or none, leaves the state of unchanged secrets as it was; of changed ones nothing is known
    /// then. What makes credentials active that were not is told as an event. Without proof an account that unchanged secrets
    /// proved stays proven, and any other is held provisionally.
    ///
    /// # Errors
    /// [`WriteConflict`](super::WriteConflict) of any kind, and [`StoreError`] of any kind but a conflict.
    pub async fn put(
        &self,
        scope: &TenantScope,
        new: &NewIntegration,
        expected: Expected,
        entry: &AuditEntry,
    ) -> Result<Stored, WriteError> {
        const OPERATION: &str = "store an integration";
        let mut expected = expected;
        let mut attempts = Attempts::default();
        loop {
            let before = self.read(scope, new.provider).await?;
            expected = expected.met_by(before.as_ref().map(|before| before.version))?;
            let (after, keeps_secrets) =
                new.over(before.as_ref(), &entry.actor.name(), self.clock.now());
            let mut change = self.changes.begin(OPERATION, scope)?;
            let write = write_over(self.changes.table(), scope, before.as_ref(), &after)?;
            change.write(write, Refusal::Raced);
            change.audit(scope, entry)?;
            if let Some(ended) = rotation::ended(before.as_ref(), &after, entry) {
                change.audit(scope, &ended)?;
            }
            self.tell(&mut change, scope, before.as_ref(), &after)?;
            let is_proven = new.verification.as_ref();
            let claim = account::Claim {
                before: before.as_ref(),
                after: &after,
                is_proven: is_proven.is_some_and(|check| check.proves_account),
                keeps_proof: keeps_secrets,
                entry,
            };
            self.claim_account(&mut change, scope, &claim).await?;
            own_number::is_not_forwarded_to(&self.changes, &mut change, scope, new).await?;
            match change.commit().await? {
                Commit::Done(displaced) => {
                    return Ok(Stored {
                        record: after,
                        displaced,
                    });
                }
                Commit::Raced | Commit::Lost => attempts.pause(OPERATION).await?,
            }
        }
    }

    /// Adds to a change the event that it gives, if it gives one.
    fn tell(
        &self,
        change: &mut Change<'_>,
        scope: &TenantScope,
        before: Option<&IntegrationRecord>,
        after: &IntegrationRecord,
    ) -> Result<(), StoreError> {
        match outbox::news(before, after) {
            Some(news) => change.tell(&self.activity_table, scope, self.clock.now(), &news),
            None => Ok(()),
        }
    }

    /// Keeps that something was done with credentials at a moment, unless that is kept of `since` or later already. One
    /// conditional write; nothing, when there are none.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn used(
        &self,
        scope: &TenantScope,
        provider: Provider,
        at: Timestamp,
        since: Timestamp,
    ) -> Result<(), StoreError> {
        const OPERATION: &str = "keep when credentials were used";
        let sent = self
            .changes
            .client()
            .update_item()
            .table_name(self.changes.table())
            .set_key(Some(keys::integration(scope, provider).into_attributes()))
            .update_expression("SET last_used_at = :at")
            // Times are of a fixed width, so that their texts are in the order of time.
            .condition_expression(
                "attribute_exists(pk) AND (attribute_not_exists(last_used_at) OR last_used_at < :since)",
            )
            .expression_attribute_values(":at", time(at))
            .expression_attribute_values(":since", time(since))
            .send()
            .await;
        unless_conflict(OPERATION, sent)
    }

    /// Deletes credentials, and gives them as they were; `None` when there are none and none were expected. With Twilio's the
    /// account is released, if it is still the tenant's, and its TwiML App forgotten.
    ///
    /// # Errors
    /// [`WriteConflict`](super::WriteConflict) of any kind but of the account, and [`StoreError`] of any kind but a conflict.
    pub async fn delete(
        &self,
        scope: &TenantScope,
        provider: Provider,
        expected: Expected,
        entry: &AuditEntry,
    ) -> Result<Option<IntegrationRecord>, WriteError> {
        const OPERATION: &str = "delete an integration";
        let mut expected = expected;
        let mut attempts = Attempts::default();
        loop {
            let before = self.read(scope, provider).await?;
            expected = expected.met_by(before.as_ref().map(|before| before.version))?;
            let Some(before) = before else {
                return Ok(None);
            };
            let mut change = self.changes.begin(OPERATION, scope)?;
            let delete = Delete::builder()
                .table_name(self.changes.table())
                .set_key(Some(keys::integration(scope, provider).into_attributes()))
                .condition_expression("version = :expected_version")
                .expression_attribute_values(":expected_version", number(before.version))
                .build()
                .map_err(|_| incomplete(OPERATION))?;
            let delete = TransactWriteItem::builder().delete(delete).build();
            change.write(delete, Refusal::Raced);
            change.audit(scope, entry)?;
            if let Some(account) = &before.account_sid {
                self.release_account(&mut change, scope, account).await?;
                let forget = Delete::builder()
                    .table_name(self.changes.table())
                    .set_key(Some(keys::application(scope).into_attributes()))
                    .build()
                    .map_err(|_| incomplete(OPERATION))?;
                let forget = TransactWriteItem::builder().delete(forget).build();
                change.write(forget, Refusal::Never);
            }
            match change.commit().await? {
                Commit::Done(_) => return Ok(Some(before)),
                Commit::Raced | Commit::Lost => attempts.pause(OPERATION).await?,
            }
        }
    }
}

/// A tenant's credentials of one provider, if it has any. One strongly consistent read.
pub(super) async fn read(
    client: &Client,
    table: &str,
    operation: &'static str,
    scope: &TenantScope,
    provider: Provider,
) -> Result<Option<IntegrationRecord>, StoreError> {
    let output = client
        .get_item()
        .table_name(table)
        .set_key(Some(keys::integration(scope, provider).into_attributes()))
        .consistent_read(true)
        .send()
        .await
        .map_err(|error| StoreError::of(operation, "", &error))?;
    let item = output.item.as_ref();
    item.map(|item| IntegrationRecord::of_item(operation, provider, item))
        .transpose()
}

/// The write of an integration over what was there, if it is still that.
pub(super) fn write_over(
    table: &str,
    scope: &TenantScope,
    before: Option<&IntegrationRecord>,
    after: &IntegrationRecord,
) -> Result<TransactWriteItem, StoreError> {
    let key = keys::integration(scope, after.provider);
    let update = after.assignments()?.update(table, key);
    conditional(update, before, "store credentials")
}

/// Completes an update of an integration: it holds only over what was there, versions of both kinds.
fn conditional(
    update: aws_sdk_dynamodb::types::builders::UpdateBuilder,
    before: Option<&IntegrationRecord>,
    operation: &'static str,
) -> Result<TransactWriteItem, StoreError> {
    let update = match before {
        None => update.condition_expression("attribute_not_exists(pk)"),
        Some(before) => {
            let update = update
                .expression_attribute_values(":expected_version", number(before.version))
                .condition_expression(match before.state_version {
                    0 => "#version = :expected_version AND attribute_not_exists(state_version)",
                    _ => "#version = :expected_version AND state_version = :expected_state",
                })
                .expression_attribute_names("#version", "version");
            match before.state_version {
                0 => update,
                state => update.expression_attribute_values(":expected_state", number(state)),
            }
        }
    };
    let update = update.build().map_err(|_| incomplete(operation))?;
    Ok(TransactWriteItem::builder().update(update).build())
}
