//! Injected faults, and who is let in.

use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{TABLE, dynamodb, kms, memory, sqs};
use crate::emulators::faults::{AwsError, Effect, Matching, Times};

type Stored = Result<(), aws_sdk_dynamodb::Error>;

async fn put(client: &aws_sdk_dynamodb::Client, pk: &str) -> Stored {
    let text = |value: &str| AttributeValue::S(value.to_owned());
    let put = client
        .put_item()
        .table_name(TABLE)
        .item("pk", text(pk))
        .item("sk", text("one"));
    put.send().await.map(|_| ()).map_err(Into::into)
}

async fn items(client: &aws_sdk_dynamodb::Client) -> i32 {
    client.scan().table_name(TABLE).send().await.unwrap().count
}

#[tokio::test]
async fn a_refusal_is_the_error_that_the_sdk_knows() {
    let emulators = memory().await;
    let client = dynamodb(&emulators, 0);
    let refuse = Effect::Refuse(AwsError::throughput_exceeded());
    emulators.dynamodb().faults().inject(
        Matching::writes().partition("acme#"),
        refuse,
        Times::Always,
    );

    let error = put(&client, "acme#1").await.unwrap_err();
    assert!(matches!(
        error,
        aws_sdk_dynamodb::Error::ProvisionedThroughputExceededException(_)
    ));
    put(&client, "globex#1").await.unwrap();
    emulators.dynamodb().faults().clear();
    put(&client, "acme#1").await.unwrap();

    let statuses: Vec<_> = emulators
        .dynamodb()
        .wire()
        .calls()
        .iter()
        .map(|call| (call.status, call.disturbed))
        .collect();
    assert_eq!(
        statuses,
        [(Some(400), true), (Some(200), false), (Some(200), false)]
    );
}

#[tokio::test]
async fn the_sdk_retries_what_passes() {
    for error in [
        AwsError::throughput_exceeded(),
        AwsError::throttled(),
        AwsError::internal(),
    ] {
        let emulators = memory().await;
        let refuse = Effect::Refuse(error);
        emulators
            .dynamodb()
            .faults()
            .inject(Matching::any(), refuse, Times::Next(2));
        put(&dynamodb(&emulators, 2), "acme#1").await.unwrap();
        assert_eq!(emulators.dynamodb().wire().count("PutItem"), 3);
    }
}

#[tokio::test]
async fn a_dropped_connection_stores_nothing() {
    let emulators = memory().await;
    let client = dynamodb(&emulators, 0);
    emulators
        .dynamodb()
        .faults()
        .inject(Matching::writes(), Effect::Drop, Times::Next(1));
    put(&client, "acme#1").await.unwrap_err();
    assert_eq!(items(&client).await, 0);
    assert_eq!(
        emulators
            .dynamodb()
            .wire()
            .calls()
            .writes()
            .iter()
            .next()
            .unwrap()
            .status,
        None
    );
}

#[tokio::test]
async fn a_lost_answer_stores_and_fails() {
    let emulators = memory().await;
    let client = dynamodb(&emulators, 0);
    emulators
        .dynamodb()
        .faults()
        .inject(Matching::writes(), Effect::LoseAnswer, Times::Next(1));
    put(&client, "acme#1").await.unwrap_err();
    assert_eq!(items(&client).await, 1);
}

#[tokio::test]
async fn a_delay_delays() {
    let emulators = memory().await;
    let client = dynamodb(&emulators, 0);
    let delay = Duration::from_millis(50);
    emulators
        .dynamodb()
        .faults()
        .inject(Matching::writes(), Effect::Delay(delay), Times::Next(1));
    let start = Instant::now();
    put(&client, "acme#1").await.unwrap();
    assert!(start.elapsed() >= delay);
}

#[tokio::test]
async fn a_call_that_is_held_is_done_when_the_fault_is_taken_back() {
    let emulators = memory().await;
    let client = dynamodb(&emulators, 0);
    let (faults, wire) = (emulators.dynamodb().faults(), emulators.dynamodb().wire());
    let held = faults.inject(Matching::writes(), Effect::Hold, Times::Next(1));
    let mark = wire.mark();
    let released = async {
        wire.wait_until(mark, |calls| calls.clone().writes().count() == 1)
            .await;
        assert_eq!(items(&client).await, 0);
        faults.remove(held);
    };
    let (stored, ()) = tokio::join!(put(&client, "acme#1"), released);
    stored.unwrap();
    assert_eq!(items(&client).await, 1);
}

#[tokio::test]
async fn a_call_hangs_until_its_caller_gives_up() {
    let emulators = memory().await;
    let client = dynamodb(&emulators, 0);
    emulators
        .dynamodb()
        .faults()
        .inject(Matching::writes(), Effect::Hang, Times::Next(1));
    put(&client, "acme#1").await.unwrap_err();
    assert_eq!(items(&client).await, 0);
}

#[tokio::test]
async fn a_hanging_call_does_not_hold_up_the_end() {
    let emulators = memory().await;
    let wire = emulators.dynamodb().wire().clone();
    emulators
        .dynamodb()
        .faults()
        .inject(Matching::any(), Effect::Hang, Times::Always);
    let client = dynamodb(&emulators, 0);
    let hanging = tokio::spawn(async move { put(&client, "acme#1").await });
    wire.wait_until(wire.mark(), |calls| calls.count() == 1)
        .await;
    let start = Instant::now();
    emulators.stop().await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(1));
    hanging.await.unwrap().unwrap_err();
}

#[tokio::test]
async fn kms_and_sqs_fail_on_demand_too() {
    let emulators = memory().await;
    let refuse = || Effect::Refuse(AwsError::access_denied());
    emulators
        .kms()
        .faults()
        .inject(Matching::operations(["Decrypt"]), refuse(), Times::Always);
    emulators.sqs().faults().inject(
        Matching::any().on("trunkline-local-Jobs"),
        refuse(),
        Times::Always,
    );

    let blob = aws_sdk_kms::primitives::Blob::new([0; 80]);
    kms(&emulators)
        .decrypt()
        .ciphertext_blob(blob)
        .send()
        .await
        .unwrap_err();
    let url = emulators.attributes().get("Jobs", "Ref").unwrap();
    sqs(&emulators)
        .send_message()
        .queue_url(url)
        .message_body("x")
        .send()
        .await
        .unwrap_err();
    let url = emulators.attributes().get("DeadJobs", "Ref").unwrap();
    sqs(&emulators)
        .send_message()
        .queue_url(url)
        .message_body("x")
        .send()
        .await
        .unwrap();
    assert_eq!(
        emulators.kms().wire().calls().iter().next().unwrap().status,
        Some(400)
    );
}

/// The status line for a request with these headers.
async fn status(address: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(address.trim_start_matches("http://"))
        .await
        .unwrap();
    let request =
        format!("POST / HTTP/1.1\r\n{headers}content-length: 2\r\nconnection: close\r\n\r\n{{}}");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.lines().next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn web_pages_are_kept_out() {
    let emulators = memory().await;
    for url in emulators.endpoints().values() {
        let target = "x-amz-target: A.ListKeys\r\n";
        for strange in [
            "host: evil.example\r\n",
            "host: 127.0.0.1.evil.example:80\r\n",
            "host: 127.0.0.1:80\r\norigin: http://127.0.0.1:80\r\n",
            "host: localhost\r\norigin: null\r\n",
        ] {
            let status = status(url, &format!("{strange}{target}")).await;
            assert_eq!(status, "HTTP/1.1 403 Forbidden", "{strange}");
        }
        for good in [
            "host: 127.0.0.1:1\r\n",
            "host: localhost\r\n",
            "host: [::1]:80\r\n",
        ] {
            assert_ne!(
                status(url, &format!("{good}{target}")).await,
                "HTTP/1.1 403 Forbidden"
            );
        }
    }
}
