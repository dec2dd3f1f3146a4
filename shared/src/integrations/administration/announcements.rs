//! Word of what was stored, for the warm functions that remember what was there before.

use tracing::warn;

use super::IntegrationAdministration;
use crate::aws::taking_over_from;
use crate::store::{Stored, WriteError};
use crate::tenant::{Provider, TenantScope};

impl IntegrationAdministration {
    /// Tells warm functions that something they may remember of the tenant's Twilio account was changed.
    pub async fn announce(&self, scope: &TenantScope, provider: Provider) {
        // Of the other providers' credentials no function remembers anything.
        if provider == Provider::Twilio {
            self.notices.announce(scope).await;
        }
    }

    /// The same of a write that was made, or may have been: to the tenant, if it `is_news` to it, and to whom it displaced.
    pub(super) async fn announce_stored(
        &self,
        scope: &TenantScope,
        provider: Provider,
        stored: &Result<Stored, WriteError>,
        is_news: bool,
    ) {
        let (Ok(Stored { displaced, .. }) | Err(WriteError::Uncertain { displaced, .. })) = stored
        else {
            return;
        };
        if is_news {
            self.announce(scope, provider).await;
        }
        if let Some(displaced) = displaced {
            let displaced = displaced.scope();
            let announced = self.announce(displaced, provider);
            if let Err(error) = taking_over_from(displaced.tenant_id(), announced).await {
                warn!(%error, "word of a take-over was not left: warm functions learn of it within 5 minutes");
            }
        }
    }
}
