//! What Twilio is answered when another function failed it: by every function, without any store.

use local::emulators::wire::{Mark, WireLog};
use local::stack::Stack;
use local::twilio::call::{Ending, simulate_call};
use local::twilio::{Method, Parameters, Purpose, Webhook};
use serde_json::json;

use crate::conversations::{EMPTY_RESPONSE, answer};
use crate::harness::{Harness, Tenant};

const APOLOGY: &str =
    "We are sorry, your call cannot be taken at the moment. Please try again later. Goodbye.";

const PATHS: [(&str, Purpose); 3] = [
    ("voice/fallback", Purpose::IncomingCall),
    ("sms/fallback", Purpose::InboundMessage),
    ("whatsapp/fallback", Purpose::InboundMessage),
];

/// What has been called of the emulators since a moment.
struct Wires([(WireLog, Mark); 3]);

impl Wires {
    fn of(stack: &Stack) -> Self {
        let emulators = stack.emulators();
        let wires = [
            emulators.dynamodb().wire(),
            emulators.kms().wire(),
            emulators.sqs().wire(),
        ];
        Self(wires.map(|wire| (wire.clone(), wire.mark())))
    }

    /// The operations that functions called. The queue's poller is not one of them, and the bare request by which a new
    /// process opens a connection is no operation.
    fn operations(&self) -> Vec<String> {
        let calls = self.0.iter().map(|(wire, mark)| wire.since(*mark));
        calls
            .flat_map(|calls| {
                let operations = calls.iter().map(|call| call.operation.clone());
                operations.collect::<Vec<_>>()
            })
            .filter(|operation| !operation.is_empty() && operation != "ReceiveMessage")
            .collect()
    }
}

/// Every fallback on every function, as Twilio calls it after a failure.
fn fallbacks(tenant: &Tenant, method: Method) -> Vec<Webhook> {
    let urls = &tenant.target.urls;
    let mut fallbacks = Vec::new();
    for base in [&urls.voice, &urls.sms, &urls.whatsapp] {
        for (path, purpose) in PATHS {
            let account = &tenant.sender.account().sid;
            let parameters = Parameters::new()
                .with("AccountSid", account.as_str())
                .with("CallSid", tenant.sender.sids().call().as_str())
                .with("ErrorCode", "11200")
                .with("ErrorUrl", tenant.target.voice_url());
            let mut webhook = Webhook::new(purpose, format!("{base}{path}"), parameters);
            webhook.method = method;
            fallbacks.push(webhook);
        }
    }
    fallbacks
}

fn expected(webhook: &Webhook) -> (u16, Option<&'static str>, String) {
    let document = if webhook.purpose == Purpose::IncomingCall {
        format!(
            r#"<?xml version="1.0" encoding="UTF-8"?><Response><Say>{APOLOGY}</Say><Hangup/></Response>"#
        )
    } else {
        EMPTY_RESPONSE.to_owned()
    };
    (200, Some("text/xml; charset=utf-8"), document)
}

#[tokio::test]
async fn every_function_answers_every_fallback_to_get_and_post() {
    let tenant = Harness::shared().await.tenant(json!({})).await;
    for method in [Method::Post, Method::Get] {
        for webhook in fallbacks(&tenant, method) {
            let exchange = tenant.sender.deliver(&webhook).await;

            assert_eq!(answer(&exchange), expected(&webhook), "{}", webhook.url);
        }
    }
}

#[tokio::test]
async fn a_fallback_answers_without_a_signature() {
    let tenant = Harness::shared().await.tenant(json!({})).await;
    let client = local::http_client::client();
    for webhook in fallbacks(&tenant, Method::Post) {
        let response = client.post(&webhook.url).send().await.unwrap();

        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        let (expected_status, _, expected_text) = expected(&webhook);
        assert_eq!((status, text), (expected_status, expected_text));
    }
}

#[tokio::test]
async fn a_fallback_calls_no_store_no_key_service_and_no_queue() {
    // Other tests on the shared stack would be counted too.
    let harness = Harness::start(|_| {});
    let tenant = harness.tenant(json!({})).await;
    let wires = Wires::of(&harness.stack);
    for method in [Method::Post, Method::Get] {
        for webhook in fallbacks(&tenant, method) {
            let exchange = tenant.sender.deliver(&webhook).await;
            assert_eq!(exchange.status(), Some(200));
        }
    }

    assert_eq!(wires.operations(), Vec::<String>::new());

    // The same count does see what a webhook costs.
    tenant.receive_sms(&tenant.sms("Hello")).await;
    assert!(wires.operations().contains(&"UpdateItem".to_owned()));
}

#[tokio::test]
async fn a_fallback_takes_no_other_method() {
    let tenant = Harness::shared().await.tenant(json!({})).await;
    let client = local::http_client::client();
    for webhook in fallbacks(&tenant, Method::Post) {
        let response = client.put(&webhook.url).send().await.unwrap();

        assert_eq!(response.status().as_u16(), 405);
        assert_eq!(response.headers()["allow"], "GET, POST");
        assert_eq!(response.text().await.unwrap(), "");
    }
}

#[tokio::test]
async fn a_caller_whose_document_failed_hears_a_sentence_instead_of_an_error() {
    let tenant = Harness::shared().await.tenant(json!({})).await;
    let mut script = tenant.phone_call();
    // A path that no function has stands for a function that fails.
    script.voice_url = tenant.target.voice_url().replace("/voice", "/nowhere");

    let story = simulate_call(&tenant.sender, &script).await;

    assert_eq!(story.said(), [APOLOGY]);
    assert_eq!(story.ending, Ending::Finished);
}
