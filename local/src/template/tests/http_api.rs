//! HTTP APIs and their routes.

use std::collections::BTreeMap;

use super::super::{ApiRoute, Attributes, Cors, JwtAuthorizer, Template};
use super::read;

const API: &str = r#"Transform: AWS::Serverless-2016-10-31
Parameters:
  Issuer: {Type: String}
  Audience: {Type: String, Default: "one,two"}
  Origins: {Type: String, Default: ""}
Conditions:
  HasOrigins: !Not [!Equals [!Ref Origins, ""]]
Resources:
  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      StageName: $default
      Description: What clients call
      Auth:
        DefaultAuthorizer: Jwt
        Authorizers:
          Jwt:
            IdentitySource: $request.header.Authorization
            JwtConfiguration: {issuer: !Ref Issuer, audience: !Split [",", !Ref Audience]}
      CorsConfiguration: !If
        - HasOrigins
        - AllowOrigins: !Split [",", !Ref Origins]
          AllowMethods: [GET]
          AllowHeaders: [Authorization]
          ExposeHeaders: [ETag]
          MaxAge: 600
        - !Ref AWS::NoValue
      DefaultRouteSettings: {ThrottlingRateLimit: 100, ThrottlingBurstLimit: 50}
      AccessLogSettings: {DestinationArn: !GetAtt Logs.Arn, Format: $context.requestId}
  Logs:
    Type: AWS::Logs::LogGroup
  Items:
    Type: AWS::Serverless::Function
    Metadata: {BuildMethod: rust-cargolambda, BuildProperties: {Binary: items}}
    Properties:
      Runtime: provided.al2023
      Events:
        Get: {Type: HttpApi, Properties: {ApiId: !Ref Api, Path: "/items/{id}", Method: GET}}
        Open:
          Type: HttpApi
          Properties: {ApiId: !Ref Api, Path: /open, Method: POST, PayloadFormatVersion: "2.0", Auth: {Authorizer: NONE}}
Outputs:
  Url: {Value: !GetAtt Api.ApiEndpoint}
  Id: {Value: !Ref Api}
"#;

fn with(parameters: &[(&str, &str)]) -> Template {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let parameters: BTreeMap<_, _> = parameters.iter().map(own).collect();
    Template::read(API, &parameters).unwrap()
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn an_api_has_an_authorizer_and_routes_of_functions() {
    let template = with(&[("Issuer", "https://issuer.example/")]);
    let (logical_id, api) = template.http_api().unwrap();
    assert_eq!(logical_id, "Api");
    assert_eq!(
        api.authorizer,
        Some(JwtAuthorizer {
            name: "Jwt".to_owned(),
            issuer: "https://issuer.example/".to_owned(),
            audience: texts(&["one", "two"]),
        })
    );
    assert_eq!(api.cors, None);
    let route = |method: &str, path: &str, authorized| ApiRoute {
        api: "Api".to_owned(),
        method: method.to_owned(),
        path: path.to_owned(),
        authorized,
    };
    assert_eq!(
        template.routes().collect::<Vec<_>>(),
        [
            ("Items", &route("GET", "/items/{id}", true)),
            ("Items", &route("POST", "/open", false)),
        ]
    );
}

#[test]
fn origins_of_a_parameter_make_the_api_speak_to_browsers() {
    let template = with(&[
        ("Issuer", "https://issuer.example"),
        ("Origins", "https://a.example,https://b.example"),
    ]);
    let (_, api) = template.http_api().unwrap();
    assert_eq!(
        api.cors,
        Some(Cors {
            allow_origins: texts(&["https://a.example", "https://b.example"]),
            allow_methods: texts(&["GET"]),
            allow_headers: texts(&["authorization"]),
            expose_headers: texts(&["etag"]),
            max_age: Some(600),
        })
    );
}

#[test]
fn the_url_of_an_api_is_known_once_it_runs_and_its_id_before() {
    let template = with(&[("Issuer", "https://issuer.example")]);
    let mut running = Attributes::new();
    running.set("Api", "ApiEndpoint", "http://127.0.0.1:4010");
    let outputs = template.outputs(&running).unwrap();
    let values: Vec<_> = outputs.iter().map(|output| &*output.value).collect();
    assert_eq!(values, ["http://127.0.0.1:4010", "trunkline-local-Api"]);
}

#[test]
fn a_default_from_outside_fills_a_parameter_and_a_given_value_wins() {
    let one = |value: &str| BTreeMap::from([("Issuer".to_owned(), value.to_owned())]);
    let issuer = |given: &BTreeMap<_, _>| {
        let mut defaults = one("https://local.example");
        // The template has no such parameter: a default for it is of no interest.
        defaults.insert("Colour".to_owned(), "red".to_owned());
        let template = Template::read_with_defaults(API, given, &defaults).unwrap();
        let (_, api) = template.http_api().unwrap();
        api.authorizer.clone().unwrap().issuer
    };
    assert_eq!(issuer(&BTreeMap::new()), "https://local.example");
    assert_eq!(
        issuer(&one("https://given.example")),
        "https://given.example"
    );
    assert!(read(API).unwrap_err()[0].message.contains("no default"));
}
