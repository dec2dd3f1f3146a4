//! The cache under a clock that the tests set, with loads that they make succeed, fail, hang and go
//! away.

mod single_flight;
mod staleness_bound;

use std::future::{pending, ready};
use std::time::Duration;

use super::*;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    Unavailable,
    Refused,
}

impl LoadError for Failure {
    fn is_unavailable(&self) -> bool {
        *self == Self::Unavailable
    }
}

type TestCache = Cache<&'static str, u64, Failure>;

const TIME_TO_LIVE: i64 = 300;
const STALE_WINDOW: i64 = 600;
const REFRESH_INTERVAL: i64 = 5;

fn cache_of(capacity: usize, clock: &Clock) -> TestCache {
    let limits = CacheLimits {
        capacity: capacity.try_into().unwrap(),
        ..CacheLimits::TENANTS
    };
    Cache::new(limits, clock.clone())
}

fn cache() -> (TestCache, Clock) {
    let clock = Clock::fixed(Timestamp::UNIX_EPOCH);
    (cache_of(3, &clock), clock)
}

/// What the cache gives when a load would give `loaded`.
async fn get(cache: &TestCache, key: &'static str, loaded: u64) -> u64 {
    let cached = cache.get_or_load(&key, || ready(Ok(loaded))).await;
    *cached.unwrap().value
}

async fn get_failing(
    cache: &TestCache,
    key: &'static str,
    failure: Failure,
) -> Result<u64, Failure> {
    cache
        .get_or_load(&key, || ready(Err(failure)))
        .await
        .map(|cached| *cached.value)
}

mod age {
    use super::*;

    #[tokio::test]
    async fn an_entry_is_served_until_its_time_to_live_is_over() {
        let (cache, clock) = cache();
        assert_eq!(get(&cache, "a", 1).await, 1);
        clock.advance(TIME_TO_LIVE - 1);
        assert_eq!(get(&cache, "a", 2).await, 1);
        clock.advance(1);
        assert_eq!(get(&cache, "a", 3).await, 3);
    }

    #[tokio::test]
    async fn age_counts_from_before_the_load() {
        let (cache, clock) = cache();
        let slow = || {
            clock.advance(TIME_TO_LIVE - 1);
            ready(Ok(1))
        };
        assert_eq!(*cache.get_or_load(&"a", slow).await.unwrap().value, 1);
        assert_eq!(get(&cache, "a", 2).await, 1);
        clock.advance(1);
        assert_eq!(get(&cache, "a", 3).await, 3);
    }

    #[tokio::test]
    async fn a_clock_that_is_set_back_empties_the_cache() {
        let (cache, clock) = cache();
        clock.advance(1_000);
        get(&cache, "a", 1).await;
        get(&cache, "b", 1).await;
        clock.advance(-1);
        let failure = Failure::Unavailable;
        assert_eq!(get_failing(&cache, "a", failure).await, Err(failure));
        // Also what would look fresh again by now.
        clock.advance(1);
        assert_eq!(get_failing(&cache, "b", failure).await, Err(failure));
    }

    #[tokio::test]
    async fn a_load_is_made_again_if_others_saw_the_clock_set_back_meanwhile() {
        let (cache, clock) = cache();
        clock.advance(1_000);
        let loads = std::cell::Cell::new(0);
        let load = || async {
            loads.set(loads.get() + 1);
            if loads.get() == 1 {
                get(&cache, "b", 1).await;
                clock.advance(-100);
                get(&cache, "b", 1).await;
                clock.advance(150);
            }
            Ok(loads.get())
        };
        assert_eq!(*cache.get_or_load(&"a", load).await.unwrap().value, 2);
    }

    #[tokio::test]
    async fn a_load_during_which_the_clock_is_set_back_is_made_again() {
        let (cache, clock) = cache();
        let mut loads = 0;
        let load = || {
            loads += 1;
            clock.advance(if loads == 1 { -1 } else { 0 });
            ready(Ok(loads))
        };
        assert_eq!(*cache.get_or_load(&"a", load).await.unwrap().value, 2);
    }

    #[tokio::test]
    async fn a_load_that_takes_longer_than_an_entry_may_be_served_is_made_again() {
        let (cache, clock) = cache();
        let mut loads = 0;
        let load = || {
            loads += 1;
            clock.advance(if loads == 1 {
                TIME_TO_LIVE + STALE_WINDOW
            } else {
                0
            });
            ready(Ok(loads))
        };
        assert_eq!(*cache.get_or_load(&"a", load).await.unwrap().value, 2);
        assert_eq!(get(&cache, "a", 9).await, 2);
    }
}

mod failure {
    use super::*;

    #[tokio::test]
    async fn a_failed_load_is_not_cached() {
        let (cache, _) = cache();
        for failure in [Failure::Refused, Failure::Unavailable] {
            assert_eq!(get_failing(&cache, "a", failure).await, Err(failure));
        }
        assert_eq!(get(&cache, "a", 1).await, 1);
    }

    #[tokio::test]
    async fn an_entry_past_its_time_is_served_while_the_source_is_unavailable_and_says_so() {
        let (cache, clock) = cache();
        get(&cache, "a", 1).await;
        clock.advance(TIME_TO_LIVE + STALE_WINDOW - 1);
        let unavailable = || ready(Err(Failure::Unavailable));
        let stale = cache.get_or_load(&"a", unavailable).await.unwrap();
        assert_eq!((*stale.value, stale.source), (1, Source::Stale));
        assert_eq!(stale.outage, Some(Failure::Unavailable));
        clock.advance(1);
        assert_eq!(
            get_failing(&cache, "a", Failure::Unavailable).await,
            Err(Failure::Unavailable)
        );
    }

    #[tokio::test]
    async fn time_that_passes_while_the_source_is_asked_counts() {
        let (cache, clock) = cache();
        get(&cache, "a", 1).await;
        clock.advance(TIME_TO_LIVE + STALE_WINDOW - 1);
        let slow = || {
            clock.advance(1);
            ready(Err(Failure::Unavailable))
        };
        assert_eq!(
            cache.get_or_load(&"a", slow).await,
            Err(Failure::Unavailable)
        );
    }

    #[tokio::test]
    async fn a_refusal_is_not_papered_over_and_ends_the_stale_entry() {
        let (cache, clock) = cache();
        get(&cache, "a", 1).await;
        clock.advance(TIME_TO_LIVE);
        assert_eq!(
            get_failing(&cache, "a", Failure::Refused).await,
            Err(Failure::Refused)
        );
        assert_eq!(
            get_failing(&cache, "a", Failure::Unavailable).await,
            Err(Failure::Unavailable)
        );
    }
}

mod capacity {
    use super::*;

    #[tokio::test]
    async fn the_least_recently_used_entry_gives_way() {
        let (cache, _) = cache();
        for key in ["a", "b", "c"] {
            get(&cache, key, 1).await;
        }
        get(&cache, "a", 2).await;
        get(&cache, "d", 1).await;
        assert_eq!(get(&cache, "a", 2).await, 1);
        assert_eq!(get(&cache, "c", 2).await, 1);
        assert_eq!(get(&cache, "b", 2).await, 2);
    }

    #[tokio::test]
    async fn what_cannot_be_served_any_more_is_freed_at_the_next_access_of_anything() {
        let (cache, clock) = cache();
        let a = cache.get_or_load(&"a", || ready(Ok(1))).await.unwrap();
        clock.advance(TIME_TO_LIVE - 1);
        get(&cache, "b", 1).await;
        // Used after the one that is younger: age tells, not use.
        get(&cache, "a", 2).await;
        clock.advance(STALE_WINDOW);
        assert_eq!(cache.get(&"nothing"), None);
        assert_eq!(Arc::strong_count(&a.value), 2);
        clock.advance(1);
        assert_eq!(cache.get(&"nothing"), None);
        assert_eq!(Arc::strong_count(&a.value), 1);
        assert_eq!(get_failing(&cache, "b", Failure::Unavailable).await, Ok(1));
    }

    #[tokio::test]
    async fn a_value_says_whether_it_was_in_memory() {
        let (cache, clock) = cache();
        let mut sources = Vec::new();
        for seconds in [0, TIME_TO_LIVE - 1, 1] {
            clock.advance(seconds);
            let cached = cache.get_or_load(&"a", || ready(Ok(1))).await.unwrap();
            sources.push(cached.source);
        }
        assert_eq!(sources, [Source::Loaded, Source::Memory, Source::Loaded]);
    }
}

mod refresh {
    use super::*;

    async fn refresh(
        cache: &TestCache,
        seen: &Arc<u64>,
        loaded: Result<u64, Failure>,
    ) -> Result<(u64, bool), Failure> {
        let refreshed = cache.refresh(&"a", seen, || ready(loaded)).await?;
        Ok((*refreshed.value, refreshed.is_newer))
    }

    async fn cached(cache: &TestCache) -> Arc<u64> {
        let cached = cache.get_or_load(&"a", || ready(Ok(1))).await;
        cached.unwrap().value
    }

    #[tokio::test]
    async fn a_key_is_reloaded_once_in_an_interval() {
        let (cache, clock) = cache();
        let first = cached(&cache).await;
        assert_eq!(refresh(&cache, &first, Ok(2)).await, Ok((2, true)));
        let second = cached(&cache).await;
        clock.advance(REFRESH_INTERVAL - 1);
        assert_eq!(refresh(&cache, &second, Ok(3)).await, Ok((2, false)));
        clock.advance(1);
        assert_eq!(refresh(&cache, &second, Ok(3)).await, Ok((3, true)));
    }

    #[tokio::test]
    async fn who_saw_an_older_value_is_given_the_newer_one_without_a_load() {
        let (cache, _) = cache();
        let first = cached(&cache).await;
        assert_eq!(refresh(&cache, &first, Ok(2)).await, Ok((2, true)));
        assert_eq!(refresh(&cache, &first, Ok(3)).await, Ok((2, true)));
    }

    #[tokio::test]
    async fn an_ordinary_reload_does_not_shorten_the_interval() {
        let clock = Clock::fixed(Timestamp::UNIX_EPOCH);
        let refresh_interval = Duration::from_secs(TIME_TO_LIVE.unsigned_abs() * 2);
        let cache = TestCache::new(
            CacheLimits {
                refresh_interval,
                ..CacheLimits::TENANTS
            },
            clock.clone(),
        );
        let first = cached(&cache).await;
        assert_eq!(refresh(&cache, &first, Ok(2)).await, Ok((2, true)));
        clock.advance(TIME_TO_LIVE);
        assert_eq!(get(&cache, "a", 3).await, 3);
        let third = cached(&cache).await;
        assert_eq!(refresh(&cache, &third, Ok(4)).await, Ok((3, false)));
    }

    #[tokio::test]
    async fn a_key_that_is_not_cached_is_loaded() {
        let (cache, _) = cache();
        let seen = Arc::new(1);
        assert_eq!(refresh(&cache, &seen, Ok(2)).await, Ok((2, true)));
    }

    #[tokio::test]
    async fn an_unavailable_source_leaves_the_cached_value() {
        let (cache, _) = cache();
        let first = cached(&cache).await;
        assert_eq!(
            refresh(&cache, &first, Err(Failure::Unavailable)).await,
            Ok((1, false))
        );
    }

    #[tokio::test]
    async fn what_could_not_be_reloaded_is_in_doubt_until_it_is() {
        let (cache, clock) = cache();
        let first = cached(&cache).await;
        let is_in_doubt = async |loaded: Result<u64, Failure>| {
            let refreshed = cache.refresh(&"a", &first, || ready(loaded)).await;
            refreshed.unwrap().is_in_doubt
        };
        assert!(is_in_doubt(Err(Failure::Unavailable)).await);
        // Not asked for again, and no less in doubt for it.
        assert!(is_in_doubt(Ok(2)).await);
        clock.advance(REFRESH_INTERVAL);
        assert!(!is_in_doubt(Ok(1)).await);
        assert!(!is_in_doubt(Err(Failure::Unavailable)).await);
    }

    #[tokio::test]
    async fn a_refusal_ends_the_cached_value() {
        let (cache, _) = cache();
        let first = cached(&cache).await;
        let refusal = refresh(&cache, &first, Err(Failure::Refused)).await;
        assert_eq!(refusal, Err(Failure::Refused));
        assert_eq!(get(&cache, "a", 2).await, 2);
    }

    #[tokio::test]
    async fn a_value_past_its_time_is_not_given_within_the_interval_either() {
        let clock = Clock::fixed(Timestamp::UNIX_EPOCH);
        let refresh_interval = Duration::from_hours(1);
        let cache = TestCache::new(
            CacheLimits {
                refresh_interval,
                ..CacheLimits::TENANTS
            },
            clock.clone(),
        );
        let first = cached(&cache).await;
        refresh(&cache, &first, Ok(2)).await.unwrap();
        let second = cached(&cache).await;
        clock.advance(TIME_TO_LIVE);
        assert_eq!(refresh(&cache, &second, Ok(3)).await, Ok((3, true)));
    }

    #[tokio::test]
    async fn readers_do_not_wait_for_a_refresh() {
        let (cache, _) = cache();
        let first = cached(&cache).await;
        tokio::select! {
            biased;
            _ = cache.refresh(&"a", &first, pending) => unreachable!(),
            value = get(&cache, "a", 9) => assert_eq!(value, 1),
        }
        // It went away before it ended, and took nothing of the interval with it.
        assert_eq!(refresh(&cache, &first, Ok(2)).await, Ok((2, true)));
    }
}
