//! Whose account it is, and with what it signs.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tracing::{Instrument, error, info_span, warn};

use crate::aws::Aws;
use crate::cache::{Cache, CacheLimits, LoadError, Source};
use crate::clock::Clock;
use crate::credentials::{CredentialError, CredentialVault, TwilioTenant, within};
use crate::sid::AccountSid;
use crate::store::{AccountRoute, QUARANTINE_SECONDS, Routes, TableNames, Tenants};
use crate::tenant::TenantScope;
use crate::vault::CredentialKeys;

use super::Refusal;

/// Accounts whose holder is known. The holder's credentials are remembered apart, and cannot make this any older.
const KNOWN: CacheLimits = CacheLimits::TENANTS;

// What a function may still know of an account must be older than what anybody else may claim of it.
const _: () = assert!(
    KNOWN.longest_age().as_secs() < QUARANTINE_SECONDS.unsigned_abs(),
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
    credentials: CredentialVault,
    known: Cache<AccountSid, AccountRoute, AccountError>,
    unknown: Cache<AccountSid, (), AccountError>,
    clock: Clock,
}

/// An account's holder, and how it came to be known.
pub(super) struct Holder {
    pub(super) tenant: Arc<TwilioTenant>,
    /// Of the route and the credentials, the one that is worth more of a mention.
    pub(super) source: Source,
    route: Arc<AccountRoute>,
}

/// Why nothing is known of an account.
#[derive(Debug, Clone)]
enum AccountError {
    Unknown,
    Unread(CredentialError),
}

impl LoadError for AccountError {
    fn is_unavailable(&self) -> bool {
        match self {
            Self::Unknown => false,
            Self::Unread(error) => error.is_unavailable(),
        }
    }
}

impl Accounts {
    pub(super) fn new(aws: &Aws, tables: &TableNames, key: CredentialKeys, clock: &Clock) -> Self {
        let routes = Routes::new(aws.dynamodb(), tables.routes.clone(), clock.clone());
        let tenants = Tenants::new(
            aws.dynamodb(),
            tables.tenants.clone(),
            routes.clone(),
            clock.clone(),
        );
        Self {
            routes,
            credentials: CredentialVault::new(aws, tenants, key, clock),
            known: Cache::new(KNOWN, clock.clone()),
            unknown: Cache::new(UNKNOWN, clock.clone()),
            clock: clock.clone(),
        }
    }

    /// The holder of an account: from memory, or by two reads and one KMS call; one read, once in 10 seconds, for an account
    /// that nobody holds. What is not read by `deadline` is served from memory a while longer.
    pub(super) async fn find(
        &self,
        account: &AccountSid,
        deadline: Instant,
    ) -> Result<Holder, Refusal> {
        loop {
            let holder = self.find_once(account, deadline).await?;
            // Reading the credentials may have outlasted what the route is good for.
            if self.known.holds(account, &holder.route) {
                return Ok(holder);
            }
        }
    }

    async fn find_once(&self, account: &AccountSid, deadline: Instant) -> Result<Holder, Refusal> {
        let route = self
            .known
            .get_or_load(account, || self.route(account, deadline))
            .await
            .map_err(refusal)?;
        let span = info_span!("tenant", tenant_id = %route.value.tenant_id());
        let held = self.held(account, &route.value, route.source, deadline);
        let (tenant, source, outage) = held.instrument(span.clone()).await?;
        let source = source.max(route.source);
        if source == Source::Stale {
            let route = route.outage.as_ref().and_then(AccountError::unread);
            let outage = route.or(outage.as_ref()).map(tracing::field::display);
            span.in_scope(|| {
                warn!(
                    error = outage,
                    "the stores cannot be asked: the tenant is served as it was known"
                );
            });
        }
        Ok(Holder {
            tenant,
            source,
            route: route.value,
        })
    }

    /// What is known of the tenant that a route leads to, if that tenant's credentials are of the account.
    async fn held(
        &self,
        account: &AccountSid,
        route: &AccountRoute,
        route_is: Source,
        deadline: Instant,
    ) -> Result<(Arc<TwilioTenant>, Source, Option<CredentialError>), Refusal> {
        let scope = scope(route);
        let read = async || {
            let found = self.credentials.twilio(&scope, deadline).await;
            found.map_err(|error| self.refuse(account, error))
        };
        let is_of_account = |tenant: &TwilioTenant| tenant.credentials.account_sid == *account;
        let mut found = read().await?;
        // The route and the credentials are read at two times, between which the tenant may have changed its account: then
        // those that are remembered are not to be compared with a route that is newer.
        if !is_of_account(&found.value)
            && route_is == Source::Loaded
            && found.source == Source::Memory
        {
            self.credentials.invalidate(&scope);
            found = read().await?;
        }
        if is_of_account(&found.value) {
            return Ok((found.value, found.source, found.outage));
        }
        if let Some(outage) = found.outage {
            return Err(self.refuse(account, outage));
        }
        warn!("the tenant that the account leads to has credentials of another account");
        self.forget(account);
        Err(Refusal::UnknownAccount)
    }

    /// The holder of an account, read anew after what was `seen` did not match; `None` when that was done moments ago. When it
    /// cannot be done now, nobody knows whether the keys were changed: [`Refusal::Unresolved`], which is delivered again, where
    /// a refusal of the signature would be final. What was only just loaded is read once more too: another request may have
    /// begun that load, before the keys were changed.
    pub(super) async fn refresh(
        &self,
        account: &AccountSid,
        seen: &Holder,
        deadline: Instant,
    ) -> Result<Option<Holder>, Refusal> {
        let known = self
            .known
            .refresh(account, &seen.route, || self.route(account, deadline))
            .await
            .map_err(refusal)?;
        let route = known.value;
        if route.tenant_id() != seen.route.tenant_id() {
            return self.find(account, deadline).await.map(Some);
        }
        let span = info_span!("tenant", tenant_id = %route.tenant_id());
        let scope = scope(&route);
        let refreshed = self
            .credentials
            .twilio_after(&seen.tenant, &scope, deadline)
            .instrument(span.clone())
            .await
            .map_err(|error| span.in_scope(|| self.refuse(account, error)))?;
        if !self.known.holds(account, &route) {
            return self.find(account, deadline).await.map(Some);
        }
        let tenant = refreshed.value;
        if tenant.credentials.account_sid != *account {
            self.forget(account);
            return Err(Refusal::UnknownAccount);
        }
        if !refreshed.is_newer && (known.is_in_doubt || refreshed.is_in_doubt) {
            span.in_scope(|| warn!("whether the account's keys were changed cannot be asked for"));
            return Err(Refusal::Unresolved);
        }
        Ok(refreshed.is_newer.then_some(Holder {
            tenant,
            source: Source::Loaded,
            route,
        }))
    }

    async fn route(
        &self,
        account: &AccountSid,
        deadline: Instant,
    ) -> Result<AccountRoute, AccountError> {
        if self.unknown.get(account).is_some() {
            return Err(AccountError::Unknown);
        }
        let read_at = self.clock.now();
        let resolved = within(deadline, self.routes.resolve(account)).await;
        match resolved.map_err(AccountError::Unread)? {
            Some(route) => Ok(route),
            None => {
                self.unknown.put(account.clone(), (), read_at);
                Err(AccountError::Unknown)
            }
        }
    }

    /// Treats an account as one that nobody holds, for as long as one is not asked for again.
    fn forget(&self, account: &AccountSid) {
        self.known.invalidate(account);
        self.unknown.put(account.clone(), (), self.clock.now());
    }

    /// What a failure to read the holder's credentials means. Logged in the holder's span.
    fn refuse(&self, account: &AccountSid, error: CredentialError) -> Refusal {
        if let CredentialError::Missing { .. } = error {
            warn!(error = %error, "the tenant that the account leads to cannot verify webhooks");
            self.forget(account);
            return Refusal::UnknownAccount;
        }
        refusal(AccountError::Unread(error))
    }
}

/// Acts for the tenant before the webhook is verified, because this is what the webhook is verified with; nothing that is
/// read in it leaves the webhook path unless the signature matches.
fn scope(route: &AccountRoute) -> TenantScope {
    TenantScope::new(route.tenant_id().clone())
}

impl AccountError {
    fn unread(&self) -> Option<&CredentialError> {
        match self {
            Self::Unknown => None,
            Self::Unread(error) => Some(error),
        }
    }
}

fn refusal(error: AccountError) -> Refusal {
    match error {
        AccountError::Unknown => Refusal::UnknownAccount,
        AccountError::Unread(error) if error.is_unavailable() => {
            error!(error = %error, "the account's holder cannot be asked for");
            Refusal::Unresolved
        }
        AccountError::Unread(error) => {
            error!(error = %error, "the account's holder cannot be read");
            Refusal::Credentials
        }
    }
}
