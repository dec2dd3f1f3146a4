//! The event source over the real SQS emulator.

use std::sync::Mutex;
use std::time::Instant;

use tokio::sync::{Semaphore, mpsc};

use super::*;
use crate::emulators::Emulators;
use crate::emulators::tests::{memory, sqs};
use crate::sources::InvokeError;

const QUEUE: &str = "trunkline-local-Jobs";
const PATIENCE: Duration = Duration::from_secs(15);

fn options() -> SqsSourceOptions {
    SqsSourceOptions {
        batch_size: 10,
        batching_window: Duration::ZERO,
        report_batch_item_failures: true,
        concurrency: 2,
        visibility_timeout: Some(1),
    }
}

async fn send(emulators: &Emulators, body: &str) {
    let url = emulators.attributes().get("Jobs", "Ref").unwrap();
    sqs(emulators)
        .send_message()
        .queue_url(url)
        .message_body(body)
        .send()
        .await
        .unwrap();
}

/// A function that answers with what `answer` says of the event, and the events that it got.
fn function(
    answer: impl Fn(&Value) -> Result<Bytes, InvokeError> + Send + Sync + 'static,
) -> (Arc<impl Invoke>, mpsc::UnboundedReceiver<Value>) {
    let (events, received) = mpsc::unbounded_channel();
    let invoke = move |function: String, event: Bytes| {
        assert_eq!(function, "Writer");
        let event: Value = serde_json::from_slice(&event).unwrap();
        let answer = answer(&event);
        events.send(event).unwrap();
        async move { answer }
    };
    (Arc::new(invoke), received)
}

fn start(emulators: &Emulators, options: SqsSourceOptions, invoke: Arc<impl Invoke>) -> SqsSource {
    SqsSource::start(emulators.sqs().queue(QUEUE), "Writer", options, invoke)
}

async fn empty(emulators: &Emulators, queue: &str) {
    let queue = emulators.sqs().queue(queue);
    tokio::time::timeout(PATIENCE, queue.wait_for_len(|len| len == 0))
        .await
        .unwrap();
}

async fn next(received: &mut mpsc::UnboundedReceiver<Value>) -> Value {
    tokio::time::timeout(PATIENCE, received.recv())
        .await
        .unwrap()
        .unwrap()
}

fn bodies(event: &Value) -> Vec<&str> {
    let records = event["Records"].as_array().unwrap();
    records
        .iter()
        .map(|record| record["body"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn a_message_becomes_the_event_that_lambda_sends_and_is_deleted() {
    let emulators = memory().await;
    let (invoke, mut received) = function(|_| Ok(Bytes::new()));
    let source = start(&emulators, options(), invoke);
    send(&emulators, "hello").await;

    let event = next(&mut received).await;
    empty(&emulators, QUEUE).await;
    source.stop().await;
    let record = &event["Records"][0];
    assert_eq!(record["body"], "hello");
    // MD5 of "hello".
    assert_eq!(record["md5OfBody"], "5d41402abc4b2a76b9719d911017c592");
    assert_eq!(record["eventSource"], "aws:sqs");
    assert_eq!(
        record["eventSourceARN"],
        "arn:aws:sqs:us-east-1:123456789012:trunkline-local-Jobs"
    );
    assert_eq!(record["awsRegion"], "us-east-1");
    assert_eq!(record["attributes"]["ApproximateReceiveCount"], "1");
    for text in ["messageId", "receiptHandle"] {
        assert!(
            record[text].as_str().is_some_and(|text| !text.is_empty()),
            "{record}"
        );
    }
    for time in ["SentTimestamp", "ApproximateFirstReceiveTimestamp"] {
        assert!(
            record["attributes"][time]
                .as_str()
                .unwrap()
                .parse::<u64>()
                .unwrap()
                > 0
        );
    }
    assert_eq!(record["messageAttributes"], json!({}));
}

#[tokio::test]
async fn only_the_messages_that_failed_are_tried_again() {
    let emulators = memory().await;
    for body in ["good", "bad"] {
        send(&emulators, body).await;
    }
    let (invoke, mut received) = function(|event| {
        let records = event["Records"].as_array().unwrap().iter();
        let failed = records.filter(|record| {
            record["body"] == "bad" && record["attributes"]["ApproximateReceiveCount"] == "1"
        });
        let failed: Vec<_> = failed
            .map(|record| json!({"itemIdentifier": record["messageId"]}))
            .collect();
        Ok(Bytes::from(
            json!({"batchItemFailures": failed}).to_string(),
        ))
    });
    let source = start(&emulators, options(), invoke);
    assert_eq!(bodies(&next(&mut received).await), ["good", "bad"]);
    let again = next(&mut received).await;
    assert_eq!(bodies(&again), ["bad"]);
    assert_eq!(
        again["Records"][0]["attributes"]["ApproximateReceiveCount"],
        "2"
    );
    empty(&emulators, QUEUE).await;
    source.stop().await;
}

#[tokio::test]
async fn a_function_that_keeps_failing_loses_its_messages_to_the_dead_letter_queue() {
    let emulators = memory().await;
    send(&emulators, "poison").await;
    let (invoke, mut received) = function(|_| Err(InvokeError::Failed("it panicked".to_owned())));
    let source = start(&emulators, options(), invoke);
    let dead = emulators.sqs().queue("trunkline-local-DeadJobs");
    tokio::time::timeout(PATIENCE, dead.wait_for_len(|len| len == 1))
        .await
        .unwrap();
    source.stop().await;
    assert!(emulators.sqs().queue(QUEUE).is_empty().await);
    received.close();
    let mut invocations = 0;
    while received.recv().await.is_some() {
        invocations += 1;
    }
    // maxReceiveCount of the test's template.
    assert_eq!(invocations, 2);
}

#[tokio::test]
async fn without_reports_an_answer_of_any_kind_is_a_success() {
    let emulators = memory().await;
    send(&emulators, "hello").await;
    let (invoke, _received) = function(|_| Ok(Bytes::from_static(b"not JSON")));
    let source = start(
        &emulators,
        SqsSourceOptions {
            report_batch_item_failures: false,
            ..options()
        },
        invoke,
    );
    empty(&emulators, QUEUE).await;
    source.stop().await;
}

#[tokio::test]
async fn a_batch_holds_no_more_than_it_may() {
    let emulators = memory().await;
    for body in ["1", "2", "3"] {
        send(&emulators, body).await;
    }
    let (invoke, mut received) = function(|_| Ok(Bytes::new()));
    let source = start(
        &emulators,
        SqsSourceOptions {
            batch_size: 2,
            ..options()
        },
        invoke,
    );
    assert_eq!(bodies(&next(&mut received).await), ["1", "2"]);
    assert_eq!(bodies(&next(&mut received).await), ["3"]);
    source.stop().await;
}

#[tokio::test]
async fn a_batching_window_gathers_what_comes_in_it() {
    let emulators = memory().await;
    let (invoke, mut received) = function(|_| Ok(Bytes::new()));
    let window = SqsSourceOptions {
        batch_size: 2,
        batching_window: Duration::from_secs(10),
        visibility_timeout: None,
        ..options()
    };
    let source = start(&emulators, window, invoke);
    send(&emulators, "1").await;
    send(&emulators, "2").await;
    assert_eq!(bodies(&next(&mut received).await), ["1", "2"]);
    source.stop().await;
}

#[tokio::test]
async fn no_more_batches_are_in_work_than_allowed_and_stopping_waits_for_them() {
    let emulators = memory().await;
    for body in ["1", "2", "3", "4"] {
        send(&emulators, body).await;
    }
    let (gate, running) = (Arc::new(Semaphore::new(0)), Arc::new(Mutex::new((0, 0))));
    let (started, mut starts) = mpsc::unbounded_channel();
    let invoke = {
        let (gate, running) = (Arc::clone(&gate), Arc::clone(&running));
        move |_: String, _: Bytes| {
            let (gate, running, started) =
                (Arc::clone(&gate), Arc::clone(&running), started.clone());
            async move {
                {
                    let mut running = running.lock().unwrap();
                    running.0 += 1;
                    running.1 = running.1.max(running.0);
                }
                started.send(()).unwrap();
                let _permit = gate.acquire().await.unwrap();
                running.lock().unwrap().0 -= 1;
                Ok(Bytes::new())
            }
        }
    };
    let single = SqsSourceOptions {
        batch_size: 1,
        visibility_timeout: None,
        ..options()
    };
    let source = start(&emulators, single, Arc::new(invoke));
    starts.recv().await.unwrap();
    starts.recv().await.unwrap();
    let stopping = tokio::spawn(source.stop());
    tokio::task::yield_now().await;
    gate.add_permits(10);
    tokio::time::timeout(PATIENCE, stopping)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(*running.lock().unwrap(), (0, 2));
    assert_eq!(emulators.sqs().queue(QUEUE).len().await, 2);
}

#[tokio::test]
async fn an_idle_source_stops_at_once() {
    let emulators = memory().await;
    let (invoke, _received) = function(|_| Ok(Bytes::new()));
    let source = start(&emulators, options(), invoke);
    tokio::task::yield_now().await;
    let start = Instant::now();
    source.stop().await;
    assert!(start.elapsed() < Duration::from_secs(1));
}

#[tokio::test]
async fn what_the_function_reports_is_read_as_lambda_reads_it() {
    let emulators = memory().await;
    send(&emulators, "hello").await;
    let batch = emulators.sqs().queue(QUEUE).receive(1, None).await.unwrap();
    let id = batch[0].message.message_id.clone();
    let success = [
        "",
        " ",
        "null",
        "{}",
        r#"{"batchItemFailures":null}"#,
        r#"{"batchItemFailures":[]}"#,
    ];
    for answer in success {
        assert_eq!(
            failures(answer.as_bytes(), &batch),
            Ok(HashSet::new()),
            "{answer}"
        );
    }
    let one = json!({"batchItemFailures": [{"itemIdentifier": id}]}).to_string();
    assert_eq!(failures(one.as_bytes(), &batch), Ok(HashSet::from([id])));
    let whole = [
        "nonsense",
        "[]",
        r#"{"batchItemFailures":{}}"#,
        r#"{"batchItemFailures":[{}]}"#,
        r#"{"batchItemFailures":[{"itemIdentifier":null}]}"#,
        r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#,
        r#"{"batchItemFailures":[{"itemIdentifier":"other"}]}"#,
    ];
    for answer in whole {
        assert!(failures(answer.as_bytes(), &batch).is_err(), "{answer}");
    }
}
