//! Opt-outs that are kept although their tenant is past its limit.

use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};

use lru::LruCache;
use sha2::{Digest, Sha256};

use crate::clock::Clock;
use crate::contacts::OptOutChange;
use crate::length_prefix::length_prefixed;
use crate::tenant::TenantScope;

/// How many contacts a process remembers. The one that was used least recently gives way, at the cost of a write.
const CAPACITY: NonZeroUsize = NonZeroUsize::new(4_096).unwrap();

/// What tells a contact and the sender that it stopped from others, whatever the length of their names.
type Stopped = [u8; 32];

/// Who stopped whom past the limit, as far as this process kept it, and in which minute.
///
/// Past its tenant's limit a message is stored later, and what it says about being written to with it. That nothing more is to
/// be sent does not wait so long, but is written once a minute for each contact and sender alone, however often they say so: a
/// flood must not become one of conditional writes of one item.
pub(super) struct KeptStops {
    minutes: Mutex<LruCache<Stopped, i64>>,
    clock: Clock,
}

impl KeptStops {
    /// Remembers nothing yet. Minutes are those of the clock.
    pub(super) fn new(clock: Clock) -> Self {
        // Memory only for what is there.
        let minutes = Mutex::new(LruCache::sparse(CAPACITY));
        Self { minutes, clock }
    }

    /// Whether what a contact says past the limit is to be kept at once: that it stops, unless that was kept in this minute.
    pub(super) fn are_without(
        &self,
        scope: &TenantScope,
        address: &str,
        change: &OptOutChange,
    ) -> bool {
        let known = self
            .minutes()
            .get(&stopped(scope, address, change))
            .copied();
        change.stopped && known != Some(self.minute())
    }

    /// Remembers that it was kept.
    pub(super) fn remember(&self, scope: &TenantScope, address: &str, change: &OptOutChange) {
        let minute = self.minute();
        self.minutes().put(stopped(scope, address, change), minute);
    }

    fn minute(&self) -> i64 {
        self.clock.now().as_second().div_euclid(60)
    }

    fn minutes(&self) -> MutexGuard<'_, LruCache<Stopped, i64>> {
        self.minutes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn stopped(scope: &TenantScope, address: &str, change: &OptOutChange) -> Stopped {
    let mut digest = Sha256::new();
    let names = [scope.tenant_id().as_str(), address, &change.sender];
    length_prefixed(names, |bytes| digest.update(bytes));
    digest.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(sender: &str, stopped: bool) -> OptOutChange {
        OptOutChange {
            sender: sender.to_owned(),
            stopped,
            at: "2026-10-01T08:00:00Z".parse().unwrap(),
            sid: format!("SM{}", "0".repeat(32)).parse().unwrap(),
        }
    }

    fn scope(tenant: &str) -> TenantScope {
        TenantScope::new(tenant.parse().unwrap())
    }

    #[test]
    fn a_stop_is_kept_once_a_minute_for_each_tenant_contact_and_sender() {
        let clock = Clock::fixed("2026-10-01T08:00:00Z".parse().unwrap());
        let kept = KeptStops::new(clock.clone());
        let (acme, globex) = (scope("acme"), scope("globex"));
        let stop = change("+1", true);
        assert!(kept.are_without(&acme, "+2", &stop));
        // Only what was kept is remembered.
        assert!(kept.are_without(&acme, "+2", &stop));
        kept.remember(&acme, "+2", &stop);
        assert!(!kept.are_without(&acme, "+2", &stop));
        assert!(kept.are_without(&globex, "+2", &stop));
        assert!(kept.are_without(&acme, "+3", &stop));
        assert!(kept.are_without(&acme, "+2", &change("+4", true)));
        assert!(kept.are_without(&acme, "+", &change("2+1", true)));
        clock.advance(60);
        assert!(kept.are_without(&acme, "+2", &stop));
    }

    #[test]
    fn a_start_waits_until_the_message_is_stored() {
        let kept = KeptStops::new(Clock::system());
        assert!(!kept.are_without(&scope("acme"), "+2", &change("+1", false)));
    }
}
