//! What a cache's lock guards.

use std::collections::HashMap;
use std::hash::Hash;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use lru::LruCache;
use tokio::sync::watch;

use crate::clock::Clock;

/// How often a cache was asked, each time counted as a hit or as a miss, and how often it served
/// what was stale.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheCounters {
    /// Served from memory.
    pub hits: u64,
    /// Loaded, or waited for another's load, whatever came of it.
    pub misses: u64,
    /// Of the misses and refreshes: those that were served an entry past its time to live.
    pub stale: u64,
}

pub(super) struct Entry<V> {
    pub(super) value: Arc<V>,
    /// From before the load.
    pub(super) read_at: Timestamp,
    /// When the key was last reloaded on demand.
    pub(super) refreshed_at: Option<Timestamp>,
}

impl<V> Entry<V> {
    pub(super) fn is_younger_than(&self, age: Duration, now: Timestamp) -> bool {
        has_passed_less(age, self.read_at, now)
    }
}

/// A load under way.
pub(super) struct Flight<E> {
    pub(super) id: u64,
    /// Holds the outcome once it is there, and ends when its leader goes away.
    pub(super) landing: watch::Receiver<Option<Result<(), E>>>,
}

pub(super) struct State<K, V, E> {
    pub(super) entries: LruCache<K, Entry<V>>,
    /// At most one a key. A load that is not in here any more was overtaken, and nobody may rely on
    /// it.
    pub(super) flights: HashMap<K, Flight<E>>,
    pub(super) counters: CacheCounters,
    flights_begun: u64,
    last_seen: Timestamp,
}

impl<K: Hash + Eq, V, E> State<K, V, E> {
    pub(super) fn new(capacity: NonZeroUsize) -> Self {
        Self {
            entries: LruCache::new(capacity),
            flights: HashMap::new(),
            counters: CacheCounters::default(),
            flights_begun: 0,
            last_seen: Timestamp::MIN,
        }
    }

    /// The time. Read under the lock, so that it goes back only if the clock was set back: then
    /// everything is forgotten.
    pub(super) fn now(&mut self, clock: &Clock) -> Timestamp {
        let now = clock.now();
        if now < self.last_seen {
            self.entries.clear();
            self.flights.clear();
        }
        self.last_seen = now;
        now
    }

    /// The key's value, now the most recently used one, if it is younger than `age`.
    pub(super) fn younger_than(
        &mut self,
        key: &K,
        age: Duration,
        now: Timestamp,
    ) -> Option<Arc<V>> {
        let entry = self.entries.get(key)?;
        entry
            .is_younger_than(age, now)
            .then(|| Arc::clone(&entry.value))
    }

    /// Whether the key may be reloaded on demand; if so, it may not be again for an interval.
    pub(super) fn may_refresh(&mut self, key: &K, interval: Duration, now: Timestamp) -> bool {
        let Some(entry) = self.entries.peek_mut(key) else {
            return true;
        };
        let is_free = !entry
            .refreshed_at
            .is_some_and(|at| has_passed_less(interval, at, now));
        if is_free {
            entry.refreshed_at = Some(now);
        }
        is_free
    }

    /// Gives back what [`State::may_refresh`] took at that time.
    pub(super) fn forget_refresh(&mut self, key: &K, at: Timestamp) {
        if let Some(entry) = self.entries.peek_mut(key) {
            entry.refreshed_at = entry.refreshed_at.filter(|taken| *taken != at);
        }
    }

    pub(super) fn next_flight(&mut self) -> u64 {
        self.flights_begun += 1;
        self.flights_begun
    }

    /// Ends a load, unless it was overtaken.
    pub(super) fn end_flight(&mut self, key: &K, id: u64) -> bool {
        let is_under_way = self.flights.get(key).is_some_and(|flight| flight.id == id);
        if is_under_way {
            self.flights.remove(key);
        }
        is_under_way
    }

    /// Frees least recently used entries that will never be served again.
    pub(super) fn drop_expired(&mut self, longest_age: Duration, now: Timestamp) {
        while self
            .entries
            .peek_lru()
            .is_some_and(|(_, entry)| !entry.is_younger_than(longest_age, now))
        {
            self.entries.pop_lru();
        }
    }
}

/// Whether less than `duration` has passed since `since`. A time that is still to come tells no
/// age: then it is not so.
fn has_passed_less(duration: Duration, since: Timestamp, now: Timestamp) -> bool {
    let passed = now.duration_since(since);
    !passed.is_negative()
        && passed < SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}
