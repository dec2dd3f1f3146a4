//! Real processes on the real Lambda runtime: the example `scripted_function`.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use serde_json::{Value, json};

use super::super::ErrorKind;
use super::*;
use crate::iam::Credentials;
use crate::logs::Display;

mod failures;

/// Where `cargo test` puts the examples: beside the folder of the test binary.
fn examples() -> PathBuf {
    let folder = std::env::current_exe()
        .unwrap()
        .parent()
        .unwrap()
        .with_file_name("examples");
    assert!(
        folder.join("scripted_function").is_file(),
        "build the function that these tests run: cargo build -p local --examples"
    );
    folder
}

struct Stage {
    spec: FunctionSpec,
    platform: Platform,
}

fn stage() -> Stage {
    Stage {
        spec: FunctionSpec {
            logical_id: "ScriptedFunction".to_owned(),
            name: "local-ScriptedFunction".to_owned(),
            binary: "scripted_function".to_owned(),
            timeout: Duration::from_secs(30),
            reserved_concurrency: None,
            memory_megabytes: 128,
            environment: BTreeMap::new(),
            url: false,
            credentials: Credentials::random(),
        },
        platform: Platform::new(examples(), "eu-west-1", "123456789012"),
    }
}

impl Stage {
    fn function(self) -> Function {
        let clock = Clock::system();
        Function::new(
            self.spec,
            Arc::new(self.platform),
            Logs::new(Display::Quiet, clock.clone()),
            clock,
        )
    }

    fn at_start(mut self, what: &str) -> Self {
        self.spec
            .environment
            .insert("AT_START".to_owned(), what.to_owned());
        self
    }
}

async fn invoke(function: &Function, event: Value) -> Result<Value, InvocationError> {
    let answer = function.invoke(event.to_string().into()).await?;
    Ok(serde_json::from_slice(&answer).unwrap())
}

fn problems(function: &Function) -> Vec<String> {
    let lines = function.0.logs.lines();
    lines
        .into_iter()
        .filter(|line| line.voice == Voice::Problem)
        .map(|line| line.text)
        .collect()
}

#[tokio::test]
async fn an_event_is_answered_by_the_process_and_the_next_finds_it_warm() {
    let function = stage().function();
    let first = invoke(&function, json!({"a": 1})).await.unwrap();
    let second = invoke(&function, json!({"a": 2})).await.unwrap();
    assert_eq!(
        (&first["event"], &second["event"]),
        (&json!({"a": 1}), &json!({"a": 2}))
    );
    assert_eq!(first["pid"], second["pid"]);
    assert_eq!(
        first["function_arn"],
        "arn:aws:lambda:eu-west-1:123456789012:function:local-ScriptedFunction"
    );

    let records = function.records();
    let cold: Vec<_> = records.iter().map(InvocationRecord::cold_start).collect();
    assert_eq!(cold, [true, false]);
    assert_eq!(records[0].request_id, first["request_id"].as_str().unwrap());
    assert!(
        records
            .iter()
            .all(|record| record.outcome == Outcome::Answered)
    );
    function.stop().await;
}

#[tokio::test]
async fn the_deadline_is_the_timeout_from_now() {
    let function = stage().function();
    let before = Clock::system().now().as_millisecond() + 30_000;
    let answer = invoke(&function, json!({})).await.unwrap();
    let after = Clock::system().now().as_millisecond() + 30_000;
    let deadline = answer["deadline"].as_i64().unwrap();
    assert!(
        (before..=after).contains(&deadline),
        "{before} {deadline} {after}"
    );
    function.stop().await;
}

#[tokio::test]
async fn the_environment_holds_what_lambda_and_the_template_set_and_nothing_inherited() {
    let mut stage = stage();
    stage
        .spec
        .environment
        .insert("TENANTS_TABLE".to_owned(), "Tenants".to_owned());
    let function = stage.function();
    let environment = invoke(&function, json!({"do": "environment"}))
        .await
        .unwrap();
    let names: HashSet<_> = environment
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let expected = HashSet::from([
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_TASK_ROOT",
        "LANG",
        "PATH",
        "TENANTS_TABLE",
        "TZ",
        "_HANDLER",
        // Set by the runtime itself, per invocation.
        "_X_AMZN_TRACE_ID",
    ]);
    assert_eq!(names, expected);
    function.stop().await;
}

#[tokio::test]
async fn invocations_at_the_same_time_get_a_process_each_up_to_the_limit() {
    let mut stage = stage();
    stage.platform.concurrency = 2;
    let function = stage.function();
    let event = || json!({"do": "sleep", "milliseconds": 300});
    let (one, two, three) = tokio::join!(
        invoke(&function, event()),
        invoke(&function, event()),
        invoke(&function, event())
    );
    let processes: HashSet<_> = [one, two, three]
        .into_iter()
        .map(|answer| answer.unwrap()["pid"].as_u64().unwrap())
        .collect();
    assert_eq!(processes.len(), 2);
    assert_eq!(function.stop().await, 2);
}

#[tokio::test]
async fn a_retired_process_is_replaced_by_a_cold_start() {
    let function = stage().function();
    let first = invoke(&function, json!({})).await.unwrap();
    function.retire();
    let second = invoke(&function, json!({})).await.unwrap();
    assert_ne!(first["pid"], second["pid"]);
    function.stop().await;
}

#[tokio::test]
async fn an_invocation_goes_on_when_its_caller_stops_waiting() {
    let function = stage().function();
    let invocation = tokio::spawn({
        let function = function.clone();
        async move { invoke(&function, json!({"do": "sleep", "milliseconds": 200})).await }
    });
    // The caller leaves as soon as the process runs.
    function.0.supervision.wait_for_a_process().await;
    invocation.abort();
    let reported = |line: &crate::logs::Line| line.voice == Voice::Report;
    function
        .0
        .logs
        .wait_for(reported, Duration::from_secs(30))
        .await
        .unwrap();
    assert_eq!(function.records()[0].outcome, Outcome::Answered);
    function.stop().await;
}

#[tokio::test]
async fn stopping_ends_every_process_and_fails_what_is_under_way() {
    let function = stage().function();
    invoke(&function, json!({})).await.unwrap();
    let hanging = tokio::spawn({
        let function = function.clone();
        async move { invoke(&function, json!({"do": "hang"})).await }
    });
    tokio::task::yield_now().await;
    assert_eq!(function.stop().await, 1);
    assert_eq!(function.processes(), 0);
    assert_eq!(
        hanging.await.unwrap().unwrap_err().kind(),
        ErrorKind::Stopped
    );
    assert_eq!(
        invoke(&function, json!({})).await.unwrap_err().kind(),
        ErrorKind::Stopped
    );
}

/// What ends the processes of a stack that is killed and cannot end them itself.
#[tokio::test]
async fn a_process_whose_runtime_api_is_gone_exits_by_itself() {
    let api = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let Stage { spec, platform } = stage();
    let variables = super::super::environment::environment(
        &spec,
        &platform,
        "stream",
        api.local_addr().unwrap(),
    );
    let mut process = tokio::process::Command::new(platform.binaries.join(&spec.binary))
        .env_clear()
        .envs(variables)
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let poll = api.accept().await.unwrap();
    drop((poll, api));
    tokio::time::timeout(Duration::from_secs(30), process.wait())
        .await
        .unwrap()
        .unwrap();
}
