//! The steps of a rotation as they are stored, each with what makes sure that it goes on.

use jiff::Timestamp;

use super::{IntegrationRecord, Integrations, NewIntegration, write_over};
use crate::audit::{Action, AuditEntry};
use crate::store::change::{Commit, Refusal, WriteError};
use crate::store::due::{self, Work};
use crate::tenant::TenantScope;
use crate::twilio::{Rotation, RotationStage};

/// A step of a rotation, to be stored.
#[derive(Debug)]
pub struct RotationStep<'a> {
    /// How far it has come with it.
    pub rotation: &'a Rotation,
    /// The credentials with the tokens that the step changed; `None` when it changes none.
    pub credentials: Option<&'a NewIntegration>,
    /// Whether the primary token is another one with it.
    pub is_promotion: bool,
    /// What the audit log says of it, if anything.
    pub entry: Option<&'a AuditEntry>,
    /// When it was made.
    pub at: Timestamp,
    /// When it is to be looked at again, if nothing else sees to that.
    pub due: Option<Timestamp>,
}

impl Integrations {
    /// Stores a step of a rotation over the credentials that were read, and gives them as they are then; in the same transaction it
    /// is put on the list of what is due. `None`, and nothing is stored, when they are no longer what was read; also when the store
    /// did not say whether it was stored, which the next look tells.
    ///
    /// Tokens that a step changes make a new version of the credentials; nothing else of them changes.
    ///
    /// # Errors
    /// [`WriteConflict`](crate::store::WriteConflict), when the tenant is not there; [`StoreError`](crate::store::StoreError) of
    /// any kind but a conflict.
    pub async fn rotate(
        &self,
        scope: &TenantScope,
        before: &IntegrationRecord,
        step: &RotationStep<'_>,
    ) -> Result<Option<IntegrationRecord>, WriteError> {
        const OPERATION: &str = "store a step of a rotation";
        let mut after = before.clone();
        after.state_version = after.state_version.saturating_add(1);
        after.rotation = Some(step.rotation.clone());
        if let Some(new) = step.credentials {
            after.version = after.version.saturating_add(1);
            after.message.clone_from(&new.message);
            after.summary.clone_from(&new.summary);
            after.fingerprint.clone_from(&new.fingerprint);
            after
                .secrets_fingerprint
                .clone_from(&new.secrets_fingerprint);
            after.updated_at = step.at;
            if let Some(entry) = step.entry {
                after.updated_by = entry.actor.name();
            }
        }
        if step.is_promotion {
            after.rotated_at = Some(step.at);
            // What checks found of the old token in the moment of its end says nothing of the new one.
            after.consecutive_invalid = 0;
        }
        let mut change = self.changes.begin(OPERATION, scope)?;
        let write = write_over(self.changes.table(), scope, Some(before), &after)?;
        change.write(write, Refusal::Raced);
        if let Some(entry) = step.entry {
            change.audit(scope, entry)?;
        }
        if let Some(at) = step.due {
            let due = due::entry(self.changes.table(), scope, Work::Rotation, at, 0)?;
            change.write(due, Refusal::Never);
        }
        match change.commit().await {
            Ok(Commit::Done(_)) => Ok(Some(after)),
            Ok(Commit::Raced | Commit::Lost) | Err(WriteError::Uncertain { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// What the audit log says when credentials that are stored end a rotation.
pub(super) fn ended(
    before: Option<&IntegrationRecord>,
    after: &IntegrationRecord,
    entry: &AuditEntry,
) -> Option<AuditEntry> {
    let was_in_progress = before?.rotation.as_ref()?.is_in_progress();
    let ended = after.rotation.as_ref()?.stage == RotationStage::Superseded;
    (was_in_progress && ended).then(|| AuditEntry {
        action: Action::AuthTokenRotation,
        detail: RotationStage::Superseded.as_str().to_owned(),
        ..entry.clone()
    })
}
