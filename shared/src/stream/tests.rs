//! Records of the stream, read.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};

use super::*;
use crate::activity::{Resource, Route};

const SID: &str = "SM00000000000000000000000000000001";

fn fact(at: &str, body: &str) -> Value {
    json!({"M": {
        "at": {"S": at},
        "route": {"S": "/sms"},
        "parameters": {"M": {
            "MessageSid": {"S": SID}, "From": {"S": "+15005550010"}, "Body": {"S": body},
        }},
    }})
}

fn record(name: &str, pk: &str, sk: &str, old: Option<Value>, new: Option<Value>) -> Value {
    let keys = json!({"pk": {"S": pk}, "sk": {"S": sk}});
    let image = |image: Option<Value>| {
        image.map(|mut image| {
            image["pk"] = keys["pk"].clone();
            image["sk"] = keys["sk"].clone();
            image
        })
    };
    let mut write = json!({
        "ApproximateCreationDateTime": 1.7e9, "SequenceNumber": "111", "SizeBytes": 100,
        "StreamViewType": "NEW_AND_OLD_IMAGES", "Keys": keys,
    });
    for (member, image) in [("OldImage", image(old)), ("NewImage", image(new))] {
        if let Some(image) = image {
            write[member] = image;
        }
    }
    json!({
        "eventID": "1", "eventName": name, "eventVersion": "1.1", "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1", "eventSourceARN": "arn:aws:dynamodb:…", "dynamodb": write,
    })
}

fn raw(record: &Value) -> RawRecord {
    serde_json::from_str(&record.to_string()).unwrap()
}

fn read(record: &Value) -> Result<StreamRecord, UnreadableRecord> {
    StreamRecord::read(&raw(record))
}

fn message(old: Option<Value>, new: Option<Value>) -> Value {
    record(
        "MODIFY",
        &format!("acme#message#{SID}"),
        "message",
        old,
        new,
    )
}

fn change(record: &Value) -> Change {
    read(record).unwrap().change
}

#[test]
fn a_resource_is_read_with_its_facts_before_and_after() {
    let first = fact("2026-03-01T12:00:00.000Z", "Hello");
    let second = fact("2026-03-01T12:00:01.000Z", "Hello again");
    let old = json!({"fact:a": first, "sid": {"S": SID}});
    let new = json!({"fact:a": first, "fact:b": second, "sid": {"S": SID}});
    let read = read(&message(Some(old), Some(new))).unwrap();
    assert_eq!(read.sequence_number, "111");
    assert_eq!(read.scope.tenant_id().as_str(), "acme");
    let Change::Resource(change) = read.change else {
        panic!("{:?}", read.change);
    };
    assert_eq!(change.resource, Resource::Message(SID.parse().unwrap()));
    assert_eq!(change.before.iter().count(), 1);
    let bodies: Vec<_> = change
        .after
        .by(Route::Sms)
        .map(|fact| fact.parameter("Body"))
        .collect();
    assert_eq!(bodies, [Some("Hello"), Some("Hello again")]);
}

#[test]
fn a_new_resource_had_no_facts_before() {
    let new = json!({"fact:a": fact("2026-03-01T12:00:00.000Z", "Hello")});
    let Change::Resource(change) = change(&message(None, Some(new))) else {
        panic!("no change");
    };
    assert_eq!(change.before.iter().count(), 0);
}

#[test]
fn what_nobody_acts_on_is_nothing() {
    let facts = json!({"fact:a": fact("2026-03-01T12:00:00.000Z", "Hello")});
    let mut counted = facts.clone();
    counted["counted"] = json!({"BOOL": true});
    let mut deleted = json!({"deleted_at": {"S": "2026-03-01T12:00:00.000Z"}});
    let tombstone = deleted.clone();
    deleted["fact:a"] = facts["fact:a"].clone();
    let (lease, of_lease) = ("acme#lease#x", json!({"until": {"N": "1"}}));
    let event =
        json!({"type": {"S": "x"}, "data": {"S": "{}"}, "at": {"S": "2026-03-01T12:00:00Z"}});
    for record in [
        message(Some(facts.clone()), Some(counted)),
        message(Some(facts.clone()), Some(tombstone.clone())),
        message(Some(tombstone), Some(deleted)),
        message(Some(facts.clone()), None),
        record(
            "REMOVE",
            &format!("acme#message#{SID}"),
            "message",
            Some(facts),
            None,
        ),
        record("INSERT", lease, "lease", None, Some(of_lease)),
        record(
            "MODIFY",
            "acme#event#x",
            "event",
            Some(event.clone()),
            Some(event),
        ),
    ] {
        assert_eq!(change(&record), Change::Nothing, "{record}");
    }
}

#[test]
fn a_contact_is_read_before_and_after() {
    let opt_out = json!({"M": {"stopped": {"BOOL": true}, "at": {"S": "2026-03-01T12:00:00.000Z"}, "sid": {"S": SID}}});
    let old = json!({"address": {"S": "+15005550010"}});
    let new = json!({"address": {"S": "+15005550010"}, "contact_since": {"S": "2026-03-01T12:00:00.000Z"},
        "message_count": {"N": "1"}, "opt_out:MG1": opt_out});
    let record = record(
        "MODIFY",
        "acme#contact#+15005550010",
        "contact",
        Some(old),
        Some(new),
    );
    let Change::Contact(change) = change(&record) else {
        panic!("no contact");
    };
    assert_eq!(change.before.unwrap().since, None);
    assert!(change.after.since.is_some());
    assert_eq!(change.after.opted_out_of().collect::<Vec<_>>(), ["MG1"]);
}

#[test]
fn an_event_that_was_written_down_is_read_with_its_id() {
    let item = json!({
        "type": {"S": "credential.failed"}, "data": {"S": r#"{"provider":"twilio"}"#},
        "at": {"S": "2026-03-01T12:00:00.000Z"}, "expires_at": {"N": "1"},
    });
    let record = record("INSERT", "acme#event#an-id", "event", None, Some(item));
    let Change::Event(event) = change(&record) else {
        panic!("no event");
    };
    assert_eq!(
        (event.id.as_str(), event.event_type.as_str()),
        ("an-id", "credential.failed")
    );
    assert_eq!(event.data.get(), r#"{"provider":"twilio"}"#);
    assert_eq!(event.time.to_string(), "2026-03-01T12:00:00Z");
}

#[test]
fn every_kind_of_attribute_is_read() {
    let item = json!({
        "S": {"S": "a"}, "N": {"N": "1"}, "B": {"B": "AQI="}, "BOOL": {"BOOL": true}, "NULL": {"NULL": true},
        "M": {"M": {"x": {"L": [{"S": "a"}]}}}, "SS": {"SS": ["a"]}, "NS": {"NS": ["1"]}, "BS": {"BS": ["AQI="]},
    });
    let read = attribute::item(serde_json::from_value(item).unwrap());
    assert_eq!(read["B"].as_b().unwrap().as_ref(), [1, 2]);
    assert_eq!(read["NULL"], AttributeValue::Null(true));
    let list = vec![AttributeValue::S("a".to_owned())];
    assert_eq!(read["M"].as_m().unwrap()["x"], AttributeValue::L(list));
    assert_eq!(read["BS"].as_bs().unwrap()[0].as_ref(), [1, 2]);
    assert!(read["NS"].is_ns() && read["SS"].is_ss() && read["S"].is_s() && read["N"].is_n());
}

#[test]
fn what_cannot_be_read_is_an_error_with_its_place_and_without_its_content() {
    let secret = "meet me at the old mill";
    let mut without_name = message(None, None);
    without_name["eventName"] = Value::Null;
    for record in [
        message(None, Some(json!({"fact:a": {"S": secret}}))),
        message(
            None,
            Some(json!({"fact:a": {"M": {"route": {"S": secret}}}})),
        ),
        message(None, Some(json!({"fact:a": {"X": secret}}))),
        record(
            "INSERT",
            "acme#message#SM1",
            "message",
            None,
            Some(json!({"x": {"S": secret}})),
        ),
        record("INSERT", "ACME#call#x", "call", None, Some(json!({}))),
        record(
            "INSERT",
            "acme#contact#+1",
            "contact",
            None,
            Some(json!({"x": {"S": secret}})),
        ),
        record(
            "INSERT",
            "acme#event#x",
            "event",
            None,
            Some(json!({"data": {"S": secret}})),
        ),
        without_name,
    ] {
        let unreadable = read(&record).unwrap_err();
        assert_eq!(
            unreadable.sequence_number.as_deref(),
            Some("111"),
            "{record}"
        );
        assert!(!unreadable.to_string().contains(secret), "{unreadable}");
    }
    let nothing = read(&json!("words")).unwrap_err();
    assert_eq!(nothing.sequence_number, None);
}

#[test]
fn a_letter_holds_the_record_as_it_came() {
    let record = raw(&message(None, Some(json!({"fact:a": {"S": "\u{FFFE}"}}))));
    let letter = record.letter("no reason", true).unwrap();
    assert!(letter.is_whole && !letter.body.contains('\u{FFFE}'));
    let (back, is_told) = RawRecord::of_letter(&letter.body).unwrap();
    assert!(is_told);
    let value = |record: &RawRecord| serde_json::from_str::<Value>(record.json()).unwrap();
    assert_eq!(value(&back), value(&record));
    assert!(RawRecord::of_letter("{}").is_none());
}

#[test]
fn a_record_larger_than_a_message_is_a_letter_by_its_keys_and_its_place() {
    let new = json!({"fact:a": {"S": "x".repeat(300 * 1024)}});
    let letter = raw(&message(None, Some(new)))
        .letter("too large", false)
        .unwrap();
    let body: Value = serde_json::from_str(&letter.body).unwrap();
    assert!(!letter.is_whole);
    assert_eq!(
        body,
        json!({
            "reason": "too large", "is_told": false, "sequence_number": "111",
            "keys": {"pk": {"S": format!("acme#message#{SID}")}, "sk": {"S": "message"}},
        })
    );
    assert!(RawRecord::of_letter(&letter.body).is_none());
}

#[test]
fn an_event_of_either_source_is_told_from_the_other() {
    let delivery = |event: Value| serde_json::from_str::<Delivery>(&event.to_string());
    let stream = json!({"Records": [json!({"oddity": 1}), message(None, None)]});
    assert!(matches!(delivery(stream), Ok(Delivery::Stream(records)) if records.len() == 2));
    let queue = json!({"Records": [{"messageId": "1", "body": "{}", "eventSource": "aws:sqs"}]});
    assert!(matches!(delivery(queue), Ok(Delivery::Queue(batch)) if batch.messages[0].id == "1"));
    assert!(matches!(
        delivery(json!({"Records": []})),
        Ok(Delivery::Stream(_))
    ));
    for other in [
        json!({}),
        json!({"Records": [{"eventSource": "aws:s3"}]}),
        json!({"Records": [{}]}),
        json!({"Records": [{"eventSource": "aws:sqs"}]}),
    ] {
        assert!(delivery(other.clone()).is_err(), "{other}");
    }
}
