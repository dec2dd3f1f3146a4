//! A request to a double, taken off HTTP, and its answer.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, Method};
use serde_json::Value;

/// A request.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    /// The path without the query, as sent.
    pub(crate) path: String,
    /// The base URL by which the caller reached the double, without a slash at the end.
    pub(crate) base_url: String,
    pub(crate) headers: HeaderMap,
    query: Vec<(String, String)>,
    body: Bytes,
}

/// Credentials of Basic authentication. They are secret, so there is no `Debug`.
pub(crate) struct Credentials {
    pub(crate) user: String,
    pub(crate) password: String,
}

impl Request {
    /// Takes apart what came over HTTP.
    pub(super) fn new(parts: http::request::Parts, host: &str, body: Bytes) -> Self {
        let query = parts.uri.query().map(pairs).unwrap_or_default();
        Self {
            method: parts.method,
            path: parts.uri.path().to_owned(),
            base_url: format!("http://{host}"),
            headers: parts.headers,
            query,
            body,
        }
    }

    /// All of it as text, with what Basic authentication hides.
    pub(super) fn repeated(&self) -> String {
        let basic = self
            .basic()
            .map(|given| format!("{}:{}", given.user, given.password));
        let headers = self.headers.iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            format!("{name}: {value}\n")
        });
        format!(
            "{} {} {:?}\n{}{}\n{}",
            self.method,
            self.path,
            self.query,
            headers.collect::<String>(),
            basic.unwrap_or_default(),
            String::from_utf8_lossy(&self.body)
        )
    }

    /// The secret that it comes with, or nothing.
    pub(super) fn credential(&self) -> String {
        let form = self.form();
        let basic = self.basic().map(|given| given.password);
        basic
            .or_else(|| self.bearer().map(str::to_owned))
            .or_else(|| self.header("xi-api-key").map(str::to_owned))
            .or_else(|| first(&form, "client_secret").map(str::to_owned))
            .unwrap_or_default()
    }

    /// The media type of an answer whose body repeats the secret that the request came with.
    pub(super) fn echo<'a>(&self, answer: &'a Answer) -> Option<&'a str> {
        let secret = self.credential();
        let body = String::from_utf8_lossy(&answer.body);
        if secret.is_empty() || !body.contains(&secret) {
            return None;
        }
        let mut headers = answer.headers.iter();
        let (_, media_type) = headers.find(|(name, _)| *name == "content-type")?;
        media_type.split(';').next()
    }

    /// The first value of a query parameter.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        first(&self.query, name)
    }

    /// The fields of a form body; none if it is no form.
    pub(crate) fn form(&self) -> Vec<(String, String)> {
        let kind = self.header(CONTENT_TYPE.as_str()).unwrap_or_default();
        if !kind.starts_with("application/x-www-form-urlencoded") {
            return Vec::new();
        }
        std::str::from_utf8(&self.body)
            .map(pairs)
            .unwrap_or_default()
    }

    /// A JSON body.
    pub(crate) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// A header, if it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The credentials of Basic authentication.
    pub(crate) fn basic(&self) -> Option<Credentials> {
        let encoded = self.authorization("basic")?;
        let decoded = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
        let (user, password) = decoded.split_once(':')?;
        Some(Credentials {
            user: user.to_owned(),
            password: password.to_owned(),
        })
    }

    /// The token of Bearer authentication.
    pub(crate) fn bearer(&self) -> Option<&str> {
        self.authorization("bearer")
    }

    fn authorization(&self, scheme: &str) -> Option<&str> {
        let (given, value) = self.header(AUTHORIZATION.as_str())?.split_once(' ')?;
        given
            .eq_ignore_ascii_case(scheme)
            .then(|| value.trim_start())
    }
}

/// The first value of a name.
pub(crate) fn first<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs
        .iter()
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.as_str())
}

/// What a query or a form body says, decoded.
fn pairs(encoded: &str) -> Vec<(String, String)> {
    let Ok(url) = reqwest::Url::parse(&format!("http://query.invalid/?{encoded}")) else {
        return Vec::new();
    };
    url.query_pairs().into_owned().collect()
}

/// A segment of a path without `.json`, or what else says in which form a resource is meant.
pub(crate) fn without_extension(segment: &str) -> &str {
    let extensions = [".json", ".mp3", ".wav"];
    let found = extensions
        .iter()
        .find_map(|extension| segment.strip_suffix(extension));
    found.unwrap_or(segment)
}

/// The two letters before the 32 hexadecimal digits, if a text is a SID.
pub(crate) fn sid_kind(text: &str) -> Option<&str> {
    let (kind, digits) = text.split_at_checked(2)?;
    let is_sid = kind.bytes().all(|byte| byte.is_ascii_uppercase())
        && digits.len() == 32
        && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_sid.then_some(kind)
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
}

impl Answer {
    /// An answer of any kind.
    pub(crate) fn new(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            headers: vec![("content-type", content_type.to_owned())],
            body: body.into(),
        }
    }

    /// A JSON document.
    pub(crate) fn json(status: u16, document: &Value) -> Self {
        Self::new(status, "application/json", document.to_string())
    }

    /// 204, with nothing in it.
    pub(crate) fn nothing() -> Self {
        Self {
            status: 204,
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    /// The same with one more header.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}
