//! Batches of the stream of which one record cannot be dealt with: the others are.

use std::collections::HashMap;
use std::time::Instant;

use aws_sdk_dynamodb::types::AttributeValue;
use local::emulators::BusEvent;
use local::emulators::faults::{AwsError, Effect, Matching, Times};
use local::lambda::InvocationError;
use serde_json::{Value, json};
use shared::activity::{Resource, Route};
use shared::aws::Patience;
use shared::store::ContactItems;

use super::outages::breakable;
use super::{Listener, deliver};
use crate::harness::{Harness, Tenant, workspace};
use crate::traffic::{CONTACT, Event, event, items_of};

/// A new message of somebody, and its event.
pub(super) fn from(tenant: &Tenant, address: &str) -> Event {
    let mut message = tenant.sms("Hello");
    message.from = address.to_owned();
    Event {
        webhook: tenant.sms_webhook(&message),
        resource: Resource::Message(message.sid),
    }
}

/// An attribute as it is in records of the stream.
fn attribute(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => json!({"S": text}),
        AttributeValue::N(number) => json!({"N": number}),
        AttributeValue::Bool(flag) => json!({"BOOL": flag}),
        AttributeValue::M(members) => {
            let members = members.iter();
            let members = members.map(|(name, value)| (name.clone(), attribute(value)));
            json!({"M": members.collect::<serde_json::Map<_, _>>()})
        }
        other => panic!("{other:?}"),
    }
}

/// The records of the writes that made these items, in one batch.
pub(crate) fn batch_of(items: &[HashMap<String, AttributeValue>]) -> Value {
    let records = items.iter().zip(1..).map(|(item, number)| {
        let image = item.iter();
        let image = image.map(|(name, value)| (name.clone(), attribute(value)));
        let image: serde_json::Map<_, _> = image.collect();
        json!({
            "eventSource": "aws:dynamodb",
            "eventName": "INSERT",
            "dynamodb": {
                "SequenceNumber": format!("{number:021}"),
                "Keys": {"pk": image["pk"], "sk": image["sk"]},
                "NewImage": image,
            },
        })
    });
    json!({"Records": records.collect::<Vec<_>>()})
}

pub(crate) async fn invoke(harness: &Harness, event: &Value) -> Result<Value, InvocationError> {
    let publisher = harness.stack.function("publisher").unwrap().clone();
    let payload = event.to_string().into();
    let answer = harness.on_stack(async move { publisher.invoke(payload).await });
    let answer = answer.await?;
    Ok(serde_json::from_slice(&answer).unwrap())
}

/// Whether the message of an address is counted with its contact.
async fn is_kept(harness: &Harness, tenant: &Tenant, address: &str) -> bool {
    let table = harness.variable("ACTIVITY_TABLE").to_owned();
    let contacts = ContactItems::new(harness.dynamodb(), table, 0);
    let scope = tenant.console.scope(&tenant.id);
    let contact = contacts.read(&scope, address).await.unwrap();
    contact.is_some_and(|contact| contact.message_count == 1)
}

#[tokio::test]
async fn of_ten_contacts_in_a_batch_only_the_one_that_cannot_be_kept_is_put_aside() {
    let harness = Harness::start(|options| {
        options.redelivery_seconds = Some(1);
        options.feeds_streams = false;
    });
    let tenant = harness.tenant(json!({})).await;
    let listener = Listener::start(&harness, &tenant.id);
    let addresses: Vec<_> = (0..10)
        .map(|number| format!("+1500555010{number}"))
        .collect();
    for address in &addresses {
        deliver(&tenant, &from(&tenant, address)).await;
    }
    let batch = batch_of(&items_of(&harness, &tenant).await);
    let faults = harness.stack.emulators().dynamodb().faults();
    let own = format!("{}contact#{}", tenant.partition(), addresses[3]);
    let fault = faults.inject(
        Matching::operations(["TransactWriteItems"]).partition(own),
        Effect::Refuse(AwsError::access_denied()),
        Times::Always,
    );
    let begun = harness.stack.emulators().sqs().wire().mark();

    let answer = invoke(&harness, &batch).await.unwrap();

    assert_eq!(answer, json!({"batchItemFailures": []}));
    assert_eq!(
        listener.types(),
        [("message.received".to_owned(), 10)].into()
    );
    let sent = harness.stack.emulators().sqs().wire().since(begun);
    assert_eq!(sent.operation("SendMessage").count(), 1);
    for (number, address) in addresses.iter().enumerate() {
        let is_kept = is_kept(&harness, &tenant, address).await;
        assert_eq!(is_kept, number != 3, "{number}");
    }

    faults.remove(fault);
    harness.drained("UndeliveredEventsQueue").await;
    assert!(is_kept(&harness, &tenant, &addresses[3]).await);
    let dead = harness.queue("UndeliveredEventsDeadLetterQueue");
    assert!(dead.is_empty().await);
}

#[tokio::test]
async fn a_tenant_whose_profile_does_not_answer_does_not_hold_up_another_of_its_batch() {
    let harness = Harness::start(|options| {
        options.redelivery_seconds = Some(1);
        options.feeds_streams = false;
    });
    let (silent, other) = (
        harness.tenant(json!({})).await,
        harness.tenant(json!({})).await,
    );
    let (of_silent, of_other) = (
        Listener::start(&harness, &silent.id),
        Listener::start(&harness, &other.id),
    );
    let mut items = Vec::new();
    for tenant in [&silent, &other] {
        deliver(tenant, &event(tenant, Route::Sms)).await;
        items.extend(items_of(&harness, tenant).await);
    }
    let nothing = invoke(&harness, &json!({"Records": []})).await;
    assert_eq!(nothing.unwrap(), json!({"batchItemFailures": []}));
    let faults = harness.stack.emulators().dynamodb().faults();
    let profile = Matching::operations(["GetItem"]).partition(format!("{}#tenant", silent.id));
    let fault = faults.inject(profile, Effect::Hang, Times::Always);
    let (begun, batch) = (Instant::now(), batch_of(&items));

    let answer = invoke(&harness, &batch).await.unwrap();

    // Less than it takes to look for a tenant with all of a client's patience, even once.
    assert!(begun.elapsed() < 2 * Patience::BACKGROUND.attempt());
    assert_eq!(answer, json!({"batchItemFailures": []}));
    let told = [("message.received".to_owned(), 1)];
    assert_eq!(of_other.types(), told.clone().into());
    assert!(is_kept(&harness, &other, CONTACT).await);
    assert_eq!(of_silent.heard(), []);

    faults.remove(fault);
    harness.drained("UndeliveredEventsQueue").await;
    let of_message = |event: &BusEvent| event.detail_type == "message.received";
    of_silent.hear(of_message).await;
    assert!(is_kept(&harness, &silent, CONTACT).await);
}

/// The records of the sample of the stream, as if they were a tenant's, in an event with more behind them.
fn records_of(tenant: &Tenant, behind: &[Value]) -> Value {
    let sample = workspace().join("events/publisher/messages.json");
    let sample = std::fs::read_to_string(sample).unwrap();
    let sample = sample.replace("\"acme#", &format!("\"{}", tenant.partition()));
    let mut event: Value = serde_json::from_str(&sample).unwrap();
    let records = event["Records"].as_array_mut().unwrap();
    records.extend(behind.iter().cloned());
    event
}

#[tokio::test]
async fn what_comes_before_a_record_that_can_neither_be_read_nor_moved_is_done_first() {
    let harness = breakable();
    let tenant = harness.tenant(json!({})).await;
    let listener = Listener::start(&harness, &tenant.id);
    let faults = harness.stack.emulators().sqs().faults();
    faults.inject(
        Matching::operations(["SendMessage"]),
        Effect::Refuse(AwsError::internal()),
        Times::Always,
    );
    let placeless = json!({"eventSource": "aws:dynamodb", "eventName": "INSERT"});
    let event = records_of(&tenant, std::slice::from_ref(&placeless));
    let records = event["Records"].as_array().unwrap();
    let last = records[records.len() - 2]["dynamodb"]["SequenceNumber"].clone();
    let published = [("message.received", 1), ("message.status", 1)];

    let answer = invoke(&harness, &event).await.unwrap();

    // From the last record that has a place on.
    assert_eq!(
        answer,
        json!({"batchItemFailures": [{"itemIdentifier": last}]})
    );
    let types = published.map(|(name, count)| (name.to_owned(), count));
    assert_eq!(listener.types(), types.into());

    let alone = json!({"Records": [placeless]});
    let error = invoke(&harness, &alone).await.unwrap_err();
    assert_eq!(error.error_type(), "UnreadableRecord");
}
