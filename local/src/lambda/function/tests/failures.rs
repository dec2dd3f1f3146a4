//! What becomes of an invocation, and of its process, when something goes wrong.

use super::*;

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
async fn a_process_that_is_killed_at_its_work_fails_it_and_is_replaced() {
    let function = stage().function();
    let invoked = invoke(&function, json!({"do": "hang"}));
    let killed = async {
        function.0.supervision.wait_for_a_process().await;
        function.kill();
    };
    let (failed, ()) = tokio::join!(invoked, killed);
    failed.unwrap_err();
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
async fn a_function_without_reserved_concurrency_is_throttled() {
    let mut stage = stage();
    stage.spec.reserved_concurrency = Some(0);
    let error = invoke(&stage.function(), json!({})).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Throttled);
}

#[tokio::test]
async fn a_process_is_killed_in_the_middle_of_its_work_and_the_next_event_has_another() {
    let function = stage().function();
    let first = invoke(&function, json!({})).await.unwrap();
    let hanging = tokio::spawn({
        let function = function.clone();
        async move { invoke(&function, json!({"do": "hang"})).await }
    });
    // Once it works it is idle no more.
    while !lock(&function.0.idle).is_empty() {
        tokio::task::yield_now().await;
    }
    function.kill();
    let error = hanging.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Exited);
    let second = invoke(&function, json!({})).await.unwrap();
    assert_ne!(first["pid"], second["pid"]);
    function.stop().await;
}
