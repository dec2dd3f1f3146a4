//! A request, taken from its event with nothing resolved, decoded or normalised that a signature covers.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lambda_http::http::Method;
use serde::Deserialize;
use serde_json::Value;
use zeroize::Zeroizing;

/// An HTTP request as it came in: raw path, raw query, decoded body.
///
/// It is read from the event itself and not through `lambda_http::Request`, whose URI resolves `..` and whose construction
/// panics on a raw quote in the query or a malformed Host (`lambda_http` 1.3.2; docs/decisions/0005-raw-events.md).
/// The body may hold secrets: it is zeroised on drop, and nothing of the request has a `Debug`.
pub struct HttpRequest {
    method: Method,
    path: String,
    query: String,
    headers: HashMap<String, String>,
    host: String,
    claims: HashMap<String, String>,
    body: Zeroizing<Vec<u8>>,
}

/// Why an event is not a request. It does not repeat what was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MalformedEvent {
    /// Not an event of payload format 2.0.
    #[error("the event is not an HTTP event of payload format 2.0")]
    NotHttp,
    /// There is no `requestContext` with a method and a domain name.
    #[error("the event has no request context")]
    NoRequestContext,
    /// The method is not an HTTP token.
    #[error("the method is malformed")]
    Method,
    /// The path has a character that no path has.
    #[error("the path has a character that must be escaped")]
    Path,
    /// The query has a character that no query has.
    #[error("the query has a character that must be escaped")]
    Query,
    /// The host has a character that no host has.
    #[error("the host is malformed")]
    Host,
    /// The body says that it is base64 and is not.
    #[error("the body is not base64")]
    Body,
    /// The body is larger than the limit.
    #[error("the body is too large")]
    TooLarge,
}

// Absent and null are the same here, and each is judged below: serde would refuse both with one word.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    raw_path: Option<String>,
    raw_query_string: Option<String>,
    headers: Option<HashMap<String, String>>,
    request_context: Option<RequestContext>,
    body: Option<String>,
    is_base64_encoded: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext {
    domain_name: Option<String>,
    http: Option<HttpContext>,
    authorizer: Option<Authorizer>,
}

/// What API Gateway's authorizer found. A function URL has none.
#[derive(Deserialize)]
struct Authorizer {
    jwt: Option<Jwt>,
}

#[derive(Deserialize)]
struct Jwt {
    claims: Option<HashMap<String, Value>>,
}

#[derive(Deserialize)]
struct HttpContext {
    method: Option<String>,
}

impl HttpRequest {
    /// Reads an event. `limit` is the largest body in bytes, judged before it is decoded.
    ///
    /// # Errors
    /// What is wrong with the event. Nothing in an event panics.
    pub fn from_event(event: &str, limit: usize) -> Result<Self, MalformedEvent> {
        let event: Event = serde_json::from_str(event).map_err(|_| MalformedEvent::NotHttp)?;
        let context = event
            .request_context
            .ok_or(MalformedEvent::NoRequestContext)?;
        let method = context
            .http
            .and_then(|http| http.method)
            .ok_or(MalformedEvent::NoRequestContext)?;
        let method = method.parse().map_err(|_| MalformedEvent::Method)?;
        let host = context
            .domain_name
            .ok_or(MalformedEvent::NoRequestContext)?;
        let claims = context
            .authorizer
            .and_then(|authorizer| authorizer.jwt?.claims);
        // API Gateway sends texts alone; what is none is no claim that it vouches for.
        let claims = claims.unwrap_or_default().into_iter();
        let claims = claims.filter_map(|(name, value)| match value {
            Value::String(text) => Some((name, text)),
            _ => None,
        });
        let path = event.raw_path.ok_or(MalformedEvent::NotHttp)?;
        let query = event.raw_query_string.unwrap_or_default();
        let headers = event.headers.unwrap_or_default();
        let named_host = headers.get("host").map_or(host.as_str(), String::as_str);
        if !is_host(&host) || !is_host(named_host) {
            return Err(MalformedEvent::Host);
        }
        if !path.starts_with('/') || !path.bytes().all(is_path_byte) {
            return Err(MalformedEvent::Path);
        }
        if !query.bytes().all(|byte| byte == b'?' || is_path_byte(byte)) {
            return Err(MalformedEvent::Query);
        }
        let body = decode_body(
            event.body,
            event.is_base64_encoded.unwrap_or_default(),
            limit,
        )?;
        Ok(Self {
            method,
            path,
            query,
            headers,
            host,
            claims: claims.collect(),
            body,
        })
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The raw path, beginning with `/`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The raw query without its `?`; empty when there is none.
    #[must_use]
    pub fn query(&self) -> &str {
        &self.query
    }

    /// The host that the caller was routed by, with its port if it named one.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// A header by its lower-case name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// A claim of the caller's token, as the gateway's authorizer verified it; nothing behind a function URL.
    #[must_use]
    pub fn claim(&self, name: &str) -> Option<&str> {
        self.claims.get(name).map(String::as_str)
    }

    /// The media type of the body, in lower case, without parameters; empty when the caller named none.
    #[must_use]
    pub fn media_type(&self) -> String {
        let content_type = self.header("content-type").unwrap_or_default();
        content_type
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase()
    }

    /// The body as the caller sent it.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }
}

fn decode_body(
    body: Option<String>,
    is_base64: bool,
    limit: usize,
) -> Result<Zeroizing<Vec<u8>>, MalformedEvent> {
    let mut text = Zeroizing::new(body.unwrap_or_default());
    // Four characters of base64 are three bytes.
    let length = if is_base64 {
        text.len() / 4 * 3
    } else {
        text.len()
    };
    if length > limit.saturating_add(3) {
        return Err(MalformedEvent::TooLarge);
    }
    let body = if is_base64 {
        STANDARD
            .decode(text.as_bytes())
            .map_err(|_| MalformedEvent::Body)?
    } else {
        std::mem::take(&mut *text).into_bytes()
    };
    let body = Zeroizing::new(body);
    if body.len() > limit {
        Err(MalformedEvent::TooLarge)
    } else {
        Ok(body)
    }
}

/// What the `http` crate takes in a path, which is what HTTP servers let through: visible ASCII without `"`, `#`, `<`, `>`
/// and `?`.
fn is_path_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b'#' | b'<' | b'>' | b'?')
}

fn is_host(host: &str) -> bool {
    let allowed = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']')
    };
    !host.is_empty() && host.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn event() -> Value {
        json!({
            "version": "2.0",
            "rawPath": "/sms",
            "rawQueryString": "account=AC1",
            "headers": {"content-type": "Application/X-WWW-form-urlencoded; charset=UTF-8", "host": "example.com"},
            "requestContext": {"domainName": "example.com", "http": {"method": "POST"}},
            "body": "Qm9keT0x",
            "isBase64Encoded": true
        })
    }

    fn read(event: &Value) -> Result<HttpRequest, MalformedEvent> {
        HttpRequest::from_event(&event.to_string(), 100)
    }

    #[test]
    fn a_well_formed_event_is_read_as_it_came() {
        let request = read(&event()).unwrap();
        assert_eq!(request.method(), Method::POST);
        assert_eq!(
            (request.path(), request.query(), request.host()),
            ("/sms", "account=AC1", "example.com")
        );
        assert_eq!(request.media_type(), "application/x-www-form-urlencoded");
        assert_eq!(request.body(), b"Body=1");
    }

    #[test]
    fn a_path_is_not_resolved() {
        let mut dotted = event();
        dotted["rawPath"] = json!("/x/../sms");
        assert_eq!(read(&dotted).unwrap().path(), "/x/../sms");
    }

    #[test]
    fn each_fault_of_an_event_has_its_name() {
        use MalformedEvent as M;
        let faults = [
            ("rawPath", json!("sms"), M::Path),
            ("rawPath", json!("/s ms"), M::Path),
            ("rawPath", json!(null), M::NotHttp),
            ("rawPath", json!(7), M::NotHttp),
            ("rawQueryString", json!("a=\"b\""), M::Query),
            ("rawQueryString", json!("a=<b>"), M::Query),
            ("rawQueryString", json!("a=b c"), M::Query),
            ("rawQueryString", json!("a=ü"), M::Query),
            ("rawQueryString", json!("a=\u{0}"), M::Query),
            ("requestContext", json!(null), M::NoRequestContext),
            (
                "requestContext",
                json!({"domainName": "h"}),
                M::NoRequestContext,
            ),
            (
                "requestContext",
                json!({"domainName": "h", "http": {"method": "PO ST"}}),
                M::Method,
            ),
            (
                "requestContext",
                json!({"http": {"method": "POST"}}),
                M::NoRequestContext,
            ),
            (
                "requestContext",
                json!({"domainName": "h<>", "http": {"method": "POST"}}),
                M::Host,
            ),
            ("headers", json!({"host": "a b"}), M::Host),
            ("headers", json!([1]), M::NotHttp),
            ("body", json!("not base64!"), M::Body),
            ("body", json!("A".repeat(200)), M::TooLarge),
        ];
        for (member, value, fault) in faults {
            let mut faulty = event();
            faulty[member] = value;
            assert_eq!(
                read(&faulty).err().unwrap(),
                fault,
                "{member}: {}",
                faulty[member]
            );
        }
        assert_eq!(HttpRequest::from_event("7", 100).err(), Some(M::NotHttp));
        assert_eq!(HttpRequest::from_event("{", 100).err(), Some(M::NotHttp));
    }

    #[test]
    fn a_body_of_exactly_the_limit_is_taken() {
        for (length, fits) in [(99, true), (100, true), (101, false)] {
            let mut sized = event();
            sized["isBase64Encoded"] = json!(false);
            sized["body"] = json!("x".repeat(length));
            assert_eq!(read(&sized).is_ok(), fits, "{length}");
            sized["isBase64Encoded"] = json!(true);
            sized["body"] = json!(STANDARD.encode("x".repeat(length)));
            assert_eq!(read(&sized).is_ok(), fits, "{length} in base64");
        }
    }
}
