//! Making sure of a tenant's TwiML App: known it costs nothing, unknown it is made once, whoever and however many ask.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, sleep_until, timeout_at};
use tracing::warn;

use crate::audit::{Action, Actor, AuditEntry};
use crate::cache::{Cache, CacheLimits, LoadError};
use crate::clock::Clock;
use crate::credentials::TwilioTenant;
use crate::sid::{AccountSid, ApplicationSid};
use crate::store::{
    ApplicationMemory, Lease, Leasing, StoreError, StoredApplication, WriteConflict, WriteError,
};
use crate::tenant::{TenantId, TenantScope};

/// For how long one caller may make an App before another may, in seconds: as long as a function of the API runs at most. It has
/// ended its calls to Twilio 21 seconds after it began, so that the clocks of two callers may differ by 9.
const LEASE_SECONDS: u32 = 30;

/// For how long nobody else may begin after an attempt of which it is not known whether it made an App, in seconds: by then Twilio
/// lists what it made.
const AFTER_UNCERTAINTY_SECONDS: u32 = 5;

/// The first pause between two looks at whether another caller is done. Each is half as long again as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// Apps that this process made sure of, until the tenants that it remembers tell of them. Never for longer: by then an App that is
/// not remembered was forgotten, because it is no longer there.
const KNOWN: CacheLimits = CacheLimits {
    stale_window: Duration::ZERO,
    ..CacheLimits::TENANTS
};

/// The tenants' TwiML Apps. `E` is what making one fails with.
///
/// Callers of one process share one attempt and what comes of it. Callers of different processes take turns by a lease in the store.
pub struct Applications<E> {
    memory: ApplicationMemory,
    known: Cache<Wanted, ApplicationSid, EnsureError<E>>,
    clock: Clock,
    actor: Actor,
}

/// An App that somebody wants there to be.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Wanted {
    tenant_id: TenantId,
    account_sid: AccountSid,
    voice_url: String,
    /// The last change of the tenant that was heard of: what was known before it may have been the reason for it.
    changed_at: Option<Timestamp>,
}

/// Why there is no App.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EnsureError<E> {
    /// It could not be made.
    #[error(transparent)]
    Make(E),
    /// The tenant is not there, or on its way out.
    #[error(transparent)]
    Tenant(WriteConflict),
    /// The store failed.
    #[error(transparent)]
    Store(Arc<StoreError>),
    /// Nobody made one before the deadline.
    #[error("nobody made the TwiML App in time")]
    TimedOut,
}

impl<E: LoadError> LoadError for EnsureError<E> {
    fn is_unavailable(&self) -> bool {
        match self {
            Self::Make(error) => error.is_unavailable(),
            Self::Tenant(_) => false,
            Self::Store(error) => error.is_unavailable(),
            Self::TimedOut => true,
        }
    }
}

impl<E> From<StoreError> for EnsureError<E> {
    fn from(error: StoreError) -> Self {
        Self::Store(Arc::new(error))
    }
}

impl<E> From<WriteError> for EnsureError<E> {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Conflict(conflict) => Self::Tenant(conflict),
            WriteError::Store(error) | WriteError::Uncertain { error, .. } => error.into(),
        }
    }
}

impl<E: LoadError> Applications<E> {
    /// Remembers in `memory` what is made, in the audit log as `actor`'s.
    #[must_use]
    pub fn new(memory: ApplicationMemory, clock: &Clock, actor: Actor) -> Self {
        Self {
            memory,
            known: Cache::new(KNOWN, clock.clone()),
            clock: clock.clone(),
            actor,
        }
    }

    /// The tenant's App in its account that asks `voice_url`. Without any call when `tenant` knows it, or this process made sure
    /// of it in the last 5 minutes; else remembered, or made by `make`, which finds one or makes one and
    /// says which. Of all callers everywhere one is in `make` at a time; it is called again only when its lease was another's by
    /// the time it was done. What this process knew before the tenant's last change, at `changed_at`, it knows no longer.
    ///
    /// # Errors
    /// [`EnsureError`] of any kind; [`EnsureError::TimedOut`] at `deadline`.
    pub async fn ensure<F, Fut>(
        &self,
        scope: &TenantScope,
        tenant: &TwilioTenant,
        voice_url: &str,
        changed_at: Option<Timestamp>,
        make: F,
        deadline: Instant,
    ) -> Result<ApplicationSid, EnsureError<E>>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = Result<(ApplicationSid, Action), E>>,
    {
        let wanted = Wanted {
            tenant_id: scope.tenant_id().clone(),
            account_sid: tenant.credentials.account_sid.clone(),
            voice_url: voice_url.to_owned(),
            changed_at,
        };
        if let Some(sid) = wanted.found_in(tenant.application.as_ref()) {
            return Ok(sid);
        }
        let load = || self.find_or_make(scope, &wanted, &make, deadline);
        let found = timeout_at(deadline, self.known.get_or_load(&wanted, load)).await;
        // Whoever leads ends at its own deadline; whoever follows may have an earlier one.
        let found = found.map_err(|_| EnsureError::TimedOut)??;
        Ok(ApplicationSid::clone(&found.value))
    }

    async fn find_or_make<F, Fut>(
        &self,
        scope: &TenantScope,
        wanted: &Wanted,
        make: &F,
        deadline: Instant,
    ) -> Result<ApplicationSid, EnsureError<E>>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = Result<(ApplicationSid, Action), E>>,
    {
        let owner = self.owner()?;
        let mut pause = FIRST_PAUSE;
        loop {
            let now = self.clock.now();
            let leasing = self.memory.lease(scope, &owner, now, LEASE_SECONDS).await?;
            let mut until = match leasing {
                Leasing::Taken(lease) => {
                    match self.make(scope, wanted, lease, make).await? {
                        Some(sid) => return Ok(sid),
                        // Overtaken: whoever did so may be done.
                        None => continue,
                    }
                }
                Leasing::Held { until } => until,
            };
            // Somebody is at it.
            while until > self.clock.now() {
                sleep_until(deadline.min(Instant::now() + pause)).await;
                if Instant::now() >= deadline {
                    return Err(EnsureError::TimedOut);
                }
                pause = pause.saturating_mul(3).min(LONGEST_PAUSE * 2) / 2;
                let seen = self.memory.look(scope).await?;
                if let Some(sid) = wanted.found_in(seen.application.as_ref()) {
                    return Ok(sid);
                }
                match seen.leased_until {
                    Some(later) => until = later,
                    None => break,
                }
            }
        }
    }

    /// Makes an App under a lease, unless it is there by now. `None`, when the lease was another's by the time it was made.
    async fn make<F, Fut>(
        &self,
        scope: &TenantScope,
        wanted: &Wanted,
        lease: Lease,
        make: &F,
    ) -> Result<Option<ApplicationSid>, EnsureError<E>>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = Result<(ApplicationSid, Action), E>>,
    {
        if let Some(sid) = wanted.found_in(lease.application.as_ref()) {
            self.end(scope, lease).await;
            return Ok(Some(sid));
        }
        let (application_sid, action) = match make().await {
            Ok(made) => made,
            Err(error) => {
                // Of what failed for certain nothing is left at Twilio, and the next may try at once.
                if error.is_unavailable() {
                    self.shorten(scope, &lease).await;
                } else {
                    self.end(scope, lease).await;
                }
                return Err(EnsureError::Make(error));
            }
        };
        let made = StoredApplication {
            account_sid: wanted.account_sid.clone(),
            application_sid,
            voice_url: wanted.voice_url.clone(),
        };
        let entry = AuditEntry {
            at: self.clock.now(),
            actor: self.actor.clone(),
            action,
            target: made.application_sid.to_string(),
            detail: made.voice_url.clone(),
        };
        let remembered = self.memory.remember(scope, &lease, &made, &entry).await;
        if let Err(WriteError::Store(_) | WriteError::Uncertain { .. }) = &remembered {
            // The App is there: the next finds it by its name.
            self.shorten(scope, &lease).await;
        }
        Ok(remembered?.then_some(made.application_sid))
    }

    async fn shorten(&self, scope: &TenantScope, lease: &Lease) {
        let (now, seconds) = (self.clock.now(), AFTER_UNCERTAINTY_SECONDS);
        let shortened = self.memory.lease(scope, lease.owner(), now, seconds).await;
        if let Err(error) = shortened {
            warn!(%error, "the lease of a TwiML App is held for longer than it need be");
        }
    }

    async fn end(&self, scope: &TenantScope, lease: Lease) {
        if let Err(error) = self.memory.release(scope, lease).await {
            warn!(%error, "the lease of a TwiML App is held for longer than it need be");
        }
    }

    /// A name that no other caller has.
    fn owner(&self) -> Result<String, EnsureError<E>> {
        let mut random = [0_u8; 16];
        let drawn = aws_lc_rs::rand::fill(&mut random);
        drawn.map_err(|_| StoreError::Refused {
            operation: "lease a TwiML App",
            cause: "there is no randomness".to_owned(),
        })?;
        Ok(format!("{:032x}", u128::from_be_bytes(random)))
    }
}

impl Wanted {
    /// The SID of an App that is remembered, if it is this one.
    fn found_in(&self, known: Option<&StoredApplication>) -> Option<ApplicationSid> {
        let known = known?;
        let is_it = known.account_sid == self.account_sid && known.voice_url == self.voice_url;
        is_it.then(|| known.application_sid.clone())
    }
}
