//! Several batches of a stream in work at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Semaphore;

use super::*;

const LANES: usize = 4;

fn parallel() -> StreamSourceOptions {
    StreamSourceOptions {
        parallelization: LANES,
        ..options()
    }
}

/// Keys of which no two are in the same lane, each with that lane.
fn one_of_each_lane() -> Vec<String> {
    let mut keys = BTreeMap::new();
    for number in 0.. {
        let key = number.to_string();
        let record =
            json!({"dynamodb": {"Keys": {"pk": {"S": key.as_str()}, "sk": {"S": "item"}}}});
        keys.entry(lane_of(&record, LANES)).or_insert(key);
        if keys.len() == LANES {
            break;
        }
    }
    keys.into_values().collect()
}

/// How many events a function has in work, and how many it had at the most.
#[derive(Default)]
struct Work {
    now: AtomicUsize,
    most: AtomicUsize,
}

/// A function that tells of each event that it began with, and answers once there is a permit.
fn held() -> (
    Arc<impl Invoke>,
    mpsc::UnboundedReceiver<Value>,
    Arc<Semaphore>,
    Arc<Work>,
) {
    let (begun, begins) = mpsc::unbounded_channel();
    let (permits, work) = (Arc::new(Semaphore::new(0)), Arc::<Work>::default());
    let (allowed, in_work) = (Arc::clone(&permits), Arc::clone(&work));
    let invoke = move |_: String, event: Bytes| {
        let now = in_work.now.fetch_add(1, Ordering::SeqCst) + 1;
        in_work.most.fetch_max(now, Ordering::SeqCst);
        begun.send(serde_json::from_slice(&event).unwrap()).unwrap();
        let (allowed, in_work) = (Arc::clone(&allowed), Arc::clone(&in_work));
        async move {
            allowed.acquire().await.unwrap().forget();
            in_work.now.fetch_sub(1, Ordering::SeqCst);
            Ok(Bytes::new())
        }
    };
    (Arc::new(invoke), begins, permits, work)
}

#[tokio::test]
async fn as_many_batches_are_in_work_as_there_may_be_and_no_more() {
    let emulators = memory().await;
    let all = one_of_each_lane();
    for value in ["one", "two"] {
        for key in &all {
            put(&emulators, key, value).await;
        }
    }
    let (invoke, mut begun, permits, work) = held();
    let single = StreamSourceOptions {
        batch_size: 1,
        ..parallel()
    };
    let source = start(&emulators, single, Clock::system(), invoke);
    let mut first = Vec::new();
    for _ in 0..LANES {
        first.push(keys(&next(&mut begun).await)[0].to_owned());
    }
    first.sort();
    let mut expected = all.clone();
    expected.sort();
    assert_eq!(first, expected);

    permits.add_permits(2 * LANES);
    all_done(&emulators).await;
    source.stop().await;
    assert_eq!(work.most.load(Ordering::SeqCst), LANES);
}

#[tokio::test]
async fn the_records_of_each_item_come_in_their_order_and_none_is_left_out() {
    let emulators = memory().await;
    let items = ["a", "b", "c", "d", "e", "f", "g", "h"];
    for value in 0..20 {
        for key in items {
            put(&emulators, key, &value.to_string()).await;
        }
    }
    let seen: Arc<Mutex<BTreeMap<String, Vec<String>>>> = Arc::default();
    let noted = Arc::clone(&seen);
    let invoke = move |_: String, event: Bytes| {
        let noted = Arc::clone(&noted);
        async move {
            // Whoever comes later may overtake.
            tokio::task::yield_now().await;
            let event: Value = serde_json::from_slice(&event).unwrap();
            for record in event["Records"].as_array().unwrap() {
                let image = &record["dynamodb"]["NewImage"];
                let text = |name: &str| image[name]["S"].as_str().unwrap().to_owned();
                let mut noted = noted.lock().unwrap();
                noted.entry(text("pk")).or_default().push(text("value"));
            }
            Ok(Bytes::new())
        }
    };
    let small = StreamSourceOptions {
        batch_size: 3,
        ..parallel()
    };
    let source = start(&emulators, small, Clock::system(), Arc::new(invoke));
    all_done(&emulators).await;
    source.stop().await;
    let expected: Vec<_> = (0..20).map(|value| value.to_string()).collect();
    let seen = seen.lock().unwrap();
    for key in items {
        assert_eq!(seen[key], expected, "{key}");
    }
}

#[tokio::test]
async fn a_batch_that_fails_holds_up_its_own_lane_alone() {
    let emulators = memory().await;
    let all = one_of_each_lane();
    let failing = all[0].clone();
    for value in ["one", "two"] {
        for key in &all {
            put(&emulators, key, value).await;
        }
    }
    let (invoke, mut received) = function(move |event| match keys(event)[0] == failing {
        true => Err(InvokeError::Failed("it panicked".to_owned())),
        false => Ok(Bytes::new()),
    });
    let source = start(&emulators, parallel(), Clock::system(), invoke);
    let mut handled = BTreeSet::new();
    while handled.len() < LANES - 1 {
        let event = next(&mut received).await;
        let keys = keys(&event);
        if keys[0] != all[0] {
            assert_eq!(keys.len(), 2);
            handled.insert(keys[0].to_owned());
        }
    }
    source.stop().await;
    // The very first record is not done with: nothing is behind it.
    assert_eq!(stream(&emulators).position(SOURCE), None);
}

#[tokio::test]
async fn what_was_left_of_one_lane_comes_after_a_restart_whatever_the_others_did() {
    let directory = TempDir::new().unwrap();
    let emulators = kept(directory.path()).await;
    let all = one_of_each_lane();
    for key in &all {
        put(&emulators, key, "").await;
    }
    let left = all[1].clone();
    let invoke = move |_: String, event: Bytes| {
        let event: Value = serde_json::from_slice(&event).unwrap();
        let is_left = keys(&event) == [left.as_str()];
        async move {
            if is_left {
                std::future::pending::<()>().await;
            }
            Ok(Bytes::new())
        }
    };
    let source = start(&emulators, parallel(), Clock::system(), Arc::new(invoke));
    let stream_now = stream(&emulators);
    let first = stream_now.records(None, 1).await.unwrap().remove(0);
    let done = stream_now.done_with(SOURCE, &first.sequence_number);
    tokio::time::timeout(PATIENCE, done).await.unwrap();
    drop(source);
    emulators.stop().await.unwrap();

    let emulators = kept(directory.path()).await;
    let (invoke, mut received) = function(|_| Ok(Bytes::new()));
    let source = start(&emulators, parallel(), Clock::system(), invoke);
    all_done(&emulators).await;
    source.stop().await;
    let mut again = Vec::new();
    while let Ok(event) = received.try_recv() {
        again.extend(keys(&event).into_iter().map(str::to_owned));
    }
    assert!(again.contains(&all[1]), "{again:?}");
    assert!(!again.contains(&all[0]), "{again:?}");
}
