//! Whose webhooks are still wanted when they come from the queue.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use super::DeferredWebhook;
use crate::cache::{Cache, CacheLimits, LoadError};
use crate::clock::Clock;
use crate::store::{Profiles, StoreError};
use crate::tenant::{TenantId, TenantScope, TenantStatus};

/// What is remembered of recipients. Long enough for one read a tenant while a queue is drained, and far shorter than the 16
/// minutes for which a deletion waits before its last sweep; never longer than that because the store cannot be asked.
const LIMITS: CacheLimits = CacheLimits {
    capacity: NonZeroUsize::new(1_000).unwrap(),
    time_to_live: Duration::from_secs(10),
    stale_window: Duration::ZERO,
    refresh_interval: Duration::from_secs(10),
};

/// The tenants that webhooks are put aside for. What is written for a tenant after it was deleted would stay for ever.
pub struct Recipients {
    profiles: Profiles,
    are_there: Cache<TenantId, bool, UnknownRecipient>,
}

/// It could not be told whether a tenant is still there.
#[derive(Debug, Clone, thiserror::Error)]
#[error(transparent)]
pub struct UnknownRecipient(Arc<StoreError>);

impl From<UnknownRecipient> for StoreError {
    fn from(unknown: UnknownRecipient) -> Self {
        const OPERATION: &str = "look for a recipient";
        let (operation, cause) = (OPERATION, unknown.to_string());
        match unknown.is_unavailable() {
            true => Self::Unavailable { operation, cause },
            false => Self::Refused { operation, cause },
        }
    }
}

impl LoadError for UnknownRecipient {
    fn is_unavailable(&self) -> bool {
        self.0.is_unavailable()
    }
}

impl Recipients {
    /// The tenants of these profiles.
    #[must_use]
    pub fn new(profiles: Profiles, clock: Clock) -> Self {
        Self {
            profiles,
            are_there: Cache::new(LIMITS, clock),
        }
    }

    /// Whether a webhook's tenant is there and not being deleted. One read a tenant in 10 seconds.
    ///
    /// # Errors
    /// When the profile cannot be read.
    pub async fn want(&self, webhook: &DeferredWebhook) -> Result<bool, UnknownRecipient> {
        self.are_there(&webhook.scope).await
    }

    /// Whether a tenant is there and not being deleted. One read a tenant in 10 seconds.
    ///
    /// # Errors
    /// When the profile cannot be read.
    pub async fn are_there(&self, scope: &TenantScope) -> Result<bool, UnknownRecipient> {
        let read = || async {
            let profile = self.profiles.read(scope).await;
            let profile = profile.map_err(|error| UnknownRecipient(Arc::new(error)))?;
            Ok(profile.is_some_and(|stored| stored.profile.status != TenantStatus::Deleting))
        };
        let is_there = self.are_there.get_or_load(scope.tenant_id(), read).await?;
        Ok(*is_there.value)
    }
}
