//! The authorizer against an issuer that answers over HTTP, as one on the internet would.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::routing::get;
use serde_json::json;

use super::*;
use crate::issuer::{Flaw, Issuer, IssuerPort, SigningKey, TokenProfile, TokenRequest};
use crate::loopback::{Listening, Serving};

const AUDIENCE: &str = "trunkline-tests";

async fn issuer(clock: &Clock) -> Issuer {
    let port = IssuerPort::bind(0).await.unwrap();
    let profile = TokenProfile {
        audience: AUDIENCE.to_owned(),
        tenant_claim: "tenant_id".to_owned(),
        roles_claim: "roles".to_owned(),
    };
    port.serve(SigningKey::generate().unwrap(), profile, clock.clone())
}

fn authorizer(issuer: &str, clock: &Clock) -> Authorizer {
    let declared = JwtAuthorizer {
        name: "Jwt".to_owned(),
        issuer: issuer.to_owned(),
        audience: vec!["another".to_owned(), AUDIENCE.to_owned()],
    };
    Authorizer::new(&declared, clock.clone())
}

fn clock() -> Clock {
    Clock::fixed("2026-05-04T10:00:00Z".parse().unwrap())
}

async fn authorized(authorizer: &Authorizer, header: &str) -> Result<Map<String, Value>, Refusal> {
    let headers = HeaderMap::from_iter([(AUTHORIZATION, header.parse().unwrap())]);
    authorizer.authorize(&headers).await
}

/// What somebody is told who brings a token for the request `with` made.
async fn told(with: impl FnOnce(TokenRequest) -> TokenRequest) -> Option<String> {
    let clock = clock();
    let issuer = issuer(&clock).await;
    let authorizer = authorizer(issuer.url(), &clock);
    let token = issuer.token(&with(TokenRequest::new("ann").tenant("acme").role("admin")));
    let refusal = authorized(&authorizer, &token).await.err();
    refusal.map(|refusal| refusal.to_string())
}

#[tokio::test]
async fn a_good_token_passes_with_its_claims() {
    let clock = clock();
    let issuer = issuer(&clock).await;
    let authorizer = authorizer(issuer.url(), &clock);
    let token = issuer.token(&TokenRequest::new("ann").tenant("acme").role("admin"));
    for header in [
        format!("Bearer {token}"),
        format!("bearer  {token}"),
        token.clone(),
    ] {
        let claims = authorized(&authorizer, &header).await.unwrap();
        assert_eq!(claims["sub"], "ann");
        assert_eq!(claims["tenant_id"], "acme");
        assert_eq!(claims["roles"], json!(["admin"]));
    }
}

#[tokio::test]
async fn every_flaw_is_refused_for_what_it_is() {
    let clock = clock();
    let issuer = issuer(&clock).await;
    let authorizer = authorizer(issuer.url(), &clock);
    for flaw in Flaw::ALL {
        let expected = match flaw {
            Flaw::Expired => "the token has expired",
            Flaw::NeverExpires => "the token does not say when it expires",
            Flaw::NotYetValid => "the token is not valid yet",
            Flaw::IssuedLater => "the token was issued in the future",
            Flaw::OtherAudience => "the token does not have a valid audience",
            Flaw::OtherIssuer => "the token does not have a valid issuer",
            Flaw::OtherKey | Flaw::Tampered => "the token's signature is invalid",
            Flaw::UnknownKey => "the token's kid is no key of the issuer",
            Flaw::NoKey => "the token does not name its key",
            Flaw::Unsigned | Flaw::PublicKeyAsSecret => "the token is not signed by RS256",
        };
        let token = issuer.flawed_token(&TokenRequest::new("ann"), flaw);
        let refusal = authorized(&authorizer, &token).await.unwrap_err();
        assert_eq!(refusal, Refusal::Invalid(expected), "{flaw:?}");
    }
}

#[tokio::test]
async fn a_request_without_a_token_is_told_to_bring_one() {
    let clock = clock();
    let authorizer = authorizer("http://127.0.0.1:9", &clock);
    let nothing = authorizer.authorize(&HeaderMap::new()).await.unwrap_err();
    assert_eq!(nothing.challenge(), "Bearer");
    assert_eq!(
        authorized(&authorizer, "Bearer ").await,
        Err(Refusal::NoToken)
    );
}

#[tokio::test]
async fn what_is_no_token_is_refused_before_the_issuer_is_asked() {
    let clock = clock();
    // Nothing listens there: whoever asks is told so.
    let authorizer = authorizer("http://127.0.0.1:9", &clock);
    for (token, expected) in [
        ("x", "the token does not have three segments"),
        ("a.b.c.d", "the token does not have three segments"),
        ("a.b.c", "the token's header is not understood"),
        ("e30.e30.x", "the token is not signed by RS256"),
        (
            "eyJhbGciOiJSUzI1NiJ9.e30.x",
            "the token does not name its key",
        ),
    ] {
        let refused = authorized(&authorizer, token).await;
        assert_eq!(refused, Err(Refusal::Invalid(expected)), "{token}");
    }
}

#[tokio::test]
async fn client_id_counts_where_there_is_no_aud() {
    let client = |aud: Value, client_id: &'static str| {
        move |request: TokenRequest| {
            request
                .claim("aud", aud)
                .claim("client_id", json!(client_id))
        }
    };
    let refused = Some("the token does not have a valid audience".to_owned());
    assert_eq!(told(client(Value::Null, AUDIENCE)).await, None);
    assert_eq!(told(client(Value::Null, "other")).await, refused);
    assert_eq!(told(client(json!("other"), AUDIENCE)).await, refused);
    assert_eq!(
        told(client(json!(["other", AUDIENCE]), "other")).await,
        None
    );
    assert_eq!(told(client(json!([]), AUDIENCE)).await, refused);
}

#[tokio::test]
async fn times_may_have_fractions_but_must_be_numbers() {
    assert_eq!(told(|request| request.claim("nbf", json!(1.5))).await, None);
    for (name, value) in [
        ("exp", json!("4102444800")),
        ("nbf", json!([])),
        ("iat", json!(1e300)),
    ] {
        assert_eq!(
            told(|request| request.claim(name, value)).await.as_deref(),
            Some("a time of the token is not a number"),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_token_passes_until_the_second_it_expires() {
    let clock = clock();
    let issuer = issuer(&clock).await;
    let authorizer = authorizer(issuer.url(), &clock);
    let token = issuer.token(&TokenRequest::new("ann"));
    clock.advance(12 * 60 * 60 - 1);
    authorized(&authorizer, &token).await.unwrap();
    clock.advance(1);
    let refusal = authorized(&authorizer, &token).await.unwrap_err();
    assert_eq!(
        refusal.challenge(),
        r#"Bearer scope="" error="invalid_token" error_description="the token has expired""#
    );
}

#[tokio::test]
async fn an_issuer_that_does_not_answer_lets_nobody_in() {
    let clock = clock();
    let other = issuer(&clock).await;
    let authorizer = authorizer("http://127.0.0.1:9", &clock);
    let token = other.token(&TokenRequest::new("ann"));
    let refusal = authorized(&authorizer, &token).await.unwrap_err();
    assert!(matches!(refusal, Refusal::NoKeys(_)), "{refusal}");
    assert_eq!(
        refusal.challenge(),
        r#"Bearer scope="" error="invalid_token" error_description="JWKS communication error""#
    );
}

/// An issuer whose keys can be replaced, and which counts how often it is asked for them.
struct Rotating {
    url: String,
    asked: Arc<AtomicUsize>,
    keys: Arc<std::sync::Mutex<Value>>,
    _serving: Serving,
}

async fn rotating() -> Rotating {
    let listening = Listening::bind(0, "a test").await.unwrap();
    let url = listening.url();
    let asked = Arc::<AtomicUsize>::default();
    let keys = Arc::new(std::sync::Mutex::new(json!([])));
    let discovery = json!({"issuer": url, "jwks_uri": format!("{url}/keys")}).to_string();
    let (counter, held) = (Arc::clone(&asked), Arc::clone(&keys));
    let router = Router::new()
        .route(
            "/.well-known/openid-configuration",
            get(async move || discovery),
        )
        .route(
            "/keys",
            get(async move || {
                counter.fetch_add(1, Ordering::Relaxed);
                json!({"keys": *held.lock().unwrap()}).to_string()
            }),
        );
    Rotating {
        url,
        asked,
        keys,
        _serving: listening.serve(router),
    }
}

impl Rotating {
    fn set(&self, keys: Value) {
        *self.keys.lock().unwrap() = keys;
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

async fn finds(keys: &Keys, id: &str) -> bool {
    keys.find(id).await.unwrap().is_some()
}

#[tokio::test]
async fn keys_are_remembered_for_two_hours() {
    let clock = clock();
    let issuer = rotating().await;
    let key = SigningKey::generate().unwrap();
    issuer.set(json!([key.public()]));
    let keys = Keys::of(&issuer.url, clock.clone());
    assert!(finds(&keys, key.id()).await);
    issuer.set(json!([]));
    clock.advance(2 * 60 * 60 - 1);
    assert!(finds(&keys, key.id()).await);
    assert_eq!(issuer.asked(), 1);
    clock.advance(1);
    assert!(!finds(&keys, key.id()).await);
    assert_eq!(issuer.asked(), 2);
}

#[tokio::test]
async fn a_new_key_is_found_and_made_up_ones_are_no_flood() {
    let clock = clock();
    let issuer = rotating().await;
    let keys = Keys::of(&issuer.url, clock.clone());
    for number in 0..50 {
        assert!(!finds(&keys, &format!("made-up-{number}")).await);
    }
    assert_eq!(issuer.asked(), 1);
    let key = SigningKey::generate().unwrap();
    issuer.set(json!([{"kty": "EC", "kid": "other"}, "not a key", key.public()]));
    assert!(!finds(&keys, key.id()).await);
    clock.advance(10);
    assert!(finds(&keys, key.id()).await);
    assert_eq!(issuer.asked(), 2);
}

#[tokio::test]
async fn those_who_ask_together_make_one_request() {
    let clock = clock();
    let issuer = rotating().await;
    let key = SigningKey::generate().unwrap();
    issuer.set(json!([key.public()]));
    let keys = Arc::new(Keys::of(&issuer.url, clock));
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (keys, id) = (Arc::clone(&keys), key.id().to_owned());
        asking.spawn(async move { finds(&keys, &id).await });
    }
    assert!(asking.join_all().await.into_iter().all(|found| found));
    assert_eq!(issuer.asked(), 1);
}

#[tokio::test]
async fn a_failure_is_not_remembered() {
    let clock = clock();
    let issuer = rotating().await;
    issuer.set(json!("not a list"));
    let keys = Keys::of(&issuer.url, clock);
    let error = keys.find("key").await.err().unwrap().to_string();
    assert!(error.contains("/keys is not understood"), "{error}");
    let key = SigningKey::generate().unwrap();
    issuer.set(json!([key.public()]));
    assert!(finds(&keys, key.id()).await);
}

#[tokio::test]
async fn a_document_that_is_too_large_is_refused() {
    let clock = clock();
    let issuer = rotating().await;
    issuer.set(json!(["x".repeat(150_000)]));
    let error = Keys::of(&issuer.url, clock).find("key").await.err();
    assert!(error.unwrap().to_string().ends_with("larger than 150 kB"));
}
