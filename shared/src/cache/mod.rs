//! What a warm function keeps in memory: bounded in number and in age, each entry loaded once for
//! all who wait for it.

mod state;
#[cfg(test)]
mod tests;

use std::fmt;
use std::hash::Hash;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

pub use self::state::CacheCounters;
use self::state::{Entry, Flight, State};
use crate::clock::Clock;

/// What a loader may fail with. It is cloned for all who waited for the load.
pub trait LoadError: Clone {
    /// Whether the source could not be asked, so that what it said before may be served a while
    /// longer. Not so when it answered with a refusal.
    fn is_unavailable(&self) -> bool;
}

impl<E: LoadError> LoadError for Arc<E> {
    fn is_unavailable(&self) -> bool {
        (**self).is_unavailable()
    }
}

/// How much a cache holds, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheLimits {
    /// The most entries; the least recently used gives way.
    pub capacity: NonZeroUsize,
    /// How old an entry may be served.
    pub time_to_live: Duration,
    /// How much older it may be served when its source is unavailable.
    pub stale_window: Duration,
    /// The shortest time between two reloads that [`Cache::refresh`] makes of one key.
    pub refresh_interval: Duration,
}

/// The oldest that an entry is served under [`CacheLimits::default`]: what a warm function may
/// still believe of the world.
pub const LONGEST_AGE: Duration = TIME_TO_LIVE.saturating_add(STALE_WINDOW);

const TIME_TO_LIVE: Duration = Duration::from_mins(5);
const STALE_WINDOW: Duration = Duration::from_mins(10);

impl Default for CacheLimits {
    /// What tenants are cached under: 1,000 entries, 5 minutes, 10 more when the source is
    /// unavailable, 5 seconds between reloads on demand.
    fn default() -> Self {
        Self {
            capacity: const { NonZeroUsize::new(1_000).unwrap() },
            time_to_live: TIME_TO_LIVE,
            stale_window: STALE_WINDOW,
            refresh_interval: Duration::from_secs(5),
        }
    }
}

/// A bounded, least-recently-used map of what is loaded from elsewhere.
///
/// - A load that many wait for is made once; loads of different keys do not wait for one another.
/// - An entry's age counts from *before* its load began, by the wall clock, and no entry is ever
///   served when older than time to live plus stale window. That bound is relied on: an account
///   that one tenant gave up is another's after it. A load that itself took longer is made again.
/// - A clock that is set back empties the cache, for ages can no longer be told. (By how much it
///   was set back while nobody asked is all that can escape notice.)
/// - A failed load is not cached. Only when the source is unavailable does an entry outlive its
///   time to live.
///
/// Any runtime will do, and no lock is held while a load runs. A caller that goes away in the
/// middle of a load leaves it to the next of those who wait.
pub struct Cache<K, V, E> {
    state: Mutex<State<K, V, E>>,
    clock: Clock,
    limits: CacheLimits,
}

/// What [`Cache::refresh`] gives.
#[derive(Debug, PartialEq, Eq)]
pub struct Refreshed<V> {
    /// The value that the cache holds now.
    pub value: Arc<V>,
    /// Whether it was loaded after the value that was seen, so that trying again may help.
    pub is_newer: bool,
}

/// What is to be done about a key.
enum Step<'a, K: Hash + Eq, V, E> {
    Serve(Arc<V>),
    Follow(watch::Receiver<Option<Result<(), E>>>),
    Lead(Leader<'a, K, V, E>),
}

impl<K: Hash + Eq + Clone, V, E: LoadError> Cache<K, V, E> {
    /// An empty cache.
    #[must_use]
    pub fn new(limits: CacheLimits, clock: Clock) -> Self {
        Self {
            state: Mutex::new(State::new(limits.capacity)),
            clock,
            limits,
        }
    }

    /// The cached value, or else the one that `load` gives. `load` is called more than once only if
    /// the first load was overtaken by [`Cache::invalidate`] or took longer than an entry may be
    /// served.
    ///
    /// # Errors
    /// The load's own, unless it says that the source is unavailable and an entry within the stale
    /// window is there.
    pub async fn get_or_load<F, Fut>(&self, key: &K, mut load: F) -> Result<Arc<V>, E>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<V, E>>,
    {
        let mut is_first = true;
        loop {
            let step = self.step(key, is_first);
            is_first = false;
            if let Some(outcome) = self.perform(key, step, &mut load).await {
                return outcome;
            }
        }
    }

    /// A value newer than the one that was `seen` to be of no use: the cached one if it is newer
    /// already, else a reload, at most one per key and refresh interval. Within the interval it is
    /// the cached value, not newer.
    ///
    /// # Errors
    /// As [`Cache::get_or_load`]. When the source is unavailable, the cached value is given, not
    /// newer.
    pub async fn refresh<F, Fut>(
        &self,
        key: &K,
        seen: &Arc<V>,
        mut load: F,
    ) -> Result<Refreshed<V>, E>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<V, E>>,
    {
        loop {
            let step = self.refresh_step(key, seen);
            if let Some(outcome) = self.perform(key, step, &mut load).await {
                let value = outcome?;
                let is_newer = !Arc::ptr_eq(&value, seen);
                return Ok(Refreshed { value, is_newer });
            }
        }
    }

    /// The cached value, if it may still be served without asking its source. Not counted.
    #[must_use]
    pub fn get(&self, key: &K) -> Option<Arc<V>> {
        let mut state = self.lock();
        let now = state.now(&self.clock);
        state.younger_than(key, self.limits.time_to_live, now)
    }

    /// Caches a value that was learned otherwise, by what was read at `read_at` or later.
    pub fn put(&self, key: K, value: V, read_at: Timestamp) {
        let entry = Entry {
            value: Arc::new(value),
            read_at,
            refreshed_at: None,
        };
        let mut state = self.lock();
        let now = state.now(&self.clock);
        state.drop_expired(self.longest_age(), now);
        state.entries.put(key, entry);
    }

    /// Forgets a key, after its source was changed. A load that is under way is not cached either.
    pub fn invalidate(&self, key: &K) {
        let mut state = self.lock();
        state.entries.pop(key);
        state.flights.remove(key);
    }

    /// How often the cache was asked, and with what success, since it was made.
    #[must_use]
    pub fn counters(&self) -> CacheCounters {
        self.lock().counters
    }

    fn lock(&self) -> MutexGuard<'_, State<K, V, E>> {
        // Nothing panics while the lock is held but a key's own `Hash` or `Eq`, which leaves the
        // state whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn step(&self, key: &K, is_counted: bool) -> Step<'_, K, V, E> {
        let mut state = self.lock();
        let now = state.now(&self.clock);
        if let Some(value) = state.younger_than(key, self.limits.time_to_live, now) {
            state.counters.hits += u64::from(is_counted);
            return Step::Serve(value);
        }
        state.counters.misses += u64::from(is_counted);
        self.follow_or_lead(state, key, now)
    }

    fn refresh_step(&self, key: &K, seen: &Arc<V>) -> Step<'_, K, V, E> {
        let mut state = self.lock();
        let now = state.now(&self.clock);
        if let Some(value) = state.younger_than(key, self.limits.time_to_live, now) {
            let is_newer = !Arc::ptr_eq(&value, seen);
            // Who reloads holds the interval from its start, so that those who come meanwhile wait
            // for it or do without.
            if is_newer
                || (!state.flights.contains_key(key)
                    && !state.may_refresh(key, self.limits.refresh_interval, now))
            {
                return Step::Serve(value);
            }
        }
        self.follow_or_lead(state, key, now)
    }

    fn follow_or_lead(
        &self,
        mut state: MutexGuard<'_, State<K, V, E>>,
        key: &K,
        now: Timestamp,
    ) -> Step<'_, K, V, E> {
        if let Some(flight) = state.flights.get(key) {
            return Step::Follow(flight.landing.clone());
        }
        let (announce, landing) = watch::channel(None);
        let id = state.next_flight();
        state.flights.insert(key.clone(), Flight { id, landing });
        Step::Lead(Leader {
            cache: self,
            key: key.clone(),
            id,
            read_at: now,
            announce,
        })
    }

    /// Does what there is to be done; nothing, when it has to be thought over again.
    async fn perform<F, Fut>(
        &self,
        key: &K,
        step: Step<'_, K, V, E>,
        load: &mut F,
    ) -> Option<Result<Arc<V>, E>>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<V, E>>,
    {
        match step {
            Step::Serve(value) => Some(Ok(value)),
            Step::Lead(leader) => {
                let outcome = load().await;
                leader.land(outcome)
            }
            Step::Follow(mut landing) => {
                let failure = match landing.wait_for(Option::is_some).await.as_deref() {
                    Ok(Some(Err(failure))) => failure.clone(),
                    // It landed, and the entry is there; or its leader went away.
                    _ => return None,
                };
                let mut state = self.lock();
                let now = state.now(&self.clock);
                Some(self.stale_or(failure, &mut state, key, now))
            }
        }
    }

    fn stale_or(
        &self,
        failure: E,
        state: &mut State<K, V, E>,
        key: &K,
        now: Timestamp,
    ) -> Result<Arc<V>, E> {
        if !failure.is_unavailable() {
            return Err(failure);
        }
        let is_fresh = state
            .younger_than(key, self.limits.time_to_live, now)
            .is_some();
        let value = state
            .younger_than(key, self.longest_age(), now)
            .ok_or(failure)?;
        state.counters.stale += u64::from(!is_fresh);
        Ok(value)
    }

    fn longest_age(&self) -> Duration {
        self.limits
            .time_to_live
            .saturating_add(self.limits.stale_window)
    }
}

impl<K, V, E> fmt::Debug for Cache<K, V, E> {
    /// Shows no key and no value.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Cache")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// Who makes a load. Dropped before it landed, it leaves the key as if it had never begun.
struct Leader<'a, K: Hash + Eq, V, E> {
    cache: &'a Cache<K, V, E>,
    key: K,
    id: u64,
    /// From before the load: whatever it reads is at most as old as this says.
    read_at: Timestamp,
    announce: watch::Sender<Option<Result<(), E>>>,
}

impl<K: Hash + Eq + Clone, V, E: LoadError> Leader<'_, K, V, E> {
    /// Ends the load: caches a value, tells those who follow. Nothing, when the load was overtaken
    /// or took too long.
    fn land(self, outcome: Result<V, E>) -> Option<Result<Arc<V>, E>> {
        let cache = self.cache;
        let mut state = cache.lock();
        let now = state.now(&cache.clock);
        if !state.end_flight(&self.key, self.id) {
            return None;
        }
        match outcome {
            Ok(value) => {
                let refreshed_at = state
                    .entries
                    .peek(&self.key)
                    .and_then(|entry| entry.refreshed_at);
                let entry = Entry {
                    value: Arc::new(value),
                    read_at: self.read_at,
                    refreshed_at,
                };
                if !entry.is_younger_than(cache.longest_age(), now) {
                    return None;
                }
                let value = Arc::clone(&entry.value);
                state.drop_expired(cache.longest_age(), now);
                state.entries.put(self.key.clone(), entry);
                self.announce.send_replace(Some(Ok(())));
                Some(Ok(value))
            }
            Err(failure) => {
                self.announce.send_replace(Some(Err(failure.clone())));
                if !failure.is_unavailable() {
                    state.entries.pop(&self.key);
                }
                Some(cache.stale_or(failure, &mut state, &self.key, now))
            }
        }
    }
}

impl<K: Hash + Eq, V, E> Drop for Leader<'_, K, V, E> {
    fn drop(&mut self) {
        let mut state = self
            .cache
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if state.end_flight(&self.key, self.id) {
            state.forget_refresh(&self.key, self.read_at);
        }
    }
}
