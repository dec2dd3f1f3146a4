//! A tenant with 100,000 messages: its list costs a page what any page costs.

use std::sync::OnceLock;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{Timestamp, ToSpan};
use reqwest::Method;
use serde_json::{Map, Value, json};
use shared::activity::Resource;

use super::{Reader, at, message, sms};
use crate::harness::Harness;

const MANY: usize = 100_000;

/// How many share a moment.
const AT_ONCE: usize = 7;

fn moment(number: usize) -> Timestamp {
    at(0) + i64::try_from(number / AT_ONCE).unwrap().milliseconds()
}

/// An attribute as DynamoDB's JSON has it.
fn json_of(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => json!({"S": text}),
        AttributeValue::N(number) => json!({"N": number}),
        AttributeValue::M(members) => {
            let members = members.iter();
            let members = members.map(|(name, value)| (name.clone(), json_of(value)));
            json!({"M": members.collect::<Map<_, _>>()})
        }
        other => panic!("{other:?}"),
    }
}

/// Messages as the store keeps them: copies of one that it kept, each with its own SID and moment.
async fn seed(reader: &Reader) {
    let first = sms(0, moment(0), "+15005550010");
    reader.keep(&first).await;
    let table = reader.harness.variable("ACTIVITY_TABLE");
    let partition = format!("{}#message#{}", reader.tenant.id, message(0).sid());
    let get = reader.harness.dynamodb().get_item().table_name(table);
    let get = get
        .key("pk", AttributeValue::S(partition))
        .key("sk", AttributeValue::S("message".to_owned()));
    let item = get.send().await.unwrap().item.unwrap();
    let attributes = item.iter();
    let attributes = attributes.map(|(name, value)| (name.clone(), json_of(value)));
    let copied = Value::Object(attributes.collect()).to_string();
    let copy = |number: usize| -> Value {
        let of = |number: usize| format!("{:.3}", moment(number));
        let copy = copied
            .replace(message(0).sid(), message(number).sid())
            .replace(&of(0), &of(number));
        serde_json::from_str(&copy).unwrap()
    };
    let items: Vec<_> = (0..MANY).map(copy).collect();
    let dynamodb = reader.harness.stack.emulators().dynamodb();
    tokio::task::block_in_place(|| dynamodb.import(table, items)).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_messages_are_listed_once_each_in_order_at_the_same_cost_a_page() {
    // Others scan their tables for what is left of a tenant.
    static STACK: OnceLock<Harness> = OnceLock::new();
    let harness = Harness::once(&STACK, |_| {}).await;
    let reader = Reader::on(harness, json!({})).await;
    seed(&reader).await;
    // What a process needs once, for the first cursor that it seals.
    reader.get("/api/messages?limit=1").await;
    let wire = reader.harness.stack.emulators().dynamodb().wire();
    let (mut expected, mut path) = (MANY, "/api/messages?limit=100".to_owned());
    loop {
        let since = wire.mark();
        // The contract is asked about other pages: here it would take most of the time.
        let page = reader
            .member
            .send_unjudged(Method::GET, &path, |request| request);
        let page = page.await.document(200);

        let calls = wire.since(since).partition(&reader.tenant.partition());
        let mut calls: Vec<_> = calls.iter().map(|call| call.operation.clone()).collect();
        calls.sort_unstable();
        assert_eq!(calls, ["BatchGetItem", "GetItem", "Query"], "at {expected}");
        let items = page["items"].as_array().unwrap();
        assert_eq!(items.len(), 100, "at {expected}");
        for item in items {
            expected -= 1;
            let Resource::Message(sid) = message(expected) else {
                panic!("it is a message")
            };
            assert_eq!(item["sid"], sid.as_str());
        }
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/api/messages?limit=100&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(expected, 0);
}
