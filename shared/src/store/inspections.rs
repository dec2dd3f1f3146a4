//! What a daily check looks at, and what it finds.

use aws_sdk_dynamodb::Client;

use super::error::unless_conflict;
use super::item::{Attributes, text};
use super::routes::incomplete;
use super::{IntegrationRecord, RememberedApplication, StoreError, applications, keys, profiles};
use crate::drift::DriftReport;
use crate::tenant::{Drift, Provider, Settings, TenantScope, TenantStatus};

/// The tenants' connections to their providers, in the Tenants table.
#[derive(Clone)]
pub struct Inspections {
    client: Client,
    table: String,
}

/// Everything of a tenant that a check goes by. The credentials are still sealed.
#[derive(Debug, Clone)]
pub struct TenantConnections {
    /// Whether its traffic is served.
    pub status: TenantStatus,
    /// What it set.
    pub settings: Settings,
    /// Its credentials, in the order of [`Provider::ALL`].
    pub integrations: Vec<IntegrationRecord>,
    /// What is remembered of its TwiML App.
    pub application: RememberedApplication,
}

impl TenantConnections {
    /// Whether what drifted is to be mended.
    #[must_use]
    pub fn is_repaired(&self) -> bool {
        self.settings.drift == Drift::Repair
    }
}

impl Inspections {
    /// Opens the table.
    #[must_use]
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// What there is of a tenant; `None` when there is no such tenant. One strongly consistent query.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn look(&self, scope: &TenantScope) -> Result<Option<TenantConnections>, StoreError> {
        const OPERATION: &str = "look at a tenant's connections";
        let output = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :partition")
            .expression_attribute_values(":partition", text(keys::tenant_partition(scope)))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| StoreError::of(OPERATION, "", &error))?;
        // A part of it must not pass for the whole.
        if output.last_evaluated_key.is_some() {
            return Err(StoreError::Unreadable {
                operation: OPERATION,
                attribute: "end: it is longer than a page",
            });
        }
        let items = output.items.unwrap_or_default();
        let find = |sort: &str| {
            let sort = text(sort);
            items
                .iter()
                .find(|item| item.get(keys::SORT) == Some(&sort))
        };
        let Some(profile) = find(keys::PROFILE) else {
            return Ok(None);
        };
        let settings =
            find(keys::SETTINGS).map(|item| Attributes::of(OPERATION, item).json("settings"));
        let mut integrations = Vec::new();
        for provider in Provider::ALL {
            if let Some(item) = find(&keys::integration_sort(provider)) {
                integrations.push(IntegrationRecord::of_item(OPERATION, provider, item)?);
            }
        }
        let nothing = super::item::Item::new();
        let application = find(keys::APPLICATION).unwrap_or(&nothing);
        Ok(Some(TenantConnections {
            status: profiles::status(OPERATION, profile)?,
            settings: settings.transpose()?.unwrap_or_default(),
            integrations,
            application: applications::remembered(OPERATION, application)?,
        }))
    }

    /// Keeps what was found of the TwiML App and the numbers of the account of the tenant's Twilio credentials; nothing, when they
    /// are of another account by now. One conditional write.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn keep_drift(
        &self,
        scope: &TenantScope,
        report: &DriftReport,
    ) -> Result<(), StoreError> {
        const OPERATION: &str = "keep what drifted";
        let written = serde_json::to_string(report).map_err(|_| incomplete(OPERATION))?;
        let key = keys::integration(scope, Provider::Twilio);
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key.into_attributes()))
            .update_expression("SET drift = :report")
            .condition_expression("account_sid = :account")
            .expression_attribute_values(":report", text(written))
            .expression_attribute_values(":account", text(report.account_sid.as_str()));
        let updated = super::transaction::update(OPERATION, update).await?;
        unless_conflict(OPERATION, updated)
    }
}
