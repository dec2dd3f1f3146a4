//! Schedules as event sources, and what becomes of events that fail.

use std::time::Duration;

use super::super::{AsynchronousInvocation, Attributes, EventSource, Schedule, ScheduleService};
use super::{function, read};

/// The schedules of a function with these properties.
fn schedules(properties: &str) -> Vec<Schedule> {
    let template = read(&function(properties)).unwrap();
    let (_, web) = template.functions().next().unwrap();
    let schedules = web.events.iter().map(|event| match &event.source {
        EventSource::Schedule(schedule) => schedule.clone(),
        other => panic!("{other:?}"),
    });
    schedules.collect()
}

/// Why a schedule with these properties is refused, which their last line is to blame for.
fn refusal(kind: &str, properties: &str) -> String {
    let source = function(&format!(
        "Events:
  Minute:
    Type: {kind}
    Properties:
      {properties}"
    ));
    let faults = read(&source).unwrap_err();
    let [fault] = faults.as_slice() else {
        panic!("{faults:?}");
    };
    let line = source.lines().nth(fault.line - 1).unwrap();
    assert!(
        line.contains(properties.lines().last().unwrap().trim()),
        "{fault}"
    );
    fault.message.clone()
}

#[test]
fn a_schedule_with_all_that_it_can_say_is_read() {
    let queue = "  Dead: {Type: AWS::SQS::Queue}\n";
    let source = function(
        r#"Events:
  Whole:
    Type: Schedule
    Properties:
      Schedule: cron(0 12 * * ? *)
      Name: noon
      Description: d
      State: DISABLED
      Input: '{"all": true}'
      RetryPolicy: {MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 60}
      DeadLetterConfig: {Arn: !GetAtt Dead.Arn}"#,
    ) + queue;
    let template = read(&source).unwrap();
    let (_, web) = template.functions().next().unwrap();
    let EventSource::Schedule(schedule) = &web.events[0].source else {
        panic!("{:?}", web.events);
    };
    assert_eq!(schedule.service, ScheduleService::Rule);
    assert_eq!(schedule.expression.to_string(), "cron(0 12 * * ? *)");
    assert_eq!(schedule.input.as_deref(), Some(r#"{"all": true}"#));
    assert_eq!(schedule.dead_letter_queue.as_deref(), Some("Dead"));
    assert!(!schedule.enabled);
    assert_eq!(
        schedule.arn("WebWhole"),
        "arn:aws:events:us-east-1:123456789012:rule/noon"
    );
}

#[test]
fn a_schedule_is_on_unless_the_template_says_otherwise() {
    let events = |properties: &str| {
        schedules(&format!(
            "Events:
  Minute: {{Type: Schedule, Properties: {{Schedule: rate(1 minute){properties}}}}}"
        ))
    };
    for (properties, enabled) in [
        ("", true),
        (", Enabled: true", true),
        (", Enabled: false", false),
        (", State: ENABLED", true),
        (", State: DISABLED", false),
    ] {
        assert_eq!(events(properties)[0].enabled, enabled, "{properties}");
    }
}

#[test]
fn eventbridge_scheduler_is_read_as_well() {
    let [schedule] = schedules(
        "Events:
  Minute:
    Type: ScheduleV2
    Properties:
      ScheduleExpression: rate(5 minutes)
      ScheduleExpressionTimezone: UTC
      FlexibleTimeWindow: {Mode: 'OFF'}
      State: DISABLED",
    )
    .try_into()
    .unwrap();
    assert_eq!(schedule.service, ScheduleService::Scheduler);
    assert!(!schedule.enabled);
    assert_eq!(schedule.name("WebMinute"), "WebMinute");
}

#[test]
fn what_aws_refuses_of_a_schedule_is_refused_with_its_line() {
    for (kind, properties, reason) in [
        ("Schedule", "Schedule: rate(1 minutes)", "singular"),
        ("Schedule", "Schedule: cron(* * * * * *)", "must be `?`"),
        (
            "Schedule",
            "Schedule: rate(1 minute)\n      Input: '{'",
            "`Input` must be JSON",
        ),
        (
            "Schedule",
            "Schedule: rate(1 minute)\n      Enabled: true\n      State: ENABLED",
            "say the same",
        ),
        (
            "Schedule",
            "Schedule: rate(1 minute)\n      RetryPolicy: {MaximumRetryAttempts: 186}",
            "0 to 185",
        ),
        (
            "Schedule",
            "Schedule: rate(1 minute)\n      DeadLetterConfig: {Arn: 'arn:aws:sqs:::x'}",
            "!GetAtt Queue.Arn",
        ),
        ("ScheduleV2", "ScheduleExpression: rate(5 minute)", "plural"),
        (
            "ScheduleV2",
            "ScheduleExpression: rate(1 minute)\n      Enabled: true",
            "does not understand `Enabled`",
        ),
        (
            "ScheduleV2",
            "ScheduleExpression: rate(1 minute)\n      ScheduleExpressionTimezone: Europe/Berlin",
            "UTC",
        ),
        (
            "ScheduleV2",
            "ScheduleExpression: rate(1 minute)\n      Input: '\"<aws.scheduler.execution-id>\"'",
            "does not fill in",
        ),
    ] {
        let message = refusal(kind, properties);
        assert!(message.contains(reason), "{message}");
    }
    let missing = read(&function(
        "Events:\n  Minute: {Type: Schedule, Properties: {Enabled: true}}",
    ));
    assert!(missing.unwrap_err()[0].message.contains("needs `Schedule`"));
}

#[test]
fn a_dead_letter_queue_that_is_none_is_refused() {
    let source = function(
        "Events:
  Minute: {Type: Schedule, Properties: {Schedule: rate(1 minute), DeadLetterConfig: {Arn: !GetAtt Bus.Arn}}}",
    ) + "  Bus: {Type: AWS::Events::EventBus, Properties: {Name: events}}\n";
    let faults = read(&source).unwrap_err();
    assert_eq!(faults[0].message, "`Bus` is not a queue");
}

#[test]
fn the_rule_that_sam_makes_can_be_referred_to() {
    let source = function(
        "Environment: {Variables: {RULE: !GetAtt OtherMinute.Arn, NAME: !Ref OtherMinute}}",
    ) + "  Other:
    Type: AWS::Serverless::Function
    Metadata: {BuildMethod: rust-cargolambda, BuildProperties: {Binary: other}}
    Properties:
      Runtime: provided.al2023
      Handler: bootstrap
      Events: {Minute: {Type: Schedule, Properties: {Schedule: rate(1 minute)}}}
";
    let template = read(&source).unwrap();
    let environment = template.environment("Web", &Attributes::new()).unwrap();
    assert_eq!(environment["NAME"], "trunkline-local-OtherMinute");
    assert_eq!(
        environment["RULE"],
        "arn:aws:events:us-east-1:123456789012:rule/trunkline-local-OtherMinute"
    );
}

#[test]
fn a_function_that_refers_to_its_own_rule_is_a_circle() {
    let faults = read(&function(
        "Environment: {Variables: {RULE: !Ref WebMinute}}
Events:
  Minute: {Type: Schedule, Properties: {Schedule: rate(1 minute)}}",
    ))
    .unwrap_err();
    assert!(faults[0].message.contains("WebMinute → Web"), "{faults:?}");
}

#[test]
fn the_template_says_what_becomes_of_events_that_fail() {
    let asynchronous = |properties: &str| {
        let template = read(&function(properties)).unwrap();
        let (_, web) = template.functions().next().unwrap();
        web.asynchronous
    };
    let usual = AsynchronousInvocation {
        maximum_retry_attempts: 2,
        maximum_event_age: Duration::from_secs(21_600),
    };
    assert_eq!(asynchronous("MemorySize: 128"), usual);
    assert_eq!(
        asynchronous("EventInvokeConfig: {MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 60}"),
        AsynchronousInvocation {
            maximum_retry_attempts: 0,
            maximum_event_age: Duration::from_secs(60),
        }
    );
    for refused in [
        "MaximumRetryAttempts: 3",
        "MaximumEventAgeInSeconds: 59",
        "DestinationConfig: {}",
    ] {
        let source = function(&format!("EventInvokeConfig: {{{refused}}}"));
        assert!(read(&source).is_err(), "{refused}");
    }
}
