//! The tenants of the platform: made, changed, suspended and resumed, each time as one transaction.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use jiff::{Timestamp, ToSpan};

use super::deleted::DeletedTenants;
use super::due::{self, Work};
use super::item::{Item, number, text, time};
use super::minutes;
use super::profiles::{self, StoredProfile};
use super::routes::incomplete;
use super::transaction::Transaction;
use super::{Audit, Directory, Expected, Profiles, StoreError, Subdomains, TableNames, keys};
use crate::audit::{Action, Actor, AuditEntry};
use crate::clock::Clock;
use crate::tenant::{Subaccount, Subdomain, TenantProfile, TenantScope, TenantStatus};
use crate::tenants::TenantError;

/// A tenant to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewProfile {
    /// What people call it.
    pub name: String,
    /// Active or suspended.
    pub status: TenantStatus,
    /// The host label that is to select it, if any.
    pub subdomain: Option<Subdomain>,
    /// Whether the platform opens a subaccount at Twilio for it.
    pub has_subaccount: bool,
}

/// What is to change about a tenant; what is `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProfileChanges {
    /// What people call it.
    pub name: Option<String>,
    /// Active or suspended.
    pub status: Option<TenantStatus>,
    /// The host label that selects it; `Some(None)` gives it up.
    pub subdomain: Option<Option<Subdomain>>,
}

/// The registry of the tenants: profiles, directory and subdomains, with the audit of every change.
#[derive(Clone)]
pub struct Registry {
    client: Client,
    table: String,
    profiles: Profiles,
    directory: Directory,
    subdomains: Subdomains,
    audit: Audit,
    deleted: DeletedTenants,
    clock: Clock,
}

impl Registry {
    /// Opens the tables.
    #[must_use]
    pub fn new(client: &Client, tables: &TableNames, clock: &Clock) -> Self {
        let table = || tables.tenants.clone();
        let routes = tables.routes.clone();
        Self {
            client: client.clone(),
            table: table(),
            profiles: Profiles::new(client.clone(), table()),
            directory: Directory::new(client.clone(), table()),
            subdomains: Subdomains::new(client.clone(), routes, clock.clone()),
            audit: Audit::new(client.clone(), table()),
            deleted: DeletedTenants::new(client.clone(), table(), clock.clone()),
            clock: clock.clone(),
        }
    }

    /// Creates a tenant with its entries of the directory and of its minute, its subdomain and an entry of both audit logs. One transaction of up
    /// to 8.
    ///
    /// # Errors
    /// [`TenantError::Exists`], [`TenantError::Deleting`], [`TenantError::RecentlyDeleted`], [`TenantError::SubdomainTaken`],
    /// [`TenantError::ReservedId`], [`TenantError::InvalidStatus`] or [`TenantError::Store`].
    pub async fn create(
        &self,
        scope: &TenantScope,
        new: NewProfile,
        actor: &Actor,
    ) -> Result<StoredProfile, TenantError> {
        if scope.tenant_id().is_reserved() {
            return Err(TenantError::ReservedId);
        }
        served(new.status)?;
        let now = self.now();
        let profile = TenantProfile {
            tenant_id: scope.tenant_id().clone(),
            name: new.name,
            status: new.status,
            subdomain: new.subdomain,
            created_at: now,
            updated_at: now,
        };
        let mut transaction = Transaction::new("create a tenant");
        let subaccount = new.has_subaccount.then(Subaccount::default);
        let put = self.put(scope, &profile, subaccount.as_ref())?;
        transaction.conditional(put, |there| match there {
            Some(profile) if is_deleting(profile) => TenantError::Deleting,
            _ => TenantError::Exists,
        });
        transaction.conditional(self.deleted.reuse(scope)?, |_| TenantError::RecentlyDeleted);
        if let Some(subdomain) = &profile.subdomain {
            let claim = self.subdomains.claim(scope, subdomain)?;
            transaction.conditional(claim, Subdomains::taken);
        }
        transaction.write(self.directory.enter(&profile)?);
        transaction.write(minutes::enter(&self.table, scope.tenant_id())?);
        let entry = self.entry(now, actor, scope, Action::TenantCreated, String::new());
        transaction.write(self.audit.entry(scope, &entry)?);
        transaction.write(self.audit.platform_entry(&entry)?);
        if subaccount.is_some() {
            transaction.write(self.subaccount_is_due(scope, now)?);
        }
        transaction.send(&self.client).await?;
        Ok(StoredProfile {
            profile,
            version: 1,
            deletion: None,
            subaccount,
        })
    }

    /// Changes a tenant: its profile, and with it the subdomains and its audit log. One read and one transaction of up to 5; only
    /// the read, when nothing changes.
    ///
    /// # Errors
    /// [`TenantError::NotFound`]; [`TenantError::Deleting`]; [`TenantError::VersionMismatch`] when the stored version is not what is
    /// `expected`, or somebody else changes the tenant at the same moment; [`TenantError::SubdomainTaken`];
    /// [`TenantError::InvalidStatus`]; [`TenantError::Store`].
    pub async fn update(
        &self,
        scope: &TenantScope,
        changes: ProfileChanges,
        expected: Expected,
        actor: &Actor,
    ) -> Result<StoredProfile, TenantError> {
        changes.status.map(served).transpose()?;
        let stored = self.profiles.read(scope).await?;
        let stored = stored.ok_or(TenantError::NotFound)?;
        if stored.profile.status == TenantStatus::Deleting {
            return Err(TenantError::Deleting);
        }
        stored.meets(expected)?;
        let (before, subaccount) = (stored.profile, stored.subaccount);
        let mut profile = changes.applied_to(before.clone());
        if profile == before {
            return Ok(stored_again(profile, stored.version, subaccount));
        }
        let now = self.now();
        profile.updated_at = now;
        let version = stored.version.saturating_add(1);
        let mut transaction = Transaction::new("change a tenant");
        let update = self.update_profile(scope, &profile, stored.version)?;
        transaction.conditional(update, |there| match there {
            None => TenantError::NotFound,
            Some(profile) if is_deleting(profile) => TenantError::Deleting,
            Some(_) => TenantError::VersionMismatch,
        });
        if profile.subdomain != before.subdomain {
            if let Some(subdomain) = &profile.subdomain {
                let claim = self.subdomains.claim(scope, subdomain)?;
                transaction.conditional(claim, Subdomains::taken);
            }
            if let Some(subdomain) = &before.subdomain {
                let release = self.subdomains.release(scope, subdomain)?;
                transaction.conditional(release, |_| TenantError::VersionMismatch);
            }
        }
        if subaccount.is_some() && profile.status != before.status {
            transaction.write(self.subaccount_is_due(scope, now)?);
        }
        for (action, detail) in told(&before, &profile) {
            let entry = self.entry(now, actor, scope, action, detail);
            transaction.write(self.audit.entry(scope, &entry)?);
        }
        transaction.send(&self.client).await?;
        Ok(stored_again(profile, version, subaccount))
    }

    /// Now, as exactly as it is stored.
    fn now(&self) -> Timestamp {
        let now = self.clock.now();
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }

    fn entry(
        &self,
        at: Timestamp,
        actor: &Actor,
        scope: &TenantScope,
        action: Action,
        detail: String,
    ) -> AuditEntry {
        AuditEntry {
            at,
            actor: actor.clone(),
            action,
            target: scope.tenant_id().to_string(),
            detail,
        }
    }

    /// Has somebody else go on with a tenant's subaccount, should whoever changed the tenant get no further.
    fn subaccount_is_due(
        &self,
        scope: &TenantScope,
        now: Timestamp,
    ) -> Result<TransactWriteItem, StoreError> {
        let at = now.saturating_add(60.seconds()).unwrap_or(now);
        due::entry(&self.table, scope, Work::Subaccount, at, 0)
    }

    fn put(
        &self,
        scope: &TenantScope,
        profile: &TenantProfile,
        subaccount: Option<&Subaccount>,
    ) -> Result<TransactWriteItem, StoreError> {
        let mut put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(keys::profile(scope).into_attributes()))
            .item("name", text(&profile.name))
            .item("status", text(profile.status.as_str()))
            .item("created_at", time(profile.created_at))
            .item("updated_at", time(profile.updated_at))
            .item("version", number(1))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        if let Some(subdomain) = &profile.subdomain {
            put = put.item("subdomain", text(subdomain.as_str()));
        }
        if let Some(subaccount) = subaccount {
            let subaccount = serde_json::to_string(subaccount);
            let subaccount = subaccount.map_err(|_| incomplete("create a profile"))?;
            put = put.item(profiles::SUBACCOUNT, text(subaccount));
        }
        let put = put.build().map_err(|_| incomplete("create a profile"))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    fn update_profile(
        &self,
        scope: &TenantScope,
        profile: &TenantProfile,
        version: u64,
    ) -> Result<TransactWriteItem, StoreError> {
        let mut update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(keys::profile(scope).into_attributes()))
            .condition_expression(unchanged(version))
            .expression_attribute_names("#name", "name")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":name", text(&profile.name))
            .expression_attribute_values(":status", text(profile.status.as_str()))
            .expression_attribute_values(":deleting", text(TenantStatus::Deleting.as_str()))
            .expression_attribute_values(":updated", time(profile.updated_at))
            .expression_attribute_values(":next", number(version.saturating_add(1)))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        if version > 0 {
            update = update.expression_attribute_values(":version", number(version));
        }
        let set = "SET #name = :name, #status = :status, updated_at = :updated, version = :next";
        update = match &profile.subdomain {
            Some(subdomain) => update
                .update_expression(format!("{set}, subdomain = :subdomain"))
                .expression_attribute_values(":subdomain", text(subdomain.as_str())),
            None => update.update_expression(format!("{set} REMOVE subdomain")),
        };
        let update = update.build().map_err(|_| incomplete("change a profile"))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}

impl ProfileChanges {
    fn applied_to(self, profile: TenantProfile) -> TenantProfile {
        TenantProfile {
            name: self.name.unwrap_or(profile.name),
            status: self.status.unwrap_or(profile.status),
            subdomain: self.subdomain.unwrap_or(profile.subdomain),
            ..profile
        }
    }
}

fn stored_again(
    profile: TenantProfile,
    version: u64,
    subaccount: Option<Subaccount>,
) -> StoredProfile {
    StoredProfile {
        profile,
        version,
        deletion: None,
        subaccount,
    }
}

/// The condition that a profile is the one that was read, and may be changed.
fn unchanged(version: u64) -> &'static str {
    if version == 0 {
        "attribute_exists(pk) AND #status <> :deleting AND attribute_not_exists(version)"
    } else {
        "attribute_exists(pk) AND #status <> :deleting AND version = :version"
    }
}

fn is_deleting(profile: &Item) -> bool {
    let status = profiles::status("look at a profile", profile);
    matches!(status, Ok(TenantStatus::Deleting))
}

/// Refuses the status that only a deletion gives.
fn served(status: TenantStatus) -> Result<(), TenantError> {
    match status {
        TenantStatus::Active | TenantStatus::Suspended => Ok(()),
        TenantStatus::Deleting => Err(TenantError::InvalidStatus),
    }
}

/// What the audit log says of a change: each change of the status by itself, the fields of all others together.
fn told(before: &TenantProfile, after: &TenantProfile) -> Vec<(Action, String)> {
    let mut told = Vec::new();
    if before.status != after.status {
        let action = match after.status {
            TenantStatus::Active => Action::TenantResumed,
            TenantStatus::Suspended | TenantStatus::Deleting => Action::TenantSuspended,
        };
        told.push((action, String::new()));
    }
    let changed = [
        ("name", before.name != after.name),
        ("subdomain", before.subdomain != after.subdomain),
    ];
    let changed = changed.iter().filter(|(_, is_changed)| *is_changed);
    let fields: Vec<_> = changed.map(|(field, _)| *field).collect();
    if !fields.is_empty() {
        told.push((Action::TenantUpdated, fields.join(", ")));
    }
    told
}

#[cfg(test)]
mod tests;
