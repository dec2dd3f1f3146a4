//! Sessions: who may begin one, with which tags, and when it ends.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use shared::clock::Clock;

use super::super::{Emulators, Ports, Storage};
use super::{TABLE, client_of};
use crate::iam::{Caller, Credentials};
use crate::template::Template;

const ROLES: &str = r#"
  Web:
    Type: AWS::Serverless::Function
    Metadata: {BuildMethod: rust-cargolambda, BuildProperties: {Binary: web}}
    Properties:
      Runtime: provided.al2023
      Handler: bootstrap
      Role: !GetAtt WebRole.Arn
      Environment: {Variables: {TENANT_ROLE_ARN: !GetAtt TenantRole.Arn}}
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
              - {Effect: Allow, Action: "sts:AssumeRole", Resource: !GetAtt UntrustingRole.Arn}
  WebMayAssume:
    Type: AWS::IAM::RolePolicy
    Properties:
      PolicyName: assume
      RoleName: !Ref WebRole
      PolicyDocument:
        Version: "2012-10-17"
        Statement: {Sid: Assume, Effect: Allow, Action: ["sts:AssumeRole", "sts:TagSession"], Resource: !GetAtt TenantRole.Arn}
  TenantRole:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal: {AWS: !GetAtt WebRole.Arn}
            Action: ["sts:AssumeRole", "sts:TagSession"]
            Condition:
              StringLike: {"aws:RequestTag/tenant": "?*"}
              "ForAllValues:StringEquals": {"aws:TagKeys": tenant}
      Policies:
        - PolicyName: tenant
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
              - Sid: Keep
                Effect: Allow
                Action: "dynamodb:PutItem"
                Resource: !GetAtt Items.Arn
                Condition:
                  "ForAllValues:StringLike": {"dynamodb:LeadingKeys": "${aws:PrincipalTag/tenant}#*"}
                  "Null": {"dynamodb:LeadingKeys": "false"}
  UntrustingRole:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement: {Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: "sts:AssumeRole"}
"#;

const TENANT_ROLE: &str = "arn:aws:iam::123456789012:role/trunkline-local-TenantRole";

struct Stage {
    emulators: Emulators,
    web: Caller,
    clock: Clock,
}

async fn stage() -> Stage {
    let source = format!("{}{ROLES}", super::TEMPLATE.trim_end());
    let template = Template::read(&source, &BTreeMap::new()).unwrap();
    let clock = Clock::fixed("2026-03-01T10:00:00Z".parse::<Timestamp>().unwrap());
    let ports = Ports::default();
    let emulators = Emulators::start_on(&template, Storage::Memory, ports, clock.clone());
    let emulators = emulators.await.unwrap();
    let web = emulators.access().function_session("Web", "web", "web");
    Stage {
        web: web.unwrap(),
        emulators,
        clock,
    }
}

/// Parameters of a call that begins a session of the tenant's role.
fn asked<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut parameters = vec![
        ("Action", "AssumeRole"),
        ("Version", "2011-06-15"),
        ("RoleArn", TENANT_ROLE),
        ("RoleSessionName", "web-acme"),
    ];
    parameters.retain(|(name, _)| more.iter().all(|(other, _)| other != name));
    parameters.extend(more);
    parameters
}

const TAGGED: [(&str, &str); 2] = [
    ("Tags.member.1.Key", "tenant"),
    ("Tags.member.1.Value", "acme"),
];

impl Stage {
    /// The status and the body of an answer.
    async fn call(&self, caller: &Credentials, parameters: &[(&str, &str)]) -> (u16, String) {
        let url = self.emulators.sts().url();
        let form = reqwest::Url::parse_with_params("http://form/", parameters).unwrap();
        let form = form.query().unwrap_or_default().to_owned();
        let request = crate::http_client::signed(&url, "sts", caller, form)
            .header("content-type", "application/x-www-form-urlencoded");
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// The code of an error, which a session's beginning must end in.
    async fn refused(&self, more: &[(&str, &str)]) -> String {
        let (status, body) = self.call(self.web.credentials(), &asked(more)).await;
        assert!(matches!(status, 400 | 403), "{body}");
        element(&body, "Code")
    }

    async fn session(&self, more: &[(&str, &str)]) -> Credentials {
        let (status, body) = self.call(self.web.credentials(), &asked(more)).await;
        assert_eq!(status, 200, "{body}");
        Credentials {
            access_key_id: element(&body, "AccessKeyId"),
            secret_access_key: element(&body, "SecretAccessKey"),
            session_token: element(&body, "SessionToken"),
        }
    }

    /// The code of the error of putting an item.
    async fn put(&self, credentials: &Credentials, pk: &str) -> Option<String> {
        let text = |value: &str| AttributeValue::S(value.to_owned());
        let put = client_of(&self.emulators, credentials, 0).put_item();
        let put = put
            .table_name(TABLE)
            .item("pk", text(pk))
            .item("sk", text("one"));
        let error = put.send().await.err()?.into_service_error();
        error.code().map(str::to_owned)
    }
}

/// The text of an element of a document.
fn element(body: &str, name: &str) -> String {
    let (_, rest) = body.split_once(&format!("<{name}>")).expect(body);
    let (text, _) = rest.split_once('<').unwrap();
    quick_xml::escape::unescape(text).unwrap().into_owned()
}

#[tokio::test]
async fn a_session_reaches_the_items_of_its_tenant_and_no_others() {
    let stage = stage().await;
    let session = stage.session(&TAGGED).await;
    assert_eq!(stage.put(&session, "acme#tenant").await, None);
    let denied = Some("AccessDeniedException".to_owned());
    for other in ["globex#tenant", "acmeco#tenant", "acme"] {
        assert_eq!(stage.put(&session, other).await, denied, "{other}");
    }
    assert_eq!(
        stage.put(stage.web.credentials(), "acme#tenant").await,
        denied
    );
}

#[tokio::test]
async fn a_session_ends_when_it_said() {
    let stage = stage().await;
    let parameters = [&TAGGED[..], &[("DurationSeconds", "900")]].concat();
    let (_, body) = stage
        .call(stage.web.credentials(), &asked(&parameters))
        .await;
    assert_eq!(element(&body, "Expiration"), "2026-03-01T10:15:00Z");
    let session = stage.session(&parameters).await;
    stage.clock.advance(899);
    assert_eq!(stage.put(&session, "acme#tenant").await, None);
    stage.clock.advance(1);
    let code = stage.put(&session, "acme#tenant").await;
    assert_eq!(code.as_deref(), Some("ExpiredTokenException"));
    let identity = [("Action", "GetCallerIdentity")];
    let (status, body) = stage.call(&session, &identity).await;
    assert_eq!(
        (status, element(&body, "Code").as_str()),
        (403, "ExpiredToken")
    );
    assert_eq!(
        stage
            .put(&stage.session(&TAGGED).await, "acme#tenant")
            .await,
        None
    );
}

#[tokio::test]
async fn both_policies_must_allow_a_session_and_its_tags() {
    let stage = stage().await;
    let denied = "AccessDenied";
    assert_eq!(stage.refused(&[]).await, denied);
    let empty = [("Tags.member.1.Key", "tenant"), ("Tags.member.1.Value", "")];
    assert_eq!(stage.refused(&empty).await, denied);
    let more = [
        ("Tags.member.2.Key", "role"),
        ("Tags.member.2.Value", "admin"),
    ];
    assert_eq!(stage.refused(&[&TAGGED[..], &more].concat()).await, denied);
    let untrusting = "arn:aws:iam::123456789012:role/trunkline-local-UntrustingRole";
    assert_eq!(stage.refused(&[("RoleArn", untrusting)]).await, denied);
    let unknown = "arn:aws:iam::123456789012:role/Nobody";
    assert_eq!(stage.refused(&[("RoleArn", unknown)]).await, denied);
    // Of the two ends only one: the session itself has no permission to begin another.
    let session = stage.session(&TAGGED).await;
    let (status, body) = stage.call(&session, &asked(&TAGGED)).await;
    assert_eq!((status, element(&body, "Code").as_str()), (403, denied));
}

#[tokio::test]
async fn what_is_asked_of_a_session_is_checked() {
    let stage = stage().await;
    for (name, value) in [
        ("RoleSessionName", "a"),
        ("RoleSessionName", "with space"),
        ("RoleSessionName", "with#mark"),
        ("DurationSeconds", "899"),
        ("DurationSeconds", "3601"),
        ("DurationSeconds", "an hour"),
        ("Policy", "{}"),
        (
            "PolicyArns.member.1.arn",
            "arn:aws:iam::aws:policy/ReadOnlyAccess",
        ),
    ] {
        let parameters = [&TAGGED[..], &[(name, value)]].concat();
        assert_eq!(
            stage.refused(&parameters).await,
            "ValidationError",
            "{name} {value}"
        );
    }
    let odd = [
        ("Tags.member.1.Key", "tenant"),
        ("Tags.member.1.Value", "a*"),
    ];
    assert_eq!(stage.refused(&odd).await, "ValidationError");
    let twice = [
        ("Tags.member.2.Key", "Tenant"),
        ("Tags.member.2.Value", "globex"),
    ];
    let twice = [&TAGGED[..], &twice].concat();
    assert_eq!(stage.refused(&twice).await, "InvalidParameterValue");
    let (status, body) = stage
        .call(stage.web.credentials(), &[("Action", "GetSessionToken")])
        .await;
    assert_eq!(
        (status, element(&body, "Code").as_str()),
        (400, "InvalidAction")
    );
}

#[tokio::test]
async fn everybody_may_ask_who_they_are() {
    let stage = stage().await;
    let session = stage.session(&TAGGED).await;
    let identity = [("Action", "GetCallerIdentity"), ("Version", "2011-06-15")];
    for (credentials, arn) in [
        (
            stage.web.credentials(),
            "assumed-role/trunkline-local-WebRole/web",
        ),
        (&session, "assumed-role/trunkline-local-TenantRole/web-acme"),
    ] {
        let (status, body) = stage.call(credentials, &identity).await;
        assert_eq!(status, 200, "{body}");
        assert_eq!(
            element(&body, "Arn"),
            format!("arn:aws:sts::123456789012:{arn}")
        );
        assert_eq!(element(&body, "Account"), "123456789012");
    }
    let (status, body) = stage.call(&Credentials::random(), &identity).await;
    assert_eq!(
        (status, element(&body, "Code").as_str()),
        (403, "InvalidClientTokenId")
    );
}

#[tokio::test]
async fn the_arn_of_a_role_may_stand_in_an_environment() {
    let source = format!("{}{ROLES}", super::TEMPLATE.trim_end());
    let template = Template::read(&source, &BTreeMap::new()).unwrap();
    let environment = template.environment("Web", &Default::default()).unwrap();
    assert_eq!(environment["TENANT_ROLE_ARN"], TENANT_ROLE);
}
