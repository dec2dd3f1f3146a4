//! The whole stack, with the example `scripted_function` for every function.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::logs::Voice;

const TEMPLATE: &str = r"
Transform: AWS::Serverless-2016-10-31
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}]
      KeySchema: [{AttributeName: pk, KeyType: HASH}]
  Queue:
    Type: AWS::SQS::Queue
    Properties: {VisibilityTimeout: 60}
  Function:
    Type: AWS::Serverless::Function
    Metadata: {BuildMethod: rust-cargolambda, BuildProperties: {Binary: scripted_function}}
    Properties:
      Runtime: provided.al2023
      Handler: bootstrap
      Timeout: 10
      FunctionUrlConfig: {AuthType: NONE}
      Environment: {Variables: {TABLE: !Ref Table, QUEUE_URL: !Ref Queue}}
      Events:
        Queue: {Type: SQS, Properties: {Queue: !GetAtt Queue.Arn, BatchSize: 10}}
";

struct Stage {
    files: tempfile::TempDir,
}

impl Stage {
    fn new() -> Self {
        let files = tempfile::tempdir().unwrap();
        std::fs::write(files.path().join("template.yaml"), TEMPLATE).unwrap();
        Self { files }
    }

    fn options(&self) -> StackOptions {
        let examples = std::env::current_exe()
            .unwrap()
            .parent()
            .unwrap()
            .with_file_name("examples");
        StackOptions {
            binaries: Binaries::In(examples),
            folder: Some(self.files.path().join("data")),
            ..StackOptions::new(self.files.path().join("template.yaml"))
        }
    }
}

#[tokio::test]
async fn the_functions_environment_names_the_emulators_and_their_resources() {
    let stage = Stage::new();
    let stack = Stack::start(stage.options()).await.unwrap();
    let event = json!({"do": "environment"}).to_string();
    let answer = stack
        .function("scripted_function")
        .unwrap()
        .invoke(event.into())
        .await
        .unwrap();
    let variables: Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!(
        variables["AWS_ENDPOINT_URL_DYNAMODB"],
        stack.emulators().dynamodb().url()
    );
    assert_eq!(variables["TABLE"], "trunkline-local-Table");
    assert!(
        variables["QUEUE_URL"]
            .as_str()
            .unwrap()
            .starts_with("http://127.0.0.1:"),
        "{variables}"
    );
    for name in [
        "TABLE",
        "QUEUE_URL",
        "AWS_ENDPOINT_URL_SQS",
        "AWS_REGION",
        "AWS_ACCESS_KEY_ID",
    ] {
        assert_eq!(
            variables[name].as_str(),
            stack.environment().get(name).map(String::as_str),
            "{name}"
        );
    }
    stack.stop().await.unwrap();
}

#[tokio::test]
async fn a_message_on_the_queue_invokes_the_function() {
    let stage = Stage::new();
    let stack = Stack::start(stage.options()).await.unwrap();
    let sent = crate::http_client::client()
        .post(stack.emulators().sqs().url())
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", "AmazonSQS.SendMessage")
        .body(
            json!({"QueueUrl": stack.environment()["QUEUE_URL"], "MessageBody": "hello"})
                .to_string(),
        );
    assert_eq!(sent.send().await.unwrap().status(), 200);
    let reported = |line: &crate::logs::Line| line.voice == Voice::Report;
    stack
        .logs()
        .wait_for(reported, Duration::from_secs(30))
        .await
        .unwrap();
    stack.stop().await.unwrap();
}

#[tokio::test]
async fn other_commands_find_the_stack_and_a_second_one_is_refused() {
    let stage = Stage::new();
    let stack = Stack::start(stage.options()).await.unwrap();
    let found = RunningStack::find(stack.folder().unwrap()).unwrap();
    assert_eq!(found.control_url, stack.control_url());
    assert_eq!(
        found.functions[0].url.as_deref(),
        stack.url("scripted_function")
    );
    assert_eq!(&found.environment, stack.environment());
    let second = Stack::start(stage.options()).await.err().unwrap();
    assert!(
        matches!(second, StackError::Folder(RunningError::InUse(_))),
        "{second}"
    );
    stack.stop().await.unwrap();
    Stack::start(stage.options())
        .await
        .unwrap()
        .stop()
        .await
        .unwrap();
}

#[tokio::test]
async fn a_broken_template_is_refused_with_every_line() {
    let stage = Stage::new();
    let broken = TEMPLATE
        .replace("BatchSize", "BatchSise")
        .replace("KeySchema", "KeySchemer");
    std::fs::write(stage.files.path().join("template.yaml"), broken).unwrap();
    let error = Stack::start(stage.options())
        .await
        .err()
        .unwrap()
        .to_string();
    let lines: Vec<_> = error.lines().collect();
    assert_eq!(lines[0], "the template cannot be run here:");
    assert!(
        lines.iter().any(|line| line.contains("KeySchemer")),
        "{error}"
    );
    assert!(
        lines.iter().any(|line| line.contains("BatchSise")),
        "{error}"
    );
}

#[tokio::test]
async fn a_missing_template_says_where_one_is_expected() {
    let stage = Stage::new();
    let options = StackOptions {
        template: "/nowhere/template.yaml".into(),
        ..stage.options()
    };
    let error = Stack::start(options).await.err().unwrap().to_string();
    assert!(
        error.starts_with("/nowhere/template.yaml cannot be read"),
        "{error}"
    );
    assert!(error.ends_with("--template"), "{error}");
}
