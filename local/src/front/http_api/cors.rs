//! What the API tells browsers about pages of other origins.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html>

use axum::body::Body;
use axum::response::Response;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_METHOD, HeaderName, ORIGIN, VARY,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use crate::template::Cors;

/// The answer to a browser that asks beforehand; `None` if the request is something else. It asks no function and needs no
/// token.
pub(super) fn preflight(cors: &Cors, parts: &Parts) -> Option<Response> {
    let asks = parts.method == Method::OPTIONS
        && parts.headers.contains_key(ORIGIN)
        && parts.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    if !asks {
        return None;
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    if let Some(origin) = allowed_origin(cors, parts) {
        allow(headers, origin);
        set(headers, ACCESS_CONTROL_ALLOW_METHODS, &cors.allow_methods);
        set(headers, ACCESS_CONTROL_ALLOW_HEADERS, &cors.allow_headers);
        let age = cors.max_age.map(|seconds| vec![seconds.to_string()]);
        set(headers, ACCESS_CONTROL_MAX_AGE, &age.unwrap_or_default());
    }
    Some(response)
}

/// Adds the API's headers to an answer. A function's own are the API's business, and go.
pub(super) fn add_headers(cors: &Cors, parts: &Parts, headers: &mut HeaderMap) {
    for name in [
        ACCESS_CONTROL_ALLOW_ORIGIN,
        ACCESS_CONTROL_ALLOW_CREDENTIALS,
        ACCESS_CONTROL_EXPOSE_HEADERS,
    ] {
        headers.remove(name);
    }
    if let Some(origin) = allowed_origin(cors, parts) {
        allow(headers, origin);
        set(headers, ACCESS_CONTROL_EXPOSE_HEADERS, &cors.expose_headers);
    }
}

/// What to name as allowed to the page that asks, if it is.
fn allowed_origin(cors: &Cors, parts: &Parts) -> Option<HeaderValue> {
    let origin = parts.headers.get(ORIGIN)?;
    if cors.allow_origins.iter().any(|known| known == "*") {
        return Some(HeaderValue::from_static("*"));
    }
    let known = cors.allow_origins.iter();
    known
        .map(String::as_bytes)
        .any(|known| known == origin.as_bytes())
        .then(|| origin.clone())
}

fn allow(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.append(VARY, HeaderValue::from_static("origin"));
}

fn set(headers: &mut HeaderMap, name: HeaderName, values: &[String]) {
    if let Ok(value) = HeaderValue::from_str(&values.join(","))
        && !value.is_empty()
    {
        headers.insert(name, value);
    }
}
