//! Samples of what is no HTTP: batches of queues and of the stream, and what an operator asks.

use local::emulators::BusEvent;
use serde_json::{Value, json};

use super::{demo_tenants, invoke, read, send, stack};

/// Batches of the stream and of the queue of what waits, for the publisher.
const PUBLISHED: &[&str] = &[
    "publisher/messages.json",
    "publisher/credential-failed.json",
    "publisher/unreadable-record.json",
    "publisher/undelivered-event.json",
    "publisher/unreadable-message.json",
    "publisher/empty-object.json",
];

/// Batches of the queue.
const BATCHES: &[&str] = &[
    "deferred-writer/batch.json",
    "deferred-writer/unreadable-message.json",
    "deferred-writer/empty-object.json",
];

/// What is asked of the re-encryption.
const SEALED_ANEW: &[&str] = &[
    "re-encryptor/start.json",
    "re-encryptor/go-on.json",
    "re-encryptor/status.json",
    "re-encryptor/retire.json",
];

/// What the verifier is invoked with.
const VERIFIED: &[&str] = &[
    "verifier/schedule.json",
    "verifier/tenants.json",
    "verifier/tenant.json",
    "verifier/all.json",
];

/// The samples of the functions that answer no HTTP.
pub(super) fn files() -> impl Iterator<Item = &'static str> {
    let batches = BATCHES.iter().chain(PUBLISHED);
    batches.chain(SEALED_ANEW).chain(VERIFIED).copied()
}

#[tokio::test]
async fn the_verifier_is_invoked_by_the_schedule_by_its_queue_and_by_hand() {
    let answer = send("verifier/schedule.json").await;
    assert_eq!(answer["run"], "29540914", "{answer}");
    let answer = send("verifier/tenants.json").await;
    assert_eq!(answer, json!({"batchItemFailures": []}));
    let answer = send("verifier/tenant.json").await;
    assert_eq!(answer["integrations"][0]["provider"], "twilio", "{answer}");
    let answer = send("verifier/all.json").await;
    assert_eq!(answer["started"], true, "{answer}");
}

#[tokio::test]
async fn the_re_encryption_begins_goes_on_and_tells_and_retires_no_key_that_is_not_its_own() {
    for file in ["start", "go-on", "status"] {
        let report = send(&format!("re-encryptor/{file}.json")).await;
        assert_eq!(report["is_finished"], true, "{report}");
        assert_eq!(report["progress"]["sealed_anew"], 0, "{report}");
    }
    let event = read("re-encryptor/retire.json");
    let error = invoke("re-encryptor", &event).await.unwrap_err();
    assert_eq!(error.error_type(), "NotToRetire");
}

#[tokio::test]
async fn a_batch_is_kept_and_nothing_of_it_is_delivered_again() {
    let answer = send("deferred-writer/batch.json").await;

    assert_eq!(answer, json!({"batchItemFailures": []}));
    let batch = read("deferred-writer/batch.json");
    let message: Value =
        serde_json::from_str(batch["Records"][0]["body"].as_str().unwrap()).unwrap();
    let sid = message["fact"]["resource"]["sid"].as_str().unwrap();
    let acme = demo_tenants().remove(0).tenant_id;
    let console = stack().await.console();
    let kept = console.message(&acme, &sid.parse().unwrap()).await.unwrap();
    assert_eq!(kept.unwrap().body.as_deref(), Some("Hello once more"));
}

#[tokio::test]
async fn what_cannot_be_read_of_a_batch_is_among_the_dead_letters_and_not_delivered_again() {
    let answer = send("deferred-writer/unreadable-message.json").await;

    assert_eq!(answer, json!({"batchItemFailures": []}));
    let letters = stack().await.queue("DeferredDeadLetterQueue");
    assert_eq!(letters.len().await, 1);
}

#[tokio::test]
async fn what_is_no_batch_fails_without_ending_the_process() {
    let event = read("deferred-writer/empty-object.json");

    let error = invoke("deferred-writer", &event).await.unwrap_err();

    assert_eq!(error.error_type(), "MalformedEvent");
    send("deferred-writer/batch.json").await;
    let function = stack().await.stack.function("deferred-writer").unwrap();
    let starts = function
        .records()
        .iter()
        .filter(|record| record.cold_start())
        .count();
    assert_eq!((starts, function.processes()), (1, 1));
}

/// The events that a sample for the publisher put on the bus.
async fn published(file: &str) -> Vec<BusEvent> {
    let bus = stack().await.stack.emulators().eventbridge().all_buses();
    let begun = bus.mark();
    assert_eq!(send(file).await, json!({"batchItemFailures": []}), "{file}");
    bus.since(begun)
}

#[tokio::test]
async fn a_batch_of_the_stream_is_told_each_time_under_the_same_ids() {
    for (file, types) in [
        (
            "publisher/messages.json",
            &["message.received", "message.status"][..],
        ),
        ("publisher/credential-failed.json", &["credential.failed"]),
        ("publisher/undelivered-event.json", &["message.received"]),
    ] {
        let is_of_sample = |event: &BusEvent| {
            let time = event.detail["time"].as_str().unwrap();
            time.starts_with("2026-03-01T12:00:0")
        };
        let mut rounds = Vec::new();
        for _ in 0..2 {
            let mut events = published(file).await;
            events.retain(is_of_sample);
            let told: Vec<_> = events
                .iter()
                .map(|event| event.detail_type.clone())
                .collect();
            assert_eq!(told, types, "{file}");
            let ids = events.iter().map(|event| event.detail["id"].clone());
            rounds.push(ids.collect::<Vec<_>>());
        }
        assert_eq!(rounds[0], rounds[1], "{file}");
    }
}

#[tokio::test]
async fn what_the_publisher_cannot_read_is_among_the_dead_letters_and_not_delivered_again() {
    let letters = stack().await.queue("UndeliveredEventsDeadLetterQueue");
    let before = letters.len().await;
    for file in [
        "publisher/unreadable-record.json",
        "publisher/unreadable-message.json",
    ] {
        assert_eq!(send(file).await, json!({"batchItemFailures": []}), "{file}");
    }
    assert_eq!(letters.len().await, before + 2);
    let event = read("publisher/empty-object.json");
    let error = invoke("publisher", &event).await.unwrap_err();
    assert_eq!(error.error_type(), "MalformedEvent");
}
