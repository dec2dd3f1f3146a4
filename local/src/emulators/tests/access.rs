//! Who is known, what their roles allow, and what of it is used.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::Value;
use shared::clock::Clock;

use super::super::{Emulators, Storage};
use super::{TABLE, client_of, dynamodb, kms_of, sqs_of};
use crate::iam::{Caller, Credentials};
use crate::logs::{Display, Logs, Voice};
use crate::template::Template;

const ROLE: &str = r#"
  Web:
    Type: AWS::Serverless::Function
    Metadata: {BuildMethod: rust-cargolambda, BuildProperties: {Binary: web}}
    Properties: {Runtime: provided.al2023, Handler: bootstrap, Role: !GetAtt WebRole.Arn}
  WebRole:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement: {Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: "sts:AssumeRole"}
      Policies:
        - PolicyName: web
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
              - Sid: Keep
                Effect: Allow
                Action: ["dynamodb:GetItem", "dynamodb:PutItem"]
                Resource: !GetAtt Items.Arn
                Condition:
                  "ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["*#call", "*#contact"]}
                  "Null": {"dynamodb:LeadingKeys": "false"}
              - {Sid: Open, Effect: Allow, Action: "kms:GenerateDataKey", Resource: !GetAtt Secret.Arn}
              - {Sid: Send, Effect: Allow, Action: ["sqs:ReceiveMessage", "sqs:GetQueueAttributes"], Resource: !GetAtt Jobs.Arn}
"#;

const KEY_POLICY: &str = r#"
      KeyPolicy:
        Version: "2012-10-17"
        Statement:
          - {Effect: Allow, Principal: {AWS: !Ref AWS::AccountId}, Action: "kms:*", Resource: "*"}
          - Sid: NoUseWithoutTenant
            Effect: Deny
            Principal: "*"
            Action: "kms:GenerateDataKey*"
            Resource: "*"
            Condition: {"Null": {"kms:EncryptionContext:tenant_id": "true"}}
"#;

/// A stack with a role, and a session of its function.
async fn with_role() -> (Emulators, Caller) {
    let source = super::TEMPLATE.replace(
        "    Properties: {EnableKeyRotation: true, Description: For tests}",
        &format!("    Properties:\n      EnableKeyRotation: true{KEY_POLICY}"),
    );
    let source = format!("{}{ROLE}", source.trim_end());
    let template = Template::read(&source, &BTreeMap::new()).unwrap();
    let emulators = Emulators::start(&template, Storage::Memory).await.unwrap();
    let session = emulators.access().function_session("Web", "web", "web");
    (emulators, session.unwrap())
}

/// The code and the message of the error of putting an item.
async fn refused(client: &aws_sdk_dynamodb::Client, pk: &str) -> Option<(String, String)> {
    let text = |value: &str| AttributeValue::S(value.to_owned());
    let put = client.put_item().table_name(TABLE);
    let put = put.item("pk", text(pk)).item("sk", text("one"));
    let error = put.send().await.err()?.into_service_error();
    let part = |part: Option<&str>| part.unwrap_or_default().to_owned();
    Some((part(error.code()), part(error.message())))
}

#[tokio::test]
async fn a_role_may_do_what_its_statements_allow_and_nothing_else() {
    let (emulators, session) = with_role().await;
    let client = client_of(&emulators, session.credentials(), 0);
    assert_eq!(refused(&client, "acme#call").await, None);
    let (code, message) = refused(&client, "acme#tenant").await.unwrap();
    assert_eq!(code, "AccessDeniedException");
    assert_eq!(
        message,
        format!(
            "User: arn:aws:sts::123456789012:assumed-role/trunkline-local-WebRole/web is not authorized to perform: \
             dynamodb:PutItem on resource: arn:aws:dynamodb:us-east-1:123456789012:table/{TABLE} \
             because no identity-based policy allows the dynamodb:PutItem action"
        )
    );
    assert!(client.scan().table_name(TABLE).send().await.is_err());
    // The administrator may.
    let administrator = dynamodb(&emulators, 0);
    assert_eq!(refused(&administrator, "acme#tenant").await, None);
    let found = administrator.scan().table_name(TABLE).send().await.unwrap();
    assert_eq!(found.count, 2);
}

#[tokio::test]
async fn a_denied_call_is_one_line_of_the_log() {
    let (emulators, session) = with_role().await;
    let logs = Logs::new(Display::Quiet, Clock::system());
    emulators.access().report_to(logs.clone());
    let client = client_of(&emulators, session.credentials(), 0);
    refused(&client, "acme#+15005550006").await.unwrap();
    let lines = logs.lines();
    assert_eq!(lines.len(), 1);
    assert_eq!(
        (&*lines[0].function, lines[0].voice),
        ("web", Voice::Problem)
    );
    let resource = format!("arn:aws:dynamodb:us-east-1:123456789012:table/{TABLE}");
    assert_eq!(
        lines[0].text,
        format!("WebRole may not dynamodb:PutItem {resource}: a condition of Keep does not hold")
    );
}

#[tokio::test]
async fn who_is_not_known_is_refused_by_every_service() {
    let (emulators, session) = with_role().await;
    let known = session.credentials().clone();
    let stranger = Credentials::random();
    let other_token = Credentials {
        session_token: stranger.session_token.clone(),
        ..known.clone()
    };
    let other_secret = Credentials {
        secret_access_key: stranger.secret_access_key.clone(),
        ..known
    };
    for (credentials, expected) in [
        (stranger, "UnrecognizedClientException"),
        (other_token, "UnrecognizedClientException"),
        (other_secret, "InvalidSignatureException"),
    ] {
        for (service, name) in [
            ("dynamodb", "DYNAMODB"),
            ("kms", "KMS"),
            ("sqs", "SQS"),
            ("events", "EVENTBRIDGE"),
        ] {
            let url = &emulators.endpoints()[&format!("AWS_ENDPOINT_URL_{name}")];
            let asked = crate::http_client::signed(url, service, &credentials, "{}");
            let answer = asked.header("x-amz-target", "A.List").send().await.unwrap();
            assert_eq!(answer.status(), 400, "{service}");
            let body: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
            assert_eq!(body["__type"], expected, "{service}");
        }
    }
}

#[tokio::test]
async fn a_request_that_was_changed_after_it_was_signed_is_refused() {
    let (emulators, session) = with_role().await;
    let url = emulators.kms().url();
    let signed = crate::http_client::signed(&url, "kms", session.credentials(), "{}");
    let signed = signed.header("x-amz-target", "TrentService.ListKeys");
    let answer = signed.body("{ }").send().await.unwrap();
    let body: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    assert_eq!(body["__type"], "InvalidSignatureException");
}

#[tokio::test]
async fn what_a_keys_policy_denies_the_administrator_may_not_do_either() {
    let (emulators, session) = with_role().await;
    let key = emulators
        .attributes()
        .get("Secret", "Arn")
        .unwrap()
        .to_owned();
    let administrator = emulators.access().administrator().clone();
    for caller in [session, administrator] {
        let client = kms_of(&emulators, caller.credentials());
        let generate = |tenant: Option<&str>| {
            let generate = client.generate_data_key().key_id(&key).number_of_bytes(32);
            let generate = match tenant {
                Some(tenant) => generate.encryption_context("tenant_id", tenant),
                None => generate,
            };
            generate.send()
        };
        generate(Some("acme")).await.unwrap();
        let error = generate(None).await.unwrap_err().into_service_error();
        assert_eq!(error.code(), Some("AccessDeniedException"));
        let message = error.message().unwrap();
        assert!(
            message.ends_with("with an explicit deny in a resource-based policy"),
            "{message}"
        );
    }
}

#[tokio::test]
async fn each_way_in_which_permissions_are_used_is_remembered_once() {
    let (emulators, session) = with_role().await;
    let client = client_of(&emulators, session.credentials(), 0);
    for key in ["acme#call", "globex#call", "acme#contact", "acme#tenant"] {
        drop(refused(&client, key).await);
    }
    drop(refused(&dynamodb(&emulators, 0), "acme#call").await);
    let uses = emulators.access().uses();
    let told: Vec<_> = uses
        .iter()
        .map(|it| (it.role.as_str(), it.action.as_str(), it.statements.clone()))
        .collect();
    let of = |pattern: &str| vec![("Keep".to_owned(), vec![pattern.to_owned()])];
    assert_eq!(
        told,
        [
            ("WebRole", "dynamodb:PutItem", of("*#call")),
            ("WebRole", "dynamodb:PutItem", of("*#contact")),
        ]
    );
}

#[tokio::test]
async fn an_event_source_polls_under_the_role_of_its_function() {
    let (emulators, session) = with_role().await;
    let access = emulators.access();
    let queue = emulators.sqs().queue("trunkline-local-Jobs");
    let polled = queue.under(access.delegate(session.clone()));
    let url = emulators.attributes().get("Jobs", "Ref").unwrap();
    let administrator = access.administrator().credentials().clone();
    let send = sqs_of(&emulators, &administrator).send_message();
    send.queue_url(url)
        .message_body("hello")
        .send()
        .await
        .unwrap();
    let taken = polled.receive(1, None).await.unwrap();
    let handle = taken[0].message.receipt_handle.clone().unwrap();
    let denied = polled.delete(&handle).await.unwrap_err().to_string();
    assert!(denied.contains("sqs:DeleteMessage"), "{denied}");

    let arn = emulators.attributes().get("Items", "StreamArn").unwrap();
    let stream = emulators.dynamodb().stream(TABLE, arn);
    let stream = stream.under(access.delegate(session));
    let denied = stream.records(None, 1).await.unwrap_err().to_string();
    assert!(denied.contains("dynamodb:GetShardIterator"), "{denied}");
}

#[tokio::test]
async fn a_role_that_lambda_may_not_assume_is_a_fault_of_the_template() {
    let source = format!("{}{ROLE}", super::TEMPLATE.trim_end());
    let source = source.replace("lambda.amazonaws.com", "ec2.amazonaws.com");
    let template = Template::read(&source, &BTreeMap::new()).unwrap();
    let error = Emulators::start(&template, Storage::Memory)
        .await
        .unwrap_err();
    let message = error.to_string();
    assert!(message.contains("may not assume `WebRole`"), "{message}");
}
