//! The lines of webhooks.

use local::emulators::faults::{AwsError, Effect, Matching, Times};
use local::http_client;
use local::logs::Voice;
use reqwest::Method;
use serde_json::{Value, json};
use shared::activity::Route;
use shared::secret::Secret;
use shared::telemetry::metrics::WEBHOOK;

use super::{are_all_emitted, measured};
use crate::harness::Harness;
use crate::traffic::{self, RawRequest, event, settled_lines, url};

/// A stack of its own on which 20 webhooks of a tenant are past its limit, with these parameters too.
fn limited(parameters: &[(&str, &str)]) -> Harness {
    Harness::start(|options| {
        options.concurrency = 1;
        options.feeds_streams = false;
        options.redelivery_seconds = Some(1);
        let parameters = parameters.iter().chain(&[("TenantWebhookLimit", "1")]);
        let parameters = parameters.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        options.parameters.extend(parameters);
    })
}

#[tokio::test]
async fn whatever_becomes_of_webhooks_is_measured_on_the_line_that_ends_each() {
    let harness = limited(&[]);
    let client = http_client::client();
    let emulators = harness.stack.emulators();
    let tenant = harness.tenant(json!({"auto_reply": "Thank you"})).await;
    for route in [Route::Sms, Route::Whatsapp, Route::Voice, Route::SmsStatus] {
        let status = traffic::deliver(&tenant, &event(&tenant, route)).await;
        assert!(matches!(status, 200 | 204), "{route:?}: {status}");
    }

    let webhook = event(&tenant, Route::Sms).webhook;
    let mut request = RawRequest::unsigned(&webhook.url, webhook.parameters.form_encoded());
    assert_eq!(request.send(&client).await.status, 403);
    request.method = Method::GET;
    assert_eq!(request.send(&client).await.status, 405);
    let another = Secret::from("another-token-than-the-stored-one");
    let forged = RawRequest::signed(&webhook.url, &webhook.parameters, &another);
    assert_eq!(forged.send(&client).await.status, 403);

    let refusal = || Effect::Refuse(AwsError::internal());
    let faults = emulators.kms().faults();
    let damaged = AwsError::new(400, "InvalidCiphertextException", "");
    for refusal in [
        refusal(),
        Effect::Refuse(damaged),
        Effect::Refuse(AwsError::access_denied()),
    ] {
        let unread = harness.tenant(json!({})).await;
        faults.inject(Matching::any(), refusal, Times::Always);
        let signed = event(&unread, Route::Sms).webhook;
        let signed = RawRequest::signed(&signed.url, &signed.parameters, unread.token());
        assert_eq!(signed.send(&client).await.status, 503);
        faults.clear();
    }

    let writes = Matching::writes().partition(tenant.partition());
    let faults = emulators.dynamodb().faults();
    faults.inject(writes, refusal(), Times::Always);
    let status = event(&tenant, Route::SmsStatus);
    assert_eq!(traffic::deliver(&tenant, &status).await, 204);
    faults.clear();

    // Wherever a minute ends among them, there is another report after the one that tells of the limit.
    for _ in 0..100 {
        let status = event(&tenant, Route::SmsStatus);
        assert_eq!(traffic::deliver(&tenant, &status).await, 204);
    }
    // Who is served as it was known was read 5 minutes ago, by the clock of the process: the line of that is proven beside it.
    are_all_emitted(&harness, WEBHOOK, &["served_stale"]).await;
}

#[tokio::test]
async fn the_metrics_of_a_webhook_cost_no_line_and_are_written_at_any_level() {
    let harness = limited(&[("LogLevel", "error")]);
    let tenant = harness.tenant(json!({})).await;
    for route in [Route::Sms, Route::Whatsapp, Route::Voice] {
        for _ in 0..3 {
            traffic::deliver(&tenant, &event(&tenant, route)).await;
        }
    }
    let lines = settled_lines(&harness).await;
    let lines: Vec<Value> = lines
        .iter()
        .filter(|line| line.voice == Voice::Function)
        .map(|line| serde_json::from_str(&line.text).unwrap())
        .collect();
    let functions = harness.stack.functions().iter();
    let invocations: usize = functions.map(|function| function.records().len()).sum();
    let measured = measured(&harness);
    assert_eq!(measured.len(), invocations);
    let others = lines.iter().filter(|line| line["_aws"].is_null());
    for line in others {
        assert_eq!(line["level"], "ERROR", "{line}");
    }
    let answered = measured
        .iter()
        .map(|measured| &measured.line)
        .filter(|line| line["message"] == "webhook answered");
    let answered: Vec<_> = answered.collect();
    assert_eq!(answered.len(), 9);
    for line in answered {
        assert_eq!(
            (&line["level"], &line["tenant_id"]),
            (&json!("INFO"), &json!(tenant.id))
        );
        assert!(line["request_id"].is_string());
    }
}

#[tokio::test]
async fn the_calls_that_webhooks_are_said_to_make_are_those_that_arrive() {
    let harness = limited(&[]);
    let tenant = harness.tenant(json!({})).await;
    let emulators = harness.stack.emulators();
    let wires = [emulators.dynamodb().wire(), emulators.kms().wire()];
    let begun = wires.map(|wire| wire.mark());
    for route in [Route::Sms, Route::Whatsapp, Route::Voice, Route::Sms] {
        traffic::deliver(&tenant, &event(&tenant, route)).await;
    }
    settled_lines(&harness).await;
    let arrived = [0, 1].map(|place| wires[place].since(begun[place]).count());
    let said = ["store_calls", "kms_calls"].map(|name| {
        let measured = measured(&harness);
        let counts = measured.iter().map(|it| it.line[name].as_u64());
        counts.map(Option::unwrap_or_default).sum::<u64>()
    });
    assert_eq!(said.map(|count| usize::try_from(count).unwrap()), arrived);
    assert!(arrived[0] > arrived[1] && arrived[1] >= 3, "{arrived:?}");
}

#[tokio::test]
async fn a_process_without_a_namespace_logs_plain_lines() {
    let harness = Harness::start(|options| {
        options.feeds_streams = false;
        let nothing = [("METRICS_NAMESPACE".to_owned(), String::new())];
        options.overrides = [("sms-webhook".to_owned(), nothing.into())].into();
    });
    let tenant = harness.tenant(json!({})).await;
    let client = http_client::client();
    let request = RawRequest::unsigned(&url(&tenant, Route::Sms), "");
    assert_eq!(request.send(&client).await.status, 400);
    let lines = settled_lines(&harness).await;
    let said = lines.iter().filter(|line| line.voice == Voice::Function);
    let said: Vec<_> = said.map(|line| line.text.as_str()).collect();
    assert_eq!(said.len(), 1);
    assert!(said[0].contains("webhook refused") && !said[0].contains("_aws"));
}
