//! How far the tenants' subaccounts got, and the lease by which one caller at a time goes on with one.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{ReturnValue, TransactWriteItem, Update};
use jiff::{SignedDuration, Timestamp};

use super::assignments::Assignments;
use super::item::{number, text};
use super::profiles::{self, SUBACCOUNT, StoredProfile};
use super::routes::incomplete;
use super::transaction::{self, Transaction};
use super::{Audit, StoreError, keys};
use crate::audit::AuditEntry;
use crate::tenant::{Subaccount, TenantScope, TenantStatus};

/// What the tenants' profiles say of their subaccounts.
#[derive(Clone)]
pub struct SubaccountMemory {
    client: Client,
    table: String,
    audit: Audit,
}

impl SubaccountMemory {
    /// Opens the Tenants table.
    #[must_use]
    pub fn new(client: Client, table: String) -> Self {
        Self {
            audit: Audit::new(client.clone(), table.clone()),
            client,
            table,
        }
    }

    /// Takes the right to go on with a tenant's subaccount from `now` on for whole seconds, if nobody has it; who has it takes it
    /// anew. The tenant as it is then; nothing, when somebody else has the right or there is nothing to go on with. `owner` is a
    /// name that no other caller has. One conditional write.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn lease(
        &self,
        scope: &TenantScope,
        owner: &str,
        now: Timestamp,
        seconds: u32,
    ) -> Result<Option<StoredProfile>, StoreError> {
        const OPERATION: &str = "lease a subaccount";
        let until = now.saturating_add(SignedDuration::from_secs(seconds.into()));
        let until = until.map_err(|_| incomplete(OPERATION))?;
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::profile(scope).into_attributes()))
            .update_expression("SET subaccount_leased_by = :me, subaccount_leased_until = :until")
            .condition_expression(
                "attribute_exists(subaccount) AND (attribute_not_exists(subaccount_leased_until) \
                 OR subaccount_leased_until <= :now OR subaccount_leased_by = :me)",
            )
            .expression_attribute_values(":me", text(owner))
            .expression_attribute_values(":until", number(until.as_millisecond()))
            .expression_attribute_values(":now", number(now.as_millisecond()))
            .return_values(ReturnValue::AllNew);
        let updated = transaction::update(OPERATION, update).await?;
        match updated.map_err(|error| StoreError::of(OPERATION, "", &error)) {
            Ok(output) => {
                let item = output.attributes.unwrap_or_default();
                profiles::stored(OPERATION, &item).map(Some)
            }
            Err(StoreError::Conflict { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Keeps how far a subaccount got, with the entry of the audit log: of the tenant's, or of the platform's when the tenant is
    /// being deleted.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the lease is another's by now; [`StoreError`] of any kind but a conflict.
    pub async fn keep(
        &self,
        scope: &TenantScope,
        owner: &str,
        subaccount: &Subaccount,
        status: TenantStatus,
        entry: Option<&AuditEntry>,
    ) -> Result<(), StoreError> {
        const OPERATION: &str = "keep how far a subaccount got";
        let document = serde_json::to_string(subaccount).map_err(|_| incomplete(OPERATION))?;
        let mut assignments = Assignments::default();
        assignments.set(SUBACCOUNT, text(document));
        let update: Update = assignments
            .update(&self.table, keys::profile(scope))
            .condition_expression("subaccount_leased_by = :me")
            .expression_attribute_values(":me", text(owner))
            .build()
            .map_err(|_| incomplete(OPERATION))?;
        let mut transaction = Transaction::<StoreError>::new(OPERATION);
        let update = TransactWriteItem::builder().update(update).build();
        transaction.conditional(update, |_| StoreError::Unavailable {
            operation: OPERATION,
            cause: "somebody else goes on with it".to_owned(),
        });
        if let Some(entry) = entry {
            transaction.write(match status {
                // What was written into its own log now might be swept before, and never again.
                TenantStatus::Deleting => self.audit.platform_entry(entry)?,
                TenantStatus::Active | TenantStatus::Suspended => self.audit.entry(scope, entry)?,
            });
        }
        transaction.send(&self.client).await
    }

    /// Gives the right up.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict: it ends by itself then.
    pub async fn release(&self, scope: &TenantScope, owner: &str) -> Result<(), StoreError> {
        const OPERATION: &str = "release a subaccount";
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::profile(scope).into_attributes()))
            .update_expression("REMOVE subaccount_leased_by, subaccount_leased_until")
            .condition_expression("subaccount_leased_by = :me")
            .expression_attribute_values(":me", text(owner));
        let updated = transaction::update(OPERATION, update).await?;
        super::error::unless_conflict(OPERATION, updated)
    }
}
