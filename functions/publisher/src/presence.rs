//! Whether the tenants are still there that something is to be done for.

use std::collections::BTreeMap;
use std::sync::Arc;

use shared::tenant::TenantScope;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tracing::{Instrument, Span, warn};

use crate::handler::Publisher;

/// Whether a tenant is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    /// It is.
    There,
    /// It is deleted, or being deleted. What its people wrote leaves the platform no more.
    Gone,
    /// The store did not say: nothing is told until it does.
    Unknown,
}

/// The tenants that were looked for.
pub(crate) struct Presences(BTreeMap<String, Presence>);

impl Presences {
    pub(crate) fn of(&self, scope: &TenantScope) -> Presence {
        let known = self.0.get(scope.tenant_id().as_str());
        known.copied().unwrap_or(Presence::Unknown)
    }
}

impl Publisher {
    /// Looks for the tenants of these scopes until `deadline`. One read a tenant in 10 seconds.
    pub(crate) async fn look_for<'s>(
        &self,
        scopes: impl IntoIterator<Item = &'s TenantScope>,
        deadline: Instant,
    ) -> Presences {
        let scopes = scopes.into_iter();
        let tenants: BTreeMap<String, &TenantScope> = scopes
            .map(|scope| (scope.tenant_id().as_str().to_owned(), scope))
            .collect();
        let mut tasks = JoinSet::new();
        for (tenant_id, scope) in tenants {
            let (contacts, scope) = (Arc::clone(&self.contacts), scope.clone());
            let task = async move {
                let are_there = contacts.recipients().are_there(&scope);
                let presence = match timeout_at(deadline, are_there).await {
                    Ok(Ok(true)) => Presence::There,
                    Ok(Ok(false)) => Presence::Gone,
                    Ok(Err(error)) => {
                        warn!(tenant_id, error = %error, "it is not known whether the tenant is there");
                        Presence::Unknown
                    }
                    Err(_) => {
                        warn!(
                            tenant_id,
                            "it is not known in time whether the tenant is there"
                        );
                        Presence::Unknown
                    }
                };
                (tenant_id, presence)
            };
            tasks.spawn(task.instrument(Span::current()));
        }
        let mut presences = BTreeMap::new();
        while let Some(done) = tasks.join_next().await {
            // A panic is logged where it happens, and leaves its tenant unknown.
            presences.extend(done);
        }
        Presences(presences)
    }
}
