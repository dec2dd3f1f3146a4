//! What a provider answered.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde::de::DeserializeOwned;
use serde_json::Value;
use zeroize::Zeroizing;

use super::{Call, Media, MediaFault, media, retry};

/// Where providers put the name of a request that their support asks for.
const REQUEST_ID_HEADERS: &[&str] = &["twilio-request-id", "x-request-id", "request-id"];

/// An answer of any status. Its `Debug` leaves the body out, which may hold secrets and is zeroised on drop.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    status: u16,
    request_id: Option<String>,
    retry_after: Option<Duration>,
    body: Zeroizing<Vec<u8>>,
    repeats_secrets: bool,
    file: Option<Box<File>>,
}

/// What an answer says of a file, on the heap: most answers say nothing of any, and errors hold answers.
#[derive(Clone, PartialEq, Eq)]
enum File {
    Media(Result<Media, MediaFault>),
    Elsewhere(String),
}

impl Answer {
    pub(super) fn new(
        status: u16,
        headers: &HeaderMap,
        body: Zeroizing<Vec<u8>>,
        now: Timestamp,
    ) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let request_id = REQUEST_ID_HEADERS.iter().find_map(|name| text(name));
        Self {
            status,
            request_id: request_id.and_then(identifier),
            retry_after: text(RETRY_AFTER.as_str())
                .and_then(|value| retry::retry_after(value, now)),
            body,
            repeats_secrets: false,
            file: StatusCode::from_u16(status)
                .ok()
                .and_then(|status| media::location(status, headers))
                .map(|location| Box::new(File::Elsewhere(location))),
        }
    }

    /// The same with the piece of a file that it brought.
    pub(super) fn with_media(mut self, media: Result<Media, MediaFault>) -> Self {
        self.file = Some(Box::new(File::Media(media)));
        self
    }

    /// The piece of a file that it brings, of a call that wants one; `None` when it brings something else instead.
    #[must_use]
    pub fn into_media(self) -> Option<Result<Media, MediaFault>> {
        match *self.file? {
            File::Media(media) => Some(media),
            File::Elsewhere(_) => None,
        }
    }

    /// Where it redirects to.
    pub(crate) fn location(&self) -> Option<&str> {
        match self.file.as_deref()? {
            File::Elsewhere(location) => Some(location),
            File::Media(_) => None,
        }
    }

    /// The same as the answer to this call: what it repeats of a secret is neither the provider's own word nor to be told.
    pub(super) fn to(mut self, call: &Call<'_>) -> Self {
        let request_id = self.request_id.take();
        self.request_id = request_id.filter(|id| !call.is_repeated_in(id));
        self.repeats_secrets = !self.is_success() && call.has_secrets_in(&self.body);
        self
    }

    /// Whether it is a refusal that repeats a secret of the call. No text of it may be shown or logged.
    #[must_use]
    pub fn repeats_secrets(&self) -> bool {
        self.repeats_secrets
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Whether the status says that it was done.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The provider's name of the request, for its support.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// How long the provider asks to wait, whatever the status.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body as a JSON document of a known form.
    ///
    /// # Errors
    /// Where it is not of that form. The error's text may repeat a part of the body: do not log it.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }

    /// The provider's own words: a JSON object or list. `None` for what stands in front of it, which answers in HTML or
    /// plain text and says nothing about credentials.
    #[must_use]
    pub fn words(&self) -> Option<Value> {
        self.json::<Value>()
            .ok()
            .filter(|value| value.is_object() || value.is_array())
    }

    /// The `code` of an error in the provider's words, if it is a plain identifier; for logs.
    pub(super) fn error_code(&self) -> Option<String> {
        if self.is_success() {
            return None;
        }
        match self.words()?.get("code")? {
            Value::Number(number) => Some(number.to_string()),
            Value::String(text) => identifier(text),
            _ => None,
        }
    }
}

/// A text that is short and plain enough to be logged.
fn identifier(text: &str) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (!text.is_empty() && text.len() <= 64 && text.bytes().all(plain)).then(|| text.to_owned())
}

impl fmt::Debug for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Answer")
            .field("status", &self.status)
            .field("request_id", &self.request_id)
            .field("retry_after", &self.retry_after)
            .finish_non_exhaustive()
    }
}
