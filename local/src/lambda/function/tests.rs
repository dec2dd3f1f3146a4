//! Real processes on the real Lambda runtime: the example `scripted_function`.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use serde_json::{Value, json};

use super::super::ErrorKind;
use super::*;
use crate::logs::Display;

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
    let before = Clock::system().in_seconds(30).as_millisecond();
    let answer = invoke(&function, json!({})).await.unwrap();
    let after = Clock::system().in_seconds(30).as_millisecond();
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
async fn a_function_without_reserved_concurrency_is_throttled() {
    let mut stage = stage();
    stage.spec.reserved_concurrency = Some(0);
    let error = invoke(&stage.function(), json!({})).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Throttled);
}

#[tokio::test]
async fn an_error_and_a_panic_are_reported_and_the_process_lives_on() {
    let function = stage().function();
    let pid = invoke(&function, json!({})).await.unwrap()["pid"].clone();
    let failed = invoke(&function, json!({"do": "fail"})).await.unwrap_err();
    assert_eq!(
        (failed.kind(), failed.message()),
        (ErrorKind::Reported, "told to fail")
    );
    let panicked = invoke(&function, json!({"do": "panic"})).await.unwrap_err();
    assert_eq!(panicked.kind(), ErrorKind::Reported);
    assert!(panicked.message().contains("told to panic"), "{panicked}");
    assert_eq!(invoke(&function, json!({})).await.unwrap()["pid"], pid);
    function.stop().await;
}

#[tokio::test]
async fn a_process_that_exits_in_an_invocation_fails_it_and_is_replaced() {
    let function = stage().function();
    let error = invoke(&function, json!({"do": "exit"})).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.error_type()),
        (ErrorKind::Exited, "Runtime.ExitError")
    );
    assert!(
        error
            .message()
            .ends_with("Error: Runtime exited with error: exit status 3"),
        "{error}"
    );
    assert!(problems(&function)[0].contains("Its last line: told to exit"));
    invoke(&function, json!({})).await.unwrap();
    assert!(function.records()[1].cold_start());
    function.stop().await;
}

#[tokio::test]
async fn an_invocation_past_its_timeout_is_killed_and_the_next_starts_anew() {
    let mut stage = stage();
    stage.spec.timeout = Duration::from_millis(500);
    let function = stage.function();
    let error = invoke(&function, json!({"do": "hang"})).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.error_type()),
        (ErrorKind::TimedOut, "Sandbox.Timedout")
    );
    assert!(
        error
            .message()
            .ends_with("Task timed out after 0.50 seconds"),
        "{error}"
    );
    assert_eq!(function.processes(), 0);
    invoke(&function, json!({})).await.unwrap();
    function.stop().await;
}

#[tokio::test]
async fn an_answer_over_the_limit_is_an_error_and_the_process_lives_on() {
    let function = stage().function();
    let pid = invoke(&function, json!({})).await.unwrap()["pid"].clone();
    let error = invoke(&function, json!({"do": "large"})).await.unwrap_err();
    assert_eq!(error.error_type(), "Function.ResponseSizeTooLarge");
    assert_eq!(invoke(&function, json!({})).await.unwrap()["pid"], pid);
    function.stop().await;
}

#[tokio::test]
async fn an_event_over_the_limit_starts_no_process() {
    let function = stage().function();
    let error = function
        .invoke(vec![b' '; PAYLOAD_LIMIT + 1].into())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RequestTooLarge);
    assert!(function.records().is_empty());
}

#[tokio::test]
async fn a_function_that_exits_before_its_first_poll_is_an_error_with_its_last_words_and_no_loop() {
    let function = stage().at_start("exit").function();
    let error = invoke(&function, json!({})).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.error_type()),
        (ErrorKind::Init, "Runtime.ExitError")
    );
    let problems = problems(&function);
    assert_eq!(problems.len(), 1);
    assert!(
        problems[0].contains("Its last line: GREETING is missing"),
        "{problems:?}"
    );
    assert!(
        problems[0].contains("ScriptedFunction in template.yaml"),
        "{problems:?}"
    );
    assert_eq!(function.processes(), 0);
    assert_eq!(
        function.records()[0].outcome,
        Outcome::Failed(ErrorKind::Init)
    );
}

#[tokio::test]
async fn a_function_that_never_polls_is_killed_at_the_init_limit() {
    let mut stage = stage().at_start("hang");
    stage.platform.init_limit = Duration::from_millis(300);
    let function = stage.function();
    let error = invoke(&function, json!({})).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.error_type()),
        (ErrorKind::Init, "Sandbox.Timedout")
    );
    assert_eq!(function.processes(), 0);
}

#[tokio::test]
async fn a_missing_binary_says_how_to_build_it() {
    let mut stage = stage();
    stage.spec.binary = "no-such-function".to_owned();
    let function = stage.function();
    let error = invoke(&function, json!({})).await.unwrap_err();
    assert_eq!(error.error_type(), "Runtime.InvalidEntrypoint");
    assert!(problems(&function)[0].contains("cargo build --workspace --bins"));
}

#[tokio::test]
async fn a_process_condemned_at_its_answer_has_done_its_work_and_the_caller_gets_an_error() {
    let function = stage().function();
    invoke(&function, json!({})).await.unwrap();
    function.kill_next_at(Moment::Answer);
    let error = invoke(&function, json!({})).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Exited);
    assert!(error.message().contains("signal: 9"), "{error}");
    invoke(&function, json!({})).await.unwrap();
    function.stop().await;
}

#[tokio::test]
async fn a_process_condemned_at_delivery_never_sees_the_event() {
    let function = stage().function();
    function.kill_next_at(Moment::Delivery);
    assert_eq!(
        invoke(&function, json!({})).await.unwrap_err().kind(),
        ErrorKind::Exited
    );
    function.stop().await;
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
