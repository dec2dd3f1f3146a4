//! `PutEvents` over the wire.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::emulators::Emulators;
use crate::emulators::faults::{Effect, Matching, Times};
use crate::emulators::tests::memory;

const BUS: &str = "test-events";
const PATIENCE: Duration = Duration::from_secs(10);

fn entry(detail_type: &str, tenant: &str) -> Value {
    json!({
        "EventBusName": BUS,
        "Source": "trunkline",
        "DetailType": detail_type,
        "Detail": json!({"tenant_id": tenant, "id": "e1"}).to_string(),
    })
}

fn with(mut entry: Value, name: &str, value: Value) -> Value {
    entry[name] = value;
    entry
}

async fn put(emulators: &Emulators, entries: &[Value]) -> (u16, Value) {
    let url = &emulators.endpoints()["AWS_ENDPOINT_URL_EVENTBRIDGE"];
    let credentials = emulators.access().administrator().credentials();
    let body = json!({ "Entries": entries }).to_string();
    let request = crate::http_client::signed(url, "events", credentials, body)
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amz-target", "AWSEvents.PutEvents");
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (
        status,
        serde_json::from_slice(&response.bytes().await.unwrap()).unwrap(),
    )
}

#[tokio::test]
async fn an_event_arrives_on_its_bus_as_its_targets_see_it() {
    let emulators = memory().await;
    let bus = emulators.event_bus(BUS);
    let mark = bus.mark();
    let timed = with(
        entry("message.received", "acme"),
        "Time",
        json!(1_700_000_000),
    );
    let (status, answer) = put(&emulators, &[with(timed, "Resources", json!(["arn:a"]))]).await;
    assert_eq!((status, &answer["FailedEntryCount"]), (200, &json!(0)));
    let events = bus.since(mark);
    let document = events[0].document();
    assert_eq!(
        document,
        json!({
            "version": "0",
            "id": answer["Entries"][0]["EventId"],
            "detail-type": "message.received",
            "source": "trunkline",
            "account": "123456789012",
            "time": "2023-11-14T22:13:20Z",
            "region": "us-east-1",
            "resources": ["arn:a"],
            "detail": {"tenant_id": "acme", "id": "e1"},
        })
    );
    assert_eq!(events[0].tenant(), Some("acme"));
}

#[tokio::test]
async fn a_bus_is_named_by_name_or_arn_and_is_the_default_one_otherwise() {
    let emulators = memory().await;
    let arn = "arn:aws:events:us-east-1:123456789012:event-bus/test-events";
    let named = with(entry("a", "acme"), "EventBusName", json!(arn));
    let unnamed = with(entry("b", "acme"), "EventBusName", Value::Null);
    put(&emulators, &[named, unnamed]).await;
    let types = |bus: &EventBus| {
        bus.events()
            .into_iter()
            .map(|event| event.detail_type)
            .collect::<Vec<_>>()
    };
    assert_eq!(types(&emulators.event_bus(BUS)), ["a"]);
    assert_eq!(types(&emulators.event_bus("default")), ["b"]);
    assert_eq!(types(&emulators.eventbridge().all_buses()), ["a", "b"]);
}

#[tokio::test]
async fn an_entry_that_is_wrong_fails_alone() {
    let emulators = memory().await;
    let good = || entry("a", "acme");
    for (wrong, code) in [
        (with(good(), "Source", Value::Null), "InvalidArgument"),
        (with(good(), "DetailType", json!("")), "InvalidArgument"),
        (with(good(), "Detail", Value::Null), "InvalidArgument"),
        (with(good(), "Detail", json!("{")), "MalformedDetail"),
        (with(good(), "Detail", json!("[]")), "MalformedDetail"),
        (
            with(good(), "Source", json!("aws.ec2")),
            "NotAuthorizedForSourceException",
        ),
        (
            with(good(), "EventBusName", json!("other")),
            "ResourceNotFoundException",
        ),
    ] {
        let mark = emulators.event_bus(BUS).mark();
        let (status, answer) = put(&emulators, &[good(), wrong, good()]).await;
        assert_eq!(
            (status, &answer["FailedEntryCount"]),
            (200, &json!(1)),
            "{code}"
        );
        assert_eq!(answer["Entries"][1]["ErrorCode"], code);
        assert!(answer["Entries"][1]["ErrorMessage"].is_string(), "{answer}");
        for index in [0, 2] {
            assert!(answer["Entries"][index]["EventId"].is_string(), "{answer}");
        }
        assert_eq!(emulators.event_bus(BUS).since(mark).len(), 2);
    }
}

#[tokio::test]
async fn a_call_with_too_many_too_large_or_no_entries_is_refused_whole() {
    let emulators = memory().await;
    let large = with(
        entry("a", "acme"),
        "Detail",
        json!(format!("{{\"x\":\"{}\"}}", "x".repeat(87_400))),
    );
    for (entries, part) in [
        (vec![], "greater than or equal to 1"),
        (vec![entry("a", "acme"); 11], "less than or equal to 10"),
        (vec![large.clone(); 3], "Total size of the entries"),
    ] {
        let (status, answer) = put(&emulators, &entries).await;
        assert_eq!(
            (status, &answer["__type"]),
            (400, &json!("ValidationException"))
        );
        assert!(
            answer["message"].as_str().unwrap().contains(part),
            "{answer}"
        );
    }
    assert!(emulators.event_bus(BUS).events().is_empty());
    assert_eq!(
        put(&emulators, &[large.clone(), large]).await.1["FailedEntryCount"],
        0
    );
}

#[tokio::test]
async fn a_test_can_wait_for_an_event() {
    let emulators = memory().await;
    let bus = emulators.event_bus(BUS);
    let mark = bus.mark();
    let waiting = tokio::spawn({
        let bus = bus.clone();
        async move {
            bus.wait_for(mark, |event| event.tenant() == Some("globex"))
                .await
        }
    });
    put(&emulators, &[entry("a", "acme")]).await;
    put(&emulators, &[entry("b", "globex")]).await;
    let event = tokio::time::timeout(PATIENCE, waiting)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((event.detail_type.as_str(), event.number), ("b", 1));
}

#[tokio::test]
async fn single_entries_can_be_made_to_fail_by_type_and_tenant() {
    let emulators = memory().await;
    let matching = Matching::operations(["a"]).on(BUS).partition("acme#");
    let faults = emulators.eventbridge().entry_faults();
    faults.inject(matching, FailedEntry::internal(), Times::Next(1));
    let entries = [
        entry("a", "globex"),
        entry("b", "acme"),
        entry("a", "acme"),
        entry("a", "acme"),
    ];
    let (_, answer) = put(&emulators, &entries).await;
    assert_eq!(answer["FailedEntryCount"], 1);
    assert_eq!(answer["Entries"][2]["ErrorCode"], "InternalFailure");
    assert_eq!(emulators.event_bus(BUS).events().len(), 3);
}

#[tokio::test]
async fn a_whole_call_can_be_refused_and_calls_are_counted_by_bus() {
    let emulators = memory().await;
    let faults = emulators.eventbridge().faults();
    let refuse = Effect::Refuse(AwsError::throttled());
    faults.inject(Matching::operations(["PutEvents"]), refuse, Times::Next(1));
    assert_eq!(put(&emulators, &[entry("a", "acme")]).await.0, 400);
    assert_eq!(put(&emulators, &[entry("a", "acme")]).await.0, 200);
    assert_eq!(emulators.event_bus(BUS).events().len(), 1);
    let calls = emulators.eventbridge().wire().calls();
    assert_eq!(calls.clone().resource(BUS).partition("acme#").count(), 2);
    assert_eq!(calls.operation("PutEvents").count(), 2);
}

#[tokio::test]
async fn what_people_write_is_not_in_the_debug_form_of_an_event() {
    let emulators = memory().await;
    let detail = json!({"tenant_id": "acme", "data": {"body": "a secret"}}).to_string();
    put(
        &emulators,
        &[with(entry("a", "acme"), "Detail", json!(detail))],
    )
    .await;
    let shown = format!("{:?}", emulators.event_bus(BUS).events());
    assert!(
        shown.contains("acme") && !shown.contains("a secret"),
        "{shown}"
    );
}
