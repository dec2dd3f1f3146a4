//! Secrets stay where they are: nothing that comes out of the functions holds one, and no log holds what people say.

mod evidence;
mod traffic;

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use local::logs::{Line, Voice};
use local::twilio::call::simulate_call;
use serde_json::{Value, json};
use shared::activity::Route;

use crate::harness::Harness;
pub(crate) use evidence::stored_items;
use evidence::{Evidence, HOSTILE, PRIVATE, SECRET, evidence};

const PATIENCE: Duration = Duration::from_secs(10);

/// A text in every form that something printed it in.
fn forms(text: &str) -> [String; 4] {
    let hexadecimal = text.bytes().map(|byte| format!("{byte:02x}"));
    let decimal: Vec<_> = text.bytes().map(|byte| byte.to_string()).collect();
    let groups_of_three = &text[..text.len() / 3 * 3];
    [
        text.to_owned(),
        STANDARD.encode(groups_of_three),
        hexadecimal.collect(),
        decimal.join(", "),
    ]
}

fn assert_absent(wanted: &str, among: impl IntoIterator<Item = impl AsRef<str>>) {
    let forms = forms(wanted);
    for text in among {
        let text = text.as_ref();
        let found = forms.iter().find(|form| text.contains(form.as_str()));
        assert_eq!(found, None, "in {text}");
    }
}

fn lines(evidence: &Evidence) -> impl Iterator<Item = &str> {
    evidence.lines.iter().map(|line| line.text.as_str())
}

/// The functions' own lines, which are all JSON.
fn events(evidence: &Evidence) -> Vec<Value> {
    let own = evidence
        .lines
        .iter()
        .filter(|line| line.voice == Voice::Function);
    own.map(|line| serde_json::from_str(&line.text).unwrap_or_else(|_| panic!("{}", line.text)))
        .collect()
}

#[tokio::test]
async fn no_log_line_holds_a_secret() {
    assert_absent(SECRET, lines(evidence().await));
}

#[tokio::test]
async fn no_log_line_holds_what_people_say_write_or_are_called() {
    assert_absent(PRIVATE, lines(evidence().await));
}

#[tokio::test]
async fn no_log_line_holds_what_somebody_sent_who_is_not_twilio() {
    assert_absent(HOSTILE, lines(evidence().await));
}

#[tokio::test]
async fn no_log_line_holds_a_phone_number() {
    let evidence = evidence().await;
    for number in &evidence.numbers {
        assert_absent(number, lines(evidence));
    }
}

#[tokio::test]
async fn no_log_line_holds_a_signature() {
    let evidence = evidence().await;
    assert!(evidence.signatures.len() > 50);
    for signature in &evidence.signatures {
        assert_absent(signature, lines(evidence));
    }
}

#[tokio::test]
async fn no_answer_holds_a_secret() {
    let evidence = evidence().await;
    assert!(evidence.answers.len() > 100);
    assert_absent(SECRET, &evidence.answers);
}

#[tokio::test]
async fn no_answer_holds_what_people_say_write_or_are_called() {
    assert_absent(PRIVATE, &evidence().await.answers);
}

#[tokio::test]
async fn no_error_of_an_invocation_holds_what_was_sent() {
    let evidence = evidence().await;
    assert!(!evidence.errors.is_empty());
    for mark in [SECRET, PRIVATE, HOSTILE] {
        assert_absent(mark, &evidence.errors);
    }
}

#[tokio::test]
async fn no_item_at_rest_holds_a_secret() {
    assert_absent(SECRET, [&evidence().await.items]);
}

#[tokio::test]
async fn what_is_stored_openly_is_found_so_that_what_is_not_would_be() {
    let evidence = evidence().await;
    // The texts of messages are; and beside sealed credentials, the name of the key that they are sealed under.
    assert!(evidence.items.contains(PRIVATE));
    assert!(evidence.items.contains("aws-kms"));
}

#[tokio::test]
async fn the_traffic_met_every_outcome() {
    let events = events(evidence().await);
    let statuses = events.iter().filter_map(|event| event["status"].as_i64());
    let statuses: BTreeSet<_> = statuses.collect();
    let expected = [200, 204, 400, 403, 404, 405, 413, 415, 503];
    assert_eq!(statuses, expected.into());
    let put_aside = |event: &Value| event["put_aside"] == "outage" && event["status"] == 200;
    assert!(events.iter().any(put_aside));
}

#[tokio::test]
async fn the_traffic_went_over_every_route() {
    let events = events(evidence().await);
    for status in [200..300, 400..500] {
        let met = |event: &&Value| {
            event["status"]
                .as_i64()
                .is_some_and(|one| status.contains(&one))
        };
        let routes = events
            .iter()
            .filter(met)
            .filter_map(|event| event["route"].as_str());
        let routes: BTreeSet<_> = routes.filter(|route| *route != "-").collect();
        assert_eq!(
            routes,
            Route::ALL.iter().map(|route| route.path()).collect()
        );
    }
}

#[tokio::test]
async fn every_answered_invocation_is_told_of_by_one_line_with_its_status() {
    let evidence = evidence().await;
    let events = events(evidence);
    for id in &evidence.answered {
        let told = events
            .iter()
            .filter(|event| event["request_id"] == **id && event["status"].is_i64());
        assert_eq!(told.count(), 1, "{id}");
    }
}

#[tokio::test]
async fn every_line_of_a_verified_request_names_its_tenant() {
    let events = events(evidence().await);
    let taken = |event: &&Value| {
        let status = event["status"].as_i64();
        status.is_some_and(|status| status < 300) && event["route"] != "-"
    };
    let verified: Vec<_> = events.iter().filter(taken).collect();
    assert!(verified.len() > 30);
    for last in verified {
        let tenant_id = last["tenant_id"].as_str().expect("a tenant");
        for event in events
            .iter()
            .filter(|event| event["request_id"] == last["request_id"])
        {
            assert_eq!(event["tenant_id"], tenant_id, "{event}");
        }
    }
}

#[tokio::test]
async fn a_line_about_an_answer_that_cannot_be_given_names_its_tenant() {
    let harness = Harness::shared().await;
    let tenant = harness.tenant(json!({})).await;
    // The caller's name is the caller ID of the leg to bob: escaped, it is longer than an answer may be.
    let script = tenant.browser_call(&"&".repeat(14_000), "client:bob");

    simulate_call(&tenant.sender, &script).await;

    let own = |line: &Line| {
        let tenant_id = format!(r#""tenant_id":"{}""#, tenant.id);
        line.text.contains("an empty answer is given instead") && line.text.contains(&tenant_id)
    };
    assert!(harness.stack.logs().wait_for(own, PATIENCE).await.is_some());
}

#[tokio::test]
async fn a_function_that_refuses_its_configuration_names_the_variables_and_no_value() {
    let variables = [
        ("CREDENTIALS_KEY_ARN", SECRET),
        ("PUBLIC_WEBHOOK_BASE_URL", SECRET),
        ("ACTIVITY_RETENTION_DAYS", SECRET),
        ("LOG_LEVEL", SECRET),
        ("TENANTS_TABLE", ""),
    ];
    let start = move || {
        Harness::start(|options| {
            let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
            options
                .overrides
                .insert("sms-webhook".to_owned(), variables.into());
        })
    };
    let harness = tokio::task::spawn_blocking(start).await.unwrap();
    let tenant = harness.tenant(json!({})).await;

    let exchange = tenant.receive_sms(&tenant.sms("Hello")).await;

    let answer = exchange.response.unwrap();
    assert_eq!(answer.status, 502);
    assert_absent(SECRET, [format!("{:?} {}", answer.headers, answer.text())]);
    let refusal = |line: &Line| line.text.contains("the function stopped");
    let refusal = harness
        .stack
        .logs()
        .wait_for(refusal, PATIENCE)
        .await
        .unwrap();
    for (name, _) in variables {
        assert!(refusal.text.contains(name), "{name} in {}", refusal.text);
    }
    assert_absent(
        SECRET,
        harness.stack.logs().lines().iter().map(|line| &line.text),
    );
}
