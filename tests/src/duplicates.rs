//! Webhooks that arrive more than once, as Twilio's may: each is kept once.

use local::twilio::Webhook;
use local::twilio::call::{DialOutcome, Party, Story};
use local::twilio::payload::{Channel, WhatsappContent};
use serde_json::{Value, json};
use shared::activity::{Fact, Resource};

use crate::conversations::{dialled, recorded};
use crate::harness::{Harness, Tenant};

/// What the Activity table holds of a tenant, read below the stores.
#[derive(Debug, PartialEq, Eq)]
struct Stored {
    items: usize,
    facts: usize,
}

async fn stored(harness: &Harness, tenant: &Tenant) -> Stored {
    let prefix = format!("{}#", tenant.id);
    let items = harness
        .dynamodb()
        .scan()
        .table_name(&harness.stack.environment()["ACTIVITY_TABLE"])
        .consistent_read(true)
        .into_paginator()
        .items()
        .send()
        .collect::<Result<Vec<_>, _>>()
        .await
        .unwrap();
    let own: Vec<_> = items
        .iter()
        .filter(|item| item["pk"].as_s().unwrap().starts_with(&prefix))
        .collect();
    let attributes = own.iter().flat_map(|item| item.keys());
    Stored {
        items: own.len(),
        facts: attributes.filter(|name| name.starts_with("fact:")).count(),
    }
}

/// Everything that is kept about a call, its legs and its recordings.
async fn histories(tenant: &Tenant, story: &Story) -> Vec<Vec<Fact>> {
    let mut resources = vec![Resource::Call(story.call.clone())];
    resources.extend(
        dialled(story)
            .into_iter()
            .map(|(leg, _)| Resource::Call(leg)),
    );
    resources.extend(recorded(story).into_iter().map(Resource::Recording));
    let mut histories = Vec::new();
    for resource in resources {
        histories.push(tenant.facts(resource).await);
    }
    histories
}

/// Delivers every webhook of a call again, twice each.
async fn repeat(tenant: &Tenant, story: &Story) {
    for exchange in story.exchanges() {
        let request = &exchange.request;
        let again = Webhook::new(exchange.purpose, &request.url, request.parameters.clone());
        tenant.receive_repeatedly(&again, 2).await;
    }
}

async fn a_call_is_kept_once(settings: Value, outcome: DialOutcome) {
    let harness = Harness::shared().await;
    let tenant = harness.tenant(settings).await;
    let story = tenant.make(&tenant.phone_call().dialling(outcome)).await;
    let before = (
        stored(harness, &tenant).await,
        histories(&tenant, &story).await,
    );

    repeat(&tenant, &story).await;

    let after = (
        stored(harness, &tenant).await,
        histories(&tenant, &story).await,
    );
    assert_eq!(after, before);
    // None of the call's own webhooks says what another says.
    assert_eq!(before.0.facts, story.exchanges().count());
}

#[tokio::test]
async fn an_inbound_sms_that_arrives_three_times_is_kept_once() {
    let harness = Harness::shared().await;
    let tenant = harness.tenant(json!({"auto_reply": "Thank you"})).await;
    let message = tenant.sms("Hello");

    let webhook = tenant.sms_webhook(&message);
    tenant.receive_repeatedly(&webhook, 3).await;

    // The message, and that its writer was answered.
    assert_eq!(
        stored(harness, &tenant).await,
        Stored { items: 2, facts: 1 }
    );
    assert_eq!(tenant.facts(Resource::Message(message.sid)).await.len(), 1);
}

#[tokio::test]
async fn a_whatsapp_message_that_arrives_three_times_is_kept_once() {
    let harness = Harness::shared().await;
    let tenant = harness.tenant(json!({})).await;
    let message = tenant.whatsapp(WhatsappContent::Text("Hola".to_owned()));

    let webhook = tenant.whatsapp_webhook(&message);
    tenant.receive_repeatedly(&webhook, 3).await;

    assert_eq!(
        stored(harness, &tenant).await,
        Stored { items: 1, facts: 1 }
    );
    assert_eq!(tenant.facts(Resource::Message(message.sid)).await.len(), 1);
}

#[tokio::test]
async fn statuses_that_arrive_three_times_each_are_kept_once_each() {
    let harness = Harness::shared().await;
    for channel in [Channel::Sms, Channel::Whatsapp] {
        let tenant = harness.tenant(json!({})).await;
        let sid = tenant.sender.sids().message(false);
        for status in ["sent", "delivered"] {
            let webhook = tenant.status_webhook(&tenant.status(channel, &sid, status));
            tenant.receive_repeatedly(&webhook, 3).await;
        }

        assert_eq!(
            stored(harness, &tenant).await,
            Stored { items: 1, facts: 2 }
        );
        assert_eq!(tenant.facts(Resource::Message(sid)).await.len(), 2);
    }
}

#[tokio::test]
async fn a_repeated_message_is_answered_like_the_first() {
    let harness = Harness::shared().await;
    let tenant = harness.tenant(json!({"auto_reply": "Thank you"})).await;
    let message = tenant.sms("Hello");

    let first = tenant.receive_sms(&message).await.response.unwrap();
    let second = tenant.receive_sms(&message).await.response.unwrap();

    assert_eq!((first.status, first.text()), (second.status, second.text()));
}

#[tokio::test]
async fn the_webhooks_of_a_recorded_call_are_kept_once_however_often_they_arrive() {
    let settings = json!({
        "inbound_route": "browser",
        "browser_users": ["alice", "bob"],
        "auto_record_calls": true,
    });
    let answered = DialOutcome::Completed {
        seconds: 42,
        hung_up_by: Party::Callee,
    };
    a_call_is_kept_once(settings, answered).await;
}

#[tokio::test]
async fn the_webhooks_of_a_voicemail_are_kept_once_however_often_they_arrive() {
    let settings = json!({"inbound_route": "forward", "forward_to": "+15005550110"});
    a_call_is_kept_once(settings, DialOutcome::NoAnswer).await;
}
