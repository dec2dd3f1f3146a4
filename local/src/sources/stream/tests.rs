//! The event source over the real DynamoDB emulator.

mod failures;
mod lanes;

use aws_sdk_dynamodb::types::AttributeValue;
use bytes::Bytes;
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::mpsc;

use super::*;
use crate::emulators::Emulators;
use crate::emulators::tests::{TABLE, dynamodb, kept, memory};
use crate::sources::InvokeError;

const SOURCE: &str = "Publisher/Activity";
const PATIENCE: Duration = Duration::from_secs(15);

fn options() -> StreamSourceOptions {
    StreamSourceOptions {
        starting_position: StartingPosition::TrimHorizon,
        batch_size: 100,
        parallelization: 1,
        batching_window: Duration::ZERO,
        maximum_retry_attempts: None,
        maximum_record_age: RETENTION,
        bisect_on_error: false,
        report_batch_item_failures: true,
        filters: Vec::new(),
    }
}

fn stream(emulators: &Emulators) -> StreamHandle {
    let arn = emulators.attributes().get("Items", "StreamArn").unwrap();
    emulators.dynamodb().stream(TABLE, arn)
}

fn start(
    emulators: &Emulators,
    options: StreamSourceOptions,
    clock: Clock,
    invoke: Arc<impl Invoke>,
) -> StreamSource {
    let function = StreamFunction {
        source: SOURCE.to_owned(),
        function: "Publisher".to_owned(),
        arn: "arn:aws:lambda:us-east-1:123456789012:function:publisher".to_owned(),
    };
    let dead = emulators.sqs().queue("trunkline-local-DeadJobs");
    StreamSource::start(
        stream(emulators),
        function,
        options,
        Some(dead),
        clock,
        invoke,
    )
}

/// A function that answers with what `answer` says of the event, and the events that it got.
fn function(
    mut answer: impl FnMut(&Value) -> Result<Bytes, InvokeError> + Send + 'static,
) -> (Arc<impl Invoke>, mpsc::UnboundedReceiver<Value>) {
    let (events, received) = mpsc::unbounded_channel();
    let answer = std::sync::Mutex::new(move |event: Value| -> Result<Bytes, InvokeError> {
        let answer = answer(&event);
        events.send(event).unwrap();
        answer
    });
    let invoke = move |function: String, event: Bytes| {
        assert_eq!(function, "Publisher");
        let answer = answer.lock().unwrap()(serde_json::from_slice(&event).unwrap());
        async move { answer }
    };
    (Arc::new(invoke), received)
}

async fn put(emulators: &Emulators, key: &str, value: &str) {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let put = dynamodb(emulators, 0).put_item().table_name(TABLE);
    let put = put.item("pk", text(key)).item("sk", text("item"));
    put.item("value", text(value)).send().await.unwrap();
}

async fn next(received: &mut mpsc::UnboundedReceiver<Value>) -> Value {
    tokio::time::timeout(PATIENCE, received.recv())
        .await
        .unwrap()
        .unwrap()
}

/// The partition keys of an event's records.
fn keys(event: &Value) -> Vec<&str> {
    let records = event["Records"].as_array().unwrap().iter();
    let keys = records.map(|record| record["dynamodb"]["Keys"]["pk"]["S"].as_str().unwrap());
    keys.collect()
}

/// Waits until the source is done with every record that there is.
async fn all_done(emulators: &Emulators) {
    let stream = stream(emulators);
    let done = tokio::time::timeout(PATIENCE, stream.handled_by(SOURCE));
    done.await.unwrap().unwrap();
}

fn nothing_more(received: &mut mpsc::UnboundedReceiver<Value>) -> bool {
    received.try_recv().is_err()
}

#[tokio::test]
async fn writes_become_the_event_that_lambda_sends_in_their_order() {
    let emulators = memory().await;
    put(&emulators, "a", "one").await;
    put(&emulators, "a", "two").await;
    let delete = dynamodb(&emulators, 0).delete_item().table_name(TABLE);
    let delete = delete.key("pk", AttributeValue::S("a".to_owned()));
    let delete = delete.key("sk", AttributeValue::S("item".to_owned()));
    delete.send().await.unwrap();
    let (invoke, mut received) = function(|_| Ok(Bytes::new()));
    let source = start(&emulators, options(), Clock::system(), invoke);

    let event = next(&mut received).await;
    source.stop().await;
    let records = event["Records"].as_array().unwrap();
    let names: Vec<_> = records.iter().map(|record| &record["eventName"]).collect();
    assert_eq!(names, ["INSERT", "MODIFY", "REMOVE"]);
    let image = |value: &str| json!({"pk": {"S": "a"}, "sk": {"S": "item"}, "value": {"S": value}});
    let modified = &records[1];
    assert_eq!(modified["eventSource"], "aws:dynamodb");
    assert_eq!(modified["eventVersion"], "1.1");
    assert_eq!(modified["awsRegion"], "us-east-1");
    let arn = modified["eventSourceARN"].as_str().unwrap();
    let table = "arn:aws:dynamodb:us-east-1:123456789012:table/trunkline-local-Items/stream/";
    assert!(arn.starts_with(table), "{arn}");
    let change = &modified["dynamodb"];
    assert_eq!(
        change["Keys"],
        json!({"pk": {"S": "a"}, "sk": {"S": "item"}})
    );
    assert_eq!(change["OldImage"], image("one"));
    assert_eq!(change["NewImage"], image("two"));
    assert_eq!(change["StreamViewType"], "NEW_AND_OLD_IMAGES");
    assert!(change["ApproximateCreationDateTime"].as_u64().unwrap() > 1_700_000_000);
    assert!(change["SizeBytes"].as_u64().unwrap() > 0);
    let number = |record: &Value| {
        record["dynamodb"]["SequenceNumber"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert!(number(&records[0]) < number(modified) && number(modified) < number(&records[2]));
    assert!(records[0]["dynamodb"].get("OldImage").is_none());
    assert!(records[2]["dynamodb"].get("NewImage").is_none());
    let ids: std::collections::BTreeSet<_> = records
        .iter()
        .map(|record| record["eventID"].as_str())
        .collect();
    assert_eq!(ids.len(), 3);
}

#[tokio::test]
async fn a_running_source_hears_of_a_write_at_once() {
    let emulators = memory().await;
    let (invoke, mut received) = function(|_| Ok(Bytes::new()));
    let source = start(&emulators, options(), Clock::system(), invoke);
    put(&emulators, "first", "").await;
    next(&mut received).await;
    all_done(&emulators).await;
    let start = std::time::Instant::now();
    put(&emulators, "second", "").await;
    assert_eq!(keys(&next(&mut received).await), ["second"]);
    // Less than it takes until the stream is looked at anyway.
    assert!(start.elapsed() < LOOK / 2);
    source.stop().await;
}

#[tokio::test]
async fn a_batch_holds_no_more_than_it_may() {
    let emulators = memory().await;
    for key in ["1", "2", "3"] {
        put(&emulators, key, "").await;
    }
    let (invoke, mut received) = function(|_| Ok(Bytes::new()));
    let options = StreamSourceOptions {
        batch_size: 2,
        ..options()
    };
    let source = start(&emulators, options, Clock::system(), invoke);
    assert_eq!(keys(&next(&mut received).await), ["1", "2"]);
    assert_eq!(keys(&next(&mut received).await), ["3"]);
    source.stop().await;
}

#[tokio::test]
async fn an_event_stays_within_the_size_that_lambda_takes() {
    let emulators = memory().await;
    // Each record has its value once: three of them are more than 6 MB together only if there are twenty.
    let value = "x".repeat(390_000);
    for key in 0..20 {
        put(&emulators, &format!("{key:02}"), &value).await;
    }
    let (invoke, mut received) = function(|event| {
        assert!(event.to_string().len() <= crate::lambda::PAYLOAD_LIMIT);
        Ok(Bytes::new())
    });
    let source = start(&emulators, options(), Clock::system(), invoke);
    let (first, second) = (next(&mut received).await, next(&mut received).await);
    assert_eq!(keys(&first).len() + keys(&second).len(), 20);
    source.stop().await;
}

#[tokio::test]
async fn a_batching_window_gathers_what_comes_in_it() {
    let emulators = memory().await;
    let (invoke, mut received) = function(|_| Ok(Bytes::new()));
    let window = StreamSourceOptions {
        batch_size: 2,
        batching_window: Duration::from_secs(10),
        ..options()
    };
    let source = start(&emulators, window, Clock::system(), invoke);
    put(&emulators, "1", "").await;
    put(&emulators, "2", "").await;
    assert_eq!(keys(&next(&mut received).await), ["1", "2"]);
    source.stop().await;
}

#[tokio::test]
async fn only_what_a_pattern_chooses_is_handed_over_and_the_rest_is_passed() {
    let emulators = memory().await;
    for (key, value) in [("a", "1"), ("b", "1"), ("a", "2"), ("c", "1")] {
        put(&emulators, key, value).await;
    }
    let (invoke, mut received) = function(|_| Ok(Bytes::new()));
    let patterns = [
        r#"{"eventName": ["MODIFY"]}"#,
        r#"{"dynamodb": {"Keys": {"pk": {"S": ["b"]}}}}"#,
    ];
    let filtered = StreamSourceOptions {
        filters: patterns
            .map(|pattern| Pattern::read(pattern).unwrap())
            .into(),
        ..options()
    };
    let source = start(&emulators, filtered, Clock::system(), invoke);
    let event = next(&mut received).await;
    assert_eq!(keys(&event), ["b", "a"]);
    // Also the last record, which nobody gets.
    all_done(&emulators).await;
    source.stop().await;
    assert!(nothing_more(&mut received));
}

#[tokio::test]
async fn after_a_restart_nothing_comes_twice_and_nothing_is_lost() {
    let directory = TempDir::new().unwrap();
    let emulators = kept(directory.path()).await;
    let (invoke, mut received) = function(|_| Ok(Bytes::new()));
    let source = start(&emulators, options(), Clock::system(), invoke);
    put(&emulators, "before", "").await;
    assert_eq!(keys(&next(&mut received).await), ["before"]);
    all_done(&emulators).await;
    source.stop().await;
    put(&emulators, "meanwhile", "").await;
    emulators.stop().await.unwrap();

    let emulators = kept(directory.path()).await;
    let (invoke, mut received) = function(|_| Ok(Bytes::new()));
    let source = start(&emulators, options(), Clock::system(), invoke);
    assert_eq!(keys(&next(&mut received).await), ["meanwhile"]);
    put(&emulators, "after", "").await;
    assert_eq!(keys(&next(&mut received).await), ["after"]);
    source.stop().await;
}

#[tokio::test]
async fn a_source_that_begins_with_the_latest_leaves_out_what_was_before_only_the_first_time() {
    let directory = TempDir::new().unwrap();
    let emulators = kept(directory.path()).await;
    put(&emulators, "before", "").await;
    let latest = StreamSourceOptions {
        starting_position: StartingPosition::Latest,
        ..options()
    };
    let (invoke, mut received) = function(|_| Ok(Bytes::new()));
    let source = start(&emulators, latest.clone(), Clock::system(), invoke);
    all_done(&emulators).await;
    source.stop().await;
    put(&emulators, "meanwhile", "").await;
    emulators.stop().await.unwrap();
    assert!(nothing_more(&mut received));

    let emulators = kept(directory.path()).await;
    let (invoke, mut received) = function(|_| Ok(Bytes::new()));
    let source = start(&emulators, latest, Clock::system(), invoke);
    assert_eq!(keys(&next(&mut received).await), ["meanwhile"]);
    source.stop().await;
}

#[tokio::test]
async fn a_batch_in_work_when_the_stack_ends_is_delivered_again() {
    let directory = TempDir::new().unwrap();
    let emulators = kept(directory.path()).await;
    put(&emulators, "a", "").await;
    let (started, mut starts) = mpsc::unbounded_channel();
    let hanging = move |_: String, _: Bytes| {
        started.send(()).unwrap();
        std::future::pending::<Result<Bytes, InvokeError>>()
    };
    let source = start(&emulators, options(), Clock::system(), Arc::new(hanging));
    starts.recv().await.unwrap();
    drop(source);
    emulators.stop().await.unwrap();

    let emulators = kept(directory.path()).await;
    let (invoke, mut received) = function(|_| Ok(Bytes::new()));
    let source = start(&emulators, options(), Clock::system(), invoke);
    assert_eq!(keys(&next(&mut received).await), ["a"]);
    source.stop().await;
}

#[tokio::test]
async fn an_idle_source_stops_at_once() {
    let emulators = memory().await;
    let (invoke, _received) = function(|_| Ok(Bytes::new()));
    let source = start(&emulators, options(), Clock::system(), invoke);
    tokio::task::yield_now().await;
    let start = std::time::Instant::now();
    source.stop().await;
    assert!(start.elapsed() < Duration::from_secs(1));
}
