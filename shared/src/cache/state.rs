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

pub(super) struct Entry<V> {
    pub(super) value: Arc<V>,
    /// From before the load.
    pub(super) read_at: Timestamp,
    /// When the key was last reloaded on demand.
    pub(super) refreshed_at: Option<Timestamp>,
    /// Whether the last reload failed, so that nobody knows what it would have given.
    pub(super) is_in_doubt: bool,
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
    /// No entry was read before this.
    oldest: Option<Timestamp>,
    flights_begun: u64,
    last_seen: Timestamp,
}

impl<K: Hash + Eq, V, E> State<K, V, E> {
    pub(super) fn new(capacity: NonZeroUsize) -> Self {
        Self {
            entries: LruCache::new(capacity),
            flights: HashMap::new(),
            oldest: None,
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
}

impl<K: Hash + Eq + Clone, V, E> State<K, V, E> {
    pub(super) fn put(&mut self, key: K, entry: Entry<V>) {
        self.oldest = self.oldest.into_iter().chain([entry.read_at]).min();
        self.entries.put(key, entry);
    }

    /// Frees what will never be served again. All entries are looked at only when one of them may be that old, which is
    /// once in that age or so.
    pub(super) fn drop_expired(&mut self, longest_age: Duration, now: Timestamp) {
        if self
            .oldest
            .is_none_or(|oldest| has_passed_less(longest_age, oldest, now))
        {
            return;
        }
        let is_expired = |entry: &Entry<V>| !entry.is_younger_than(longest_age, now);
        let expired: Vec<K> = self
            .entries
            .iter()
            .filter(|(_, entry)| is_expired(entry))
            .map(|(key, _)| key.clone())
            .collect();
        for key in expired {
            self.entries.pop(&key);
        }
        self.oldest = self.entries.iter().map(|(_, entry)| entry.read_at).min();
    }
}

/// Whether less than `duration` has passed since `since`. A time that is still to come tells no
/// age: then it is not so.
fn has_passed_less(duration: Duration, since: Timestamp, now: Timestamp) -> bool {
    let passed = now.duration_since(since);
    !passed.is_negative()
        && passed < SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}
