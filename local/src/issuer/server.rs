//! What the issuer answers: discovery, its keys, and tokens.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::token::{TTL, TokenRequest, Tokens};
use crate::loopback::Guard;

const DISCOVERY: &str = "/.well-known/openid-configuration";
const KEYS: &str = "/.well-known/jwks.json";
/// Where tokens are asked for.
pub(crate) const TOKEN: &str = "/token";

/// The longest that a token may be good: a year.
const LONGEST_TTL: u64 = 365 * 24 * 60 * 60;

pub(super) fn router(tokens: Arc<Tokens>, port: u16) -> Router {
    let guard = Guard::new(port, &[]);
    Router::new()
        .route(DISCOVERY, get(discovery))
        .route(KEYS, get(keys))
        .route(TOKEN, post(token))
        .fallback(async || {
            error(
                StatusCode::NOT_FOUND,
                "invalid_request",
                "There is no such page.",
            )
        })
        .with_state(tokens)
        .layer(middleware::from_fn(move |request: Request, next: Next| {
            let refusal = guard.check(request.uri(), request.headers()).err();
            async move {
                match refusal {
                    Some(refusal) => {
                        error(StatusCode::FORBIDDEN, "access_denied", &refusal.to_string())
                    }
                    None => next.run(request).await,
                }
            }
        }))
}

async fn discovery(State(tokens): State<Arc<Tokens>>) -> Response {
    let issuer = &tokens.issuer;
    let document = json!({
        "issuer": issuer,
        "jwks_uri": format!("{issuer}{KEYS}"),
        "token_endpoint": format!("{issuer}{TOKEN}"),
        "response_types_supported": ["token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    });
    answer(StatusCode::OK, &document)
}

async fn keys(State(tokens): State<Arc<Tokens>>) -> Response {
    answer(StatusCode::OK, &json!({"keys": [tokens.key.public()]}))
}

async fn token(State(tokens): State<Arc<Tokens>>, body: Bytes) -> Response {
    let request = match request(&body) {
        Ok(request) => request,
        Err(message) => return error(StatusCode::BAD_REQUEST, "invalid_request", &message),
    };
    let document = json!({
        "access_token": tokens.good(&request),
        "token_type": "Bearer",
        "expires_in": request.ttl.as_secs(),
    });
    answer(StatusCode::OK, &document)
}

/// Reads the form: `sub`, `tenant`, `role` (as often as there are roles) and `ttl` in seconds, none of which is needed.
fn request(body: &[u8]) -> Result<TokenRequest, String> {
    let mut request = TokenRequest::new("local-user");
    request.ttl = TTL;
    let text = std::str::from_utf8(body).map_err(|_| "the form is not text".to_owned())?;
    // The query of a URL is written as a form is.
    let form = reqwest::Url::parse(&format!("http://form/?{text}"))
        .map_err(|_| "the form is not understood".to_owned())?;
    for (name, value) in form.query_pairs() {
        match name.as_ref() {
            "sub" => request.subject = value.into_owned(),
            "tenant" => request.tenant_id = Some(value.into_owned()),
            "role" => request.roles.push(value.into_owned()),
            "ttl" => request.ttl = ttl(&value)?,
            "grant_type" => {}
            other => {
                return Err(format!(
                    "there is no field {other:?}: the fields are sub, tenant, role and ttl"
                ));
            }
        }
    }
    Ok(request)
}

fn ttl(text: &str) -> Result<Duration, String> {
    text.parse()
        .ok()
        .filter(|seconds| (1..=LONGEST_TTL).contains(seconds))
        .map(Duration::from_secs)
        .ok_or_else(|| format!("ttl must be a number of seconds from 1 to {LONGEST_TTL}"))
}

/// An error of OAuth 2.0 (RFC 6749, 5.2).
fn error(status: StatusCode, code: &str, description: &str) -> Response {
    let document = json!({"error": code, "error_description": description});
    answer(status, &document)
}

fn answer(status: StatusCode, document: &Value) -> Response {
    let mut response = Response::new(document.to_string().into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
