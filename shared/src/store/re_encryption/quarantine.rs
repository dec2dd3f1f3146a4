//! What does not open, until it does or is gone.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{Put, Select, TransactWriteItem};
use jiff::Timestamp;
use serde::Serialize;

use super::ReEncryptionItems;
use crate::audit::AuditEntry;
use crate::store::item::{Attributes, text, time};
use crate::store::routes::incomplete;
use crate::store::transaction::Transaction;
use crate::store::{StoreError, keys};
use crate::tenant::TenantId;

/// Credentials that did not open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Quarantined {
    /// Whose.
    pub tenant_id: String,
    /// Of which provider.
    pub provider: String,
    /// The key that their message names, if it is one.
    pub key: Option<String>,
    /// When that was first found.
    pub at: Timestamp,
}

impl Quarantined {
    /// Where it is in the quarantine, which [`ReEncryptionItems::quarantined`] goes on behind.
    #[must_use]
    pub fn position(&self) -> String {
        format!("{}#{}", self.tenant_id, self.provider)
    }
}

impl ReEncryptionItems {
    /// Remembers that a message does not open, with an entry of the platform's log the first time. One transaction of two writes.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn quarantine(
        &self,
        found: &Quarantined,
        tenant_id: &TenantId,
        entry: &AuditEntry,
    ) -> Result<(), StoreError> {
        const OPERATION: &str = "quarantine what does not open";
        let item = keys::quarantine(tenant_id, &found.provider).into_attributes();
        let mut put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .item("tenant_id", text(&found.tenant_id))
            .item("provider", text(&found.provider))
            .item("at", time(found.at))
            .condition_expression("attribute_not_exists(pk)");
        if let Some(key) = &found.key {
            put = put.item("key", text(key));
        }
        let put = put.build().map_err(|_| incomplete(OPERATION))?;
        let mut transaction = Transaction::<StoreError>::new(OPERATION);
        transaction.conditional(TransactWriteItem::builder().put(put).build(), |_| {
            StoreError::Conflict {
                operation: OPERATION,
                conflict: "it is known already",
            }
        });
        transaction.write(self.audit.platform_entry(entry)?);
        match transaction.send(&self.client).await {
            Ok(()) | Err(StoreError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// What did not open and was not released since, behind a position, so many at most. One query.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn quarantined(
        &self,
        after: Option<&str>,
        most: i32,
    ) -> Result<Vec<Quarantined>, StoreError> {
        const OPERATION: &str = "list what does not open";
        let after = after.map(|position| keys::quarantine_at(position).into_attributes());
        let query = self.quarantine_query();
        let output = query
            .set_exclusive_start_key(after)
            .limit(most)
            .send()
            .await
            .map_err(|error| StoreError::of(OPERATION, "", &error))?;
        let mut found = Vec::new();
        for item in output.items.unwrap_or_default() {
            let attributes = Attributes::of(OPERATION, &item);
            found.push(Quarantined {
                tenant_id: attributes.text("tenant_id")?.to_owned(),
                provider: attributes.text("provider")?.to_owned(),
                key: attributes.optional("key")?,
                at: attributes.time("at")?,
            });
        }
        Ok(found)
    }

    /// How many did not open and were not released since. A query for each megabyte of them.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn count_quarantined(&self) -> Result<u64, StoreError> {
        const OPERATION: &str = "count what does not open";
        let (mut count, mut after) = (0_u64, None);
        loop {
            let query = self.quarantine_query().select(Select::Count);
            let output = query
                .set_exclusive_start_key(after)
                .send()
                .await
                .map_err(|error| StoreError::of(OPERATION, "", &error))?;
            count = count.saturating_add(u64::try_from(output.count).unwrap_or_default());
            after = output.last_evaluated_key;
            if after.is_none() {
                return Ok(count);
            }
        }
    }

    fn quarantine_query(&self) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :partition AND begins_with(sk, :quarantine)")
            .expression_attribute_values(":partition", text(keys::re_encryption_partition()))
            .expression_attribute_values(":quarantine", text(keys::QUARANTINE))
            .consistent_read(true)
    }

    /// Forgets that a message did not open: it does, or is there no longer. One write.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn release(&self, found: &Quarantined) -> Result<(), StoreError> {
        const OPERATION: &str = "release what opens again";
        let Ok(tenant_id) = found.tenant_id.parse() else {
            return Ok(());
        };
        let delete = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(
                keys::quarantine(&tenant_id, &found.provider).into_attributes(),
            ));
        let sent = delete.send().await;
        sent.map_err(|error| StoreError::of(OPERATION, "", &error))?;
        Ok(())
    }
}
