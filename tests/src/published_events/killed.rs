//! The publisher dies over a batch, which the stream then delivers again: what it had done is not done twice, and what it had not
//! is not lost.

use std::collections::BTreeSet;

use local::emulators::BusEvent;
use local::emulators::faults::{Effect, Matching, Times};
use local::lambda::{Moment, Outcome};
use serde_json::json;
use shared::store::ContactItems;

use super::batches::from;
use super::{Listener, PATIENCE, deliver, is_of};
use crate::harness::{Harness, Tenant};
use crate::traffic::Event;

/// Where in a batch the publisher dies.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// Before it has read anything.
    Delivery,
    /// When the message is counted with its contact, before the store has said so.
    AfterTheFold,
    /// When everything is kept and told, and only its answer is not out.
    Answer,
}

/// Delivers a message of which the publisher dies.
async fn killed_at(step: Step, harness: &Harness, tenant: &Tenant, sms: &Event) {
    let publisher = harness.stack.function("publisher").unwrap();
    match step {
        Step::Delivery => publisher.kill_next_at(Moment::Delivery),
        Step::Answer => publisher.kill_next_at(Moment::Answer),
        Step::AfterTheFold => {
            let dynamodb = harness.stack.emulators().dynamodb();
            let contacts = format!("{}contact#", tenant.partition());
            let folds = || Matching::operations(["TransactWriteItems"]).partition(contacts.clone());
            let mark = dynamodb.wire().mark();
            // The client tries again, and waits.
            for effect in [Effect::LoseAnswer, Effect::Hang] {
                dynamodb.faults().inject(folds(), effect, Times::Next(1));
            }
            deliver(tenant, sms).await;
            let again = dynamodb.wire().wait_until(mark, |calls| {
                let calls = calls.clone().operation("TransactWriteItems");
                calls.partition(&contacts).count() == 2
            });
            let again = tokio::time::timeout(PATIENCE, again).await;
            again.expect("the publisher folds twice");
            publisher.kill();
            return;
        }
    }
    deliver(tenant, sms).await;
}

/// How many invocations of the publisher ended without an answer.
fn failed(harness: &Harness) -> usize {
    let records = harness.stack.function("publisher").unwrap().records();
    let failed = records
        .iter()
        .filter(|record| record.outcome != Outcome::Answered);
    failed.count()
}

/// The different events among those that were heard: each comes at least once, and is the same when it comes again.
fn ids(heard: &[BusEvent], wanted: impl Fn(&BusEvent) -> bool) -> BTreeSet<String> {
    let heard = heard.iter().filter(|event| wanted(event));
    heard
        .map(|event| event.detail["id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_message_whose_publisher_is_killed_at_any_step_is_counted_once_and_told() {
    let harness = Harness::start(|options| {
        options.concurrency = 1;
        options.redelivery_seconds = Some(1);
    });
    let tenant = harness.tenant(json!({})).await;
    let listener = Listener::start(&harness, &tenant.id);
    let table = harness.variable("ACTIVITY_TABLE").to_owned();
    let contacts = ContactItems::new(harness.dynamodb(), table, 0);
    let scope = tenant.console.scope(&tenant.id);
    let steps = [Step::Delivery, Step::AfterTheFold, Step::Answer];
    for (step, number) in steps.into_iter().zip(1..) {
        let address = format!("+1646555010{number}");
        let sms = from(&tenant, &address);

        killed_at(step, &harness, &tenant, &sms).await;
        harness.published().await;
        harness.drained("UndeliveredEventsQueue").await;

        assert_eq!(failed(&harness), number, "{step:?}");
        let contact = contacts.read(&scope, &address).await.unwrap().unwrap();
        assert_eq!(contact.message_count, 1, "{step:?}");
        let heard = listener.heard();
        let of_message = |event: &BusEvent| is_of(event, "message.received", &sms.resource);
        let of_contact = |event: &BusEvent| {
            event.detail_type == "contact.created" && event.detail["data"]["address"] == *address
        };
        assert_eq!(ids(&heard, of_message).len(), 1, "{step:?}");
        assert_eq!(ids(&heard, of_contact).len(), 1, "{step:?}");
    }
    let dead = harness.queue("UndeliveredEventsDeadLetterQueue");
    assert!(dead.is_empty().await);
}
