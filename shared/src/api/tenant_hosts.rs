//! Tenants by the host that a client calls: `acme.app.example.com` under the base domain `app.example.com`.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use super::Problem;
use super::service::Foundation;
use crate::cache::{Cache, CacheLimits, LoadError};
use crate::clock::Clock;
use crate::environment::Environment;
use crate::store::{StoreError, Subdomains};
use crate::tenant::{Subdomain, TenantId};

/// Hosts that are nobody's: forgotten soon, because one may become a tenant's, and kept apart, so that a flood of made-up ones
/// drives no tenant out.
const UNKNOWN: CacheLimits = CacheLimits {
    capacity: NonZeroUsize::new(4_096).unwrap(),
    time_to_live: Duration::from_secs(5),
    stale_window: Duration::ZERO,
    refresh_interval: Duration::MAX,
};

/// The tenant that a request selects. It gives no access by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Selection {
    /// None.
    Nothing,
    /// This one.
    Tenant(TenantId),
    /// One by a host that is nobody's.
    UnknownHost,
}

/// The hosts under the base domain, and whose they are.
pub(super) struct TenantHosts {
    suffix: String,
    subdomains: Subdomains,
    known: Cache<Subdomain, TenantId, Unresolved>,
    unknown: Cache<Subdomain, (), Unresolved>,
    clock: Clock,
}

#[derive(Debug, Clone)]
enum Unresolved {
    Nobody,
    Store(Arc<StoreError>),
}

impl LoadError for Unresolved {
    fn is_unavailable(&self) -> bool {
        match self {
            Self::Nobody => false,
            Self::Store(error) => error.is_unavailable(),
        }
    }
}

impl TenantHosts {
    /// Reads `BASE_DOMAIN`; without one, no host selects a tenant. `None` when it is malformed.
    #[expect(
        clippy::option_option,
        reason = "a variable that is left out is no fault"
    )]
    pub(super) fn from_environment(
        environment: &Environment,
        foundation: &Foundation,
    ) -> Option<Option<Self>> {
        let Some(domain) = environment.optional("BASE_DOMAIN") else {
            return Some(None);
        };
        let is_label = |label: &str| {
            let is_taken =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            (1..=63).contains(&label.len()) && label.bytes().all(is_taken)
        };
        if !domain.split('.').all(is_label) {
            environment.fault(
                "BASE_DOMAIN must be a domain in lower case, for instance app.example.com"
                    .to_owned(),
            );
            return None;
        }
        let subdomains = Subdomains::new(
            foundation.aws.dynamodb(),
            foundation.tables.routes.clone(),
            foundation.clock.clone(),
        );
        Some(Some(Self {
            suffix: format!(".{domain}"),
            subdomains,
            known: Cache::new(CacheLimits::TENANTS, foundation.clock.clone()),
            unknown: Cache::new(UNKNOWN, foundation.clock.clone()),
            clock: foundation.clock.clone(),
        }))
    }

    /// The tenant that a host selects: from memory, or by one read (once in 5 seconds for a host that is nobody's). A host that
    /// is not under the base domain, or whose label is the platform's own, such as `api`, selects nothing.
    pub(super) async fn tenant(&self, host: &str) -> Result<Selection, Problem> {
        let host = host
            .split(':')
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        let label = host.strip_suffix(&self.suffix);
        let Some(subdomain) = label.and_then(|label| label.parse::<Subdomain>().ok()) else {
            return Ok(Selection::Nothing);
        };
        let load = || async {
            if self.unknown.get(&subdomain).is_some() {
                return Err(Unresolved::Nobody);
            }
            let read_at = self.clock.now();
            match self.subdomains.resolve(&subdomain).await {
                Ok(Some(tenant_id)) => Ok(tenant_id),
                Ok(None) => {
                    self.unknown.put(subdomain.clone(), (), read_at);
                    Err(Unresolved::Nobody)
                }
                Err(error) => Err(Unresolved::Store(Arc::new(error))),
            }
        };
        match self.known.get_or_load(&subdomain, load).await {
            Ok(known) => Ok(Selection::Tenant(known.value.as_ref().clone())),
            // Only a tenant that had the label before it was kept has a host of this name.
            Err(Unresolved::Nobody) if subdomain.is_reserved() => Ok(Selection::Nothing),
            Err(Unresolved::Nobody) => Ok(Selection::UnknownHost),
            Err(Unresolved::Store(error)) if error.is_unavailable() => {
                Err(Problem::unavailable(error))
            }
            Err(Unresolved::Store(error)) => Err(Problem::internal(error)),
        }
    }
}
