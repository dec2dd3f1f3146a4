//! What a warm function keeps in memory: bounded in number and in age, each entry loaded once for
//! all who wait for it.

mod limits;
mod outcome;
mod state;
#[cfg(test)]
mod tests;

use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::watch;

pub use self::limits::CacheLimits;
pub use self::outcome::{Cached, Refreshed, Source};
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

/// A bounded, least-recently-used map of what is loaded from elsewhere.
///
/// - A load that many wait for is made once; loads of different keys do not wait for one another.
/// - An entry's age counts from *before* its load began, by the wall clock, and no entry is ever
///   served when older than time to live plus stale window; the next access of any kind frees it. That bound is relied on: an account
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
    pub async fn get_or_load<F, Fut>(&self, key: &K, mut load: F) -> Result<Cached<V, E>, E>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<V, E>>,
    {
        let mut source = Source::Memory;
        loop {
            let step = self.step(key);
            if let Some(outcome) = self.perform(key, step, source, &mut load).await {
                return outcome;
            }
            // What is in memory by now, another call has loaded meanwhile.
            source = Source::Loaded;
        }
    }

    /// A value newer than the one that was `seen` to be of no use: the cached one if it is newer
    /// already, else a reload, at most one per key and refresh interval. Within the interval it is
    /// the cached value, not newer.
    ///
    /// # Errors
    /// As [`Cache::get_or_load`]. When the source is unavailable, the cached value is given, not
    /// newer and in doubt, until a reload succeeds.
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
            if let Some(outcome) = self.perform(key, step, Source::Memory, &mut load).await {
                let value = outcome?.value;
                let is_newer = !Arc::ptr_eq(&value, seen);
                let is_in_doubt = !is_newer && self.is_in_doubt(key);
                return Ok(Refreshed {
                    value,
                    is_newer,
                    is_in_doubt,
                });
            }
        }
    }

    /// The cached value, if it may still be served without asking its source.
    #[must_use]
    pub fn get(&self, key: &K) -> Option<Arc<V>> {
        let (mut state, now) = self.at_now();
        state.younger_than(key, self.limits.time_to_live, now)
    }

    /// Whether a value that was served is still one that may be: asked again after what was done with it took its time, as
    /// it does in a sandbox that is frozen meanwhile.
    #[must_use]
    pub fn holds(&self, key: &K, value: &Arc<V>) -> bool {
        let (state, _) = self.at_now();
        let entry = state.entries.peek(key);
        entry.is_some_and(|entry| Arc::ptr_eq(&entry.value, value))
    }

    /// Caches a value that was learned otherwise, by what was read at `read_at` or later.
    pub fn put(&self, key: K, value: V, read_at: Timestamp) {
        let entry = Entry {
            value: Arc::new(value),
            read_at,
            refreshed_at: None,
            is_in_doubt: false,
        };
        let (mut state, _) = self.at_now();
        state.put(key, entry);
    }

    /// Forgets a key, after its source was changed. A load that is under way is not cached either.
    pub fn invalidate(&self, key: &K) {
        let mut state = self.lock();
        state.entries.pop(key);
        state.flights.remove(key);
    }

    fn is_in_doubt(&self, key: &K) -> bool {
        let state = self.lock();
        let entry = state.entries.peek(key);
        entry.is_some_and(|entry| entry.is_in_doubt)
    }

    fn lock(&self) -> MutexGuard<'_, State<K, V, E>> {
        // Nothing panics while the lock is held but a key's own `Hash` or `Eq`, which leaves the
        // state whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state as of now, which is read under the lock, without what must not be served any more.
    fn at_now(&self) -> (MutexGuard<'_, State<K, V, E>>, Timestamp) {
        let mut state = self.lock();
        let now = state.now(&self.clock);
        state.drop_expired(self.limits.longest_age(), now);
        (state, now)
    }

    fn step(&self, key: &K) -> Step<'_, K, V, E> {
        let (mut state, now) = self.at_now();
        if let Some(value) = state.younger_than(key, self.limits.time_to_live, now) {
            return Step::Serve(value);
        }
        self.follow_or_lead(state, key, now)
    }

    fn refresh_step(&self, key: &K, seen: &Arc<V>) -> Step<'_, K, V, E> {
        let (mut state, now) = self.at_now();
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

    /// Does what there is to be done; nothing, when it has to be thought over again. What is served is said to be of
    /// `source`.
    async fn perform<F, Fut>(
        &self,
        key: &K,
        step: Step<'_, K, V, E>,
        source: Source,
        load: &mut F,
    ) -> Option<Result<Cached<V, E>, E>>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<V, E>>,
    {
        match step {
            Step::Serve(value) => Some(Ok(Cached::of(value, source))),
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
                let (mut state, now) = self.at_now();
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
    ) -> Result<Cached<V, E>, E> {
        if !failure.is_unavailable() {
            return Err(failure);
        }
        if let Some(value) = state.younger_than(key, self.limits.time_to_live, now) {
            return Ok(Cached::of(value, Source::Memory));
        }
        match state.younger_than(key, self.limits.longest_age(), now) {
            Some(value) => Ok(Cached {
                value,
                source: Source::Stale,
                outage: Some(failure),
            }),
            None => Err(failure),
        }
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
    fn land(self, outcome: Result<V, E>) -> Option<Result<Cached<V, E>, E>> {
        let cache = self.cache;
        let (mut state, now) = cache.at_now();
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
                    is_in_doubt: false,
                };
                if !entry.is_younger_than(cache.limits.longest_age(), now) {
                    return None;
                }
                let value = Arc::clone(&entry.value);
                state.put(self.key.clone(), entry);
                self.announce.send_replace(Some(Ok(())));
                Some(Ok(Cached::of(value, Source::Loaded)))
            }
            Err(failure) => {
                self.announce.send_replace(Some(Err(failure.clone())));
                if !failure.is_unavailable() {
                    state.entries.pop(&self.key);
                } else if let Some(entry) = state.entries.peek_mut(&self.key) {
                    entry.is_in_doubt = true;
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
