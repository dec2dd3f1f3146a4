//! The sample events in `events/`, each sent to its function as it is.

mod client_api;

use std::collections::BTreeSet;
use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use local::emulators::BusEvent;
use local::lambda::{InvocationError, Outcome};
use local::twilio::{DEMO_TENANTS, Parameters, sign};
use serde_json::{Value, json};
use shared::activity::{Resource, Route};
use shared::onboarding::NewTenant;
use tokio::sync::OnceCell;

use crate::conversations::EMPTY_RESPONSE;
use crate::harness::{Harness, workspace};

const WEBHOOK_FUNCTIONS: [&str; 3] = ["sms-webhook", "whatsapp-webhook", "voice-webhook"];

/// What Twilio sends, with the status of the answer.
const WEBHOOKS: &[(&str, i64)] = &[
    ("sms-webhook/sms.json", 200),
    ("sms-webhook/mms.json", 200),
    ("sms-webhook/opt-out.json", 200),
    ("sms-webhook/sms-status.json", 204),
    ("whatsapp-webhook/whatsapp.json", 200),
    ("whatsapp-webhook/button-of-a-hidden-user.json", 200),
    ("whatsapp-webhook/whatsapp-status.json", 204),
    ("voice-webhook/voice.json", 200),
    ("voice-webhook/voice-from-browser.json", 200),
    ("voice-webhook/voice-dial.json", 200),
    ("voice-webhook/voice-status.json", 204),
    ("voice-webhook/voice-recording.json", 204),
    ("voice-webhook/voice-voicemail.json", 200),
    ("voice-webhook/voice-transcription.json", 204),
];

/// What Twilio sends to where a document failed.
const FALLBACKS: &[(&str, i64)] = &[
    ("sms-webhook/sms-fallback.json", 200),
    ("whatsapp-webhook/whatsapp-fallback.json", 200),
    ("voice-webhook/voice-fallback.json", 200),
];

/// What anybody may send, with the status of the refusal.
const REFUSED: &[(&str, i64)] = &[
    ("sms-webhook/forged.json", 403),
    ("sms-webhook/unsigned.json", 403),
    ("sms-webhook/dots-in-path.json", 404),
    ("sms-webhook/wrong-method.json", 405),
    ("sms-webhook/wrong-content-type.json", 415),
    ("sms-webhook/bad-escape-in-query.json", 400),
];

/// What is no request at all, for any webhook function: 400.
const MALFORMED: &[&str] = &[
    "sms-webhook/raw-quote-in-query.json",
    "sms-webhook/less-than-in-query.json",
    "sms-webhook/greater-than-in-query.json",
    "sms-webhook/space-in-query.json",
    "sms-webhook/malformed-host.json",
    "sms-webhook/body-not-base64.json",
    "sms-webhook/no-request-context.json",
    "sms-webhook/empty-object.json",
];

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

/// A stack with the demo tenants, on which no function has more than one process.
async fn stack() -> &'static Harness {
    static STACK: OnceLock<Harness> = OnceLock::new();
    static SEEDED: OnceCell<()> = OnceCell::const_new();
    let start = || STACK.get_or_init(|| Harness::start(|options| options.concurrency = 1));
    let harness = tokio::task::spawn_blocking(start).await.unwrap();
    SEEDED
        .get_or_init(|| async {
            for tenant in demo_tenants() {
                harness.console().store(&tenant).await.unwrap();
            }
        })
        .await;
    harness
}

fn demo_tenants() -> Vec<NewTenant> {
    serde_json::from_str(DEMO_TENANTS).unwrap()
}

fn read(file: &str) -> Value {
    let path = workspace().join("events").join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
    serde_json::from_str(&text).unwrap()
}

async fn invoke(function: &str, event: &Value) -> Result<Value, InvocationError> {
    let harness = stack().await;
    let function = harness.stack.function(function).unwrap().clone();
    let payload = event.to_string().into();
    let answer = harness
        .on_stack(async move { function.invoke(payload).await })
        .await;
    answer.map(|answer| serde_json::from_slice(&answer).unwrap())
}

/// Sends a sample to the function that its folder names.
async fn send(file: &str) -> Value {
    let (function, _) = file.split_once('/').unwrap();
    let answer = invoke(function, &read(file)).await;
    answer.unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn form(event: &Value) -> Parameters {
    let body = STANDARD.decode(event["body"].as_str().unwrap()).unwrap();
    let parsed = shared::twilio::Parameters::parse(&body).unwrap();
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    parsed.iter().map(owned).collect()
}

#[tokio::test]
async fn what_twilio_sends_is_taken_with_204_or_answered_with_twiml() {
    for (file, status) in WEBHOOKS.iter().chain(FALLBACKS) {
        let answer = send(file).await;

        assert_eq!(answer["statusCode"], *status, "{file}");
        let (body, content_type) = (&answer["body"], &answer["headers"]["content-type"]);
        if *status == 204 {
            assert_eq!((body, content_type), (&json!(""), &Value::Null), "{file}");
        } else {
            assert_eq!(content_type, "text/xml; charset=utf-8", "{file}");
            assert!(body.as_str().unwrap().contains("<Response"), "{file}");
        }
    }
}

#[tokio::test]
async fn the_demo_tenants_settings_show_in_the_answers() {
    let contains = [
        ("sms-webhook/sms.json", "A plumber will get back to you."),
        ("sms-webhook/opt-out.json", EMPTY_RESPONSE),
        ("voice-webhook/voice.json", "+15005550110</Number>"),
        (
            "voice-webhook/voice-from-browser.json",
            r#"callerId="+15005550201""#,
        ),
        ("voice-webhook/voice-dial.json", "<Record "),
        ("voice-webhook/voice-voicemail.json", "Thank you."),
    ];
    for (file, part) in contains {
        let answer = send(file).await;

        let body = answer["body"].as_str().unwrap();
        assert!(body.contains(part), "{file}: {body}");
    }
}

#[tokio::test]
async fn what_twilio_sends_is_kept_for_the_demo_tenant_whose_account_it_names() {
    let console = stack().await.console();
    for (file, _) in WEBHOOKS {
        let parameters = form(&read(file));
        let account = parameters.get("AccountSid").unwrap();
        let of_account =
            |tenant: &NewTenant| tenant.twilio.as_ref().unwrap().account_sid.as_str() == account;
        let tenant = demo_tenants().into_iter().find(of_account).unwrap();
        let sid = |name| parameters.get(name);
        let resource = match (sid("MessageSid"), sid("RecordingSid"), sid("CallSid")) {
            (Some(message), _, _) => Resource::Message(message.parse().unwrap()),
            (_, Some(recording), _) => Resource::Recording(recording.parse().unwrap()),
            (_, _, call) => Resource::Call(call.unwrap().parse().unwrap()),
        };

        send(file).await;

        let scope = console.scope(&tenant.tenant_id);
        let history = console.activity().history(&scope, &resource).await.unwrap();
        let path = read(file)["rawPath"].as_str().unwrap().to_owned();
        let by_path = history.iter().filter(|fact| fact.route.path() == path);
        assert_eq!(by_path.count(), 1, "{file}");
    }
}

#[tokio::test]
async fn what_anybody_may_send_is_refused_with_an_empty_body() {
    for (file, status) in REFUSED {
        let answer = send(file).await;

        assert_eq!(answer["statusCode"], *status, "{file}");
        assert_eq!(answer["body"], "", "{file}");
    }
}

#[tokio::test]
async fn what_is_no_request_is_a_400_of_every_webhook_function() {
    for file in MALFORMED {
        for function in WEBHOOK_FUNCTIONS {
            let answer = invoke(function, &read(file)).await.unwrap();

            assert_eq!(answer["statusCode"], 400, "{file} at {function}");
            assert_eq!(answer["body"], "", "{file} at {function}");
        }
    }
}

#[tokio::test]
async fn a_body_above_128_kilobytes_is_a_413() {
    for (length, status) in [(128 * 1024 - 1, 403), (128 * 1024 + 1, 413)] {
        let mut event = read("sms-webhook/sms.json");
        let mut body = STANDARD.decode(event["body"].as_str().unwrap()).unwrap();
        body.extend(b"&Padding=");
        body.resize(length, b'x');
        event["body"] = json!(STANDARD.encode(body));

        let answer = invoke("sms-webhook", &event).await.unwrap();

        assert_eq!(answer["statusCode"], status, "{length}");
        assert_eq!(answer["body"], "");
    }
}

#[tokio::test]
async fn no_odd_event_ends_the_process_that_it_was_sent_to() {
    for function in WEBHOOK_FUNCTIONS {
        for file in MALFORMED.iter().chain(REFUSED.iter().map(|(file, _)| file)) {
            invoke(function, &read(file)).await.unwrap();
        }
        let function = stack().await.stack.function(function).unwrap();
        let records = function.records();
        let starts = records.iter().filter(|record| record.cold_start()).count();
        assert_eq!((starts, function.processes()), (1, 1));
        assert!(
            records
                .iter()
                .all(|record| record.outcome == Outcome::Answered)
        );
    }
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

#[test]
fn every_webhook_is_signed_as_twilio_signs_it_for_its_demo_tenant() {
    for (file, _) in WEBHOOKS.iter().chain(FALLBACKS) {
        let event = read(file);
        let parameters = form(&event);
        let account = parameters.get("AccountSid").unwrap();
        let credentials = demo_tenants()
            .into_iter()
            .filter_map(|tenant| tenant.twilio);
        let mut credentials = credentials.filter(|one| one.account_sid.as_str() == account);
        let token = credentials.next().unwrap().auth_token;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let url = format!(
            "https://{}{}?{}",
            text(&event["requestContext"]["domainName"]),
            text(&event["rawPath"]),
            text(&event["rawQueryString"]),
        );

        let signature = sign(&token, &url, &parameters);

        assert_eq!(
            event["headers"]["x-twilio-signature"], signature,
            "{file}: the right signature is on the right"
        );
    }
}

#[test]
fn every_route_of_a_webhook_has_a_sample() {
    let paths: BTreeSet<String> = WEBHOOKS
        .iter()
        .chain(FALLBACKS)
        .map(|(file, _)| read(file)["rawPath"].as_str().unwrap().to_owned())
        .collect();
    let fallbacks = ["/voice/fallback", "/sms/fallback", "/whatsapp/fallback"];
    let routes = Route::ALL.iter().map(|route| route.path()).chain(fallbacks);
    assert_eq!(paths, routes.map(str::to_owned).collect());
}

#[test]
fn every_file_is_used() {
    let with_status = [WEBHOOKS, FALLBACKS, REFUSED].concat();
    let used = with_status.iter().map(|(file, _)| *file);
    let used: BTreeSet<String> = used
        .chain(MALFORMED.iter().copied())
        .chain(BATCHES.iter().copied())
        .chain(PUBLISHED.iter().copied())
        .chain(SEALED_ANEW.iter().copied())
        .chain(client_api::files())
        .map(str::to_owned)
        .collect();
    let mut files = BTreeSet::new();
    for folder in std::fs::read_dir(workspace().join("events")).unwrap() {
        let folder = folder.unwrap().path();
        if folder.file_name().unwrap() == "README.md" {
            continue;
        }
        for file in std::fs::read_dir(&folder).unwrap() {
            let path = file.unwrap().path();
            let name = path.strip_prefix(workspace().join("events")).unwrap();
            files.insert(name.to_str().unwrap().to_owned());
        }
    }
    assert_eq!(files, used);
}
