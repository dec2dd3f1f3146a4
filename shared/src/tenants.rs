//! What who operates the platform does with tenants: creates, lists, reads, changes and deletes them.

mod entered;
mod error;

use jiff::{Timestamp, ToSpan};
use tokio::time::{Instant, timeout_at};
use tracing::warn;

pub use self::entered::TenantCreation;
pub use self::error::TenantError;
use crate::audit::Actor;
use crate::aws::{Aws, as_function};
use crate::clock::Clock;
use crate::rate_limit::ChangeNotices;
use crate::store::{
    Deletions, Directory, Expected, NewProfile, Page, PendingDeletion, ProfileChanges, Profiles,
    Registry, StoreError, StoredProfile, TableNames,
};
use crate::subaccounts::Subaccounts;
use crate::tenant::{Operator, TenantScope};

/// For how many days the tables can be put back to any second: until then what was deleted can be had again.
/// Source: "Point-in-time recovery", Amazon DynamoDB Developer Guide; the template leaves the period at its default.
pub const RECOVERABLE_DAYS: i64 = 35;

/// How far a deletion got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletion {
    /// Nothing of the tenant is left but the platform's audit log.
    Finished,
    /// The tenant is not served any more. To be asked for again, until it is finished.
    Continues {
        /// Not before this can nothing be had again: 35 days after the last item is deleted, which may take longer than is known now.
        irrecoverable_after: Timestamp,
        /// After how many seconds to ask again; 1 or more.
        retry_after_seconds: u32,
        /// Whether nothing is left but what its subaccount waits for, which somebody may have to see to.
        is_held_up: bool,
    },
}

/// Administers the tenants.
pub struct TenantAdministration {
    profiles: Profiles,
    registry: Registry,
    directory: Directory,
    deletions: Deletions,
    notices: ChangeNotices,
    subaccounts: Option<Subaccounts>,
    aws: Aws,
    clock: Clock,
}

impl TenantAdministration {
    /// Opens the tables. All three are needed: a deletion goes through all of them.
    #[must_use]
    pub fn new(aws: &Aws, tables: &TableNames, clock: Clock) -> Self {
        let client = aws.dynamodb();
        Self {
            profiles: Profiles::new(client.clone(), tables.tenants.clone()),
            registry: Registry::new(&client, tables, &clock),
            directory: Directory::new(client.clone(), tables.tenants.clone()),
            deletions: Deletions::new(&client, tables, &clock),
            notices: ChangeNotices::new(client.clone(), tables.tenants.clone(), clock.clone()),
            subaccounts: None,
            aws: aws.clone(),
            clock,
        }
    }

    /// The same, which also sees to the subaccounts of tenants that have one. Without, they are left to whoever does.
    #[must_use]
    pub fn with_subaccounts(mut self, subaccounts: Subaccounts) -> Self {
        self.subaccounts = Some(subaccounts);
        self
    }

    /// Goes on with what a tenant's subaccount lacks: see [`Subaccounts::go_on`]. What stands against it is logged, and left to who
    /// asks next; what is known of the tenant then is given.
    pub async fn go_on_with_subaccount(
        &self,
        scope: &TenantScope,
        mut stored: StoredProfile,
        actor: &Actor,
        deadline: Instant,
    ) -> StoredProfile {
        if let (Some(subaccounts), Some(_)) = (&self.subaccounts, &stored.subaccount) {
            match subaccounts.go_on(scope, actor, deadline).await {
                Ok(subaccount) => stored.subaccount = subaccount.or(stored.subaccount),
                Err(error) => {
                    warn!(%error, "a subaccount is not as it should be, and goes on when it is asked for again");
                    if let Ok(Some(now)) = self.profiles.read(scope).await {
                        stored.subaccount = now.subaccount;
                    }
                }
            }
        }
        stored
    }

    /// Creates a tenant under an id that is made from its name.
    ///
    /// # Errors
    /// Those of [`TenantAdministration::create`].
    pub async fn create_named(
        &self,
        operator: Operator,
        new: NewProfile,
        actor: &Actor,
    ) -> Result<StoredProfile, TenantError> {
        // The plain slug first, then some with a suffix: ids are public, so that the suffix need not be hard to guess.
        let mut suffix = None;
        loop {
            let id = entered::slug(&new.name, suffix).ok_or(TenantError::ReservedId)?;
            let scope = operator.scope(id.clone());
            let created = self.create(&scope, new.clone(), actor);
            // Who calls acts for nobody yet.
            let created = self.aws.as_tenant(&id, created).await;
            match created.map_err(StoreError::from)? {
                Err(
                    TenantError::Exists
                    | TenantError::Deleting
                    | TenantError::RecentlyDeleted
                    | TenantError::ReservedId,
                ) => suffix = Some(random_suffix()?),
                created => return created,
            }
        }
    }

    /// Creates a tenant.
    ///
    /// # Errors
    /// As [`Registry::create`].
    pub async fn create(
        &self,
        scope: &TenantScope,
        new: NewProfile,
        actor: &Actor,
    ) -> Result<StoredProfile, TenantError> {
        self.registry.create(scope, new, actor).await
    }

    /// A page of the tenants, the newest first, and the position of the next page.
    ///
    /// # Errors
    /// [`TenantError::Store`].
    pub async fn list(
        &self,
        operator: Operator,
        page: &Page,
    ) -> Result<(Vec<StoredProfile>, Option<String>), TenantError> {
        Ok(self.directory.list(operator, page).await?)
    }

    /// A tenant.
    ///
    /// # Errors
    /// [`TenantError::NotFound`] and [`TenantError::Store`].
    pub async fn read(&self, scope: &TenantScope) -> Result<StoredProfile, TenantError> {
        let stored = self.profiles.read(scope).await?;
        stored.ok_or(TenantError::NotFound)
    }

    /// Changes a tenant, suspends or resumes it. Warm functions that issue tokens know of it at once, others within 5 minutes.
    ///
    /// # Errors
    /// As [`Registry::update`].
    pub async fn update(
        &self,
        scope: &TenantScope,
        changes: ProfileChanges,
        expected: Expected,
        actor: &Actor,
    ) -> Result<StoredProfile, TenantError> {
        let changes_status = changes.status.is_some();
        let updated = self.registry.update(scope, changes, expected, actor).await;
        if changes_status && may_be_made(&updated) {
            self.notices.announce(scope).await;
        }
        updated
    }

    /// Deletes a tenant, or goes on with it, as far as it gets by `deadline`. Whatever interrupts it, asking again goes on where
    /// it was; asking again after it finished says so for 15 days, whatever was expected to be there.
    ///
    /// # Errors
    /// [`TenantError::NotFound`]; [`TenantError::VersionMismatch`] when the stored version is not what is `expected` (the mark
    /// of a deletion is a version too), or the tenant is changed by others again and again; [`TenantError::Store`] when the
    /// deletion could not even be marked.
    pub async fn delete(
        &self,
        scope: &TenantScope,
        expected: Expected,
        actor: &Actor,
        deadline: Instant,
    ) -> Result<Deletion, TenantError> {
        match self.delete_existing(scope, expected, actor, deadline).await {
            // The ids that rest are the platform's to know.
            Err(TenantError::NotFound)
                if as_function(self.deletions.is_remembered(scope)).await? =>
            {
                Ok(Deletion::Finished)
            }
            deletion => deletion,
        }
    }

    async fn delete_existing(
        &self,
        scope: &TenantScope,
        expected: Expected,
        actor: &Actor,
        deadline: Instant,
    ) -> Result<Deletion, TenantError> {
        let requested = self.deletions.request(scope, expected, actor).await;
        if requested.is_err() && may_be_made(&requested) {
            self.notices.announce(scope).await;
        }
        let pending = requested?;
        // Decided before the sweep: a pass that ends after this moment may have looked before it.
        let now = self.clock.now();
        let is_served = pending.last_served_until.is_some_and(|until| now < until);
        let swept = async {
            if is_served {
                self.notices.announce(scope).await;
            }
            self.deletions.sweep(scope, !is_served).await
        };
        // Whatever Twilio or the platform's account stand against, what the tenant has goes.
        let closed = self.close_subaccount(scope, actor, deadline);
        let (swept, closed) = tokio::join!(timeout_at(deadline, swept), closed);
        match swept {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return self.interrupted(&pending, error),
            Err(_) => return Ok(self.continues(&pending)),
        }
        if !closed? {
            return Ok(self.is_held_up(&pending));
        }
        if is_served {
            return Ok(self.waits(&pending));
        }
        let Some(stored) = self.profiles.read(scope).await? else {
            return Ok(Deletion::Finished);
        };
        match self.deletions.finish(scope, &stored, &pending, actor).await {
            // Somebody who asked at the same moment was faster.
            Ok(()) | Err(TenantError::NotFound) => Ok(Deletion::Finished),
            Err(TenantError::Store(error)) => self.interrupted(&pending, error),
            Err(error) => Err(error),
        }
    }

    /// Goes on with a deletion that was asked for before. `None`, when the tenant is gone, or another has its id by now.
    ///
    /// # Errors
    /// As [`TenantAdministration::delete`].
    pub async fn go_on_with_deletion(
        &self,
        scope: &TenantScope,
        actor: &Actor,
        deadline: Instant,
    ) -> Result<Option<Deletion>, TenantError> {
        let stored = self.profiles.read(scope).await?;
        let Some(stored) = stored.filter(|it| it.deletion.is_some()) else {
            return Ok(None);
        };
        let expected = Expected::Version(stored.version);
        match self.delete_existing(scope, expected, actor, deadline).await {
            Err(TenantError::NotFound) => Ok(None),
            deletion => deletion.map(Some),
        }
    }

    /// Closes the subaccount of a tenant that is being deleted, if it has one. False, when there is more to be done.
    async fn close_subaccount(
        &self,
        scope: &TenantScope,
        actor: &Actor,
        deadline: Instant,
    ) -> Result<bool, TenantError> {
        let Some(stored) = self.profiles.read(scope).await? else {
            return Ok(true);
        };
        if stored.subaccount.is_none() {
            return Ok(true);
        }
        let stored = self
            .go_on_with_subaccount(scope, stored, actor, deadline)
            .await;
        Ok(stored.subaccount.is_none_or(|it| it.is_closed()))
    }

    /// The stores failed in the middle: for a while, or for good.
    fn interrupted(
        &self,
        pending: &PendingDeletion,
        error: StoreError,
    ) -> Result<Deletion, TenantError> {
        if !error.is_unavailable() {
            return Err(error.into());
        }
        warn!(error = %error, "a deletion is interrupted, and goes on when it is asked for again");
        Ok(self.continues(pending))
    }

    /// There is more to be deleted.
    fn continues(&self, pending: &PendingDeletion) -> Deletion {
        let last = self.last_deletion(pending);
        Deletion::Continues {
            irrecoverable_after: irrecoverable_after(last),
            retry_after_seconds: 1,
            is_held_up: false,
        }
    }

    /// Only the subaccount is left.
    fn is_held_up(&self, pending: &PendingDeletion) -> Deletion {
        /// How soon whoever asks should ask again.
        const RETRY_AFTER_SECONDS: u32 = 60;
        let last = self.last_deletion(pending);
        Deletion::Continues {
            irrecoverable_after: irrecoverable_after(last),
            retry_after_seconds: RETRY_AFTER_SECONDS,
            is_held_up: true,
        }
    }

    /// Nothing is left, and a warm function may still write something.
    fn waits(&self, pending: &PendingDeletion) -> Deletion {
        let last = self.last_deletion(pending);
        let seconds = last
            .as_second()
            .saturating_sub(self.clock.now().as_second());
        Deletion::Continues {
            irrecoverable_after: irrecoverable_after(last),
            retry_after_seconds: u32::try_from(seconds.saturating_add(1).max(1)).unwrap_or(1),
            is_held_up: false,
        }
    }

    /// The earliest that the last item can be deleted.
    fn last_deletion(&self, pending: &PendingDeletion) -> Timestamp {
        let now = self.clock.now();
        pending
            .last_served_until
            .map_or(now, |until| until.max(now))
    }
}

/// Whether a change was made, or the store did not say.
fn may_be_made<T>(changed: &Result<T, TenantError>) -> bool {
    match changed {
        Ok(_) => true,
        Err(TenantError::Store(error)) => error.is_unavailable(),
        Err(_) => false,
    }
}

/// From when on nothing can be had again of what was deleted until `last`: so far point-in-time recovery reaches back.
pub(crate) fn irrecoverable_after(last: Timestamp) -> Timestamp {
    let hours = RECOVERABLE_DAYS.saturating_mul(24);
    last.checked_add(hours.hours()).unwrap_or(Timestamp::MAX)
}

fn random_suffix() -> Result<u32, TenantError> {
    let mut bytes = [0; 4];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| StoreError::Refused {
        operation: "make a tenant id",
        cause: "the system gives no random bytes".to_owned(),
    })?;
    Ok(u32::from_be_bytes(bytes))
}
