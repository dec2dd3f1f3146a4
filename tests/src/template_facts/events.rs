//! What the template promises of events: how the publisher hears of them, and where those go that are not told.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::document::{list, of_type, permissions, template};

#[test]
fn the_queues_of_events_are_encrypted_and_what_cannot_be_told_is_kept_and_raises_an_alarm() {
    let template = template();
    let properties = |name: &str| &template["Resources"][name]["Properties"];
    let fortnight = (14 * 24 * 60 * 60).to_string();
    let number = |value: &Value| value.as_str().unwrap().parse::<u32>().unwrap();
    let (queue, dead_letters) = ("UndeliveredEventsQueue", "UndeliveredEventsDeadLetterQueue");
    for name in [queue, dead_letters] {
        assert_eq!(properties(name)["SqsManagedSseEnabled"], "true", "{name}");
        let retention = &properties(name)["MessageRetentionPeriod"];
        assert_eq!(*retention, fortnight.as_str(), "{name}");
        let queue = &template["Resources"][name];
        assert_eq!(queue["DeletionPolicy"], "Retain", "{name}");
        assert_eq!(queue["UpdateReplacePolicy"], "Retain", "{name}");
    }
    let redrive = &properties(queue)["RedrivePolicy"];
    let dead = json!({"Fn::GetAtt": format!("{dead_letters}.Arn")});
    assert_eq!(redrive["deadLetterTargetArn"], dead);
    // The most there is: an outage of the bus uses tries up.
    assert_eq!(redrive["maxReceiveCount"], "1000");
    let visibility = number(&properties(queue)["VisibilityTimeout"]);
    let timeout = match &properties("PublisherFunction")["Timeout"] {
        Value::Null => &template["Globals"]["Function"]["Timeout"],
        own => own,
    };
    assert!(visibility >= 6 * number(timeout));
    let event = &properties("PublisherFunction")["Events"]["Undelivered"]["Properties"];
    let reports = json!(["ReportBatchItemFailures"]);
    assert_eq!(event["FunctionResponseTypes"], reports);
    assert_eq!(event["BatchSize"], "10");
    // What waits, what is tried in vain, what was given up, and how far the publisher is behind.
    let of_queue = |name: &str| json!({"Fn::GetAtt": format!("{name}.QueueName")}).to_string();
    let expected = BTreeSet::from([
        (
            of_queue(dead_letters),
            "ApproximateNumberOfMessagesVisible".to_owned(),
        ),
        (of_queue(queue), "ApproximateAgeOfOldestMessage".to_owned()),
        (
            of_queue(queue),
            "ApproximateNumberOfMessagesNotVisible".to_owned(),
        ),
        (
            json!({"Ref": "PublisherFunction"}).to_string(),
            "IteratorAge".to_owned(),
        ),
    ]);
    let watched: BTreeSet<_> = of_type(&template, "AWS::CloudWatch::Alarm")
        .iter()
        .filter(|(name, _)| {
            let is_of_queue = name.starts_with("UndeliveredEvents");
            is_of_queue || *name == "PublisherLagAlarm"
        })
        .map(|(_, alarm)| {
            let alarm = &alarm["Properties"];
            let watched = list(&alarm["Dimensions"])[0]["Value"].to_string();
            (watched, alarm["MetricName"].as_str().unwrap().to_owned())
        })
        .collect();
    assert_eq!(watched, expected);
}

#[test]
fn the_stream_feeds_the_publisher_what_is_written_and_a_batch_that_fails_is_halved_and_given_up_at_last()
 {
    let template = template();
    let function = &template["Resources"]["PublisherFunction"]["Properties"];
    let source = &function["Events"]["Activity"];
    assert_eq!(source["Type"], "DynamoDB");
    let source = &source["Properties"];
    let stream = json!({"Fn::GetAtt": "ActivityTable.StreamArn"});
    assert_eq!(source["Stream"], stream);
    // A new deployment misses nothing of what was written before the source was there.
    assert_eq!(source["StartingPosition"], "TRIM_HORIZON");
    let filters = list(&source["FilterCriteria"]["Filters"]);
    let pattern: Value = serde_json::from_str(filters[0]["Pattern"].as_str().unwrap()).unwrap();
    assert_eq!(pattern, json!({"eventName": ["INSERT", "MODIFY"]}));
    assert_eq!(filters.len(), 1);
    let reports = json!(["ReportBatchItemFailures"]);
    assert_eq!(source["FunctionResponseTypes"], reports);
    assert_eq!(source["BisectBatchOnFunctionError"], "true");
    let number = |name: &str| source[name].as_str().unwrap().parse::<u32>().unwrap();
    assert!((1..=10_000).contains(&number("MaximumRetryAttempts")));
    // Of as much as a shard may have: 1,000 records a second, in batches of 100 that take 300 ms.
    assert!(number("ParallelizationFactor") * number("BatchSize") >= 300);
    // The stream itself has a record for 24 hours.
    assert!(number("MaximumRecordAgeInSeconds") < 24 * 60 * 60);
    let dead = json!({"Fn::GetAtt": "UndeliveredEventsDeadLetterQueue.Arn"});
    let destination = &source["DestinationConfig"]["OnFailure"];
    assert_eq!(*destination, json!({"Type": "SQS", "Destination": dead}));
}

#[test]
fn the_publisher_speaks_on_the_bus_in_its_own_name_alone() {
    let template = template();
    let speakers: Vec<_> = permissions(&template)
        .into_iter()
        .filter(|(_, statement)| statement["Action"].to_string().contains("events:"))
        .collect();
    let [(role, statement)] = speakers.as_slice() else {
        panic!("{speakers:?}");
    };
    assert_eq!(*role, "PublisherRole");
    assert_eq!(statement["Action"], "events:PutEvents");
    assert_eq!(
        statement["Condition"],
        json!({
            "ForAllValues:StringEquals": {"events:source": ["trunkline"]},
            "Null": {"events:source": "false"},
        })
    );
}
