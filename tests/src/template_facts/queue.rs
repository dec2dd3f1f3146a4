//! What the template promises of webhooks that are put aside.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::document::{list, of_type, template};

fn number(value: &Value) -> u32 {
    value.as_str().unwrap().parse().unwrap()
}

#[test]
fn the_queue_is_encrypted_and_what_cannot_be_stored_is_kept() {
    let template = template();
    let properties = |name: &str| &template["Resources"][name]["Properties"];
    let fortnight = (14 * 24 * 60 * 60).to_string();
    for name in ["DeferredQueue", "DeferredDeadLetterQueue"] {
        assert_eq!(properties(name)["SqsManagedSseEnabled"], "true", "{name}");
        assert_eq!(
            properties(name)["MessageRetentionPeriod"],
            fortnight.as_str(),
            "{name}"
        );
    }
    let redrive = &properties("DeferredQueue")["RedrivePolicy"];
    let dead = json!({"Fn::GetAtt": "DeferredDeadLetterQueue.Arn"});
    assert_eq!(redrive["deadLetterTargetArn"], dead);
    // The most there is: an outage of the table uses tries up, and what was acknowledged must outlast it.
    assert_eq!(redrive["maxReceiveCount"], "1000");
    let visibility = number(&properties("DeferredQueue")["VisibilityTimeout"]);
    let timeout = number(&template["Globals"]["Function"]["Timeout"]);
    assert!(visibility >= 6 * timeout);
    for name in ["DeferredQueue", "DeferredDeadLetterQueue"] {
        let queue = &template["Resources"][name];
        assert_eq!(queue["DeletionPolicy"], "Retain", "{name}");
        assert_eq!(queue["UpdateReplacePolicy"], "Retain", "{name}");
    }
}

#[test]
fn tenants_that_wait_to_be_verified_are_not_handed_out_twice_while_they_are() {
    let template = template();
    let properties = |name: &str| &template["Resources"][name]["Properties"];
    let function = properties("VerifierFunction");
    let timeout = number(&function["Timeout"]);
    assert!(number(&properties("VerificationQueue")["VisibilityTimeout"]) >= 6 * timeout);
    let redrive = &properties("VerificationQueue")["RedrivePolicy"];
    let dead = json!({"Fn::GetAtt": "VerificationDeadLetterQueue.Arn"});
    assert_eq!(redrive["deadLetterTargetArn"], dead);
    for name in ["VerificationQueue", "VerificationDeadLetterQueue"] {
        assert_eq!(properties(name)["SqsManagedSseEnabled"], "true", "{name}");
    }
    let events = &function["Events"];
    let every_minute = &events["EveryMinute"]["Properties"]["Schedule"];
    assert_eq!(every_minute, "rate(1 minute)");
    let responses = &events["Verification"]["Properties"]["FunctionResponseTypes"];
    assert_eq!(responses, &json!(["ReportBatchItemFailures"]));
}

/// The metrics that an alarm watches, each with its queue.
fn watched(alarm: &Value) -> BTreeSet<(String, String)> {
    let metrics = list(&alarm["Metrics"]).into_iter();
    let parts = metrics
        .map(|metric| &metric["MetricStat"]["Metric"])
        .chain([alarm]);
    let parts = parts.filter(|metric| !metric["MetricName"].is_null());
    let watched = parts.map(|metric| {
        let queue = &list(&metric["Dimensions"])[0]["Value"]["Fn::GetAtt"];
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(queue), text(&metric["MetricName"]))
    });
    watched.collect()
}

#[test]
fn what_waits_what_is_tried_in_vain_and_what_was_given_up_raise_alarms_that_a_paced_backlog_does_not()
 {
    let template = template();
    let alarms = of_type(&template, "AWS::CloudWatch::Alarm");
    let of_queue = |name: &str, metrics: &[&str]| -> BTreeSet<_> {
        let pair = |metric: &&str| (format!("{name}.QueueName"), (*metric).to_owned());
        metrics.iter().map(pair).collect()
    };
    let expected = [
        (
            "DeferredAgeAlarm",
            of_queue("DeferredQueue", &["ApproximateAgeOfOldestMessage"]),
        ),
        (
            "DeferredBacklogAlarm",
            of_queue("DeferredQueue", &["ApproximateNumberOfMessagesDelayed"]),
        ),
        (
            "DeferredDeadLetterAlarm",
            of_queue(
                "DeferredDeadLetterQueue",
                &["ApproximateNumberOfMessagesVisible"],
            ),
        ),
        (
            "DeferredRetryAlarm",
            of_queue(
                "DeferredQueue",
                &[
                    "ApproximateNumberOfMessagesNotVisible",
                    "NumberOfMessagesDeleted",
                ],
            ),
        ),
    ];
    for (name, metrics) in expected {
        let alarm = alarms.iter().find(|(found, _)| *found == name);
        assert_eq!(watched(&alarm.unwrap().1["Properties"]), metrics, "{name}");
    }
    // What has its turn later is a new message every 15 minutes.
    let age = &template["Resources"]["DeferredAgeAlarm"]["Properties"]["Threshold"];
    assert!(number(age) > 15 * 60);
}

#[test]
fn the_writer_may_send_to_the_queue_that_invokes_it_and_has_a_bounded_number_of_batches_in_work() {
    let template = template();
    let writer = &template["Resources"]["DeferredWriterFunction"]["Properties"];
    let event = &writer["Events"]["Deferred"]["Properties"];
    assert_eq!(
        event["FunctionResponseTypes"],
        json!(["ReportBatchItemFailures"])
    );
    assert_eq!(event["BatchSize"], "10");
    assert_eq!(event["ScalingConfig"]["MaximumConcurrency"], "10");
    // Otherwise Lambda takes a webhook that is put off again and again for a loop, and ends it.
    assert_eq!(writer["RecursiveLoop"], "Allow");
}
