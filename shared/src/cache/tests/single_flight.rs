//! One load for all who wait for it.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use tokio::sync::Notify;
use tokio::task::{JoinHandle, yield_now};

use super::*;

const CALLERS: u64 = 1_000;

fn shared_cache() -> Arc<TestCache> {
    Arc::new(cache_of(3, &Clock::system()))
}

async fn all<T>(tasks: Vec<JoinHandle<T>>) -> Vec<T> {
    let mut outcomes = Vec::new();
    for task in tasks {
        outcomes.push(task.await.unwrap());
    }
    outcomes
}

async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        yield_now().await;
    }
}

/// Makes a call, and counts it once it waits.
async fn counted<T>(waiting: &AtomicU64, call: impl Future<Output = T>) -> T {
    let (mut call, mut is_counted) = (pin!(call), false);
    poll_fn(|context| {
        let polled = call.as_mut().poll(context);
        if polled.is_pending() && !is_counted {
            is_counted = true;
            waiting.fetch_add(1, SeqCst);
        }
        polled
    })
    .await
}

/// A thousand tasks that ask for one key, and a load that ends once all of them have asked.
async fn stampede(outcome: Result<u64, Failure>) -> (Vec<Result<u64, Failure>>, u64) {
    let cache = shared_cache();
    let (waiting, loads) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let callers = (0..CALLERS).map(|_| {
        let (cache, waiting) = (Arc::clone(&cache), Arc::clone(&waiting));
        let loads = Arc::clone(&loads);
        tokio::spawn(async move {
            let load = || async {
                loads.fetch_add(1, SeqCst);
                until(|| waiting.load(SeqCst) == CALLERS).await;
                outcome
            };
            let cached = counted(&waiting, cache.get_or_load(&"a", load)).await?;
            assert_eq!(cached.source, Source::Loaded);
            Ok(*cached.value)
        })
    });
    (all(callers.collect()).await, loads.load(SeqCst))
}

#[tokio::test]
async fn a_thousand_misses_of_one_key_make_one_load() {
    assert_eq!(stampede(Ok(7)).await, (vec![Ok(7); 1_000], 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_misses_on_several_threads_make_one_load() {
    assert_eq!(stampede(Ok(7)).await, (vec![Ok(7); 1_000], 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_failure_is_shared_by_all_who_waited_for_it() {
    let failure = Err(Failure::Unavailable);
    assert_eq!(stampede(failure).await, (vec![failure; 1_000], 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_refreshes_of_one_key_make_one_load_that_all_are_given() {
    let cache = shared_cache();
    let seen = cache.get_or_load(&"a", || ready(Ok(1))).await;
    let seen = seen.unwrap().value;
    let (asked, loads) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let callers = (0..CALLERS).map(|_| {
        let (cache, seen) = (Arc::clone(&cache), Arc::clone(&seen));
        let (asked, loads) = (Arc::clone(&asked), Arc::clone(&loads));
        tokio::spawn(async move {
            asked.fetch_add(1, SeqCst);
            let load = || async {
                loads.fetch_add(1, SeqCst);
                until(|| asked.load(SeqCst) == CALLERS).await;
                Ok(2)
            };
            let refreshed = cache.refresh(&"a", &seen, load).await.unwrap();
            (*refreshed.value, refreshed.is_newer)
        })
    });
    assert_eq!(all(callers.collect()).await, vec![(2, true); 1_000]);
    assert_eq!(loads.load(SeqCst), 1);
}

#[tokio::test]
async fn a_load_does_not_hold_up_another_key() {
    let (cache, _) = cache();
    tokio::select! {
        biased;
        _ = cache.get_or_load(&"a", pending) => unreachable!(),
        value = get(&cache, "b", 1) => assert_eq!(value, 1),
    }
}

/// A leader whose load does not end before `ending`, and a follower that waits for it.
async fn leader_and_follower(
    ending: impl Future<Output = ()> + Send + 'static,
) -> (JoinHandle<()>, JoinHandle<u64>) {
    let cache = shared_cache();
    let begun = Arc::new(Notify::new());
    let leader = tokio::spawn({
        let (cache, begun) = (Arc::clone(&cache), Arc::clone(&begun));
        let mut ending = Some(ending);
        async move {
            let load = || {
                begun.notify_one();
                let ending = ending.take().unwrap();
                async {
                    ending.await;
                    Ok(1)
                }
            };
            cache.get_or_load(&"a", load).await.unwrap();
        }
    });
    begun.notified().await;
    let waiting = Arc::new(AtomicU64::new(0));
    let follower = tokio::spawn({
        let waiting = Arc::clone(&waiting);
        async move { counted(&waiting, get(&cache, "a", 2)).await }
    });
    until(|| waiting.load(SeqCst) == 1).await;
    (leader, follower)
}

#[tokio::test]
async fn a_leader_that_is_cancelled_leaves_the_load_to_a_follower() {
    let (leader, follower) = leader_and_follower(pending()).await;
    leader.abort();
    assert_eq!(follower.await.unwrap(), 2);
}

#[tokio::test]
async fn a_leader_that_panics_leaves_the_load_to_a_follower() {
    let go = Arc::new(Notify::new());
    let ending = {
        let go = Arc::clone(&go);
        async move {
            go.notified().await;
            panic!("as told");
        }
    };
    let (leader, follower) = leader_and_follower(ending).await;
    go.notify_one();
    assert_eq!(follower.await.unwrap(), 2);
    assert!(leader.await.unwrap_err().is_panic());
}

#[tokio::test]
async fn an_invalidation_overtakes_a_load_under_way() {
    let (cache, _) = cache();
    let mut loads = 0;
    let load = || {
        loads += 1;
        if loads == 1 {
            cache.invalidate(&"a");
        }
        ready(Ok(loads))
    };
    assert_eq!(*cache.get_or_load(&"a", load).await.unwrap().value, 2);
    assert_eq!(get(&cache, "a", 9).await, 2);
}

#[tokio::test]
async fn an_invalidated_key_is_loaded_again() {
    let (cache, _) = cache();
    get(&cache, "a", 1).await;
    cache.invalidate(&"a");
    assert_eq!(get(&cache, "a", 2).await, 2);
}
