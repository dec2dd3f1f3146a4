//! The last change of each tenant that this process has heard of.

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use lru::LruCache;

use crate::tenant::TenantId;

/// As many tenants as credentials are remembered of.
const CAPACITY: NonZeroUsize = NonZeroUsize::new(1_000).unwrap();

/// The last change of each tenant that this process has heard of.
pub(super) struct HeardChanges(Mutex<LruCache<TenantId, Timestamp>>);

impl Default for HeardChanges {
    fn default() -> Self {
        // Memory only for what is there.
        Self(Mutex::new(LruCache::sparse(CAPACITY)))
    }
}

impl HeardChanges {
    /// Calls `forget` when the change is another than the one that was heard of last. Whoever is told of the same change
    /// waits until `forget` is done, so that nobody goes on with what was to be forgotten.
    ///
    /// Another, not a later one: the times are of the clocks of those who made the changes, which may disagree.
    pub(super) fn hear(&self, tenant: &TenantId, changed_at: Timestamp, forget: impl FnOnce()) {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if heard.get(tenant) != Some(&changed_at) {
            forget();
            heard.put(tenant.clone(), changed_at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forgets(heard: &HeardChanges, tenant: &str, second: i64) -> bool {
        let (mut forgets, time) = (false, Timestamp::from_second(second).unwrap());
        heard.hear(&tenant.parse().unwrap(), time, || forgets = true);
        forgets
    }

    #[test]
    fn every_change_is_news_once_whatever_its_time() {
        let heard = HeardChanges::default();
        let news = [
            ("acme", 7),
            ("acme", 7),
            ("globex", 7),
            ("acme", 5),
            ("acme", 5),
        ];
        let news = news.map(|(tenant, second)| forgets(&heard, tenant, second));
        assert_eq!(news, [true, false, true, true, false]);
    }
}
