//! Records that a function does not handle.

use super::*;

fn failed(reason: &str) -> Result<Bytes, InvokeError> {
    Err(InvokeError::Failed(reason.to_owned()))
}

/// An answer that names the records with these keys.
fn report(event: &Value, failed: &[&str]) -> Result<Bytes, InvokeError> {
    let records = event["Records"].as_array().unwrap().iter();
    let named = records
        .filter(|record| failed.contains(&record["dynamodb"]["Keys"]["pk"]["S"].as_str().unwrap()));
    let named: Vec<_> = named
        .map(|record| json!({"itemIdentifier": record["dynamodb"]["SequenceNumber"]}))
        .collect();
    Ok(Bytes::from(json!({"batchItemFailures": named}).to_string()))
}

/// What the on-failure destination was told, once it is `count` messages.
async fn given_up(emulators: &Emulators, count: usize) -> Vec<Value> {
    let dead = emulators.sqs().queue("trunkline-local-DeadJobs");
    tokio::time::timeout(PATIENCE, dead.wait_for_len(|len| len >= count))
        .await
        .unwrap();
    let messages = dead.receive(10, None).await.unwrap().into_iter();
    messages
        .map(|received| serde_json::from_str(&received.message.body).unwrap())
        .collect()
}

#[tokio::test]
async fn from_the_first_record_that_failed_on_everything_is_tried_again() {
    let emulators = memory().await;
    for key in ["1", "2", "3", "4"] {
        put(&emulators, key, "").await;
    }
    let mut first = true;
    let (invoke, mut received) = function(move |event| {
        let failed: &[&str] = if std::mem::take(&mut first) {
            &["4", "2"]
        } else {
            &[]
        };
        report(event, failed)
    });
    let source = start(&emulators, options(), Clock::system(), invoke);
    assert_eq!(keys(&next(&mut received).await), ["1", "2", "3", "4"]);
    assert_eq!(keys(&next(&mut received).await), ["2", "3", "4"]);
    all_done(&emulators).await;
    source.stop().await;
    assert!(nothing_more(&mut received));
}

#[tokio::test]
async fn what_was_handled_before_a_failure_is_remembered_even_if_the_stack_ends_then() {
    let directory = TempDir::new().unwrap();
    let emulators = kept(directory.path()).await;
    for key in ["1", "2"] {
        put(&emulators, key, "").await;
    }
    let (invoke, mut received) = function(|event| report(event, &["2"]));
    let source = start(&emulators, options(), Clock::system(), invoke);
    assert_eq!(keys(&next(&mut received).await), ["1", "2"]);
    assert_eq!(keys(&next(&mut received).await), ["2"]);
    source.stop().await;
    emulators.stop().await.unwrap();

    let emulators = kept(directory.path()).await;
    let (invoke, mut received) = function(|_| Ok(Bytes::new()));
    let source = start(&emulators, options(), Clock::system(), invoke);
    assert_eq!(keys(&next(&mut received).await), ["2"]);
    source.stop().await;
}

#[tokio::test]
async fn an_answer_that_names_nothing_of_the_batch_fails_all_of_it() {
    for answer in [
        r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#,
        r#"{"batchItemFailures":[{"itemIdentifier":"123"}]}"#,
        "nonsense",
    ] {
        let emulators = memory().await;
        for key in ["1", "2"] {
            put(&emulators, key, "").await;
        }
        let mut first = true;
        let (invoke, mut received) = function(move |_| {
            Ok(if std::mem::take(&mut first) {
                Bytes::from_static(answer.as_bytes())
            } else {
                Bytes::new()
            })
        });
        let source = start(&emulators, options(), Clock::system(), invoke);
        for _ in 0..2 {
            assert_eq!(keys(&next(&mut received).await), ["1", "2"], "{answer}");
        }
        source.stop().await;
    }
}

#[tokio::test]
async fn a_batch_that_keeps_failing_is_given_up_with_its_place_alone() {
    let emulators = memory().await;
    for key in ["1", "2"] {
        put(&emulators, key, "what nobody may read").await;
    }
    let bounded = StreamSourceOptions {
        maximum_retry_attempts: Some(2),
        ..options()
    };
    let (invoke, mut received) = function(|event| {
        if keys(event) == ["3"] {
            return Ok(Bytes::new());
        }
        failed("it panicked")
    });
    let source = start(&emulators, bounded, Clock::system(), invoke);
    for _ in 0..3 {
        assert_eq!(keys(&next(&mut received).await), ["1", "2"]);
    }
    let told = given_up(&emulators, 1).await.remove(0);
    put(&emulators, "3", "").await;
    assert_eq!(keys(&next(&mut received).await), ["3"]);
    source.stop().await;

    let stream = stream(&emulators);
    let records = stream.records(None, 10).await.unwrap();
    assert_eq!(
        told["DDBStreamBatchInfo"],
        json!({
            "shardId": stream.shard(),
            "startSequenceNumber": records[0].sequence_number,
            "endSequenceNumber": records[1].sequence_number,
            "approximateArrivalOfFirstRecord": records[0].created.to_string(),
            "approximateArrivalOfLastRecord": records[1].created.to_string(),
            "batchSize": 2,
            "streamArn": stream.arn(),
        })
    );
    let context = &told["requestContext"];
    assert_eq!(context["condition"], "RetryAttemptsExhausted");
    assert_eq!(context["approximateInvokeCount"], 3);
    assert_eq!(
        context["functionArn"],
        "arn:aws:lambda:us-east-1:123456789012:function:publisher"
    );
    let response =
        json!({"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"});
    assert_eq!(told["responseContext"], response);
    assert_eq!(told["version"], "1.0");
    assert!(told["timestamp"].as_str().unwrap().ends_with('Z'));
    assert!(!told.to_string().contains("what nobody may read"));
}

#[tokio::test]
async fn halving_a_batch_finds_the_one_record_that_fails() {
    let emulators = memory().await;
    let all = ["1", "2", "3", "4", "5", "6", "7"];
    for key in all {
        put(&emulators, key, "").await;
    }
    let bisecting = StreamSourceOptions {
        bisect_on_error: true,
        maximum_retry_attempts: Some(1),
        ..options()
    };
    let (invoke, mut received) = function(|event| {
        if keys(event).contains(&"3") {
            return failed("it panicked");
        }
        Ok(Bytes::new())
    });
    let source = start(&emulators, bisecting, Clock::system(), invoke);
    let told = given_up(&emulators, 1).await;
    all_done(&emulators).await;
    source.stop().await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["DDBStreamBatchInfo"]["batchSize"], 1);
    let mut handled = Vec::new();
    let mut alone = 0;
    while let Ok(event) = received.try_recv() {
        let keys = keys(&event);
        alone += usize::from(keys == ["3"]);
        if !keys.contains(&"3") {
            handled.extend(keys.into_iter().map(str::to_owned));
        }
    }
    // In order, each once; the one that fails was tried again once, and splits cost it nothing.
    assert_eq!(handled, ["1", "2", "4", "5", "6", "7"]);
    assert_eq!(alone, 2);
}

#[tokio::test]
async fn a_record_that_is_named_each_time_is_found_by_halving_too() {
    let emulators = memory().await;
    for key in ["1", "2", "3"] {
        put(&emulators, key, "").await;
    }
    let bisecting = StreamSourceOptions {
        bisect_on_error: true,
        maximum_retry_attempts: Some(0),
        ..options()
    };
    let (invoke, mut received) = function(|event| report(event, &["2"]));
    let source = start(&emulators, bisecting, Clock::system(), invoke);
    let told = given_up(&emulators, 1).await;
    all_done(&emulators).await;
    source.stop().await;
    assert_eq!(told[0]["DDBStreamBatchInfo"]["batchSize"], 1);
    assert!(told[0]["responseContext"].get("functionError").is_none());
    let mut events = Vec::new();
    while let Ok(event) = received.try_recv() {
        events.push(keys(&event).join(""));
    }
    assert_eq!(events, ["123", "23", "2", "3"]);
}

#[tokio::test]
async fn attempts_count_anew_once_a_batch_gets_further() {
    let emulators = memory().await;
    for key in ["1", "2"] {
        put(&emulators, key, "").await;
    }
    let once = StreamSourceOptions {
        maximum_retry_attempts: Some(1),
        ..options()
    };
    let mut invocations = 0;
    let (invoke, mut received) = function(move |event| {
        invocations += 1;
        match invocations {
            1 => failed("it panicked"),
            2 | 3 => report(event, &["2"]),
            _ => Ok(Bytes::new()),
        }
    });
    let source = start(&emulators, once, Clock::system(), invoke);
    for expected in [&["1", "2"][..], &["1", "2"], &["2"], &["2"]] {
        assert_eq!(keys(&next(&mut received).await), expected);
    }
    all_done(&emulators).await;
    source.stop().await;
    let dead = emulators.sqs().queue("trunkline-local-DeadJobs");
    assert!(dead.is_empty().await);
}

#[tokio::test]
async fn a_record_that_became_too_old_is_given_up() {
    let emulators = memory().await;
    put(&emulators, "old", "").await;
    let clock = Clock::fixed(Clock::system().now());
    let aging = StreamSourceOptions {
        maximum_record_age: Duration::from_secs(60),
        ..options()
    };
    let (invoke, mut received) = function({
        let clock = clock.clone();
        move |_| {
            clock.advance(61);
            failed("it panicked")
        }
    });
    let source = start(&emulators, aging, clock, invoke);
    assert_eq!(keys(&next(&mut received).await), ["old"]);
    let told = given_up(&emulators, 1).await.remove(0);
    source.stop().await;
    assert_eq!(told["requestContext"]["condition"], "RecordAgeExceeded");
    assert_eq!(told["requestContext"]["approximateInvokeCount"], 1);
    assert!(nothing_more(&mut received));
}

#[tokio::test]
async fn the_time_in_which_no_stack_ran_makes_no_record_too_old() {
    let emulators = memory().await;
    put(&emulators, "kept", "").await;
    let clock = Clock::system().now() + jiff::Span::new().hours(72);
    let aging = StreamSourceOptions {
        maximum_record_age: Duration::from_secs(60),
        ..options()
    };
    let (invoke, mut received) = function(|_| Ok(Bytes::new()));
    let source = start(&emulators, aging, Clock::fixed(clock), invoke);
    assert_eq!(keys(&next(&mut received).await), ["kept"]);
    source.stop().await;
}

#[tokio::test]
async fn an_invocation_that_did_not_take_place_costs_no_attempt() {
    let emulators = memory().await;
    put(&emulators, "a", "").await;
    let once = StreamSourceOptions {
        maximum_retry_attempts: Some(0),
        ..options()
    };
    let mut refusals = 2;
    let (invoke, mut received) = function(move |_| {
        if refusals > 0 {
            refusals -= 1;
            return Err(InvokeError::NotInvoked("throttled".to_owned()));
        }
        Ok(Bytes::new())
    });
    let source = start(&emulators, once, Clock::system(), invoke);
    for _ in 0..3 {
        assert_eq!(keys(&next(&mut received).await), ["a"]);
    }
    all_done(&emulators).await;
    source.stop().await;
    let dead = emulators.sqs().queue("trunkline-local-DeadJobs");
    assert!(dead.is_empty().await);
}

#[tokio::test]
async fn without_reports_an_answer_of_any_kind_is_a_success() {
    let emulators = memory().await;
    put(&emulators, "a", "").await;
    let deaf = StreamSourceOptions {
        report_batch_item_failures: false,
        ..options()
    };
    let (invoke, mut received) = function(|event| report(event, &["a"]));
    let source = start(&emulators, deaf, Clock::system(), invoke);
    next(&mut received).await;
    all_done(&emulators).await;
    source.stop().await;
    assert!(nothing_more(&mut received));
}
