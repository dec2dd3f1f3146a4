//! Streams as event sources, and the buses that their events go to.

use super::super::{Attributes, EventSource, Pattern, StartingPosition, StreamSource};
use super::{function, read};

#[test]
fn a_stream_with_all_that_a_source_can_say_is_read() {
    let source = function(
        "Events:
  Activity:
    Type: DynamoDB
    Properties:
      Stream: !GetAtt Items.StreamArn
      StartingPosition: TRIM_HORIZON
      BatchSize: 25
      MaximumBatchingWindowInSeconds: 1
      MaximumRetryAttempts: 8
      MaximumRecordAgeInSeconds: 3600
      ParallelizationFactor: 10
      BisectBatchOnFunctionError: true
      FunctionResponseTypes: [ReportBatchItemFailures]
      FilterCriteria: {Filters: [{Pattern: '{\"eventName\": [\"INSERT\", \"MODIFY\"]}'}]}
      DestinationConfig: {OnFailure: {Type: SQS, Destination: !GetAtt Dead.Arn}}
  Plain:
    Type: DynamoDB
    Properties: {Stream: !GetAtt Items.StreamArn, StartingPosition: LATEST, MaximumRetryAttempts: -1}",
    ) + "  Items:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}]
      KeySchema: [{AttributeName: pk, KeyType: HASH}]
      StreamSpecification: {StreamViewType: NEW_AND_OLD_IMAGES}
  Dead: {Type: AWS::SQS::Queue}
";
    let template = read(&source).unwrap();
    let (_, web) = template.functions().next().unwrap();
    let sources: Vec<_> = web.events.iter().map(|event| &event.source).collect();
    let pattern = Pattern::read(r#"{"eventName": ["INSERT", "MODIFY"]}"#).unwrap();
    let whole = StreamSource {
        table: "Items".to_owned(),
        starting_position: StartingPosition::TrimHorizon,
        batch_size: 25,
        parallelization: 10,
        batching_window: 1,
        maximum_retry_attempts: Some(8),
        maximum_record_age: Some(3_600),
        bisect_on_error: true,
        report_batch_item_failures: true,
        filters: vec![pattern],
        on_failure: Some("Dead".to_owned()),
        enabled: true,
    };
    let plain = StreamSource {
        starting_position: StartingPosition::Latest,
        batch_size: 100,
        parallelization: 1,
        batching_window: 0,
        maximum_retry_attempts: None,
        maximum_record_age: None,
        bisect_on_error: false,
        report_batch_item_failures: false,
        filters: Vec::new(),
        on_failure: None,
        ..whole.clone()
    };
    assert_eq!(
        sources,
        [&EventSource::Stream(whole), &EventSource::Stream(plain)]
    );
}

#[test]
fn a_bus_gives_its_name_and_arn_and_what_stands_around_it_is_listed() {
    let source = function("Environment: {Variables: {BUS: !Ref Bus, NAME: !GetAtt Bus.Name, ARN: !GetAtt Bus.Arn, ARCHIVE: !GetAtt Archive.Arn}}")
        + "  Bus: {Type: AWS::Events::EventBus, Properties: {Name: !Sub '${AWS::StackName}-events', Description: d}}
  Archive: {Type: AWS::Events::Archive, Properties: {SourceArn: !GetAtt Bus.Arn, RetentionDays: 30}}
  Alarm: {Type: AWS::CloudWatch::Alarm, Properties: {Dimensions: [{Name: EventBusName, Value: !Ref Bus}]}}
";
    let template = read(&source).unwrap();
    assert_eq!(
        template.event_buses().next().unwrap().1.name,
        "trunkline-local-events"
    );
    let environment = template.environment("Web", &Attributes::new()).unwrap();
    let events = "arn:aws:events:us-east-1:123456789012";
    assert_eq!(environment["BUS"], "trunkline-local-events");
    assert_eq!(environment["NAME"], "trunkline-local-events");
    assert_eq!(
        environment["ARN"],
        format!("{events}:event-bus/trunkline-local-events")
    );
    assert_eq!(
        environment["ARCHIVE"],
        format!("{events}:archive/trunkline-local-Archive")
    );
    let listed: Vec<_> = template.without_effect().map(|(name, _)| name).collect();
    assert_eq!(listed, ["Archive", "Alarm"]);
}
