//! Functions whose variables are missing or malformed: they stop before their first event and say which.

mod variables;

use std::collections::BTreeMap;
use std::sync::Arc;

use local::deployment::Overrides;
use local::http_client;
use local::lambda::{ErrorKind, Function, Platform};
use local::logs::{Display, Line, Logs, Voice};
use shared::activity::Route;
use shared::clock::Clock;

use self::variables::{malformed, required};
use crate::harness::Harness;
use crate::traffic::RawRequest;

const WEBHOOKS: [&str; 3] = ["sms-webhook", "whatsapp-webhook", "voice-webhook"];

/// What a start that failed looked like.
struct FailedStart {
    kind: ErrorKind,
    lines: Vec<Line>,
    processes: usize,
}

impl FailedStart {
    /// The one line in which the function says why.
    fn reason(&self) -> String {
        let said = |line: &&Line| line.voice == Voice::Function;
        let lines: Vec<_> = self.lines.iter().filter(said).collect();
        let [line] = lines.as_slice() else {
            panic!("one line: {lines:?}");
        };
        let line: serde_json::Value = serde_json::from_str(&line.text).unwrap();
        assert_eq!(line["message"], "the function stopped");
        line["error"].as_str().unwrap().to_owned()
    }
}

/// Starts a function as the shared stack has it, except for some variables. An empty one counts as not set, as it does in
/// a template, which cannot leave one out.
async fn start_with(binary: &str, variables: &[(&str, &str)]) -> FailedStart {
    let harness = Harness::shared().await;
    let mut spec = harness.stack.function(binary).unwrap().spec().clone();
    for (name, value) in variables {
        spec.environment
            .insert((*name).to_owned(), (*value).to_owned());
    }
    let binaries = std::env::current_exe().unwrap();
    let binaries = binaries.ancestors().nth(2).unwrap().to_owned();
    let platform = Platform {
        environment: harness.stack.emulators().endpoints(),
        ..Platform::new(binaries, "us-east-1", "123456789012")
    };
    let clock = Clock::system();
    let logs = Logs::new(Display::Quiet, clock.clone());
    let function = Function::new(spec, Arc::new(platform), logs.clone(), clock);
    let outcome = function.invoke("{}".into()).await;
    FailedStart {
        kind: outcome.expect_err("it must not start").kind(),
        lines: logs.lines(),
        processes: function.processes(),
    }
}

/// All but the publisher.
const BINARIES: [&str; 10] = [
    "sms-webhook",
    "whatsapp-webhook",
    "voice-webhook",
    "deferred-writer",
    "token",
    "credentials",
    "messaging",
    "tenants",
    "verifier",
    "re-encryptor",
];

/// Those that look at everything before they miss anything. What others are made of is made of other parts, which come first.
const AT_ONCE: [&str; 5] = [
    "sms-webhook",
    "whatsapp-webhook",
    "voice-webhook",
    "deferred-writer",
    "re-encryptor",
];

#[tokio::test]
async fn a_function_without_one_of_its_variables_stops_in_its_init_and_names_it() {
    for binary in BINARIES {
        for name in required(binary) {
            let failed = start_with(binary, &[(name, "")]).await;
            assert_eq!((failed.kind, failed.processes), (ErrorKind::Init, 0));
            assert_eq!(failed.reason(), format!("configuration: {name} is not set"));
        }
    }
}

#[tokio::test]
async fn a_function_with_a_malformed_variable_stops_in_its_init_and_names_it_without_its_value() {
    for binary in BINARIES {
        for (name, value) in malformed(binary) {
            let failed = start_with(binary, &[(name, value)]).await;
            assert_eq!((failed.kind, failed.processes), (ErrorKind::Init, 0));
            let reason = failed.reason();
            assert!(
                reason.starts_with(&format!("configuration: {name}")),
                "{reason}"
            );
            assert!(!reason.contains(value), "{reason}");
            assert!(!reason.contains(';'), "one fault, one sentence: {reason}");
        }
    }
}

#[tokio::test]
async fn a_function_names_all_of_its_missing_variables_at_once() {
    for binary in AT_ONCE {
        let missing: Vec<_> = required(binary)
            .into_iter()
            .map(|name| (name, ""))
            .collect();
        let reason = start_with(binary, &missing).await.reason();
        for (name, _) in &missing {
            assert!(reason.contains(&format!("{name} is not set")), "{reason}");
        }
        let sentences = reason.trim_start_matches("configuration: ").split("; ");
        assert_eq!(sentences.count(), missing.len(), "{reason}");
    }
}

#[tokio::test]
async fn a_function_names_all_of_its_malformed_variables_at_once() {
    for binary in AT_ONCE {
        let malformed = malformed(binary);
        let reason = start_with(binary, &malformed).await.reason();
        for (name, _) in &malformed {
            assert!(reason.contains(name), "{name}: {reason}");
        }
        let sentences = reason.trim_start_matches("configuration: ").split("; ");
        assert_eq!(sentences.count(), malformed.len(), "{reason}");
    }
}

#[tokio::test]
async fn the_caller_of_a_function_that_does_not_start_gets_a_502_that_tells_nothing() {
    let spoiled = BTreeMap::from([("TENANTS_TABLE".to_owned(), String::new())]);
    let overrides: Overrides = WEBHOOKS
        .map(|binary| (binary.to_owned(), spoiled.clone()))
        .into();
    let harness = Harness::start(|options| options.overrides = overrides);
    let client = http_client::client();
    for (binary, route) in WEBHOOKS
        .iter()
        .zip([Route::Sms, Route::Whatsapp, Route::Voice])
    {
        let url = format!(
            "{}{}",
            harness.stack.url(binary).unwrap(),
            &route.path()[1..]
        );
        let function = harness.stack.function(binary).unwrap();
        for requests in 1..=3 {
            let answer = RawRequest::unsigned(&url, "AccountSid=AC1")
                .send(&client)
                .await;
            assert_eq!(answer.status, 502);
            assert_eq!(answer.body, r#"{"message":"Internal Server Error"}"#);
            // Started once for each request, and not again by itself.
            assert_eq!(
                (function.records().len(), function.processes()),
                (requests, 0)
            );
        }
        let lines = harness.stack.logs().lines();
        let said = |line: &&Line| &*line.function == *binary && line.voice == Voice::Function;
        assert_eq!(lines.iter().filter(said).count(), 3);
        let told =
            |line: &Line| line.voice == Voice::Problem && line.text.contains("TENANTS_TABLE");
        assert!(lines.iter().any(told), "the developer is told what to mend");
    }
}
