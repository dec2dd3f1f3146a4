//! Small templates: what they mean, and every refusal with its place.

mod http_api;
mod schedules;
mod streams;

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Attributes, EventSource, Fault, PolicyDocument, Template};

fn read(source: &str) -> Result<Template, Vec<Fault>> {
    Template::read(source, &BTreeMap::new())
}

const WHOLE: &str = r#"AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Description: A small stack
Parameters:
  Architecture: {Type: String, Default: arm64, AllowedValues: [arm64, x86_64]}
  PublicWebhookBaseUrl: {Type: String, Default: ""}
  Days: {Type: Number, Default: 0, MinValue: 0}
Mappings:
  Level: {prod: {name: warn}, trunkline-local: {name: debug}}
Conditions:
  HasBase: !Not [!Equals [!Ref PublicWebhookBaseUrl, ""]]
  Both: !And [!Condition HasBase, !Equals [!Ref Architecture, arm64]]
Globals:
  Function:
    Runtime: provided.al2023
    Timeout: 10
    MemorySize: 256
    Architectures: [!Ref Architecture]
    Environment:
      Variables:
        LOG_LEVEL: info
        TABLE: !Ref Items
Resources:
  Web:
    Type: AWS::Serverless::Function
    Metadata: {BuildMethod: rust-cargolambda, BuildProperties: {Binary: web}}
    Properties:
      CodeUri: .
      Handler: bootstrap
      Timeout: 20
      FunctionUrlConfig: {AuthType: NONE}
      Environment:
        Variables:
          LOG_LEVEL: !FindInMap [Level, !Ref AWS::StackName, name]
          QUEUE: !Ref Jobs
          KEY: !GetAtt Secret.Arn
          BASE: !If [HasBase, !Ref PublicWebhookBaseUrl, !Ref AWS::NoValue]
          DAYS: !Ref Days
          FLAG: true
          TEXT: !Sub ["${Name}-${AWS::Region}-${!kept}-${Items}", {Name: !GetAtt Jobs.QueueName}]
          LAST: !Select [5, !Split [":", !GetAtt Jobs.Arn]]
          LONG: {"Fn::Join": ["/", [a, {Ref: Items}]]}
      Policies:
        - Version: 2012-10-17
          Statement:
            - {Effect: Allow, Action: dynamodb:UpdateItem, Resource: !GetAtt Items.Arn}
  Writer:
    Type: AWS::Serverless::Function
    Metadata: {BuildMethod: rust-cargolambda, BuildProperties: {Binary: writer}}
    Properties:
      ReservedConcurrentExecutions: 5
      Environment: {Variables: {WEB: !GetAtt WebUrl.FunctionUrl}}
      Events:
        Jobs:
          Type: SQS
          Properties:
            Queue: !GetAtt Jobs.Arn
            FunctionResponseTypes: [ReportBatchItemFailures]
            ScalingConfig: {MaximumConcurrency: 2}
  Items:
    Type: AWS::DynamoDB::Table
    DeletionPolicy: Retain
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions:
        - {AttributeName: pk, AttributeType: S}
        - {AttributeName: sk, AttributeType: S}
        - {AttributeName: time, AttributeType: N}
      KeySchema: [{AttributeName: pk, KeyType: HASH}, {AttributeName: sk, KeyType: RANGE}]
      GlobalSecondaryIndexes:
        - IndexName: by_time
          KeySchema: [{AttributeName: time, KeyType: HASH}]
          Projection: {ProjectionType: KEYS_ONLY}
      TimeToLiveSpecification: {AttributeName: expires_at, Enabled: true}
      StreamSpecification: {StreamViewType: NEW_AND_OLD_IMAGES}
      PointInTimeRecoverySpecification: {PointInTimeRecoveryEnabled: true}
      DeletionProtectionEnabled: true
      SSESpecification: {SSEEnabled: true}
  Jobs:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 60
      SqsManagedSseEnabled: true
      RedrivePolicy: {deadLetterTargetArn: !GetAtt DeadJobs.Arn, maxReceiveCount: 5}
  DeadJobs:
    Type: AWS::SQS::Queue
    Properties: {MessageRetentionPeriod: 1209600}
  Secret:
    Type: AWS::KMS::Key
    Properties: {EnableKeyRotation: true, KeyPolicy: {Version: "2012-10-17", Statement: []}}
  SecretAlias:
    Type: AWS::KMS::Alias
    Properties: {AliasName: alias/secret, TargetKeyId: !Ref Secret}
  Logs:
    Type: AWS::Logs::LogGroup
    Properties: {LogGroupName: !Sub "/aws/lambda/${Web}", RetentionInDays: 30}
  Extra:
    Type: AWS::SQS::Queue
    Condition: Both
Outputs:
  WebUrl: {Description: Where to post, Value: !GetAtt WebUrl.FunctionUrl}
  Hidden: {Condition: HasBase, Value: !Ref PublicWebhookBaseUrl}
"#;

fn running() -> Attributes {
    let mut running = Attributes::new();
    running.set("WebUrl", "FunctionUrl", "http://127.0.0.1:4001/");
    running.set(
        "Jobs",
        "Ref",
        "http://127.0.0.1:4002/123456789012/trunkline-local-Jobs",
    );
    running.set(
        "Secret",
        "Arn",
        "arn:aws:kms:us-east-1:123456789012:key/one",
    );
    running
}

#[test]
fn a_whole_template_is_read_with_its_values() {
    let template = read(WHOLE).unwrap();

    let (_, web) = template.functions().next().unwrap();
    assert_eq!((web.binary.as_str(), web.memory), ("web", 256));
    assert_eq!(
        (web.timeout, web.architecture.as_str()),
        (Duration::from_secs(20), "arm64")
    );
    assert!(web.url.is_some());

    let (_, writer) = template.functions().nth(1).unwrap();
    assert_eq!(writer.reserved_concurrency, Some(5));
    let EventSource::Queue(source) = &writer.events[0].source else {
        panic!("{:?}", writer.events);
    };
    assert_eq!((source.queue.as_str(), source.batch_size), ("Jobs", 10));
    assert!(source.report_batch_item_failures && source.enabled);
    assert_eq!(source.maximum_concurrency, Some(2));

    let (_, items) = template.tables().next().unwrap();
    assert_eq!(items.name, "trunkline-local-Items");
    assert_eq!(items.expiry_attribute.as_deref(), Some("expires_at"));
    assert_eq!(items.stream_view.as_deref(), Some("NEW_AND_OLD_IMAGES"));
    assert_eq!(items.indexes[0].name, "by_time");
    assert!(items.deletion_protection && items.point_in_time_recovery);

    let (_, jobs) = template.queues().next().unwrap();
    let redrive = jobs.redrive.as_ref().unwrap();
    assert_eq!(
        (
            redrive.dead_letter_queue.as_str(),
            redrive.max_receive_count
        ),
        ("DeadJobs", 5)
    );

    assert!(template.keys().next().unwrap().1.rotation);
    assert_eq!(template.aliases().next().unwrap().1.target, "Secret");
    assert_eq!(
        template.without_effect().collect::<Vec<_>>(),
        [("Logs", "AWS::Logs::LogGroup")]
    );
    assert_eq!(template.left_out().collect::<Vec<_>>(), [("Extra", "Both")]);
}

#[test]
fn the_environment_is_filled_from_what_runs() {
    let environment = read(WHOLE).unwrap().environment("Web", &running()).unwrap();
    let expected = [
        ("DAYS", "0"),
        ("KEY", "arn:aws:kms:us-east-1:123456789012:key/one"),
        ("LAST", "trunkline-local-Jobs"),
        ("LOG_LEVEL", "debug"),
        ("LONG", "a/trunkline-local-Items"),
        ("FLAG", "true"),
        (
            "QUEUE",
            "http://127.0.0.1:4002/123456789012/trunkline-local-Jobs",
        ),
        ("TABLE", "trunkline-local-Items"),
        (
            "TEXT",
            "trunkline-local-Jobs-us-east-1-${kept}-trunkline-local-Items",
        ),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(environment, BTreeMap::from(expected));
}

#[test]
fn a_function_may_know_the_url_of_another() {
    let environment = read(WHOLE)
        .unwrap()
        .environment("Writer", &running())
        .unwrap();
    assert_eq!(environment["WEB"], "http://127.0.0.1:4001/");
}

#[test]
fn a_value_that_nothing_supplies_is_a_fault_with_its_line() {
    let faults = read(WHOLE)
        .unwrap()
        .environment("Writer", &Attributes::new())
        .unwrap_err();
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].line, 52);
    assert!(
        faults[0].to_string().starts_with("template.yaml:52:"),
        "{}",
        faults[0]
    );
}

#[test]
fn an_override_replaces_a_default_and_turns_conditions() {
    let parameters = BTreeMap::from([
        (
            "PublicWebhookBaseUrl".to_owned(),
            "https://hooks.example.com".to_owned(),
        ),
        ("Architecture".to_owned(), "x86_64".to_owned()),
    ]);
    let template = Template::read(WHOLE, &parameters).unwrap();
    let environment = template.environment("Web", &running()).unwrap();
    assert_eq!(environment["BASE"], "https://hooks.example.com");
    assert_eq!(
        template.functions().next().unwrap().1.architecture,
        "x86_64"
    );
    let outputs = template.outputs(&running()).unwrap();
    let values: Vec<_> = outputs
        .iter()
        .map(|output| (&*output.name, &*output.value))
        .collect();
    assert_eq!(
        values,
        [
            ("WebUrl", "http://127.0.0.1:4001/"),
            ("Hidden", "https://hooks.example.com")
        ]
    );
}

#[test]
fn a_functions_own_policies_are_read_and_filled_in() {
    let template = read(WHOLE).unwrap();
    let (_, web) = template.functions().next().unwrap();
    let attributes = template.attributes(&running());
    assert_eq!(web.policies[0].at.line, 44);
    let policy = web.policies[0].policy(&attributes).unwrap();
    let statement = &policy.statements[0];
    assert_eq!(statement.actions[0].text(), "dynamodb:UpdateItem");
    assert_eq!(
        statement.resources[0].text(),
        "arn:aws:dynamodb:us-east-1:123456789012:table/trunkline-local-Items"
    );
}

/// A template whose faults are in its `Resources` from line 3 on.
fn resources(text: &str) -> String {
    format!("Transform: AWS::Serverless-2016-10-31\nResources:\n{text}")
}

/// A template with one function whose properties begin at line 7.
fn function(properties: &str) -> String {
    let indented: String = properties
        .lines()
        .map(|line| format!("      {line}\n"))
        .collect();
    resources(&format!(
        "  Web:\n    Type: AWS::Serverless::Function\n    Metadata: {{BuildMethod: rust-cargolambda, BuildProperties: {{Binary: web}}}}\n    Properties:\n{indented}      Runtime: provided.al2023\n"
    ))
}

/// A template with one good queue whose properties begin at line 6.
fn queue(properties: &str) -> String {
    resources(&format!(
        "  Jobs:\n    Type: AWS::SQS::Queue\n    Properties:\n{properties}"
    ))
}

/// `refusals.txt` holds one case after each `===`: line, column, a part of the sentence, and the template.
#[test]
fn what_is_not_understood_is_refused_with_its_place() {
    let cases: Vec<&str> = include_str!("refusals.txt").split("=== ").skip(1).collect();
    assert!(cases.len() > 80);
    let mut missing = Vec::new();
    for case in cases {
        let (head, source) = case.split_once('\n').unwrap();
        let (place, part) = head.split_once(' ').unwrap();
        let faults = read(source).expect_err(case);
        let found = faults.iter().any(|fault| {
            format!("{}:{}", fault.line, fault.column) == place && fault.message.contains(part)
        });
        if !found {
            missing.push(format!("{case}\nhas {faults:#?}"));
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn a_role_is_read_with_its_trust_its_policies_and_its_tags() {
    let source = function("Role: !GetAtt WebRole.Arn")
        + r#"  WebRole:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement: {Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: "sts:AssumeRole"}
      Policies:
        - PolicyName: web
          PolicyDocument: {Version: "2012-10-17", Statement: {Sid: Send, Effect: Allow, Action: "sqs:SendMessage", Resource: "*"}}
      MaxSessionDuration: 7200
      Tags: [{Key: project, Value: trunkline}]
"#;
    let template = read(&source).unwrap();
    let (name, role) = template.roles().next().unwrap();
    assert_eq!((name, role.longest_session), ("WebRole", 7_200));
    assert_eq!(role.tags["project"], "trunkline");
    let read = |document: &PolicyDocument| document.policy(&Attributes::new()).unwrap();
    assert_eq!(read(&role.policies[0]).statements[0].name, "Send");
    let trust = read(role.trust.as_ref().unwrap());
    assert_eq!(trust.statements[0].actions[0].text(), "sts:AssumeRole");
}

#[test]
fn every_fault_is_reported_in_the_order_of_the_file() {
    let source = queue("      Colour: red\n      DelaySeconds: x\n      QueueName: !Ref Nothing\n");
    let lines: Vec<usize> = read(&source)
        .unwrap_err()
        .iter()
        .map(|fault| fault.line)
        .collect();
    assert_eq!(lines, [6, 7, 8]);
}

#[test]
fn a_function_that_needs_its_own_url_is_a_circle() {
    let source = function(
        "FunctionUrlConfig: {AuthType: NONE}\nEnvironment: {Variables: {URL: !GetAtt WebUrl.FunctionUrl}}",
    );
    let faults = read(&source).unwrap_err();
    assert_eq!(faults.len(), 1, "{faults:#?}");
    assert!(
        faults[0].message.contains("Web → WebUrl → Web"),
        "{}",
        faults[0]
    );
}

#[test]
fn a_queue_that_hides_messages_for_less_than_its_function_takes_is_refused() {
    let source = function(
        "Timeout: 60\nEvents:\n  Jobs: {Type: SQS, Properties: {Queue: !GetAtt Jobs.Arn}}",
    ) + "  Jobs: {Type: AWS::SQS::Queue}\n";
    let faults = read(&source).unwrap_err();
    assert_eq!((faults.len(), faults[0].line), (1, 9), "{faults:#?}");
    assert!(faults[0].message.contains("raise its VisibilityTimeout"));
}

#[test]
fn a_value_for_a_parameter_that_is_not_there_is_refused() {
    let parameters = BTreeMap::from([("Colour".to_owned(), "red".to_owned())]);
    let faults = Template::read(WHOLE, &parameters).unwrap_err();
    assert!(faults[0].message.contains("`Colour`"), "{faults:#?}");
}

#[test]
fn no_prefix_of_a_template_panics_the_reader() {
    for end in (0..WHOLE.len()).step_by(11) {
        let _ = read(WHOLE.get(..end).unwrap_or_default());
    }
}
