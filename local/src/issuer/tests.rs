use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::*;
use crate::running::DataFolder;

async fn issuer() -> Issuer {
    let profile = TokenProfile {
        audience: "tests".to_owned(),
        tenant_claim: "custom:tenant_id".to_owned(),
        roles_claim: "cognito:groups".to_owned(),
    };
    let clock = Clock::fixed("2026-05-04T10:00:00Z".parse().unwrap());
    let port = IssuerPort::bind(0).await.unwrap();
    port.serve(SigningKey::generate().unwrap(), profile, clock)
}

fn claims(token: &str) -> Value {
    let claims = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
}

async fn get(url: String) -> Value {
    let response = crate::http_client::client().get(url).send().await.unwrap();
    assert_eq!(response.status(), 200);
    serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
}

/// Status and document of an answer to a form.
async fn asked(issuer: &Issuer, form: &str, headers: &[(&str, &str)]) -> (u16, Value) {
    let mut request = crate::http_client::client()
        .post(format!("{}/token", issuer.url()))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form.to_owned());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let body = response.bytes().await.unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn discovery_leads_to_the_key_that_signs() {
    let issuer = issuer().await;
    let url = format!("{}/.well-known/openid-configuration", issuer.url());
    let discovery = get(url).await;
    assert_eq!(discovery["issuer"], issuer.url());
    let keys = get(discovery["jwks_uri"].as_str().unwrap().to_owned()).await;
    let key = &keys["keys"][0];
    assert_eq!((&key["kty"], &key["alg"]), (&json!("RSA"), &json!("RS256")));
    let key = jsonwebtoken::DecodingKey::from_rsa_components(
        key["n"].as_str().unwrap(),
        key["e"].as_str().unwrap(),
    );
    let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::RS256);
    validation.validate_exp = false;
    validation.set_audience(&["tests"]);
    validation.set_issuer(&[issuer.url()]);
    let token = issuer.token(&TokenRequest::new("ann"));
    jsonwebtoken::decode::<Value>(&token, &key.unwrap(), &validation).unwrap();
}

#[tokio::test]
async fn a_token_says_what_was_asked_under_the_names_of_the_deployment() {
    let issuer = issuer().await;
    let request = TokenRequest::new("ann").tenant("acme").role("admin");
    let claims = claims(&issuer.token(&request.claim("email", json!("ann@acme.example"))));
    let now = 1_777_888_800;
    assert_eq!(claims["sub"], "ann");
    assert_eq!(claims["aud"], "tests");
    assert_eq!(claims["iss"], issuer.url());
    assert_eq!(claims["custom:tenant_id"], "acme");
    assert_eq!(claims["cognito:groups"], json!(["admin"]));
    assert_eq!(claims["email"], "ann@acme.example");
    assert_eq!(
        (&claims["iat"], &claims["exp"]),
        (&json!(now), &json!(now + 43_200))
    );
}

#[tokio::test]
async fn a_claim_that_is_not_asked_for_is_not_there() {
    let issuer = issuer().await;
    let request = TokenRequest::new("olga").claim("aud", Value::Null);
    let claims = claims(&issuer.token(&request));
    for name in ["custom:tenant_id", "cognito:groups", "aud"] {
        assert!(claims.get(name).is_none(), "{name}");
    }
}

#[tokio::test]
async fn a_form_gets_a_token() {
    let issuer = issuer().await;
    let form = "tenant=acme&role=admin&role=member&sub=ann%40acme.example&ttl=60";
    let (status, document) = asked(&issuer, form, &[]).await;
    assert_eq!((status, &document["expires_in"]), (200, &json!(60)));
    let claims = claims(document["access_token"].as_str().unwrap());
    assert_eq!(claims["sub"], "ann@acme.example");
    assert_eq!(claims["custom:tenant_id"], "acme");
    assert_eq!(claims["cognito:groups"], json!(["admin", "member"]));
}

#[tokio::test]
async fn a_form_that_is_not_understood_is_refused() {
    let issuer = issuer().await;
    for form in ["tennant=acme", "ttl=0", "ttl=soon", "ttl=99999999999"] {
        let (status, document) = asked(&issuer, form, &[]).await;
        assert_eq!(
            (status, &document["error"]),
            (400, &json!("invalid_request")),
            "{form}"
        );
    }
}

#[tokio::test]
async fn a_web_page_gets_no_token() {
    let issuer = issuer().await;
    let foreign = [("origin", "https://attacker.example")];
    assert_eq!(asked(&issuer, "tenant=acme", &foreign).await.0, 403);
}

#[test]
fn the_key_of_a_data_folder_outlives_a_restart_and_only_its_owner_reads_it() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let folder = DataFolder::open(directory.path()).unwrap();
    let first = SigningKey::kept(&folder).unwrap();
    assert_eq!(SigningKey::kept(&folder).unwrap().public(), first.public());
    let file = std::fs::metadata(directory.path().join("issuer-key.pk8")).unwrap();
    assert_eq!(file.permissions().mode() & 0o777, 0o600);
    assert_ne!(SigningKey::generate().unwrap().id(), first.id());
}

#[test]
fn a_file_that_is_no_key_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let folder = DataFolder::open(directory.path()).unwrap();
    std::fs::write(directory.path().join("issuer-key.pk8"), "x").unwrap();
    let error = SigningKey::kept(&folder).err().unwrap().to_string();
    assert!(
        error.starts_with("issuer-key.pk8 in the data folder is no key"),
        "{error}"
    );
}
