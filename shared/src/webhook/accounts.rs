//! Whose account it is, and with what it signs.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use crate::aws::Aws;
use crate::cache::{Cache, CacheLimits, LoadError};
use crate::clock::Clock;
use crate::sid::AccountSid;
use crate::store::{AccountRoute, QUARANTINE_SECONDS, Routes, StoreError, TableNames, Tenants};
use crate::tenant::{Provider, Settings, TenantId, TenantScope, TenantStatus};
use crate::twilio::TwilioCredentials;
use crate::vault::{EncryptionContext, KeyArn, Purpose, Vault, VaultError};

use super::Refusal;

/// Known accounts: 1,000, for 5 minutes, and for 10 more while their stores cannot be asked. A signature that does not match
/// has the credentials read again, once in 5 seconds.
const KNOWN: CacheLimits = CacheLimits {
    capacity: NonZeroUsize::new(1_000).unwrap(),
    time_to_live: Duration::from_secs(5 * 60),
    stale_window: Duration::from_secs(10 * 60),
    refresh_interval: Duration::from_secs(5),
};

// What a function may still know of an account must be older than what anybody else may claim of it.
const _: () = assert!(
    KNOWN.time_to_live.as_secs() + KNOWN.stale_window.as_secs() < QUARANTINE_SECONDS.unsigned_abs(),
    "a released account's quarantine must outlast the caches"
);

/// Accounts that nobody holds: forgotten soon, because one may be onboarded, and kept apart, so that a flood of made-up
/// accounts drives no tenant out.
const UNKNOWN: CacheLimits = CacheLimits {
    capacity: NonZeroUsize::new(4_096).unwrap(),
    time_to_live: Duration::from_secs(10),
    stale_window: Duration::ZERO,
    refresh_interval: Duration::MAX,
};

/// The accounts that a warm function knows, and how to learn of others.
pub(super) struct Accounts {
    routes: Routes,
    tenants: Tenants,
    vault: Vault,
    known: Cache<AccountSid, TwilioTenant, AccountError>,
    unknown: Cache<AccountSid, (), AccountError>,
    clock: Clock,
}

/// What is known of an account's holder: everything that a webhook's verification and answer need.
#[derive(Debug)]
pub(super) struct TwilioTenant {
    pub(super) tenant_id: TenantId,
    pub(super) status: TenantStatus,
    pub(super) settings: Settings,
    pub(super) credentials: TwilioCredentials,
}

/// Why nothing is known of an account.
#[derive(Debug, Clone)]
enum AccountError {
    Unknown,
    Store(Arc<StoreError>),
    Vault(VaultError),
}

impl LoadError for AccountError {
    fn is_unavailable(&self) -> bool {
        match self {
            Self::Unknown => false,
            Self::Store(error) => error.is_unavailable(),
            Self::Vault(error) => error.is_unavailable(),
        }
    }
}

impl From<StoreError> for AccountError {
    fn from(error: StoreError) -> Self {
        Self::Store(Arc::new(error))
    }
}

impl Accounts {
    pub(super) fn new(aws: &Aws, tables: &TableNames, key: KeyArn, clock: &Clock) -> Self {
        let routes = Routes::new(aws.dynamodb(), tables.routes.clone(), clock.clone());
        let tenants = Tenants::new(
            aws.dynamodb(),
            tables.tenants.clone(),
            routes.clone(),
            clock.clone(),
        );
        Self {
            routes,
            tenants,
            vault: Vault::new(aws.kms(), key),
            known: Cache::new(KNOWN, clock.clone()),
            unknown: Cache::new(UNKNOWN, clock.clone()),
            clock: clock.clone(),
        }
    }

    /// The holder of an account: from memory, or by two reads and one KMS call; one read, once in 10 seconds, for an account
    /// that nobody holds.
    pub(super) async fn find(&self, account: &AccountSid) -> Result<Arc<TwilioTenant>, Refusal> {
        self.known
            .get_or_load(account, || self.load(account))
            .await
            .map_err(refusal)
    }

    /// Whether an account's holder is in memory, so that finding it costs nothing.
    pub(super) fn knows(&self, account: &AccountSid) -> bool {
        self.known.get(account).is_some()
    }

    /// The holder of an account, read anew after what was `seen` did not match; `None` when it was read moments ago.
    pub(super) async fn refresh(
        &self,
        account: &AccountSid,
        seen: &Arc<TwilioTenant>,
    ) -> Result<Option<Arc<TwilioTenant>>, Refusal> {
        let refreshed = self
            .known
            .refresh(account, seen, || self.load(account))
            .await
            .map_err(refusal)?;
        Ok(refreshed.is_newer.then_some(refreshed.value))
    }

    async fn load(&self, account: &AccountSid) -> Result<TwilioTenant, AccountError> {
        if self.unknown.get(account).is_some() {
            return Err(AccountError::Unknown);
        }
        let read_at = self.clock.now();
        match self.holder(account).await? {
            Some(tenant) => Ok(tenant),
            None => {
                self.unknown.put(account.clone(), (), read_at);
                Err(AccountError::Unknown)
            }
        }
    }

    async fn holder(&self, account: &AccountSid) -> Result<Option<TwilioTenant>, AccountError> {
        let Some(route) = self.routes.resolve(account).await? else {
            return Ok(None);
        };
        self.tenant(&route, account).await
    }

    /// Opens the holder's configuration. It acts for the tenant before the webhook is verified, because this is what the
    /// webhook is verified with; nothing of it leaves this module unless the signature matches.
    async fn tenant(
        &self,
        route: &AccountRoute,
        account: &AccountSid,
    ) -> Result<Option<TwilioTenant>, AccountError> {
        let scope = TenantScope::new(route.tenant_id().clone());
        let Some(record) = self.tenants.record(&scope).await? else {
            return Ok(None);
        };
        let Some(integration) = record.twilio else {
            return Ok(None);
        };
        let context =
            EncryptionContext::new(route.tenant_id(), Provider::Twilio, Purpose::Credentials);
        let opened = self.vault.open(&context, &integration.message).await;
        let credentials: TwilioCredentials = opened.map_err(AccountError::Vault)?;
        // The route and the credentials are two items: while one is being changed they may name different accounts.
        if credentials.account_sid != *account {
            return Ok(None);
        }
        Ok(Some(TwilioTenant {
            tenant_id: route.tenant_id().clone(),
            status: record.status,
            settings: record.settings,
            credentials,
        }))
    }
}

fn refusal(error: AccountError) -> Refusal {
    match error {
        AccountError::Unknown => Refusal::UnknownAccount,
        error if error.is_unavailable() => {
            tracing::error!(error = ?error, "the account's holder cannot be asked for");
            Refusal::Unresolved
        }
        error => {
            tracing::error!(error = ?error, "the account's holder cannot be read");
            Refusal::Credentials
        }
    }
}
