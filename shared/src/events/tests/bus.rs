//! The bus, as a server on this machine plays it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Event, EventBus, EventType, scope};
use crate::aws::{Aws, Patience};
use crate::environment::Environment;
use crate::outbound::scripted::{Provider, Reaction, Received};

/// A bus that is served so.
async fn bus(
    react: impl Fn(&Received) -> Reaction + Send + Sync + 'static,
) -> (EventBus, Provider) {
    let provider = Provider::start(react).await;
    let environment = Environment::of([
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "AKID"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_ENDPOINT_URL_EVENTBRIDGE", provider.url.as_str()),
    ]);
    let aws = Aws::from_environment(&environment, Patience::REQUEST).unwrap();
    (
        EventBus::new(aws.eventbridge(), "a-bus".to_owned()),
        provider,
    )
}

/// Events that are told apart by their number, of so many bytes each.
fn events(count: usize, bytes: usize) -> Vec<Event> {
    let event = |number: usize| {
        let told = [number.to_string()];
        let data = json!({"number": number, "filler": "x".repeat(bytes)});
        let time = jiff::Timestamp::from_second(1_700_000_000).unwrap();
        let event_type = EventType::MessageReceived;
        Event::new(&scope("acme"), event_type, &[&told[0]], time, &data).unwrap()
    };
    (0..count).map(event).collect()
}

fn entries(call: &Received) -> Vec<Value> {
    let body: Value = serde_json::from_str(&call.body).unwrap();
    body["Entries"].as_array().unwrap().clone()
}

fn number(entry: &Value) -> usize {
    let detail: Value = serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap();
    usize::try_from(detail["data"]["number"].as_u64().unwrap()).unwrap()
}

/// An answer that takes the entries that `takes` names by their numbers, and throttles the others.
fn answer(call: &Received, takes: impl Fn(usize) -> bool) -> Reaction {
    let results: Vec<Value> = entries(call)
        .iter()
        .map(|entry| match takes(number(entry)) {
            true => json!({"EventId": "1"}),
            false => json!({"ErrorCode": "ThrottlingException", "ErrorMessage": "slow down"}),
        })
        .collect();
    let failed = results.iter().filter(|it| it["ErrorCode"].is_string());
    let failed = failed.count();
    Reaction::json(
        200,
        &json!({"FailedEntryCount": failed, "Entries": results}),
    )
}

fn soon(milliseconds: u64) -> Instant {
    Instant::now() + Duration::from_millis(milliseconds)
}

#[tokio::test]
async fn events_are_offered_ten_a_call_and_as_the_bus_wants_them() {
    let (bus, provider) = bus(|call| answer(call, |_| true)).await;
    let events = events(23, 10);
    assert_eq!(bus.publish(&events, soon(5_000)).await, [].into());
    let mut calls = provider.received();
    // The calls are made side by side.
    calls.sort_by_key(|call| number(&entries(call)[0]));
    let numbers: Vec<Vec<usize>> = calls
        .iter()
        .map(|call| entries(call).iter().map(number).collect())
        .collect();
    let expected: [Vec<usize>; 3] = [(0..10).collect(), (10..20).collect(), (20..23).collect()];
    assert_eq!(numbers, expected);
    assert_eq!(calls[0].headers["x-amz-target"], "AWSEvents.PutEvents");
    let entry = &entries(&calls[0])[0];
    assert_eq!(entry["EventBusName"], "a-bus");
    assert_eq!(entry["Source"], "trunkline");
    assert_eq!(entry["DetailType"], "message.received");
    assert_eq!(entry["Time"], 1_700_000_000);
    let detail: Value = serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap();
    assert_eq!(detail, serde_json::to_value(&events[0]).unwrap());
}

#[tokio::test]
async fn no_call_has_more_bytes_than_the_bus_takes() {
    let (bus, provider) = bus(|call| answer(call, |_| true)).await;
    let events = events(7, 100 * 1024);
    assert_eq!(bus.publish(&events, soon(10_000)).await, [].into());
    let sizes = provider.received();
    let mut sizes: Vec<usize> = sizes.iter().map(|call| entries(call).len()).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [1, 2, 2, 2]);
}

#[tokio::test]
async fn no_call_waits_for_another_but_for_those_of_four() {
    let (bus, provider) = bus(|_| Reaction::Hang).await;
    let refused = bus.publish(&events(100, 10), soon(300)).await;
    assert_eq!(refused.len(), 100);
    assert_eq!(provider.received().len(), 4);
}

#[tokio::test]
async fn of_a_call_that_is_taken_in_part_only_the_rest_is_offered_again() {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let (bus, provider) = bus(move |call| match count.fetch_add(1, SeqCst) {
        0 => answer(call, |number| number % 3 == 0),
        _ => answer(call, |_| true),
    })
    .await;
    assert_eq!(bus.publish(&events(9, 10), soon(10_000)).await, [].into());
    let calls = provider.received();
    let again: Vec<usize> = entries(&calls[1]).iter().map(number).collect();
    assert_eq!((calls.len(), again), (2, vec![1, 2, 4, 5, 7, 8]));
}

#[tokio::test]
async fn what_the_bus_goes_on_to_refuse_is_given_back_when_time_is_up() {
    let (bus, provider) = bus(|call| answer(call, |number| number != 4)).await;
    assert_eq!(bus.publish(&events(9, 10), soon(600)).await, [4].into());
    assert!(provider.received().len() > 1);
}

#[tokio::test]
async fn a_bus_that_fails_altogether_is_not_asked_for_every_call() {
    let (bus, provider) =
        bus(|_| Reaction::json(500, &json!({"__type": "InternalException"}))).await;
    let refused = bus.publish(&events(100, 10), soon(100)).await;
    assert_eq!(refused.len(), 100);
    // Of the ten calls of a round four are made at once, and none follows.
    let first_of = |call: &Received| number(&entries(call)[0]);
    let asked = provider.received();
    assert!(!asked.is_empty() && asked.iter().all(|call| first_of(call) < 40));
}

#[tokio::test]
async fn a_bus_that_does_not_answer_is_left_when_time_is_up() {
    let (bus, _provider) = bus(|_| Reaction::Hang).await;
    let started = Instant::now();
    assert_eq!(bus.publish(&events(2, 10), soon(300)).await, [0, 1].into());
    assert!(started.elapsed() < Duration::from_secs(3));
}

#[test]
fn a_bus_has_a_name_that_eventbridge_takes() {
    let longest = "b".repeat(256);
    for name in ["b", "trunkline-events_1.2", longest.as_str()] {
        let environment = Environment::of([("EVENT_BUS_NAME", name)]);
        assert_eq!(EventBus::name(&environment).as_deref(), Some(name));
    }
    let too_long = "b".repeat(257);
    for name in ["a bus", "a/b", too_long.as_str(), ""] {
        let environment = Environment::of([("EVENT_BUS_NAME", name)]);
        assert_eq!(EventBus::name(&environment), None);
        assert!(environment.finish(Some(())).is_err());
    }
}
