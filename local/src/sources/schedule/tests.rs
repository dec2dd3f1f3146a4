use std::sync::Mutex;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, mpsc};

use super::*;
use crate::sources::InvokeError;
use crate::template::{EventSource, Schedule, Template};

const PATIENCE: Duration = Duration::from_secs(30);

/// Longer than the clock is ever left unlooked at.
const QUIET: Duration = Duration::from_millis(700);

const START: &str = "2026-07-01T10:00:00.5Z";

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The schedule of a template that has this one event.
fn schedule(kind: &str, properties: &str) -> Schedule {
    let template = format!(
        "Transform: AWS::Serverless-2016-10-31
Resources:
  Function:
    Type: AWS::Serverless::Function
    Metadata: {{BuildMethod: rust-cargolambda, BuildProperties: {{Binary: web}}}}
    Properties:
      Runtime: provided.al2023
      Handler: bootstrap
      Events: {{Minute: {{Type: {kind}, Properties: {{{properties}}}}}}}
"
    );
    let template = Template::read(&template, &std::collections::BTreeMap::new()).unwrap();
    let (_, function) = template.functions().next().unwrap();
    match &function.events[0].source {
        EventSource::Schedule(schedule) => schedule.clone(),
        other => panic!("{other:?}"),
    }
}

fn event(kind: &str, properties: &str) -> Value {
    let event = ScheduledEvent::new(&schedule(kind, properties), "FunctionMinute");
    serde_json::from_slice(&event.at(time(START))).unwrap()
}

#[test]
fn the_event_is_that_of_a_rule() {
    let mut event = event("Schedule", "Schedule: rate(1 minute)");
    let id = event["id"].take();
    assert_eq!(id.as_str().unwrap().len(), 36);
    assert_eq!(
        event,
        json!({
            "version": "0",
            "id": null,
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": "123456789012",
            "time": "2026-07-01T10:00:00Z",
            "region": "us-east-1",
            "resources": ["arn:aws:events:us-east-1:123456789012:rule/trunkline-local-FunctionMinute"],
            "detail": {},
        })
    );
}

#[test]
fn the_event_of_eventbridge_scheduler_names_it_and_its_schedule() {
    let event = event("ScheduleV2", "ScheduleExpression: rate(1 minute)");
    assert_eq!(event["source"], "aws.scheduler");
    assert_eq!(
        event["resources"],
        json!(["arn:aws:scheduler:us-east-1:123456789012:schedule/default/FunctionMinute"])
    );
    assert_eq!(event["detail"], "{}");
}

#[test]
fn an_input_takes_the_place_of_the_event() {
    let input = r#"Schedule: rate(1 minute), Input: '{"all": true}'"#;
    assert_eq!(event("Schedule", input), json!({"all": true}));
}

/// A schedule on a clock that stands, and the function that it invokes.
struct Stage {
    clock: Clock,
    source: ScheduleSource,
    /// The times of the events that the function was invoked with.
    invoked: mpsc::UnboundedReceiver<String>,
    /// Lets an invocation end, each permit one.
    ends: Arc<Semaphore>,
}

impl Stage {
    /// The function gives these answers, one after the other, then success.
    fn new(
        expression: &str,
        asynchronous: AsynchronousInvocation,
        answers: Vec<InvokeError>,
    ) -> Self {
        let clock = Clock::fixed(time(START));
        let answers = Mutex::new(answers.into_iter());
        let (sender, invoked) = mpsc::unbounded_channel();
        let ends = Arc::new(Semaphore::new(0));
        let gate = Arc::clone(&ends);
        let invoke = move |function: String, event: Bytes| {
            assert_eq!(function, "Function");
            let event: Value = serde_json::from_slice(&event).unwrap();
            sender
                .send(event["time"].as_str().unwrap().to_owned())
                .unwrap();
            let answer = answers.lock().unwrap().next().map_or(Ok(Bytes::new()), Err);
            let gate = Arc::clone(&gate);
            async move {
                gate.acquire().await.unwrap().forget();
                answer
            }
        };
        let schedule = schedule("Schedule", &format!("Schedule: '{expression}'"));
        let source = ScheduleSource::start(
            ScheduledEvent::new(&schedule, "FunctionMinute"),
            "Function",
            ScheduleSourceOptions {
                expression: schedule.expression,
                asynchronous,
            },
            clock.clone(),
            Arc::new(invoke),
        );
        Self {
            clock,
            source,
            invoked,
            ends,
        }
    }

    /// With Lambda's own tries, and invocations that end at once.
    fn failing(expression: &str, answers: Vec<InvokeError>) -> Self {
        let stage = Self::new(expression, AsynchronousInvocation::default(), answers);
        stage.ends.add_permits(1_000);
        stage
    }

    async fn next(&mut self) -> String {
        tokio::time::timeout(PATIENCE, self.invoked.recv())
            .await
            .unwrap()
            .unwrap()
    }

    /// Whether the function is left alone, for a while.
    async fn is_quiet(&mut self) -> bool {
        tokio::time::timeout(QUIET, self.invoked.recv())
            .await
            .is_err()
    }

    async fn stop(self) {
        tokio::time::timeout(PATIENCE, self.source.stop())
            .await
            .unwrap();
    }
}

fn failed() -> InvokeError {
    InvokeError::Failed("told to fail".to_owned())
}

#[tokio::test]
async fn the_function_is_invoked_at_each_time_and_not_before() {
    let mut stage = Stage::failing("rate(1 minute)", vec![]);
    stage.clock.advance(59);
    assert!(stage.is_quiet().await);
    stage.clock.advance(1);
    assert_eq!(stage.next().await, "2026-07-01T10:01:00Z");
    stage.clock.advance(60);
    assert_eq!(stage.next().await, "2026-07-01T10:02:00Z");
    stage.stop().await;
}

#[tokio::test]
async fn a_cron_expression_is_kept_to_the_minute() {
    let mut stage = Stage::failing("cron(0/15 * * * ? *)", vec![]);
    stage.clock.advance(14 * 60);
    assert!(stage.is_quiet().await);
    stage.clock.advance(60);
    assert_eq!(stage.next().await, "2026-07-01T10:15:00Z");
    stage.stop().await;
}

#[tokio::test]
async fn times_that_nobody_looked_at_are_one_event() {
    let mut stage = Stage::failing("rate(1 minute)", vec![]);
    stage.clock.advance(3 * 60 * 60);
    assert_eq!(stage.next().await, "2026-07-01T13:00:00Z");
    assert!(stage.is_quiet().await);
    stage.stop().await;
}

#[tokio::test]
async fn an_event_that_fails_is_tried_again_after_one_minute_and_after_two() {
    let mut stage = Stage::failing("rate(1 day)", vec![failed(), failed(), failed()]);
    stage.clock.advance(24 * 60 * 60);
    let event = stage.next().await;
    for pause in [60, 120] {
        assert!(stage.is_quiet().await);
        stage.clock.advance(pause - 1);
        assert!(stage.is_quiet().await);
        stage.clock.advance(1);
        assert_eq!(stage.next().await, event);
    }
    stage.clock.advance(60 * 60);
    assert!(stage.is_quiet().await);
    stage.stop().await;
}

#[tokio::test]
async fn the_template_says_how_often_an_event_is_tried_again() {
    let never = AsynchronousInvocation {
        maximum_retry_attempts: 0,
        ..AsynchronousInvocation::default()
    };
    let mut stage = Stage::new("rate(1 day)", never, vec![failed()]);
    stage.ends.add_permits(10);
    stage.clock.advance(24 * 60 * 60);
    stage.next().await;
    assert!(stage.is_quiet().await);
    stage.clock.advance(60 * 60);
    assert!(stage.is_quiet().await);
    stage.stop().await;
}

#[tokio::test]
async fn an_event_that_is_too_old_is_not_tried_again() {
    let young = AsynchronousInvocation {
        maximum_event_age: Duration::from_secs(60),
        ..AsynchronousInvocation::default()
    };
    let mut stage = Stage::new("rate(1 day)", young, vec![failed()]);
    stage.ends.add_permits(10);
    stage.clock.advance(24 * 60 * 60);
    stage.next().await;
    assert!(stage.is_quiet().await);
    stage.clock.advance(61);
    assert!(stage.is_quiet().await);
    stage.stop().await;
}

#[tokio::test]
async fn a_function_without_concurrency_is_not_tried_again() {
    let refused = InvokeError::NotInvoked("no concurrency".to_owned());
    let mut stage = Stage::failing("rate(1 day)", vec![refused]);
    stage.clock.advance(24 * 60 * 60);
    stage.next().await;
    assert!(stage.is_quiet().await);
    stage.clock.advance(60 * 60);
    assert!(stage.is_quiet().await);
    stage.stop().await;
}

#[tokio::test]
async fn events_do_not_pile_up_on_a_function_that_hangs() {
    let policy = AsynchronousInvocation::default();
    let mut stage = Stage::new("rate(1 minute)", policy, vec![]);
    for _ in 0..IN_WORK {
        stage.clock.advance(60);
        stage.next().await;
    }
    stage.clock.advance(60);
    assert!(stage.is_quiet().await);
    stage.ends.add_permits(IN_WORK);
    // What was left out stays so.
    assert!(stage.is_quiet().await);
    stage.clock.advance(60);
    assert_eq!(stage.next().await, "2026-07-01T10:12:00Z");
    stage.ends.add_permits(1);
    stage.stop().await;
}

#[tokio::test]
async fn stopping_waits_for_what_is_in_work_and_gives_up_what_waits_for_another_try() {
    let policy = AsynchronousInvocation::default();
    let mut stage = Stage::new("rate(1 minute)", policy, vec![failed()]);
    stage.clock.advance(60);
    stage.next().await;
    let (source, ends) = (stage.source, stage.ends);
    let mut stopping = tokio::spawn(source.stop());
    assert!(
        tokio::time::timeout(QUIET, &mut stopping).await.is_err(),
        "an invocation is in work"
    );
    ends.add_permits(1);
    tokio::time::timeout(PATIENCE, stopping)
        .await
        .unwrap()
        .unwrap();
    assert!(stage.invoked.recv().await.is_none());
}
