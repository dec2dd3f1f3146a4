//! Word of a change, for functions that remember a tenant.

use aws_sdk_dynamodb::Client;
use tracing::warn;

use super::{Class, Window};
use crate::clock::Clock;
use crate::store::Limits;
use crate::tenant::TenantScope;

/// Leaves word that a tenant was changed where warm `token` functions look anyway: in the counters of their rate limits.
#[derive(Clone)]
pub struct ChangeNotices {
    limits: Limits,
    clock: Clock,
}

impl ChangeNotices {
    /// Writes into the Tenants table of this name.
    #[must_use]
    pub fn new(client: Client, tenants_table: String, clock: Clock) -> Self {
        Self {
            limits: Limits::new(client, tenants_table),
            clock,
        }
    }

    /// Tells that the tenant's credentials or status were just changed. Six writes side by side. One that fails is logged: the
    /// change itself was made, and is noticed when the caches' time to live is over.
    pub async fn announce(&self, scope: &TenantScope) {
        let now = self.clock.now();
        let minute = Window::at(now).minute;
        let class = Class::Token.as_str();
        if let Err(error) = self.limits.notice(scope, class, minute, now).await {
            warn!(error = %error, "word of a change was not left: warm functions learn of it within 5 minutes");
        }
    }
}
