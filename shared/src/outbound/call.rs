//! What is asked of a provider.

use std::collections::HashSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RANGE,
};
use reqwest::{Client, Method, RequestBuilder, Url};
use serde::Serialize;
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::host::BaseUrls;
use super::{Host, Redirect, Wanted};
use crate::secret::Secret;

/// One call to a provider: where, what, with which credentials, and until when.
#[derive(Clone)]
#[must_use]
pub struct Call<'a> {
    host: Host,
    operation: &'static str,
    method: Method,
    path: Path<'a>,
    query: Vec<(&'a str, &'a str)>,
    headers: HeaderMap,
    body: Option<Zeroizing<String>>,
    is_repeatable: bool,
    is_sendable: bool,
    wanted: Option<Wanted>,
    deadline: Instant,
}

/// So long a part of a secret tells something of it; of a shorter secret nothing is ever shown.
const TELLING: usize = 12;

/// Whether a text holds a telling part of what was sent.
fn repeats<'s>(text: &[u8], sent: impl Iterator<Item = &'s [u8]>) -> bool {
    let parts: HashSet<&[u8]> = sent.flat_map(|it| it.windows(TELLING)).collect();
    text.windows(TELLING).any(|part| parts.contains(part))
}

#[derive(Clone)]
enum Path<'a> {
    Segments(Vec<&'a str>),
    /// With its query, as the provider wrote it.
    Written(&'a str),
    /// All of it is elsewhere.
    Elsewhere(Url),
}

impl<'a> Call<'a> {
    /// A call. `operation` names it in logs (`applications.list`); `path` is given in segments, which are escaped;
    /// `deadline` is when an answer is of no use any more.
    /// GET, PUT and DELETE count as safe to repeat, other methods do not.
    pub fn new(
        host: Host,
        operation: &'static str,
        method: Method,
        path: &[&'a str],
        deadline: Instant,
    ) -> Self {
        Self {
            host,
            operation,
            is_repeatable: method.is_idempotent(),
            method,
            path: Path::Segments(path.to_vec()),
            query: Vec::new(),
            headers: HeaderMap::new(),
            body: None,
            is_sendable: true,
            wanted: None,
            deadline,
        }
    }

    /// A GET.
    pub fn get(host: Host, operation: &'static str, path: &[&'a str], deadline: Instant) -> Self {
        Self::new(host, operation, Method::GET, path, deadline)
    }

    /// A POST, which is not repeated once it may have arrived.
    pub fn post(host: Host, operation: &'static str, path: &[&'a str], deadline: Instant) -> Self {
        Self::new(host, operation, Method::POST, path, deadline)
    }

    /// A GET of a path and query that the provider itself wrote, beginning with `/`.
    pub(crate) fn get_written(
        host: Host,
        operation: &'static str,
        target: &'a str,
        deadline: Instant,
    ) -> Self {
        let mut call = Self::get(host, operation, &[], deadline);
        call.path = Path::Written(target);
        call
    }

    /// A GET of what `host` redirected to.
    pub(crate) fn get_redirected(
        host: Host,
        operation: &'static str,
        redirect: Redirect,
        deadline: Instant,
    ) -> Self {
        let mut call = Self::get(host, operation, &[], deadline);
        call.path = Path::Elsewhere(redirect.url);
        call
    }

    /// Says that the answer is a file, of which this is wanted. The deadline alone bounds how long it may take to arrive.
    pub fn media(mut self, wanted: Wanted) -> Self {
        self.wanted = Some(wanted);
        if let Some(range) = wanted.range() {
            self.headers.insert(RANGE, range);
        }
        // What is compressed on the way cannot be cut.
        let identity = HeaderValue::from_static("identity");
        self.headers.insert(ACCEPT_ENCODING, identity);
        self
    }

    /// Adds a parameter to the query. Nothing secret: servers log queries.
    pub fn query(mut self, name: &'a str, value: &'a str) -> Self {
        self.query.push((name, value));
        self
    }

    /// Adds a user name and password.
    pub fn basic(self, user: &str, password: &Secret) -> Self {
        let pair = Zeroizing::new(format!("{user}:{}", password.expose()));
        let encoded = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
        self.secret_header(
            AUTHORIZATION,
            &Zeroizing::new(format!("Basic {}", *encoded)),
        )
    }

    /// Adds a bearer token.
    pub fn bearer(self, token: &Secret) -> Self {
        self.secret_header(
            AUTHORIZATION,
            &Zeroizing::new(format!("Bearer {}", token.expose())),
        )
    }

    /// Adds a secret under a header of the provider's own, as `xi-api-key`; the name in lower case.
    pub fn secret(self, name: &'static str, value: &Secret) -> Self {
        self.secret_header(HeaderName::from_static(name), value.expose())
    }

    fn secret_header(mut self, name: HeaderName, value: &str) -> Self {
        match HeaderValue::from_str(value) {
            Ok(mut value) => {
                // Left out of every `Debug`, and never put into a compression table.
                value.set_sensitive(true);
                self.headers.insert(name, value);
            }
            Err(_) => self.is_sendable = false,
        }
        self
    }

    /// Sends a form. A name may occur several times.
    pub fn form(mut self, fields: &[(&str, &str)]) -> Self {
        // The same encoding as a query's, which `Url` knows.
        let Ok(mut url) = reqwest::Url::parse("http://form/") else {
            self.is_sendable = false;
            return self;
        };
        url.query_pairs_mut().extend_pairs(fields);
        self.body = Some(Zeroizing::new(url.query().unwrap_or_default().to_owned()));
        self.content_type("application/x-www-form-urlencoded")
    }

    /// Sends a JSON document.
    pub fn json(mut self, document: &impl Serialize) -> Self {
        match serde_json::to_string(document) {
            Ok(text) => self.body = Some(Zeroizing::new(text)),
            Err(_) => self.is_sendable = false,
        }
        self.content_type("application/json")
    }

    fn content_type(mut self, media_type: &'static str) -> Self {
        self.headers
            .insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        self
    }

    /// Declares that the call has the same effect however often it arrives, as the refresh of a token.
    pub fn repeatable(mut self) -> Self {
        self.is_repeatable = true;
        self
    }

    pub(super) fn is_repeatable(&self) -> bool {
        self.is_repeatable
    }

    pub(super) fn host(&self) -> Host {
        self.host
    }

    pub(super) fn operation(&self) -> &'static str {
        self.operation
    }

    pub(super) fn wanted(&self) -> Option<Wanted> {
        self.wanted
    }

    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Whether an identifier of the provider's holds a part of anything that the call sends, which may be a secret.
    pub(super) fn is_repeated_in(&self, identifier: &str) -> bool {
        let headers = self.headers.values().map(HeaderValue::as_bytes);
        let body = self.body.iter().map(|body| body.as_bytes());
        let password = self.password();
        let password = password.iter().map(|it| it.as_slice());
        repeats(identifier.as_bytes(), headers.chain(body).chain(password))
    }

    /// Whether a text of the provider's holds a part of the secrets among the call's headers.
    pub(super) fn has_secrets_in(&self, text: &[u8]) -> bool {
        let headers = self.headers.values().filter(|value| value.is_sensitive());
        let password = self.password();
        let password = password.iter().map(|it| it.as_slice());
        repeats(text, headers.map(HeaderValue::as_bytes).chain(password))
    }

    /// The password of [`Call::basic`]; the user name is an identifier.
    fn password(&self) -> Option<Zeroizing<Vec<u8>>> {
        let value = self.headers.get(AUTHORIZATION)?.as_bytes();
        let pair = STANDARD.decode(value.strip_prefix(b"Basic ")?).ok();
        let pair = Zeroizing::new(pair?);
        let colon = pair.iter().position(|byte| *byte == b':')?;
        Some(Zeroizing::new(pair.get(colon + 1..)?.to_vec()))
    }

    /// The request of one attempt; `None` if a header or the path cannot be written.
    pub(super) fn request(&self, client: &Client, bases: &BaseUrls) -> Option<RequestBuilder> {
        let mut url = bases.url(self.host).filter(|_| self.is_sendable)?;
        match &self.path {
            Path::Segments(segments) => {
                // `Url` would drop these, and the call would go to another resource.
                if segments
                    .iter()
                    .any(|segment| matches!(*segment, "" | "." | ".."))
                {
                    return None;
                }
                url.path_segments_mut()
                    .ok()?
                    .pop_if_empty()
                    .extend(segments);
            }
            Path::Written(target) => {
                let (path, query) = match target.split_once('?') {
                    Some((path, query)) => (path, Some(query)),
                    None => (*target, None),
                };
                let path = format!("{}{path}", url.path().trim_end_matches('/'));
                url.set_path(&path);
                url.set_query(query);
            }
            Path::Elsewhere(elsewhere) => url.clone_from(elsewhere),
        }
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        let request = client
            .request(self.method.clone(), url)
            .headers(self.headers.clone());
        Some(match &self.body {
            Some(body) => request.body(String::clone(body)),
            None => request,
        })
    }
}

impl std::fmt::Debug for Call<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Neither query nor body: both may hold what is the tenant's alone.
        formatter
            .debug_struct("Call")
            .field("host", &self.host)
            .field("operation", &self.operation)
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}
