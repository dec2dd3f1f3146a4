//! A change of a tenant's configuration: all of its writes in one transaction, with the entry of the audit log, and only
//! while the tenant is there and not being deleted.

use std::fmt;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::TransactWriteItem;
use jiff::Timestamp;

use super::item::Item;
use super::transaction::{Failure, unconditional};
use super::{StoreError, audit, outbox, profiles};
use crate::audit::AuditEntry;
use crate::aws::taking_over_from;
use crate::events::CredentialNews;
use crate::tenant::{TenantId, TenantScope};

/// What stood against a change. Nothing of the change was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WriteConflict {
    /// Somebody else changed it first: what was expected to be there is not.
    #[error(
        "it is of another version by now: read it again, make the change to that and send its ETag in If-Match"
    )]
    VersionMismatch,
    /// Another tenant holds the Twilio account, and has proved it or stands against somebody who has not.
    #[error("the Twilio account belongs to another tenant")]
    AccountTaken,
    /// Another tenant gave the Twilio account up less than [`QUARANTINE_SECONDS`](super::QUARANTINE_SECONDS) ago.
    #[error("another tenant gave the Twilio account up less than 16 minutes ago")]
    AccountInQuarantine,
    /// Calls are forwarded to the number of the credentials.
    #[error(
        "calls are forwarded to this number (forward_to of the settings), which would call itself over and over"
    )]
    ForwardedTo,
    /// Calls would be forwarded to the number of the credentials.
    #[error("this is the tenant's own number, which would call itself over and over")]
    ForwardsToItself,
    /// The tenant is being deleted.
    #[error("the tenant is being deleted")]
    TenantDeleting,
    /// There is no such tenant.
    #[error("there is no such tenant")]
    TenantMissing,
}

/// Why a change was not stored.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Something stood against it.
    #[error(transparent)]
    Conflict(#[from] WriteConflict),
    /// The store failed. Never [`StoreError::Conflict`].
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store did not say whether the change was made.
    #[error("{error}")]
    Uncertain {
        /// How it failed. Always [`StoreError::Unavailable`].
        error: StoreError,
        /// Whom it displaced, if it was made.
        displaced: Option<Displaced>,
    },
}

/// A tenant whose credentials another's write made inactive. Warm functions are to hear of it, and nobody else: nothing outside of
/// this crate can learn which one it is.
#[derive(Clone, PartialEq, Eq)]
pub struct Displaced(TenantScope);

impl Displaced {
    pub(crate) fn scope(&self) -> &TenantScope {
        &self.0
    }
}

impl fmt::Debug for Displaced {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Displaced")
    }
}

/// What it means that the condition of a write does not hold.
#[derive(Debug, Clone, Copy)]
pub(super) enum Refusal {
    /// The tenant of the change is not there, or on its way out.
    Tenant,
    /// What the change was thought out on is no longer so: it is to be thought over again.
    Raced,
    /// What the change needs was lost to somebody else for good.
    Lost,
    /// It always means this.
    Conflict(WriteConflict),
    /// The write has no condition.
    Never,
}

/// How a transaction ended that did not fail.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub(super) enum Commit {
    /// Everything is stored; another tenant is displaced by it, or none.
    Done(Option<Displaced>),
    /// Nothing is stored: what the change was thought out on is no longer so, or another transaction is under way.
    Raced,
    /// Nothing is stored: what the change needs was lost to somebody else.
    Lost,
}

/// The Tenants table, as far as changes to it go.
#[derive(Clone)]
pub(super) struct Changes {
    client: Client,
    table: String,
}

impl Changes {
    pub(super) fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) fn table(&self) -> &str {
        &self.table
    }

    /// A change of a tenant, with nothing in it yet but that the tenant must not be in deletion.
    pub(super) fn begin(
        &self,
        operation: &'static str,
        scope: &TenantScope,
    ) -> Result<Change<'_>, StoreError> {
        let mut change = Change {
            changes: self,
            operation,
            writes: Vec::new(),
            other: None,
            displaced: None,
        };
        change.require_tenant(scope, Refusal::Tenant)?;
        Ok(change)
    }
}

/// Writes that are made together or not at all.
pub(super) struct Change<'c> {
    changes: &'c Changes,
    operation: &'static str,
    writes: Vec<(TransactWriteItem, Refusal)>,
    /// The tenant that an account is taken over from.
    other: Option<TenantId>,
    displaced: Option<Displaced>,
}

impl Change<'_> {
    /// Adds a write. Of several conditions that do not hold, the one that was added first is told.
    pub(super) fn write(&mut self, write: TransactWriteItem, refusal: Refusal) {
        self.writes.push((write, refusal));
    }

    /// Says that the change takes an account over from another tenant, into whose partition it reaches.
    pub(super) fn take_over_from(&mut self, holder: &TenantScope) {
        self.other = Some(holder.tenant_id().clone());
    }

    /// Says that the change makes another tenant's credentials inactive.
    pub(super) fn displace(&mut self, holder: TenantScope) {
        self.displaced = Some(Displaced(holder));
    }

    /// Requires that a tenant is there and not being deleted.
    pub(super) fn require_tenant(
        &mut self,
        scope: &TenantScope,
        refusal: Refusal,
    ) -> Result<(), StoreError> {
        let check = profiles::is_not_deleting(&self.changes.table, scope)?;
        self.write(check, refusal);
        Ok(())
    }

    /// Adds an entry to a tenant's audit log.
    pub(super) fn audit(
        &mut self,
        scope: &TenantScope,
        entry: &AuditEntry,
    ) -> Result<(), StoreError> {
        self.write(
            audit::tenant_entry(&self.changes.table, scope, entry)?,
            Refusal::Never,
        );
        Ok(())
    }

    /// Adds an event for the platform's own code, in another table: it is published once the change is made, and only then.
    pub(super) fn tell(
        &mut self,
        activity_table: &str,
        scope: &TenantScope,
        at: Timestamp,
        news: &CredentialNews,
    ) -> Result<(), StoreError> {
        self.write(
            outbox::entry(activity_table, scope, at, news)?,
            Refusal::Never,
        );
        Ok(())
    }

    /// Makes the change.
    pub(super) async fn commit(self) -> Result<Commit, WriteError> {
        let operation = self.operation;
        let (writes, refusals): (Vec<_>, Vec<Refusal>) = self.writes.into_iter().unzip();
        let sent = self.changes.client.transact_write_items();
        let sent = sent.set_transact_items(Some(writes)).send();
        let sent = match &self.other {
            None => sent.await,
            Some(other) => taking_over_from(other, sent)
                .await
                .map_err(StoreError::from)?,
        };
        let Err(error) = sent else {
            return Ok(Commit::Done(self.displaced));
        };
        match Failure::of(operation, &error) {
            Failure::Condition { write, there } => {
                let refusal = refusals.get(write).copied().unwrap_or(Refusal::Never);
                meaning(operation, refusal, there.as_ref())
            }
            Failure::InTheWay => Ok(Commit::Raced),
            Failure::Store(error) => Err(error.into()),
            Failure::Uncertain(error) => Err(WriteError::Uncertain {
                error,
                displaced: self.displaced,
            }),
        }
    }
}

fn meaning(
    operation: &'static str,
    refusal: Refusal,
    item: Option<&Item>,
) -> Result<Commit, WriteError> {
    match refusal {
        Refusal::Raced => Ok(Commit::Raced),
        Refusal::Lost => Ok(Commit::Lost),
        Refusal::Conflict(conflict) => Err(conflict.into()),
        Refusal::Tenant if item.is_some() => Err(WriteConflict::TenantDeleting.into()),
        Refusal::Tenant => Err(WriteConflict::TenantMissing.into()),
        Refusal::Never => Err(unconditional(operation).into()),
    }
}

/// How often a change is thought over again.
#[derive(Default)]
pub(super) struct Attempts {
    made: u32,
}

impl Attempts {
    /// The most that are made, which takes 2 to 3 seconds. Each that fails means that another writer was served: who writes without a
    /// pause is in the way of every second one, and must not keep the other out by that.
    const MOST: u32 = 16;

    /// Waits a moment before the next attempt: 10 to 20 ms, then up to 20 ms longer each time.
    pub(super) async fn pause(&mut self, operation: &'static str) -> Result<(), StoreError> {
        self.made = self.made.saturating_add(1);
        if self.made >= Self::MOST {
            return Err(StoreError::Unavailable {
                operation,
                cause: "others change the same over and over".to_owned(),
            });
        }
        let mut chance = [0_u8];
        // Without chance everybody would come back at the same moment, and work all the same.
        let _ = aws_lc_rs::rand::fill(&mut chance);
        let longest = u64::from(self.made).saturating_mul(20);
        let share = u64::from(u8::from_ne_bytes(chance)).saturating_mul(longest / 2) / 255;
        tokio::time::sleep(Duration::from_millis((longest / 2).saturating_add(share))).await;
        Ok(())
    }
}
