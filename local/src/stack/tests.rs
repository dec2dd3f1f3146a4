//! The whole stack, with the example `scripted_function` for every function.

mod events;
mod schedules;

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::deployment::Ports;
use crate::issuer::TokenRequest;
use crate::logs::Voice;
use crate::running::RunningError;

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
      Policies:
        Version: '2012-10-17'
        Statement:
          - Effect: Allow
            Action: ['sqs:DeleteMessage', 'sqs:GetQueueAttributes', 'sqs:ReceiveMessage']
            Resource: !GetAtt Queue.Arn
          - Effect: Allow
            Action: ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator', 'dynamodb:ListStreams']
            Resource: !Sub '${Table.Arn}/stream/*'
      Events:
        Queue: {Type: SQS, Properties: {Queue: !GetAtt Queue.Arn, BatchSize: 10}}
";

/// What makes the template one with an API that asks for tokens.
const API: &str = r"
        Get: {Type: HttpApi, Properties: {ApiId: !Ref Api, Path: '/items/{id}', Method: GET}}
  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      Auth:
        DefaultAuthorizer: Jwt
        Authorizers: {Jwt: {JwtConfiguration: {issuer: !Ref JwtIssuer, audience: [!Ref JwtAudience]}}}
Parameters:
  JwtIssuer: {Type: String}
  JwtAudience: {Type: String}
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

    fn with_api() -> Self {
        let stage = Self::new();
        let template = format!("{}{API}", TEMPLATE.trim_end());
        std::fs::write(stage.files.path().join("template.yaml"), template).unwrap();
        stage
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
        "AWS_ENDPOINT_URL_EVENTBRIDGE",
        "AWS_ENDPOINT_URL_STS",
        "AWS_REGION",
        "TWILIO_API_BASE_URL",
        "VAPI_API_BASE_URL",
        "GOOGLE_OAUTH_BASE_URL",
        "GOOGLE_API_BASE_URL",
        "RESEND_API_BASE_URL",
        "ELEVENLABS_API_BASE_URL",
    ] {
        assert_eq!(
            variables[name].as_str(),
            stack.environment().get(name).map(String::as_str),
            "{name}"
        );
        assert!(variables[name].is_string(), "{name}");
    }
    // Its own role's, not those of whoever runs the stack.
    let administrator = &stack.environment()["AWS_ACCESS_KEY_ID"];
    assert!(
        variables["AWS_ACCESS_KEY_ID"]
            .as_str()
            .is_some_and(|id| id != administrator)
    );
    stack.stop().await.unwrap();
}

#[tokio::test]
async fn a_message_on_the_queue_invokes_the_function() {
    let stage = Stage::new();
    let stack = Stack::start(stage.options()).await.unwrap();
    let message = json!({"QueueUrl": stack.environment()["QUEUE_URL"], "MessageBody": "hello"});
    let url = stack.emulators().sqs().url();
    let administrator = stack.emulators().access().administrator();
    let credentials = administrator.credentials();
    let sent = crate::http_client::signed(&url, "sqs", credentials, message.to_string())
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", "AmazonSQS.SendMessage");
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
async fn a_twiml_app_survives_the_restart_of_a_stack_and_an_ephemeral_one_begins_anew() {
    let stage = Stage::new();
    let demo = "ACcccccccccccccccccccccccccccccccc".parse().unwrap();
    let stack = Stack::start(stage.options()).await.unwrap();
    let voice_url = "https://hooks.example.com/voice";
    let made = stack
        .twilio()
        .account(&demo)
        .add_application("x", voice_url);
    assert!(made.is_some());
    let before = stack.twilio().account(&demo).applications();
    stack.stop().await.unwrap();
    let stack = Stack::start(stage.options()).await.unwrap();
    assert_eq!(stack.twilio().account(&demo).applications(), before);
    stack.stop().await.unwrap();
    let ephemeral = StackOptions {
        ephemeral: true,
        ..stage.options()
    };
    let stack = Stack::start(ephemeral).await.unwrap();
    assert_eq!(stack.twilio().account(&demo).applications().len(), 0);
    stack.stop().await.unwrap();
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

/// An answer of the stack's API to somebody with this token.
async fn asked(stack: &Stack, token: &str) -> (u16, Value) {
    let url = format!("{}/items/7", stack.api_url().unwrap());
    let request = crate::http_client::client().get(url).bearer_auth(token);
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let body = response.bytes().await.unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn a_token_of_the_stacks_issuer_opens_its_api_even_after_a_restart() {
    let stage = Stage::with_api();
    let stack = Stack::start(StackOptions {
        ports: Ports::From(unused_ports()),
        ..stage.options()
    })
    .await
    .unwrap();
    let request = TokenRequest::new("ann").tenant("acme");
    let token = stack.issuer().unwrap().token(&request);
    let (status, answer) = asked(&stack, &token).await;
    assert_eq!(status, 200);
    let event = &answer["event"];
    assert_eq!(event["pathParameters"]["id"], "7");
    let claims = &event["requestContext"]["authorizer"]["jwt"]["claims"];
    assert_eq!(claims["tenant_id"], "acme");
    let running = RunningStack::find(stack.folder().unwrap()).unwrap();
    let api = running.api.unwrap();
    assert_eq!(Some(api.url.as_str()), stack.api_url());
    let port = port(stack.control_url());
    stack.stop().await.unwrap();

    let again = Stack::start(StackOptions {
        ports: Ports::From(port),
        ..stage.options()
    })
    .await
    .unwrap();
    assert_eq!(asked(&again, &token).await.0, 200);
    again.stop().await.unwrap();
}

fn port(url: &str) -> u16 {
    url.rsplit(':').next().unwrap().parse().unwrap()
}

/// The first of a row of ports that nobody uses, below those that the system hands out.
fn unused_ports() -> u16 {
    let first = 8_000 + u16::try_from(std::process::id() % 20).unwrap() * 100;
    let is_free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
    (first..first + 2_000)
        .step_by(100)
        .find(|first| (*first..first + 100).all(|port| is_free(&port)))
        .unwrap()
}

#[tokio::test]
async fn where_a_parameter_names_another_issuer_its_tokens_pass_and_the_stacks_own_do_not() {
    let first = Stage::with_api();
    let trusted = Stack::start(first.options()).await.unwrap();
    let second = Stage::with_api();
    let mut options = second.options();
    let issuer = trusted.issuer().unwrap();
    options
        .parameters
        .insert("JwtIssuer".to_owned(), issuer.url().to_owned());
    let stack = Stack::start(options).await.unwrap();
    let request = TokenRequest::new("ann");
    assert_eq!(asked(&stack, &issuer.token(&request)).await.0, 200);
    let own = stack.issuer().unwrap().token(&request);
    let refused = (401, json!({"message": "Unauthorized"}));
    assert_eq!(asked(&stack, &own).await, refused);
    stack.stop().await.unwrap();
    trusted.stop().await.unwrap();
}

#[tokio::test]
async fn a_template_without_an_api_has_no_issuer() {
    let stage = Stage::new();
    let stack = Stack::start(stage.options()).await.unwrap();
    assert!(stack.issuer().is_none() && stack.api_url().is_none());
    stack.stop().await.unwrap();
}
