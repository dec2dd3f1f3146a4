//! Why Twilio did not do what it was asked.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::cache::LoadError;
use crate::outbound::{Answer, CallError};

/// The most characters of Twilio's message that are kept.
const MESSAGE_LIMIT: usize = 300;

/// A call to Twilio without a result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TwilioError {
    /// Twilio refused, in its own words.
    #[error(transparent)]
    Refused(Refusal),
    /// An answer that is not in Twilio's words, or not in those that were expected: an error page of what stands in front,
    /// or a resource of another form.
    #[error("an answer of status {status} could not be read (request {})", request_id.as_deref().unwrap_or("unknown"))]
    Unintelligible {
        /// The HTTP status.
        status: u16,
        /// Twilio's name of the request.
        request_id: Option<String>,
    },
    /// There was no answer.
    #[error(transparent)]
    Call(#[from] CallError),
    /// A list goes on at another host, account or resource, which gets neither a call nor credentials.
    #[error("a list goes on at an address that is not its own")]
    ForeignPage,
    /// A list has more pages than are read.
    #[error("a list has more pages than are read")]
    TooManyPages,
}

/// A refusal in Twilio's own words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{status} {}: {message} (request {})",
    code.map_or_else(|| "without code".to_owned(), |code| code.to_string()),
    request_id.as_deref().unwrap_or("unknown")
)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// Twilio's error code.
    pub code: Option<u32>,
    /// Twilio's message, at most 300 characters and without control characters; withheld when it repeats a secret.
    /// For logs.
    pub message: String,
    /// Where Twilio explains it.
    pub more_info: Option<String>,
    /// Twilio's name of the request (`RQ…`).
    pub request_id: Option<String>,
}

/// What an error means for who called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The credentials are wrong, deleted, of another region, or not for this resource.
    Authentication,
    /// They are Twilio's test credentials.
    TestCredentials,
    /// The account is suspended or closed.
    AccountNotActive,
    /// The credentials are genuine and may not do this.
    NotPermitted,
    /// There is no such resource in this account.
    NotFound,
    /// The request itself was wrong.
    Rejected,
    /// Too many calls at once; nothing was done.
    RateLimited {
        /// How long Twilio asks to wait, if it says.
        retry_after: Option<Duration>,
    },
    /// Twilio could not be asked, or not answer. Nothing is known.
    Unavailable,
}

impl TwilioError {
    /// The error of an answer without success.
    pub(super) fn of_answer(answer: &Answer) -> Self {
        let words = match answer.words() {
            Some(Value::Object(words)) => Some(words),
            Some(_) => None,
            None => xml_words(answer.body()),
        };
        let Some(words) = words else {
            return Self::unintelligible(answer);
        };
        let text = |name: &str| words.get(name).and_then(Value::as_str);
        // The newer APIs answer with problem details (RFC 9457).
        let message = text("message").or(text("detail")).or(text("title"));
        let is_shown = !answer.repeats_secrets();
        let code = words.get("code");
        let code = code.and_then(|code| code.as_u64().or_else(|| code.as_str()?.parse().ok()));
        let code = code.and_then(|code| u32::try_from(code).ok());
        if message.is_none() && code.is_none() {
            return Self::unintelligible(answer);
        }
        Self::Refused(Refusal {
            status: answer.status(),
            code,
            message: match is_shown {
                true => bounded(message.unwrap_or_default()),
                false => "what was said repeats a secret, and is not shown".to_owned(),
            },
            more_info: text("more_info").filter(|_| is_shown).map(bounded),
            request_id: answer.request_id().map(str::to_owned),
        })
    }

    pub(super) fn unintelligible(answer: &Answer) -> Self {
        Self::Unintelligible {
            status: answer.status(),
            request_id: answer.request_id().map(str::to_owned),
        }
    }

    /// What it means, judged by Twilio's code before the status.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Refused(refusal) => refusal.kind(),
            Self::Call(CallError::RateLimited { retry_after, .. }) => ErrorKind::RateLimited {
                retry_after: *retry_after,
            },
            Self::Unintelligible { .. }
            | Self::Call(_)
            | Self::ForeignPage
            | Self::TooManyPages => ErrorKind::Unavailable,
        }
    }
}

impl LoadError for TwilioError {
    fn is_unavailable(&self) -> bool {
        self.kind() == ErrorKind::Unavailable
    }
}

impl Refusal {
    /// Only the few codes whose meaning Twilio documents are told apart; more of them may come to mean the same.
    fn kind(&self) -> ErrorKind {
        match (self.code, self.status) {
            (Some(20003), _) => ErrorKind::Authentication,
            (Some(20008), _) => ErrorKind::TestCredentials,
            (Some(20005 | 10001 | 20403), _) => ErrorKind::AccountNotActive,
            (Some(70051), _) => ErrorKind::NotPermitted,
            (Some(20404), _) => ErrorKind::NotFound,
            (Some(20429), _) | (_, 429) => ErrorKind::RateLimited { retry_after: None },
            (Some(20500 | 20503), _) | (_, 500..) => ErrorKind::Unavailable,
            (_, 401) => ErrorKind::Authentication,
            (_, 403) => ErrorKind::NotPermitted,
            (_, 404) => ErrorKind::NotFound,
            _ => ErrorKind::Rejected,
        }
    }
}

/// Twilio's words in XML, by which paths answer that have no `.json` at their end: those of files. They are taken from between
/// their tags as they are, since the code alone is acted upon.
fn xml_words(body: &[u8]) -> Option<Map<String, Value>> {
    let text = std::str::from_utf8(body).ok()?;
    let (_, exception) = text
        .split_once("<TwilioResponse>")?
        .1
        .split_once("<RestException>")?;
    let words = [
        ("code", "Code"),
        ("message", "Message"),
        ("more_info", "MoreInfo"),
    ];
    let words = words.into_iter().filter_map(|(name, tag)| {
        let (_, rest) = exception.split_once(&format!("<{tag}>"))?;
        let (text, _) = rest.split_once(&format!("</{tag}>"))?;
        Some((name.to_owned(), Value::from(text)))
    });
    Some(words.collect())
}

fn bounded(text: &str) -> String {
    let visible = text.chars().filter(|character| !character.is_control());
    visible.take(MESSAGE_LIMIT).collect()
}
