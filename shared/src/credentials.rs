//! The one way to a tenant's credentials: read, opened, and kept in memory for a while.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};

use crate::aws::Aws;
use crate::cache::{Cache, CacheLimits, Cached, LoadError, Refreshed};
use crate::clock::Clock;
use crate::store::{OwnNumbers, StoreError, StoredApplication, Tenants};
use crate::tenant::{Provider, Settings, TenantId, TenantScope, TenantStatus};
use crate::twilio::TwilioCredentials;
use crate::vault::{CredentialKeys, EncryptionContext, Purpose, Vault, VaultError};
use crate::verification::Capability;

/// The tenants' credentials, by tenant: from memory ([`CacheLimits::TENANTS`]), or by one read and one KMS call.
pub struct CredentialVault {
    tenants: Tenants,
    vault: Vault,
    twilio: Cache<TenantId, TwilioTenant, CredentialError>,
}

/// What is known of a tenant with a Twilio account: everything that acting for it takes.
#[derive(Debug)]
pub struct TwilioTenant {
    /// The tenant.
    pub tenant_id: TenantId,
    /// Whether its traffic is served.
    pub status: TenantStatus,
    /// What it set.
    pub settings: Settings,
    /// Its credentials, opened.
    pub credentials: TwilioCredentials,
    /// Whether they may be used to act. Webhooks are verified with inactive ones too.
    pub is_active: bool,
    /// What they can do, by the last check that could tell.
    pub capabilities: Vec<Capability>,
    /// When they were last used, as it is kept.
    pub last_used_at: Option<Timestamp>,
    /// Whether this process has kept, since it read this, that they are used.
    pub use_is_kept: AtomicBool,
    /// Its TwiML App, if anybody made sure of one.
    pub application: Option<StoredApplication>,
    /// The numbers of its account, if any are known.
    pub own_numbers: Option<OwnNumbers>,
}

/// Why there are no credentials. Its text is for logs, and holds nothing secret.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CredentialError {
    /// The tenant has none of this provider, or is none itself.
    #[error("the tenant {tenant_id} has no credentials of {provider}")]
    Missing {
        /// The tenant.
        tenant_id: TenantId,
        /// Whose credentials were asked for.
        provider: Provider,
    },
    /// Nothing came of it before the caller's deadline.
    #[error("the stores did not answer in time")]
    TimedOut,
    /// They could not be read.
    #[error(transparent)]
    Store(Arc<StoreError>),
    /// They could not be opened.
    #[error("{}", .0.with_cause())]
    Vault(VaultError),
}

impl LoadError for CredentialError {
    fn is_unavailable(&self) -> bool {
        match self {
            Self::Missing { .. } => false,
            Self::TimedOut => true,
            Self::Store(error) => error.is_unavailable(),
            Self::Vault(error) => error.is_unavailable(),
        }
    }
}

impl From<StoreError> for CredentialError {
    fn from(error: StoreError) -> Self {
        Self::Store(Arc::new(error))
    }
}

/// Gives a load up at `deadline`, as one that may succeed later: so the cache serves what it has, instead of being cancelled
/// together with the caller.
pub(crate) async fn within<T, E>(
    deadline: Instant,
    load: impl Future<Output = Result<T, E>>,
) -> Result<T, CredentialError>
where
    CredentialError: From<E>,
{
    // A load is on the heap, beside calls over the network: held in place, its layers of futures within the webhooks' are more than
    // the compiler lays out.
    match timeout_at(deadline, Box::pin(load)).await {
        Ok(loaded) => Ok(loaded?),
        Err(_) => Err(CredentialError::TimedOut),
    }
}

impl CredentialVault {
    /// Opens the vault over the tenants' table, for what was sealed under `key`. Ages are told by `clock`.
    #[must_use]
    pub fn new(aws: &Aws, tenants: Tenants, key: impl Into<CredentialKeys>, clock: &Clock) -> Self {
        Self {
            tenants,
            vault: Vault::new(aws.kms(), key),
            twilio: Cache::new(CacheLimits::TENANTS, clock.clone()),
        }
    }

    /// A tenant's Twilio credentials, with what goes with them. Until `deadline` for a load; what is remembered for a while
    /// longer when it does not succeed by then.
    ///
    /// # Errors
    /// [`CredentialError`] of any kind.
    pub async fn twilio(
        &self,
        scope: &TenantScope,
        deadline: Instant,
    ) -> Result<Cached<TwilioTenant, CredentialError>, CredentialError> {
        let load = || within(deadline, self.load_twilio(scope));
        self.twilio.get_or_load(scope.tenant_id(), load).await
    }

    /// The same, read anew after what was `seen` did not fit; at most once in 5 seconds.
    ///
    /// # Errors
    /// [`CredentialError`] of any kind that is not unavailability.
    pub async fn twilio_after(
        &self,
        seen: &Arc<TwilioTenant>,
        scope: &TenantScope,
        deadline: Instant,
    ) -> Result<Refreshed<TwilioTenant>, CredentialError> {
        let load = || within(deadline, self.load_twilio(scope));
        self.twilio.refresh(scope.tenant_id(), seen, load).await
    }

    /// The same, read whatever is remembered, and remembered no better than before: for what must not be done with credentials
    /// that somebody took away a moment ago, and is not done often. One query and one call of KMS.
    ///
    /// # Errors
    /// [`CredentialError`] of any kind.
    pub async fn twilio_as_stored(
        &self,
        scope: &TenantScope,
        deadline: Instant,
    ) -> Result<TwilioTenant, CredentialError> {
        within(deadline, self.load_twilio(scope)).await
    }

    /// Forgets a tenant's credentials, after they were changed.
    pub fn invalidate(&self, scope: &TenantScope) {
        self.twilio.invalidate(scope.tenant_id());
    }

    async fn load_twilio(&self, scope: &TenantScope) -> Result<TwilioTenant, CredentialError> {
        let tenant_id = scope.tenant_id().clone();
        let provider = Provider::Twilio;
        let record = self.tenants.record(scope).await?;
        let Some((record, integration)) = record.and_then(|mut record| {
            let integration = record.twilio.take()?;
            Some((record, integration))
        }) else {
            return Err(CredentialError::Missing {
                tenant_id,
                provider,
            });
        };
        let context = EncryptionContext::new(&tenant_id, provider, Purpose::Credentials);
        let opened = self.vault.open(&context, &integration.message).await;
        let credentials: TwilioCredentials = opened.map_err(CredentialError::Vault)?;
        // Numbers of an account that was the tenant's before are no longer its own.
        let own_numbers = record.own_numbers;
        let own_numbers = own_numbers.filter(|own| *own.account_sid() == credentials.account_sid);
        Ok(TwilioTenant {
            status: record.status,
            settings: record.settings,
            application: record.application,
            own_numbers,
            credentials,
            is_active: integration.is_active,
            capabilities: integration.capabilities,
            last_used_at: integration.last_used_at,
            use_is_kept: AtomicBool::new(false),
            tenant_id,
        })
    }
}
