//! The event that a front makes of a request.

use std::collections::BTreeMap;
use std::net::IpAddr;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::lambda::trace_id;
use crate::loopback::Way;

/// What the event says about the request besides what is in it.
pub(super) struct Arrival<'a> {
    /// The Host as the caller wrote it.
    pub(super) host: &'a str,
    /// How it came in.
    pub(super) way: Way,
    /// The listener's port.
    pub(super) port: u16,
    /// Who connected.
    pub(super) peer: IpAddr,
    /// When.
    pub(super) at: Timestamp,
    /// The front's own id of the request.
    pub(super) request_id: String,
    /// The caller's account, or `anonymous`.
    pub(super) account_id: &'a str,
    /// What stands for the API's or the URL's id.
    pub(super) api_id: &'a str,
    /// The domain that was called.
    pub(super) domain_name: &'a str,
    /// The first part of that.
    pub(super) domain_prefix: &'a str,
    /// The route, such as `POST /api/token` or `$default`.
    pub(super) route_key: &'a str,
    /// The path as the event has it.
    pub(super) path: &'a str,
}

/// The event, in payload format 2.0. The query is passed on byte for byte.
pub(super) fn event(parts: &Parts, body: &[u8], arrival: &Arrival<'_>) -> Map<String, Value> {
    let path = arrival.path;
    let query = parts.uri.query().unwrap_or_default();
    let headers = headers(&parts.headers, arrival);
    let user_agent = parts
        .headers
        .get(header::USER_AGENT)
        .map(text)
        .unwrap_or_default();
    let source_ip = headers.get("x-forwarded-for").cloned().unwrap_or_default();
    let cookies: Vec<String> = parts
        .headers
        .get_all(header::COOKIE)
        .iter()
        .flat_map(|value| {
            text(value)
                .split("; ")
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect();
    let context = json!({
        "accountId": arrival.account_id,
        "apiId": arrival.api_id,
        "domainName": arrival.domain_name,
        "domainPrefix": arrival.domain_prefix,
        "http": {
            "method": parts.method.as_str(),
            "path": path,
            "protocol": format!("{:?}", parts.version),
            "sourceIp": source_ip,
            "userAgent": user_agent,
        },
        "requestId": arrival.request_id,
        "routeKey": arrival.route_key,
        "stage": "$default",
        "time": arrival.at.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
        "timeEpoch": arrival.at.as_millisecond(),
    });
    let mut event = Map::new();
    let fields = [
        ("version", json!("2.0")),
        ("routeKey", json!(arrival.route_key)),
        ("rawPath", json!(path)),
        ("rawQueryString", json!(query)),
        ("headers", json!(headers)),
        ("requestContext", context),
        ("isBase64Encoded", json!(false)),
    ];
    event.extend(fields.map(|(name, value)| (name.to_owned(), value)));
    if !cookies.is_empty() {
        event.insert("cookies".to_owned(), cookies.into());
    }
    if !query.is_empty() {
        event.insert("queryStringParameters".to_owned(), parameters(query).into());
    }
    insert_body(&mut event, body, &parts.headers);
    event
}

/// Header names in lower case, repeated ones joined by a comma, and those that the front itself sets. Cookies have a
/// field of their own.
fn headers(sent: &HeaderMap, arrival: &Arrival<'_>) -> BTreeMap<String, String> {
    let mut headers: BTreeMap<String, String> = sent
        .keys()
        .filter(|name| **name != header::COOKIE)
        .map(|name| {
            let values: Vec<_> = sent.get_all(name).iter().map(text).collect();
            (name.as_str().to_owned(), values.join(","))
        })
        .collect();
    let behind_tunnel = |name: &str, valid: fn(&str) -> bool| {
        let value = sent
            .get(name)
            .filter(|_| arrival.way == Way::Tunnel)?
            .to_str()
            .ok()?
            .trim();
        valid(value).then(|| value.to_owned())
    };
    let proto = behind_tunnel("x-forwarded-proto", |value| {
        matches!(value, "http" | "https")
    });
    // Tunnels end TLS: without their word for it, https is what the caller used.
    let proto = proto.unwrap_or_else(|| match arrival.way {
        Way::Direct => "http".to_owned(),
        Way::Tunnel => "https".to_owned(),
    });
    let port = match arrival.way {
        Way::Direct => arrival.port.to_string(),
        Way::Tunnel if proto == "http" => "80".to_owned(),
        Way::Tunnel => "443".to_owned(),
    };
    let caller = behind_tunnel("x-forwarded-for", |value| value.parse::<IpAddr>().is_ok());
    headers.insert("x-forwarded-proto".to_owned(), proto);
    headers.insert("x-forwarded-port".to_owned(), port);
    headers.insert(
        "x-forwarded-for".to_owned(),
        caller.unwrap_or_else(|| arrival.peer.to_string()),
    );
    headers
        .entry("x-amzn-trace-id".to_owned())
        .or_insert_with(|| trace_id(arrival.at));
    headers.insert("host".to_owned(), arrival.host.to_owned());
    headers
}

/// A header's value as text; bytes that are not UTF-8 are read as Latin-1, so that none is lost.
fn text(value: &HeaderValue) -> String {
    let bytes = value.as_bytes();
    std::str::from_utf8(bytes).map_or_else(
        |_| bytes.iter().copied().map(char::from).collect(),
        str::to_owned,
    )
}

/// Decoded parameters, repeated ones joined by a comma.
fn parameters(query: &str) -> Map<String, Value> {
    let mut joined = BTreeMap::<String, String>::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = decode(value);
        joined
            .entry(decode(name))
            .and_modify(|values| {
                values.push(',');
                values.push_str(&value);
            })
            .or_insert(value);
    }
    joined
        .into_iter()
        .map(|(name, value)| (name, Value::String(value)))
        .collect()
}

/// Undoes percent and plus, as in a query. An escape that is none stays as it is.
fn decode(text: &str) -> String {
    decode_path(&text.replace('+', " "))
}

/// Undoes percent. An escape that is none stays as it is.
pub(super) fn decode_path(text: &str) -> String {
    let digit = |byte: Option<&u8>| {
        byte.and_then(|byte| char::from(*byte).to_digit(16))
            .and_then(|d| u8::try_from(d).ok())
    };
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match (byte, digit(after.first()), digit(after.get(1))) {
            (b'%', Some(high), Some(low)) => {
                decoded.push(high << 4 | low);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => decoded.push(byte),
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// Text of a textual content type goes as it is, everything else as Base64: a form, too, as function URLs do.
fn insert_body(event: &mut Map<String, Value>, body: &[u8], headers: &HeaderMap) {
    if body.is_empty() {
        return;
    }
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .map(text)
        .unwrap_or_default();
    match std::str::from_utf8(body) {
        Ok(body) if is_textual(&content_type) => {
            event.insert("body".to_owned(), body.into());
        }
        _ => {
            event.insert("body".to_owned(), BASE64_STANDARD.encode(body).into());
            event.insert("isBase64Encoded".to_owned(), true.into());
        }
    }
}

fn is_textual(content_type: &str) -> bool {
    let essence = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    essence.starts_with("text/")
        || matches!(
            essence.as_str(),
            "application/json" | "application/javascript" | "application/xml"
        )
        || essence.ends_with("+json")
        || essence.ends_with("+xml")
}

#[cfg(test)]
mod tests;
