//! The response that a front makes of a function's answer.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::response::Response;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, SET_COOKIE, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::lambda::{ErrorKind, InvocationError};

/// An answer that names its status. One that does not is the body itself.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Structured {
    status_code: u16,
    #[serde(default)]
    headers: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    cookies: Option<Vec<String>>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: Option<bool>,
}

/// A function URL's answer. An error of the function is a 502 whose body says nothing of it.
pub(super) fn respond(answer: Result<Bytes, InvocationError>) -> Response {
    match answer {
        Ok(payload) => structured(&payload)
            .unwrap_or_else(|| message(StatusCode::BAD_GATEWAY, "Internal Server Error")),
        Err(error) => match error.kind() {
            ErrorKind::RequestTooLarge => message(StatusCode::PAYLOAD_TOO_LARGE, error.message()),
            ErrorKind::Throttled => message(StatusCode::TOO_MANY_REQUESTS, error.message()),
            ErrorKind::Stopped => message(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
            _ => message(StatusCode::BAD_GATEWAY, "Internal Server Error"),
        },
    }
}

/// A body of the front's own.
pub(super) fn message(status: StatusCode, text: &str) -> Response {
    let mut response = Response::new(Body::from(json!({"message": text}).to_string()));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// The function's answer as HTTP; `None` if it is no valid response.
pub(super) fn structured(payload: &Bytes) -> Option<Response> {
    let value: Value = serde_json::from_slice(payload).ok()?;
    if value.get("statusCode").is_none() {
        let mut response = Response::new(Body::from(payload.clone()));
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        return Some(response);
    }
    let answer: Structured = serde_json::from_value(value).ok()?;
    let body = answer.body.unwrap_or_default();
    let body = if answer.is_base64_encoded == Some(true) {
        Bytes::from(BASE64_STANDARD.decode(body).ok()?)
    } else {
        Bytes::from(body)
    };
    let mut headers = headers(answer.headers.unwrap_or_default())?;
    for cookie in answer.cookies.unwrap_or_default() {
        headers.append(SET_COOKIE, HeaderValue::from_str(&cookie).ok()?);
    }
    if !body.is_empty() && !headers.contains_key(CONTENT_TYPE) {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(answer.status_code)
        .ok()
        .filter(|status| (200..600).contains(&status.as_u16()))?;
    *response.headers_mut() = headers;
    Some(response)
}

/// The function's headers without those about the connection, which are the front's own business.
fn headers(sent: BTreeMap<String, Value>) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in sent {
        let name: HeaderName = name.parse().ok()?;
        let value = match value {
            Value::String(text) => text,
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => return None,
        };
        if ![CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING].contains(&name) {
            headers.insert(name, HeaderValue::from_str(&value).ok()?);
        }
    }
    Some(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn responded(answer: Value) -> (u16, HeaderMap, Bytes) {
        let response = respond(Ok(answer.to_string().into()));
        let (parts, body) = response.into_parts();
        (
            parts.status.as_u16(),
            parts.headers,
            axum::body::to_bytes(body, usize::MAX).await.unwrap(),
        )
    }

    #[tokio::test]
    async fn status_headers_cookies_and_body_are_the_functions() {
        let (status, headers, body) = responded(json!({
            "statusCode": 201,
            "headers": {"Content-Type": "text/xml; charset=utf-8", "x-count": 3, "content-length": "99"},
            "multiValueHeaders": {},
            "cookies": ["a=1", "b=2; Secure"],
            "body": "<Response/>",
            "isBase64Encoded": false,
        }))
        .await;
        assert_eq!(status, 201);
        assert_eq!(headers["content-type"], "text/xml; charset=utf-8");
        assert_eq!(headers["x-count"], "3");
        assert!(!headers.contains_key("content-length"));
        assert_eq!(
            headers.get_all("set-cookie").iter().collect::<Vec<_>>(),
            ["a=1", "b=2; Secure"]
        );
        assert_eq!(body, "<Response/>");
    }

    #[tokio::test]
    async fn a_base64_body_is_decoded() {
        let (_, _, body) =
            responded(json!({"statusCode": 200, "body": "AP8=", "isBase64Encoded": true})).await;
        assert_eq!(body, b"\x00\xff"[..]);
    }

    #[tokio::test]
    async fn an_empty_body_gets_no_content_type() {
        let (status, headers, body) =
            responded(json!({"statusCode": 204, "body": null, "headers": null})).await;
        assert_eq!((status, body.len()), (204, 0));
        assert!(headers.is_empty());
    }

    #[tokio::test]
    async fn an_answer_without_a_status_is_the_body_itself() {
        for answer in [json!({"message": "Hello"}), json!("Hello"), json!([1])] {
            let (status, headers, body) = responded(answer.clone()).await;
            assert_eq!(status, 200);
            assert_eq!(headers["content-type"], "application/json");
            assert_eq!(body, answer.to_string());
        }
    }

    #[tokio::test]
    async fn an_answer_that_is_no_valid_response_is_a_502() {
        for answer in [
            json!({"statusCode": "ok"}),
            json!({"statusCode": 99}),
            json!({"statusCode": 700}),
            json!({"statusCode": 200, "body": {"a": 1}}),
            json!({"statusCode": 200, "body": "%%", "isBase64Encoded": true}),
            json!({"statusCode": 200, "headers": {"bad name": "x"}}),
            json!({"statusCode": 200, "headers": {"x": "a\nb"}}),
            json!({"statusCode": 200, "headers": {"x": ["a"]}}),
        ] {
            let (status, _, body) = responded(answer.clone()).await;
            assert_eq!(
                (status, &body[..]),
                (502, &br#"{"message":"Internal Server Error"}"#[..]),
                "{answer}"
            );
        }
        assert_eq!(respond(Ok(Bytes::from_static(b"not json"))).status(), 502);
    }
}
