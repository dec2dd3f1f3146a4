//! Word of a change, for functions that remember a tenant.

use std::ops::RangeInclusive;

use aws_sdk_dynamodb::Client;
use jiff::{SignedDuration, Timestamp};
use tracing::warn;

use super::{Class, Window};
use crate::clock::Clock;
use crate::store::{Limits, NOTICE_MINUTES};
use crate::tenant::TenantScope;

/// How far the clocks of those who leave word and those who look may differ. The Lambda service keeps them within milliseconds.
const CLOCKS_DIFFER_BY: SignedDuration = SignedDuration::from_secs(5);

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

    /// Tells that the tenant's credentials or status were just changed. Six writes side by side, seven within 5
    /// seconds of a minute's beginning or end. One that fails is logged: the
    /// change itself was made, and is noticed when the caches' time to live is over.
    pub async fn announce(&self, scope: &TenantScope) {
        let now = self.clock.now();
        let class = Class::Token.as_str();
        if let Err(error) = self.limits.notice(scope, class, minutes(now), now).await {
            warn!(error = %error, "word of a change was not left: warm functions learn of it within 5 minutes");
        }
    }
}

/// The minutes in which a change is told: those that it may be by anybody's clock, and the five after, when whoever has not looked
/// since has forgotten by itself.
fn minutes(now: Timestamp) -> RangeInclusive<i64> {
    let minute = |time: Timestamp| Window::at(time).minute;
    let earliest = now.saturating_sub(CLOCKS_DIFFER_BY).unwrap_or(now);
    let latest = now.saturating_add(CLOCKS_DIFFER_BY).unwrap_or(now);
    minute(earliest)..=minute(latest).saturating_add(NOTICE_MINUTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_from_the_minute_on_that_it_is_by_the_slowest_clock() {
        for (second, first, last) in [(4, 9, 15), (5, 10, 15), (54, 10, 15), (55, 10, 16)] {
            let now = Timestamp::from_second(600 + second).unwrap();
            assert_eq!(minutes(now), first..=last, "{second}");
        }
    }
}
