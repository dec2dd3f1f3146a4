//! The emulators as the AWS SDK sees them.

mod access;
mod dynamodb;
mod faults;
mod kms;
mod sqs;
mod sts;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use aws_sdk_dynamodb::config::SharedHttpClient;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use shared::clock::Clock;

use super::{Emulators, Ports, Storage};
use crate::iam;
use crate::template::{Attributes, REGION, Template};

const TEMPLATE: &str = r#"Transform: AWS::Serverless-2016-10-31
Resources:
  Items:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions:
        - {AttributeName: pk, AttributeType: S}
        - {AttributeName: sk, AttributeType: S}
        - {AttributeName: time_pk, AttributeType: S}
      KeySchema: [{AttributeName: pk, KeyType: HASH}, {AttributeName: sk, KeyType: RANGE}]
      GlobalSecondaryIndexes:
        - IndexName: by_time
          KeySchema: [{AttributeName: time_pk, KeyType: HASH}]
          Projection: {ProjectionType: KEYS_ONLY}
      TimeToLiveSpecification: {AttributeName: expires_at, Enabled: true}
      StreamSpecification: {StreamViewType: NEW_AND_OLD_IMAGES}
      DeletionProtectionEnabled: true
  Secret:
    Type: AWS::KMS::Key
    Properties: {EnableKeyRotation: true, Description: For tests}
  SecretAlias:
    Type: AWS::KMS::Alias
    Properties: {AliasName: alias/secret, TargetKeyId: !Ref Secret}
  Jobs:
    Type: AWS::SQS::Queue
    Properties:
      RedrivePolicy: {deadLetterTargetArn: !GetAtt DeadJobs.Arn, maxReceiveCount: 2}
  DeadJobs:
    Type: AWS::SQS::Queue
  Events:
    Type: AWS::Events::EventBus
    Properties: {Name: test-events}
"#;

pub(crate) const TABLE: &str = "trunkline-local-Items";

fn template() -> Template {
    Template::read(TEMPLATE, &BTreeMap::new()).unwrap()
}

pub(crate) async fn memory() -> Emulators {
    Emulators::start(&template(), Storage::Memory)
        .await
        .unwrap()
}

pub(crate) async fn kept(path: &Path) -> Emulators {
    Emulators::start(&template(), Storage::Directory(path.to_owned()))
        .await
        .unwrap()
}

fn http_client() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().build_http()
}

fn provider(credentials: &iam::Credentials) -> SharedCredentialsProvider {
    let token = Some(credentials.session_token.clone());
    let (id, secret) = (&credentials.access_key_id, &credentials.secret_access_key);
    SharedCredentialsProvider::new(Credentials::new(id, secret, token, None, "test"))
}

/// A client as the functions make theirs: `retries` after the first attempt, and half a second for each.
pub(crate) fn dynamodb(emulators: &Emulators, retries: u32) -> aws_sdk_dynamodb::Client {
    let administrator = emulators.access().administrator();
    client_of(emulators, administrator.credentials(), retries)
}

/// The same with other credentials.
fn client_of(
    emulators: &Emulators,
    credentials: &iam::Credentials,
    retries: u32,
) -> aws_sdk_dynamodb::Client {
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(Duration::from_millis(500));
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static(REGION))
        .credentials_provider(provider(credentials))
        .http_client(http_client())
        .retry_config(RetryConfig::standard().with_max_attempts(retries + 1))
        .timeout_config(timeouts.build())
        .endpoint_url(&emulators.endpoints()["AWS_ENDPOINT_URL_DYNAMODB"]);
    aws_sdk_dynamodb::Client::from_conf(config.build())
}

fn kms(emulators: &Emulators) -> aws_sdk_kms::Client {
    kms_of(emulators, emulators.access().administrator().credentials())
}

fn kms_of(emulators: &Emulators, credentials: &iam::Credentials) -> aws_sdk_kms::Client {
    let config = aws_sdk_kms::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static(REGION))
        .credentials_provider(provider(credentials))
        .http_client(http_client())
        .endpoint_url(&emulators.endpoints()["AWS_ENDPOINT_URL_KMS"]);
    aws_sdk_kms::Client::from_conf(config.build())
}

pub(crate) fn sqs(emulators: &Emulators) -> aws_sdk_sqs::Client {
    sqs_of(emulators, emulators.access().administrator().credentials())
}

fn sqs_of(emulators: &Emulators, credentials: &iam::Credentials) -> aws_sdk_sqs::Client {
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static(REGION))
        .credentials_provider(provider(credentials))
        .http_client(http_client())
        .endpoint_url(&emulators.endpoints()["AWS_ENDPOINT_URL_SQS"]);
    aws_sdk_sqs::Client::from_conf(config.build())
}

#[tokio::test]
async fn what_runs_fills_the_template() {
    let emulators = memory().await;
    let attributes: Attributes = template().attributes(emulators.attributes());
    let port = |name: &str| {
        emulators.endpoints()[name]
            .rsplit(':')
            .next()
            .unwrap()
            .to_owned()
    };
    assert_eq!(attributes.get("Items", "Ref"), Some(TABLE));
    assert_eq!(
        attributes.get("Jobs", "Ref"),
        Some(&*format!(
            "http://127.0.0.1:{}/123456789012/trunkline-local-Jobs",
            port("AWS_ENDPOINT_URL_SQS")
        ))
    );
    let key = attributes.get("Secret", "Ref").unwrap();
    assert_eq!(
        attributes.get("Secret", "Arn"),
        Some(&*format!("arn:aws:kms:us-east-1:123456789012:key/{key}"))
    );
    assert!(attributes.get("Items", "StreamArn").is_some());
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let ports = Ports {
        kms: port,
        ..Ports::default()
    };
    let error = Emulators::start_on(&template(), Storage::Memory, ports, Clock::system())
        .await
        .unwrap_err();
    let message = error.to_string();
    assert!(
        message.starts_with(&format!("KMS cannot listen on port {port}")),
        "{message}"
    );
}

#[tokio::test]
async fn a_damaged_state_file_is_named() {
    let directory = tempfile::TempDir::new().unwrap();
    for file in ["kms.json", "sqs.json", "streams.json"] {
        let path = directory.path().join(file);
        std::fs::write(&path, "{").unwrap();
        let storage = Storage::Directory(directory.path().to_owned());
        let error = Emulators::start(&template(), storage).await.unwrap_err();
        assert!(
            error.to_string().contains(&path.display().to_string()),
            "{error}"
        );
        std::fs::remove_file(path).unwrap();
    }
}
