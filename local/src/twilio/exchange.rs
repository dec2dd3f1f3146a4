//! What was sent and what came back.

use std::time::Duration;

use super::connection::InvalidOverrides;
use super::parameters::Parameters;
use super::twiml::{Document, InvalidDocument};
use super::webhook::{Forgery, Purpose};

/// A webhook's delivery: the request, every attempt, the last answer and what Twilio makes of it.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// Why Twilio called.
    pub purpose: Purpose,
    /// What was wrong with the request, on purpose.
    pub forgery: Forgery,
    /// The request, the same in every attempt.
    pub request: Request,
    /// Every attempt in order; none if the request could not be made at all.
    pub attempts: Vec<Attempt>,
    /// The last attempt's answer, if it had one.
    pub response: Option<Response>,
    /// From the first attempt's start to the last one's end.
    pub duration: Duration,
    /// What Twilio makes of the answer.
    pub judgement: Judgement,
    /// The call of the fallback URL that a fault led to.
    pub fallback: Option<Box<Self>>,
}

impl Exchange {
    /// The document that Twilio goes on with, and the URL it came from: the answer's, or that of the fallback.
    #[must_use]
    pub fn document(&self) -> Option<(&Document, &str)> {
        match (&self.judgement, &self.fallback) {
            (Judgement::Document(document), _) => Some((document, &self.request.url)),
            (_, Some(fallback)) => fallback.document(),
            _ => None,
        }
    }

    /// Why the URL itself failed, if it did (the fallback may have helped).
    #[must_use]
    pub fn fault(&self) -> Option<&Fault> {
        match &self.judgement {
            Judgement::Fault(fault) => Some(fault),
            _ => None,
        }
    }

    /// The status of the last answer.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.response.as_ref().map(|response| response.status)
    }
}

/// A request as it was sent.
#[derive(Debug, Clone)]
pub struct Request {
    /// `POST` or `GET`.
    pub method: &'static str,
    /// The URL that was asked for and, unless forged, signed: without fragment and user information.
    pub url: String,
    /// The headers that Twilio sets, signature included.
    pub headers: Vec<(String, String)>,
    /// The decoded parameters, as sent (tampering included).
    pub parameters: Parameters,
}

impl Request {
    /// The value of a header; names match in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        find_header(&self.headers, name)
    }
}

/// One try to deliver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// How it ended.
    pub outcome: AttemptOutcome,
    /// How long it took.
    pub duration: Duration,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// With an answer of this status.
    Answered(u16),
    /// The connection could not be made.
    ConnectionFailed,
    /// No whole answer in time.
    TimedOut,
    /// The connection broke, or what came was no HTTP.
    ConnectionLost,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// Every header in order, names in lower case; bytes that are no text are replaced.
    pub headers: Vec<(String, String)>,
    /// The body, cut a byte after the 64 kB that Twilio takes.
    pub body: Vec<u8>,
}

impl Response {
    /// The value of a header; names match in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        find_header(&self.headers, name)
    }

    /// The body as text; bytes that are no UTF-8 are replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

fn find_header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
}

/// What Twilio makes of an answer.
#[derive(Debug, Clone)]
pub enum Judgement {
    /// TwiML to execute.
    Document(Document),
    /// An inbound message is not replied to: the answer was empty.
    NoReply,
    /// A status callback is done with.
    Acknowledged,
    /// `text/plain`: read aloud to a caller, or sent to whoever wrote. Hardly ever what was meant.
    PlainText(String),
    /// An error in the account's debugger; the fallback is called if there is one.
    Fault(Fault),
}

/// Why Twilio counts a webhook as failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The URL cannot be called.
    #[error("the URL cannot be called: {0}")]
    InvalidUrl(String),
    /// The URL's fragment is no set of connection overrides.
    #[error("the URL's fragment is wrong: {0}")]
    InvalidOverrides(#[from] InvalidOverrides),
    /// No connection could be made.
    #[error("no connection could be made")]
    ConnectionFailed,
    /// The connection broke before the answer was whole.
    #[error("the connection broke before the answer was whole")]
    ConnectionLost,
    /// The answer was not whole in time.
    #[error("no whole answer within the timeout")]
    TimedOut,
    /// A redirect. Twilio would follow it with a GET that has lost every parameter: the double stops here.
    #[error("{status} redirects to {location}, and following it would lose the parameters")]
    Redirected {
        /// The status of the answer.
        status: u16,
        /// Where it points.
        location: String,
    },
    /// A status other than 2xx and 3xx.
    #[error("the answer's status is {0}")]
    Status(u16),
    /// A body without a content type; Twilio's proxy makes it a 502.
    #[error("the answer has a body but no Content-Type, which Twilio shows as a 502")]
    MissingContentType,
    /// A body that is neither XML nor plain text.
    #[error("the answer's Content-Type is {0}, not text/xml or application/xml")]
    WrongContentType(String),
    /// More than 64 kB.
    #[error("the answer is larger than 64 kB")]
    TooLarge,
    /// No TwiML.
    #[error("the answer is no TwiML: {0}")]
    InvalidDocument(#[from] InvalidDocument),
}

impl Fault {
    /// The error code in Twilio's debugger, which is also the fallback's `ErrorCode`.
    #[must_use]
    pub const fn code(&self) -> u32 {
        match self {
            Self::InvalidUrl(_) | Self::InvalidOverrides(_) => 11_100,
            Self::ConnectionFailed | Self::ConnectionLost | Self::TimedOut => 11_205,
            Self::Redirected { .. } | Self::Status(_) | Self::MissingContentType => 11_200,
            Self::TooLarge => 11_750,
            Self::InvalidDocument(_) => 12_100,
            Self::WrongContentType(_) => 12_300,
        }
    }
}
