//! The Tenants table: profile, settings and integrations, one partition a tenant.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{TransactWriteItem, Update};

use super::deleted::DeletedTenants;
use super::item::{Attributes, Item, number, text, time};
use super::routes::incomplete;
use super::transaction::Transaction;
use super::{
    IntegrationRecord, NewIntegration, OwnNumbers, Profiles, Routes, StoreError, StoredApplication,
    applications, directory, integrations, keys, minutes, profiles,
};
use crate::clock::Clock;
use crate::tenant::{Provider, Settings, TenantProfile, TenantScope, TenantStatus};

/// The tenants' configuration.
#[derive(Clone)]
pub struct Tenants {
    client: Client,
    table: String,
    routes: Routes,
    clock: Clock,
}

/// What a webhook needs to know of a tenant. The credentials are still sealed.
#[derive(Debug, Clone)]
pub struct TenantRecord {
    /// Whether its traffic is served.
    pub status: TenantStatus,
    /// What it set.
    pub settings: Settings,
    /// Its Twilio credentials, if it has any.
    pub twilio: Option<IntegrationRecord>,
    /// Its TwiML App, if anybody made sure of one.
    pub application: Option<StoredApplication>,
    /// The numbers of its account, if any are known.
    pub own_numbers: Option<OwnNumbers>,
}

/// What is done when a tenant is stored whole.
const STORE: &str = "store a tenant";

/// What stood against storing a tenant.
fn conflict(conflict: &'static str) -> StoreError {
    StoreError::Conflict {
        operation: STORE,
        conflict,
    }
}

impl Tenants {
    /// Opens the table. Accounts are claimed through `routes`.
    #[must_use]
    pub fn new(client: Client, table: String, routes: Routes, clock: Clock) -> Self {
        Self {
            client,
            table,
            routes,
            clock,
        }
    }

    /// Profile, settings and Twilio credentials of a tenant; `None` when there is none. One strongly consistent query.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn record(&self, scope: &TenantScope) -> Result<Option<TenantRecord>, StoreError> {
        const OPERATION: &str = "read a tenant";
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
        // A partition is a handful of items under 400 KB each. More than a page of 1 MB is none that this version wrote, and
        // a part of it must not pass for the whole: without its credentials a tenant would seem to have none.
        if output.last_evaluated_key.is_some() {
            return Err(StoreError::Unreadable {
                operation: OPERATION,
                attribute: "end: it is longer than a page",
            });
        }
        let items = output.items.unwrap_or_default();
        let find = |sort: &str| {
            items.iter().find(|item| {
                item.get(keys::SORT)
                    .is_some_and(|value| value.as_s().is_ok_and(|s| s == sort))
            })
        };
        let Some(profile) = find(keys::PROFILE) else {
            return Ok(None);
        };
        let status = profiles::status(OPERATION, profile)?;
        let settings =
            find(keys::SETTINGS).map(|item| Attributes::of(OPERATION, item).json("settings"));
        let twilio = find(&keys::integration_sort(Provider::Twilio))
            .map(|item| IntegrationRecord::of_item(OPERATION, Provider::Twilio, item));
        let application =
            find(keys::APPLICATION).map(|item| applications::application(OPERATION, item));
        let own_numbers = find(keys::OWN_NUMBERS).map(|item| OwnNumbers::of_item(OPERATION, item));
        Ok(Some(TenantRecord {
            status,
            settings: settings.transpose()?.unwrap_or_default(),
            twilio: twilio.transpose()?,
            application: application.transpose()?.flatten(),
            own_numbers: own_numbers.transpose()?,
        }))
    }

    /// Stores a tenant whole: profile, settings and, where given, Twilio credentials with the provisional claim of their account
    /// and the release of the account before it. All or nothing; storing the same again is fine.
    ///
    /// # Errors
    /// [`StoreError::Conflict`], with the one that it was, when another tenant holds the account, held it in the last 16
    /// minutes; when somebody else stored this tenant's credentials or gave its account up meanwhile; when the tenant is being
    /// deleted, or the id of a deleted one rests.
    pub async fn store(
        &self,
        scope: &TenantScope,
        profile: &TenantProfile,
        settings: &Settings,
        twilio: Option<&NewIntegration>,
        updated_by: &str,
    ) -> Result<(), StoreError> {
        if scope.tenant_id().is_reserved() {
            return Err(conflict("the platform keeps this id for itself"));
        }
        let changed = |_: Option<&Item>| {
            conflict(
                "the tenant's credentials, or the account that it holds, were changed at the same moment: try again",
            )
        };
        let known = Profiles::new(self.client.clone(), self.table.clone());
        let known = known.read(scope).await?;
        // A tenant that is stored anew stays as old as it was.
        let profile = TenantProfile {
            created_at: known
                .as_ref()
                .map_or(profile.created_at, |known| known.profile.created_at),
            ..profile.clone()
        };
        let mut transaction = Transaction::new(STORE);
        transaction.conditional(self.put_profile(scope, &profile, known.is_some())?, |_| {
            conflict("the tenant is being deleted, or was stored for the first time or deleted at the same moment: try again")
        });
        transaction.write(directory::enter(&self.table, &profile)?);
        transaction.write(minutes::enter(&self.table, scope.tenant_id())?);
        transaction.write(self.put_settings(scope, settings, updated_by)?);
        if known.is_none() {
            let deleted =
                DeletedTenants::new(self.client.clone(), self.table.clone(), self.clock.clone());
            transaction.conditional(deleted.reuse(scope)?, |_| {
                conflict("a tenant of this id was deleted too lately (in the last 2 minutes, or 15 days if it had an account): use another id")
            });
        }
        if let Some(new) = twilio {
            let Some(account) = &new.account_sid else {
                return Err(incomplete(STORE));
            };
            let stored = self.integration(STORE, scope).await?;
            let account_before = stored
                .as_ref()
                .and_then(|stored| stored.account_sid.as_ref());
            if let Some(before) = account_before.filter(|before| *before != account) {
                // Given up already, it may be another's by now. A claim in between changes the credentials' version too.
                let route = self.routes.resolve(before).await?;
                if route.is_some_and(|route| route.tenant_id() == scope.tenant_id()) {
                    let release = self.routes.release_in_transaction(scope, before)?;
                    transaction.conditional(release, changed);
                }
            }
            let claim = self.routes.claim(scope, account, false)?;
            transaction.conditional(claim, |there| conflict(Routes::claim_conflict(there)));
            let (after, _) = new.over(stored.as_ref(), updated_by, self.clock.now());
            let write = integrations::write_over(&self.table, scope, stored.as_ref(), &after)?;
            transaction.conditional(write, changed);
        }
        transaction.send(&self.client).await
    }

    /// Writes the profile; over the one that is there, when the tenant `is_known` and nobody asked for its deletion. The
    /// subdomain stays as it is: it is claimed and released where its route is.
    fn put_profile(
        &self,
        scope: &TenantScope,
        profile: &TenantProfile,
        is_known: bool,
    ) -> Result<TransactWriteItem, StoreError> {
        let condition = if is_known {
            "created_at = :created AND attribute_not_exists(deletion_requested_at)"
        } else {
            "attribute_not_exists(pk)"
        };
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(keys::profile(scope).into_attributes()))
            .update_expression(
                "SET #name = :name, #status = :status, updated_at = :updated, created_at = :created, \
                 version = if_not_exists(version, :none) + :one",
            )
            .condition_expression(condition)
            .expression_attribute_names("#name", "name")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":name", text(&profile.name))
            .expression_attribute_values(":status", text(profile.status.as_str()))
            .expression_attribute_values(":updated", time(profile.updated_at))
            .expression_attribute_values(":created", time(profile.created_at))
            .expression_attribute_values(":none", number(0))
            .expression_attribute_values(":one", number(1))
            .build();
        Ok(TransactWriteItem::builder()
            .update(update.map_err(|_| incomplete("store a profile"))?)
            .build())
    }

    fn put_settings(
        &self,
        scope: &TenantScope,
        settings: &Settings,
        updated_by: &str,
    ) -> Result<TransactWriteItem, StoreError> {
        const OPERATION: &str = "store settings";
        let document = serde_json::to_string(settings).map_err(|_| incomplete(OPERATION))?;
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(keys::settings(scope).into_attributes()))
            // Over whatever is there, and another version than that: settings without one count as the first.
            .update_expression(
                "SET settings = :settings, version = if_not_exists(version, :one) + :one, \
                 updated_at = :now, updated_by = :by",
            )
            .expression_attribute_values(":settings", text(document))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":now", time(self.clock.now()))
            .expression_attribute_values(":by", text(updated_by))
            .build();
        Ok(TransactWriteItem::builder()
            .update(update.map_err(|_| incomplete(OPERATION))?)
            .build())
    }

    /// The whole Twilio credentials, for the next write over them.
    async fn integration(
        &self,
        operation: &'static str,
        scope: &TenantScope,
    ) -> Result<Option<IntegrationRecord>, StoreError> {
        integrations::read(
            &self.client,
            &self.table,
            operation,
            scope,
            Provider::Twilio,
        )
        .await
    }
}
