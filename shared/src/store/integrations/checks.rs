//! What checks find of stored credentials.

use jiff::Timestamp;

use super::{IntegrationRecord, Integrations, Stored, account, conditional};
use crate::audit::{Action, Actor, AuditEntry};
use crate::store::change::{Attempts, Commit, Refusal, WriteError};
use crate::store::due::{self, Work};
use crate::store::keys;
use crate::tenant::{Provider, TenantScope};
use crate::verification::{Outcome, Verification};

/// What becomes of a check beside its being kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnCheck<'c> {
    /// The run that it is a part of. Of one run only one check of the same credentials counts.
    pub run: Option<&'c str>,
    /// Whether it is to be made again soon.
    pub repeat: Repeat,
}

/// When a check is to be made again of credentials that are in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// At this moment, if it found them invalid for the first time.
    IfInvalid(Timestamp),
    /// At this moment, if it found that, or could not tell.
    IfNotProven(Timestamp),
}

impl Repeat {
    /// The same, not before a moment.
    #[must_use]
    pub fn not_before(self, earliest: Timestamp) -> Self {
        match self {
            Self::IfInvalid(at) => Self::IfInvalid(at.max(earliest)),
            Self::IfNotProven(at) => Self::IfNotProven(at.max(earliest)),
        }
    }

    /// When a check that left the credentials like this is to be made again.
    fn at(self, after: &IntegrationRecord, outcome: Outcome) -> Option<Timestamp> {
        // Of those that are not in use nobody waits to hear.
        let is_open = after.is_active && !outcome.is_proof();
        match self {
            Self::IfInvalid(at) => (is_open && outcome == Outcome::Invalid).then_some(at),
            Self::IfNotProven(at) => is_open.then_some(at),
        }
    }
}

impl Integrations {
    /// Keeps what a check found, made at `version` of the credentials; gives them as they are then, and whom it displaced.
    /// `None`, and nothing is kept, when they are no longer of that version, or a later check was kept already.
    ///
    /// The second `invalid` in a row deactivates them, `valid` and `restricted` reactivate them, and both are told as events;
    /// proof of Twilio's account, whatever the outcome, makes it this tenant's as [`Integrations::put`] does. All of it is in
    /// the audit log, as `actor`'s. The version stays: nobody's edit is refused for a check.
    ///
    /// # Errors
    /// [`WriteConflict`](crate::store::WriteConflict): with proof, that the account is another's; or that the tenant is not there.
    /// [`StoreError`](crate::store::StoreError) of any kind but a conflict.
    pub async fn record_verification(
        &self,
        scope: &TenantScope,
        provider: Provider,
        version: u64,
        verification: &Verification,
        actor: &Actor,
    ) -> Result<Option<Stored>, WriteError> {
        self.record_check(scope, provider, version, verification, actor, None)
            .await
    }

    /// The same of a check that the platform makes by itself: in the same transaction it is put on the list of what is due, if it is
    /// to be made again. What another check of the same run found stays, and is given.
    ///
    /// # Errors
    /// As [`Integrations::record_verification`].
    pub async fn record_check(
        &self,
        scope: &TenantScope,
        provider: Provider,
        version: u64,
        verification: &Verification,
        actor: &Actor,
        own: Option<OwnCheck<'_>>,
    ) -> Result<Option<Stored>, WriteError> {
        const OPERATION: &str = "keep what a check found";
        let run = own.and_then(|own| own.run);
        let mut attempts = Attempts::default();
        loop {
            let Some(before) = self.read(scope, provider).await? else {
                return Ok(None);
            };
            if run.is_some() && before.verified_run.as_deref() == run {
                let (record, displaced) = (before, None);
                return Ok(Some(Stored { record, displaced }));
            }
            let is_older = |kept| verification.checked_at < kept;
            if before.version != version || before.last_verified_at.is_some_and(is_older) {
                return Ok(None);
            }
            let mut after = before.clone();
            let changed = after.verified(verification);
            if let Some(run) = run {
                after.verified_run = Some(run.to_owned());
            }
            after.state_version = after.state_version.saturating_add(1);
            let mut change = self.changes.begin(OPERATION, scope)?;
            let update = after
                .state_assignments()?
                .update(self.changes.table(), keys::integration(scope, provider));
            change.write(
                conditional(update, Some(&before), OPERATION)?,
                Refusal::Raced,
            );
            let mut entry = AuditEntry {
                at: self.clock.now(),
                actor: actor.clone(),
                action: Action::CredentialReactivated,
                target: provider.to_string(),
                detail: verification.error.clone().unwrap_or_default(),
            };
            if let Some(action) = changed {
                entry.action = action;
                change.audit(scope, &entry)?;
            }
            self.tell(&mut change, scope, Some(&before), &after)?;
            if let Some(at) = own.and_then(|own| own.repeat.at(&after, verification.outcome)) {
                let work = Work::Recheck(provider);
                let due = due::entry(self.changes.table(), scope, work, at, 0)?;
                change.write(due, Refusal::Never);
            }
            if verification.proves_account {
                let claim = account::Claim {
                    before: Some(&before),
                    after: &after,
                    is_proven: true,
                    keeps_proof: true,
                    entry: &entry,
                };
                self.claim_account(&mut change, scope, &claim).await?;
            }
            match change.commit().await? {
                Commit::Done(displaced) => {
                    return Ok(Some(Stored {
                        record: after,
                        displaced,
                    }));
                }
                Commit::Raced | Commit::Lost => attempts.pause(OPERATION).await?,
            }
        }
    }
}
