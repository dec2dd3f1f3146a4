//! How much a cache holds, and for how long.

use std::num::NonZeroUsize;
use std::time::Duration;

/// How much a cache holds, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheLimits {
    /// The most entries; the least recently used gives way.
    pub capacity: NonZeroUsize,
    /// How old an entry may be served.
    pub time_to_live: Duration,
    /// How much older it may be served when its source is unavailable.
    pub stale_window: Duration,
    /// The shortest time between two reloads that [`Cache::refresh`](super::Cache::refresh) makes of one key.
    pub refresh_interval: Duration,
}

impl CacheLimits {
    /// What is cached of tenants: 1,000 entries, for 5 minutes, 10 more while the source is unavailable, 5 seconds between
    /// reloads on demand.
    pub const TENANTS: Self = Self {
        capacity: NonZeroUsize::new(1_000).unwrap(),
        time_to_live: Duration::from_mins(5),
        stale_window: Duration::from_mins(10),
        refresh_interval: Duration::from_secs(5),
    };

    /// The oldest that an entry is ever served.
    #[must_use]
    pub const fn longest_age(&self) -> Duration {
        self.time_to_live.saturating_add(self.stale_window)
    }
}
