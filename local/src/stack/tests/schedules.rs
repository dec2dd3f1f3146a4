//! What schedules do in a whole stack.

use super::*;
use crate::schedules::FireError;

/// What makes the function one with a schedule.
const SCHEDULE: &str = r"
        Minute: {Type: Schedule, Properties: {Schedule: rate(1 minute)}}
";

impl Stage {
    fn with_schedule() -> Self {
        let stage = Self::new();
        let template = format!("{}{SCHEDULE}", TEMPLATE.trim_end());
        std::fs::write(stage.files.path().join("template.yaml"), template).unwrap();
        stage
    }
}

#[tokio::test]
async fn a_test_fires_a_schedule_and_says_what_time_it_is() {
    let stage = Stage::with_schedule();
    let stack = Stack::start(stage.options()).await.unwrap();
    let time = "2026-07-01T10:07:00.999Z".parse().unwrap();
    let answer = stack.fire_schedule_at("scripted_function", time).await;
    let answer: Value = serde_json::from_slice(&answer.unwrap()).unwrap();
    let event = &answer["event"];
    assert_eq!(event["time"], "2026-07-01T10:07:00Z");
    assert_eq!(
        event["resources"][0],
        "arn:aws:events:us-east-1:123456789012:rule/trunkline-local-FunctionMinute"
    );
    let before = Clock::system().now().as_second();
    let answer = stack.fire_schedule("scripted_function").await.unwrap();
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    let time: Timestamp = answer["event"]["time"].as_str().unwrap().parse().unwrap();
    assert!((before..=before + 30).contains(&time.as_second()));
    stack.stop().await.unwrap();
}

#[tokio::test]
async fn firing_what_has_no_schedule_or_fails_is_an_error() {
    let stage = Stage::new();
    let stack = Stack::start(stage.options()).await.unwrap();
    let error = stack.fire_schedule("scripted_function").await.unwrap_err();
    assert_eq!(error, FireError::NoSchedule("scripted_function".to_owned()));
    stack.stop().await.unwrap();

    let stage = Stage::with_schedule();
    let template = std::fs::read_to_string(stage.files.path().join("template.yaml")).unwrap();
    let failing = template.replace(
        "rate(1 minute)",
        r#"rate(1 minute), Input: '{"do": "fail"}'"#,
    );
    std::fs::write(stage.files.path().join("template.yaml"), failing).unwrap();
    let stack = Stack::start(stage.options()).await.unwrap();
    let error = stack.fire_schedule("scripted_function").await.unwrap_err();
    let FireError::Failed(error) = error else {
        panic!("{error}");
    };
    assert_eq!(error.message(), "told to fail");
    stack.stop().await.unwrap();
}

#[tokio::test]
async fn a_stack_whose_schedule_waits_for_its_time_stops_at_once() {
    let stage = Stage::with_schedule();
    let options = StackOptions {
        runs_schedules: true,
        ..stage.options()
    };
    let stack = Stack::start(options).await.unwrap();
    let stopped = tokio::time::timeout(Duration::from_secs(30), stack.stop());
    assert_eq!(stopped.await.unwrap().unwrap(), 0);
}
