//! The tenants' settings, with a version for those who change them.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::TransactWriteItem;
use jiff::Timestamp;

use super::assignments::Assignments;
use super::change::{Attempts, Changes, Commit, Refusal, WriteConflict, WriteError};
use super::item::{Attributes, Item, number, text, time};
use super::routes::incomplete;
use super::{StoreError, keys, own_number};
use crate::audit::AuditEntry;
use crate::clock::Clock;
use crate::tenant::{Settings, TenantScope};

/// The tenants' settings. Who serves traffic reads them with the rest of the tenant
/// ([`Tenants::record`](super::Tenants::record)).
#[derive(Clone)]
pub struct TenantSettings {
    changes: Changes,
    clock: Clock,
}

/// Settings as they are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSettings {
    /// The settings; the defaults, when none were stored.
    pub settings: Settings,
    /// Counts the writes: the entity tag. 0 when none were stored.
    pub version: u64,
    /// When they were stored.
    pub updated_at: Option<Timestamp>,
    /// Who stored them; absent from what was seeded.
    pub updated_by: Option<String>,
}

impl TenantSettings {
    /// Opens the Tenants table.
    #[must_use]
    pub fn new(client: Client, table: String, clock: Clock) -> Self {
        let changes = Changes::new(client, table);
        Self { changes, clock }
    }

    /// A tenant's settings. One strongly consistent read.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn read(&self, scope: &TenantScope) -> Result<StoredSettings, StoreError> {
        read(&self.changes, "read settings", scope).await
    }

    /// Stores settings over the version that was read (0 when there were none), and gives them as they are stored.
    ///
    /// # Errors
    /// [`WriteConflict`], when the version is another by now, when calls would be forwarded to the tenant's own number, or when
    /// the tenant is not there; [`StoreError`] of any kind but a conflict.
    pub async fn put(
        &self,
        scope: &TenantScope,
        settings: &Settings,
        expected: u64,
        entry: &AuditEntry,
    ) -> Result<StoredSettings, WriteError> {
        const OPERATION: &str = "store settings";
        let mut attempts = Attempts::default();
        loop {
            let after = StoredSettings {
                settings: settings.clone(),
                version: expected.saturating_add(1),
                updated_at: Some(self.clock.now()),
                updated_by: Some(entry.actor.name()),
            };
            let mut change = self.changes.begin(OPERATION, scope)?;
            change.write(
                self.write(scope, &after, expected)?,
                Refusal::Conflict(WriteConflict::VersionMismatch),
            );
            change.audit(scope, entry)?;
            own_number::is_not_the_target(&self.changes, &mut change, scope, settings).await?;
            match change.commit().await? {
                Commit::Done(_) => return Ok(after),
                Commit::Raced | Commit::Lost => attempts.pause(OPERATION).await?,
            }
        }
    }

    fn write(
        &self,
        scope: &TenantScope,
        after: &StoredSettings,
        expected: u64,
    ) -> Result<TransactWriteItem, StoreError> {
        const OPERATION: &str = "store settings";
        let document = serde_json::to_string(&after.settings);
        let document = document.map_err(|_| incomplete(OPERATION))?;
        let mut assignments = Assignments::default();
        assignments.set("settings", text(document));
        assignments.set("version", number(after.version));
        assignments.set_or_remove("updated_at", after.updated_at.map(time));
        assignments.set_or_remove("updated_by", after.updated_by.as_ref().map(text));
        let update = assignments.update(self.changes.table(), keys::settings(scope));
        let update = update.condition_expression(unchanged(expected));
        let update = match expected {
            0 => update,
            _ => update.expression_attribute_values(":expected", number(expected)),
        };
        let update = update.build().map_err(|_| incomplete(OPERATION))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}

/// A tenant's settings. One strongly consistent read.
pub(super) async fn read(
    changes: &Changes,
    operation: &'static str,
    scope: &TenantScope,
) -> Result<StoredSettings, StoreError> {
    let output = changes
        .client()
        .get_item()
        .table_name(changes.table())
        .set_key(Some(keys::settings(scope).into_attributes()))
        .consistent_read(true)
        .send()
        .await
        .map_err(|error| StoreError::of(operation, "", &error))?;
    stored(operation, output.item.as_ref())
}

/// The condition that settings are of a version: `:expected` in the attribute `#version`, unless it is 0.
pub(super) fn unchanged(version: u64) -> &'static str {
    match version {
        0 => "attribute_not_exists(pk)",
        // Of before there were versions.
        1 => "attribute_exists(pk) AND (attribute_not_exists(#version) OR #version = :expected)",
        _ => "#version = :expected",
    }
}

fn stored(operation: &'static str, item: Option<&Item>) -> Result<StoredSettings, StoreError> {
    let Some(item) = item else {
        return Ok(StoredSettings {
            settings: Settings::default(),
            version: 0,
            updated_at: None,
            updated_by: None,
        });
    };
    let attributes = Attributes::of(operation, item);
    Ok(StoredSettings {
        settings: attributes.json("settings")?,
        version: attributes.optional_number("version")?.unwrap_or(1),
        updated_at: attributes.optional("updated_at")?,
        updated_by: attributes.optional("updated_by")?,
    })
}
