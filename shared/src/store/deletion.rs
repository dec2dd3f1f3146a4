//! The deletion of a tenant: marked, swept as often as it takes, and finished.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    Delete, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use jiff::{Timestamp, ToSpan};

use super::deleted::DeletedTenants;
use super::due::{self, Work};
use super::item::{Attributes, Item, number, text, time};
use super::minutes;
use super::profiles::{PendingDeletion, StoredProfile};
use super::routes::incomplete;
use super::sweep::Sweep;
use super::transaction::Transaction;
use super::{Audit, Directory, QUARANTINE_SECONDS, Routes, StoreError, Subdomains, TableNames};
use super::{Expected, Profiles, keys};
use crate::audit::{Action, Actor, AuditEntry};
use crate::clock::{Clock, rfc3339};
use crate::sid::AccountSid;
use crate::tenant::{Provider, TenantScope, TenantStatus};
use crate::tenants::{TenantError, irrecoverable_after};

/// How often a request is made again that lost a race with another write to the tenant.
const TRIES: usize = 4;

/// After how many seconds a deletion is gone on with that whoever asked for it may not have finished: later than any call of the API
/// goes on.
const GOES_ON_AFTER: i64 = 60;

/// Deletes tenants.
#[derive(Clone)]
pub struct Deletions {
    client: Client,
    table: String,
    profiles: Profiles,
    directory: Directory,
    routes: Routes,
    subdomains: Subdomains,
    audit: Audit,
    deleted: DeletedTenants,
    sweep: Sweep,
    clock: Clock,
}

/// The Twilio credentials of a tenant that is to be deleted, as far as they matter for it.
struct HeldAccount {
    version: u64,
    account: Option<AccountSid>,
}

impl Deletions {
    /// Opens the tables.
    #[must_use]
    pub fn new(client: &Client, tables: &TableNames, clock: &Clock) -> Self {
        let table = || tables.tenants.clone();
        let routes = || tables.routes.clone();
        Self {
            client: client.clone(),
            table: table(),
            profiles: Profiles::new(client.clone(), table()),
            directory: Directory::new(client.clone(), table()),
            routes: Routes::new(client.clone(), routes(), clock.clone()),
            subdomains: Subdomains::new(client.clone(), routes(), clock.clone()),
            audit: Audit::new(client.clone(), table()),
            deleted: DeletedTenants::new(client.clone(), table(), clock.clone()),
            sweep: Sweep::new(client.clone(), tables),
            clock: clock.clone(),
        }
    }

    /// Marks a tenant as one that is being deleted: from now on nothing can be written to it. In the same transaction its
    /// Twilio account and subdomain are released and its Twilio credentials deleted. What was asked for already stays as it is.
    ///
    /// # Errors
    /// [`TenantError::NotFound`]; [`TenantError::VersionMismatch`] when the stored version is not what is `expected`, or the
    /// tenant is changed by others again and again; [`TenantError::Store`].
    pub async fn request(
        &self,
        scope: &TenantScope,
        expected: Expected,
        actor: &Actor,
    ) -> Result<PendingDeletion, TenantError> {
        let mut left = TRIES;
        loop {
            let stored = self.profiles.read(scope).await?;
            let stored = stored.ok_or(TenantError::NotFound)?;
            stored.meets(expected)?;
            if let Some(pending) = stored.deletion {
                return Ok(pending);
            }
            left = left.saturating_sub(1);
            match self.mark(scope, &stored, actor).await {
                Err(TenantError::VersionMismatch) if left > 0 => {}
                marked => return marked,
            }
        }
    }

    async fn mark(
        &self,
        scope: &TenantScope,
        stored: &StoredProfile,
        actor: &Actor,
    ) -> Result<PendingDeletion, TenantError> {
        let held = self.held_account(scope).await?;
        let was_served = held.is_some() || self.sweep.has_trace_of_traffic(scope).await?;
        let now = self.clock.now();
        let pending = PendingDeletion {
            requested_at: now,
            requested_by: actor.name(),
            last_served_until: was_served
                .then(|| now.saturating_add(QUARANTINE_SECONDS.seconds()))
                .transpose()
                .unwrap_or(Some(now)),
        };
        let mut transaction = Transaction::new("mark a tenant for deletion");
        let mark = self.mark_profile(scope, stored, &pending)?;
        transaction.conditional(mark, |there| match there {
            None => TenantError::NotFound,
            Some(_) => TenantError::VersionMismatch,
        });
        self.release(&mut transaction, scope, held.as_ref()).await?;
        if let Some(subdomain) = &stored.profile.subdomain {
            let release = self.subdomains.release(scope, subdomain)?;
            transaction.conditional(release, |_| TenantError::VersionMismatch);
        }
        let entry = entry(scope, actor, now, Action::TenantDeletionRequested);
        transaction.write(self.audit.platform_entry(&entry)?);
        // Should nobody ask again, it goes on all the same.
        let at = goes_on_at(pending.requested_at);
        transaction.write(due::entry(&self.table, scope, Work::Deletion, at, 0)?);
        transaction.send(&self.client).await?;
        Ok(pending)
    }

    /// Adds the deletion of the Twilio credentials that were read and the release of their account.
    async fn release(
        &self,
        transaction: &mut Transaction<TenantError>,
        scope: &TenantScope,
        held: Option<&HeldAccount>,
    ) -> Result<(), TenantError> {
        let credentials = self.delete_credentials(scope, held)?;
        transaction.conditional(credentials, |_| TenantError::VersionMismatch);
        if let Some(account) = held.and_then(|held| held.account.as_ref()) {
            let route = self.routes.resolve(account).await?;
            // Another tenant that proved the account may have taken it over.
            if route.is_some_and(|route| route.tenant_id() == scope.tenant_id()) {
                let release = self.routes.release_in_transaction(scope, account)?;
                transaction.conditional(release, |_| TenantError::VersionMismatch);
            }
        }
        Ok(())
    }

    /// Deletes what a marked tenant has, and returns when there is nothing left but its profile, directory entry and counters of
    /// rate limits; the counters go too, when `is_last`. It may be given up at any time and begun again.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict; some of the items may be deleted nevertheless.
    pub async fn sweep(&self, scope: &TenantScope, is_last: bool) -> Result<(), StoreError> {
        self.sweep.until_nothing_is_found(scope).await?;
        if is_last {
            self.sweep.counters(scope).await?;
        }
        Ok(())
    }

    /// Removes the profile and the directory entry of a tenant that was swept, and says so in the platform's audit log.
    ///
    /// # Errors
    /// [`TenantError::NotFound`] when somebody else just did; [`TenantError::Store`].
    pub async fn finish(
        &self,
        scope: &TenantScope,
        stored: &StoredProfile,
        pending: &PendingDeletion,
        actor: &Actor,
    ) -> Result<(), TenantError> {
        const OPERATION: &str = "remove a tenant";
        let profile = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(keys::profile(scope).into_attributes()))
            .condition_expression("attribute_exists(deletion_requested_at)")
            .build()
            .map_err(|_| incomplete(OPERATION))?;
        let mut transaction = Transaction::new(OPERATION);
        transaction.conditional(TransactWriteItem::builder().delete(profile).build(), |_| {
            TenantError::NotFound
        });
        transaction.write(self.directory.strike(&stored.profile)?);
        transaction.write(minutes::strike(&self.table, scope.tenant_id())?);
        let at = goes_on_at(pending.requested_at);
        transaction.write(due::strike(&self.table, scope, Work::Deletion, at)?);
        let had_traffic = pending.last_served_until.is_some();
        transaction.write(self.deleted.remember(scope, had_traffic)?);
        let now = self.clock.now();
        let mut entry = entry(scope, actor, now, Action::TenantDeleted);
        // Only now the moment is known: nothing of it is deleted later.
        entry.detail = format!("irrecoverable after {}", rfc3339(irrecoverable_after(now)));
        transaction.write(self.audit.platform_entry(&entry)?);
        transaction.send(&self.client).await
    }

    /// Whether a tenant that is not there was deleted in the last 15 days. One read.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn is_remembered(&self, scope: &TenantScope) -> Result<bool, StoreError> {
        self.deleted.has(scope).await
    }

    async fn held_account(&self, scope: &TenantScope) -> Result<Option<HeldAccount>, StoreError> {
        const OPERATION: &str = "look for a tenant's account";
        let key = keys::integration(scope, Provider::Twilio);
        let output = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key.into_attributes()))
            .projection_expression("version, account_sid")
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| StoreError::of(OPERATION, "", &error))?;
        let held = output.item.map(|item: Item| {
            let attributes = Attributes::of(OPERATION, &item);
            let account = item.contains_key("account_sid");
            let account = account.then(|| attributes.parsed("account_sid"));
            Ok(HeldAccount {
                version: attributes.number("version")?,
                account: account.transpose()?,
            })
        });
        held.transpose()
    }

    fn mark_profile(
        &self,
        scope: &TenantScope,
        stored: &StoredProfile,
        pending: &PendingDeletion,
    ) -> Result<TransactWriteItem, StoreError> {
        let at = time(pending.requested_at);
        let mut set = "SET #status = :deleting, updated_at = :now, version = :next, \
                       deletion_requested_at = :now, deletion_requested_by = :by"
            .to_owned();
        let mut update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(keys::profile(scope).into_attributes()))
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":deleting", text(TenantStatus::Deleting.as_str()))
            .expression_attribute_values(":now", at)
            .expression_attribute_values(":next", number(stored.version.saturating_add(1)))
            .expression_attribute_values(":by", text(&pending.requested_by))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        if let Some(until) = pending.last_served_until {
            set.push_str(", last_served_until = :until");
            update = update.expression_attribute_values(":until", time(until));
        }
        update = if stored.version == 0 {
            update.condition_expression("attribute_exists(pk) AND attribute_not_exists(version)")
        } else {
            update
                .condition_expression("version = :version")
                .expression_attribute_values(":version", number(stored.version))
        };
        let update = update
            .update_expression(format!("{set} REMOVE subdomain"))
            .build()
            .map_err(|_| incomplete("mark a profile for deletion"))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    /// Deletes the Twilio credentials that were read; fails when there are others now.
    fn delete_credentials(
        &self,
        scope: &TenantScope,
        held: Option<&HeldAccount>,
    ) -> Result<TransactWriteItem, StoreError> {
        let key = keys::integration(scope, Provider::Twilio);
        let delete = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(key.into_attributes()));
        let delete = match held {
            None => delete.condition_expression("attribute_not_exists(pk)"),
            Some(held) => delete
                .condition_expression("version = :version")
                .expression_attribute_values(":version", number(held.version)),
        };
        let delete = delete
            .build()
            .map_err(|_| incomplete("delete credentials"))?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }
}

/// When a deletion goes on by itself that was asked for at a moment.
fn goes_on_at(requested_at: Timestamp) -> Timestamp {
    let at = requested_at.saturating_add(GOES_ON_AFTER.seconds());
    at.unwrap_or(requested_at)
}

fn entry(scope: &TenantScope, actor: &Actor, at: Timestamp, action: Action) -> AuditEntry {
    AuditEntry {
        at,
        actor: actor.clone(),
        action,
        target: scope.tenant_id().to_string(),
        detail: String::new(),
    }
}
