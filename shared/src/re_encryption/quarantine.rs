//! What does not open: it is left as it is, named, and looked at again at the end of each pass.

use std::sync::atomic::Ordering::Relaxed;

use tokio::time::{Instant, Interval};
use tracing::error;

use super::{ReEncryption, ReEncryptionError, Treated, context};
use crate::audit::Action;
use crate::store::{Progress, Quarantined, Sealed};
use crate::tenant::TenantScope;
use crate::vault::{VaultError, key_of};

/// How many are looked at between two notes of how far it has come.
const PAGE: i32 = 50;

impl ReEncryption {
    /// Leaves a message as it is and says so, in the log, in the list of what does not open, and in the platform's audit log.
    pub(super) async fn quarantine(
        &self,
        scope: &TenantScope,
        sealed: &Sealed,
        cause: &str,
    ) -> Result<Treated, ReEncryptionError> {
        let (tenant_id, provider) = (scope.tenant_id(), sealed.by.name());
        error!(%tenant_id, provider, cause, "stored credentials do not open: they are left as they are");
        let now = self.clock.now();
        let found = Quarantined {
            tenant_id: tenant_id.to_string(),
            provider: provider.to_owned(),
            key: key_of(&sealed.message).map(|key| key.to_string()),
            at: now,
        };
        let detail = format!("{provider}: {cause}");
        let entry = self.note(Action::CredentialQuarantined, tenant_id.to_string(), detail);
        self.items.quarantine(&found, tenant_id, &entry).await?;
        Ok(Treated::Quarantined)
    }

    /// Forgets some of what did not open and does now, since it was stored anew or is gone. Says whether that was all; else it is to
    /// be gone on with, from where `progress` says.
    pub(super) async fn release_some(
        &self,
        progress: &mut Progress,
        pace: &mut Interval,
        deadline: Instant,
    ) -> Result<bool, ReEncryptionError> {
        let after = progress.released_until.as_deref();
        let found = self.items.quarantined(after, PAGE).await?;
        let is_all = i32::try_from(found.len()).is_ok_and(|found| found < PAGE);
        for found in found {
            if Instant::now() >= deadline {
                return Ok(false);
            }
            if !self.is_still_closed(&found, pace).await? {
                self.items.release(&found).await?;
                self.done.released.fetch_add(1, Relaxed);
            }
            progress.released_until = Some(found.position());
        }
        Ok(is_all)
    }

    async fn is_still_closed(
        &self,
        found: &Quarantined,
        pace: &mut Interval,
    ) -> Result<bool, ReEncryptionError> {
        let Ok(tenant_id) = found.tenant_id.parse() else {
            return Ok(true);
        };
        let scope = TenantScope::new(tenant_id);
        let sealed = self.items.sealed(&scope).await?;
        let Some(sealed) = sealed.iter().find(|it| it.by.name() == found.provider) else {
            return Ok(false);
        };
        let Some(context) = context(&scope, &sealed.by) else {
            return Ok(true);
        };
        pace.tick().await;
        match self.vault.try_open(&context, &sealed.message).await {
            Ok(()) => Ok(false),
            Err(error @ VaultError::Unreadable(_)) if !error.is_of_key() => Ok(true),
            Err(error) => Err(error.into()),
        }
    }
}
