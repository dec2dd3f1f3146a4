//! Voice access tokens: what is in them, and that they are the caller's own whatever it asks for.

use std::collections::BTreeSet;

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use local::issuer::{Flaw, TokenRequest};
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use shared::identity::Identity;
use shared::tenant::TenantId;

use super::caller::{Answer, Caller};
use super::onboarding::Newcomer;
use crate::harness::Harness;

/// A token as somebody reads it who knows only the API key's secret.
pub(super) struct Opened {
    pub(super) header: Value,
    pub(super) claims: Value,
}

impl Opened {
    /// The token of an answer, whose signature is that of the tenant's API key.
    pub(super) fn of(newcomer: &Newcomer, issued: &Value) -> Self {
        let secret = newcomer.credentials["api_key_secret"].as_str().unwrap();
        Self::with(secret, issued)
    }

    pub(super) fn with(secret: &str, issued: &Value) -> Self {
        let token = issued["token"].as_str().unwrap();
        let mut validation = Validation::new(Algorithm::HS256);
        validation.validate_aud = false;
        let key = DecodingKey::from_secret(secret.as_bytes());
        let claims = jsonwebtoken::decode::<Value>(token, &key, &validation)
            .unwrap()
            .claims;
        let header = jsonwebtoken::decode_header(token).unwrap();
        Self {
            header: serde_json::to_value(header).unwrap(),
            claims,
        }
    }

    /// The App that its calls go through.
    pub(super) fn application(&self) -> &str {
        let outgoing = &self.claims["grants"]["voice"]["outgoing"];
        outgoing["application_sid"].as_str().unwrap()
    }
}

impl Caller {
    /// Asks for a token without a body.
    pub(super) async fn ask_token(&self) -> Answer {
        self.send(Method::POST, "/api/token", |request| request)
            .await
    }

    /// Takes a token.
    pub(super) async fn take_token(&self) -> Value {
        self.ask_token().await.document(200)
    }
}

/// A user of a tenant by its subject.
fn user(harness: &Harness, tenant: &TenantId, subject: &str) -> Caller {
    let token = TokenRequest::new(subject).tenant(tenant.as_str());
    harness.caller(&token.role("member"))
}

#[tokio::test]
async fn a_token_holds_what_twilios_own_library_puts_into_one_and_nothing_else() {
    let harness = Harness::shared().await;
    let newcomer = harness.connected().await;
    let member = user(harness, &newcomer.id, "ada");
    let request =
        json!({"ttl_seconds": 600, "push_credential_sid": "CR00112233445566778899aabbccddeeff"});
    let issued = member.post("/api/token", &request).await.document(200);
    let opened = Opened::of(&newcomer, &issued);
    assert_eq!(
        opened.header,
        json!({"alg": "HS256", "typ": "JWT", "cty": "twilio-fpa;v=1"})
    );
    let applications = newcomer.account.applications();
    let (key, account) = (
        &newcomer.credentials["api_key_sid"],
        &newcomer.credentials["account_sid"],
    );
    let issued_at = opened.claims["iat"].as_i64().unwrap();
    let identity = format!(
        "user_ada_tenant_{}",
        newcomer.id.as_str().replace('-', "_2D")
    );
    let expected = json!({
        "jti": format!("{}-{issued_at}", key.as_str().unwrap()),
        "iss": key, "sub": account, "iat": issued_at, "exp": issued_at + 600,
        "grants": {
            "identity": identity,
            "voice": {
                "incoming": {"allow": true},
                "outgoing": {"application_sid": applications[0]["sid"]},
                "push_credential_sid": "CR00112233445566778899aabbccddeeff",
            },
        },
    });
    assert_eq!(opened.claims, expected);
    assert_eq!(issued["identity"], identity);
    let expires_at: jiff::Timestamp = issued["expires_at"].as_str().unwrap().parse().unwrap();
    assert_eq!(expires_at.as_second(), issued_at + 600);
    let now = shared::clock::Clock::system().now().as_second();
    assert!((0..30).contains(&(now - issued_at)), "{issued_at}");
}

#[tokio::test]
async fn a_token_asked_for_with_nothing_is_for_an_hour_and_without_push() {
    let harness = Harness::shared().await;
    let newcomer = harness.connected().await;
    let member = harness.user(&newcomer.id, "member");
    let empty = member.post("/api/token", &json!({})).await.document(200);
    let nulls = json!({"ttl_seconds": null, "push_credential_sid": null});
    let nulls = member.post("/api/token", &nulls).await.document(200);
    for issued in [member.take_token().await, empty, nulls] {
        let claims = Opened::of(&newcomer, &issued).claims;
        let lives = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
        assert_eq!(lives, 3_600);
        assert_eq!(
            claims["grants"]["voice"]["push_credential_sid"],
            Value::Null
        );
    }
}

#[tokio::test]
async fn a_token_lives_for_a_minute_to_a_day_and_every_fault_of_a_request_is_named() {
    let harness = Harness::shared().await;
    let newcomer = harness.connected().await;
    let member = harness.user(&newcomer.id, "member");
    for seconds in [60, 86_400] {
        let request = json!({"ttl_seconds": seconds});
        let issued = member.post("/api/token", &request).await.document(200);
        let claims = Opened::of(&newcomer, &issued).claims;
        let lives = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
        assert_eq!(lives, seconds);
    }
    for (request, fields) in [
        (json!({"ttl_seconds": 59}), &["ttl_seconds"][..]),
        (json!({"ttl_seconds": 86_401}), &["ttl_seconds"]),
        (json!({"ttl_seconds": 0}), &["ttl_seconds"]),
        (json!({"ttl_seconds": -60}), &["ttl_seconds"]),
        (json!({"ttl_seconds": 60.5}), &["ttl_seconds"]),
        (json!({"ttl_seconds": "600"}), &["ttl_seconds"]),
        (json!({"ttl_seconds": 1e300}), &["ttl_seconds"]),
        (
            json!({"push_credential_sid": "AP00112233445566778899aabbccddeeff"}),
            &["push_credential_sid"],
        ),
        (
            json!({"push_credential_sid": "", "ttl_seconds": [], "identity": "bob", "tenant_id": "x"}),
            &[
                "identity",
                "push_credential_sid",
                "tenant_id",
                "ttl_seconds",
            ],
        ),
    ] {
        let refused = member.post("/api/token", &request).await;
        assert_eq!(refused.refusal(), (422, "invalid_fields"), "{request}");
        assert_eq!(refused.faulty_fields(), fields, "{request}");
    }
}

#[tokio::test]
async fn whoever_asks_gets_an_identity_that_twilio_takes_and_nobody_else_has() {
    let harness = Harness::shared().await;
    let (one, other) = (harness.connected().await, harness.connected().await);
    let longest = "x".repeat(255);
    let nearly = format!("{}y", &longest[1..]);
    let subjects = [
        "0b7c6f3e-1f5e-4f0a-9d0e-1f2a3b4c5d6e",
        "ada.lovelace+work@example.com",
        "auth0|5f7c8ec7c33c6c004bbafe82",
        &longest,
        &nearly,
        "Zoë Müller-李小龍🦀",
        "a_tenant_b",
        "a",
        "A",
        "1",
        "user_a_tenant_a",
        "a\"},{\"identity\":\"bob",
    ];
    let mut seen = BTreeSet::new();
    for newcomer in [&one, &other] {
        for subject in subjects {
            let issued = user(harness, &newcomer.id, subject).take_token().await;
            let claims = Opened::of(newcomer, &issued).claims;
            let identity = claims["grants"]["identity"].as_str().unwrap();
            let expected = Identity::of(subject, &newcomer.id).unwrap();
            assert_eq!(identity, expected.as_str());
            assert_eq!(issued["identity"], identity);
            assert!((1..=121).contains(&identity.len()), "{identity}");
            let is_taken = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            assert!(identity.bytes().all(is_taken), "{identity}");
            assert!(seen.insert(identity.to_owned()), "{identity} twice");
        }
    }
}

#[tokio::test]
async fn nothing_in_a_request_makes_a_token_anybody_elses() {
    let harness = Harness::shared().await;
    let (own, other) = (harness.connected().await, harness.connected().await);
    let ada = user(harness, &own.id, "ada");
    let expected = Identity::of("ada", &own.id).unwrap();
    let query = format!(
        "/api/token?identity=bob&sub=bob&tenant_id={0}&tenant={0}&ttl_seconds=1",
        other.id
    );
    let names = [
        "identity",
        "x-identity",
        "x-user-id",
        "x-sub",
        "x-tenant",
        "tenant-id",
        "x-amzn-oidc-identity",
        "x-forwarded-user",
        "x-original-url",
        "x-http-method-override",
    ];
    let issued = ada.send_unjudged(Method::POST, &query, |request| {
        names.iter().fold(request, |request, name| {
            request.header(*name, other.id.as_str())
        })
    });
    let issued = issued.await.document(200);
    let claims = Opened::of(&own, &issued).claims;
    assert_eq!(claims["grants"]["identity"], expected.as_str());
    assert_eq!(claims["sub"], own.credentials["account_sid"]);

    let elsewhere = ada.send(Method::POST, "/api/token", |request| {
        request.header("x-tenant-id", other.id.as_str())
    });
    assert_eq!(elsewhere.await.refusal(), (403, "tenant_mismatch"));
    for body in [
        json!({"identity": "bob"}),
        json!({"sub": "bob"}),
        json!({"tenant_id": other.id}),
        json!({"claims": {"sub": "bob"}}),
    ] {
        let refused = ada.post("/api/token", &body).await;
        assert_eq!(refused.refusal(), (422, "invalid_fields"), "{body}");
    }
    // Nothing of it led to the other tenant.
    assert_eq!(other.account.applications().len(), 0);
}

#[tokio::test]
async fn who_changes_the_subject_of_its_own_token_gets_none() {
    let harness = Harness::shared().await;
    let newcomer = harness.connected().await;
    let request = TokenRequest::new("ada").tenant(newcomer.id.as_str());
    for flaw in [Flaw::Tampered, Flaw::Unsigned, Flaw::PublicKeyAsSecret] {
        let impostor = harness.impostor(&request.clone().role("member"), flaw);
        assert_eq!(impostor.ask_token().await.status, 401, "{flaw:?}");
    }
    assert_eq!(newcomer.account.applications().len(), 0);
}

#[tokio::test]
async fn an_operator_takes_a_token_at_the_tenant_that_it_selects_and_nowhere_else() {
    let harness = Harness::shared().await;
    let newcomer = harness.connected().await;
    let operator = harness.caller(&TokenRequest::new("olga").role("operator"));
    assert_eq!(operator.ask_token().await.status, 400);
    let issued = operator.send(Method::POST, "/api/token", |request| {
        request.header("x-tenant-id", newcomer.id.as_str())
    });
    let issued = issued.await.document(200);
    let expected = Identity::of("olga", &newcomer.id).unwrap();
    assert_eq!(issued["identity"], expected.as_str());
    Opened::of(&newcomer, &issued);
}

#[tokio::test]
async fn a_body_that_is_no_json_document_is_refused() {
    let harness = Harness::shared().await;
    let newcomer = harness.connected().await;
    let member = harness.user(&newcomer.id, "member");
    for (media_type, body, refusal) in [
        ("application/json", "{", (400, "malformed_body")),
        ("application/json", "[]", (422, "invalid_fields")),
        ("application/json", "null", (422, "invalid_fields")),
        ("text/plain", "{}", (415, "unsupported_media_type")),
        (
            "application/x-www-form-urlencoded",
            "ttl_seconds=60",
            (415, "unsupported_media_type"),
        ),
    ] {
        let refused = member.send(Method::POST, "/api/token", |request| {
            request.header(CONTENT_TYPE, media_type).body(body)
        });
        assert_eq!(refused.await.refusal(), refusal, "{media_type} {body}");
    }
}
