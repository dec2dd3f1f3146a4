//! Why a call has no answer.

use std::error::Error;
use std::time::Duration;

use super::Answer;

/// A call without an answer that could be used. Its text names no URL and repeats nothing that was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The provider answered 429 to every attempt, or asked to wait beyond the deadline. Nothing was done.
    #[error("the provider asks for patience (429)")]
    RateLimited {
        /// How long it asked to wait, if it said.
        retry_after: Option<Duration>,
        /// The answer: a few providers also say by 429 that a quota is used up.
        answer: Answer,
    },
    /// No connection came about, so nothing was sent.
    #[error("the provider was not reached: {cause}")]
    Unreachable {
        /// What was in the way, in the words of the system.
        cause: String,
        /// Whether the host was reached, but is not who it should be: that does not pass by itself.
        is_certificate: bool,
    },
    /// The connection broke before the whole answer was there.
    #[error("the connection broke: {cause}")]
    Interrupted {
        /// How, in the words of the system.
        cause: String,
    },
    /// No whole answer came in time.
    #[error("the provider did not answer in time")]
    TimedOut,
    /// The answer is larger than any that could be meant.
    #[error("the answer is too large")]
    TooLarge,
    /// A secret or a part of the path has characters that cannot be sent. Nothing was sent.
    #[error("the call cannot be written as an HTTP request")]
    Unsendable,
}

impl CallError {
    /// Whether the provider may have done what it was asked.
    #[must_use]
    pub fn may_have_been_done(&self) -> bool {
        match self {
            Self::RateLimited { .. } | Self::Unreachable { .. } | Self::Unsendable => false,
            Self::Interrupted { .. } | Self::TimedOut | Self::TooLarge => true,
        }
    }

    pub(super) fn of(error: reqwest::Error) -> Self {
        if error.is_builder() {
            return Self::Unsendable;
        }
        // The URL is in the error's own text, not in those of its sources; the last source is what happened.
        let (is_connect, error) = (error.is_connect(), error.without_url());
        let (mut cause, mut is_certificate) = (error.to_string(), false);
        let mut source = error.source();
        while let Some(inner) = source {
            cause = inner.to_string();
            is_certificate |= certificate_fault(inner);
            source = inner.source();
        }
        if is_connect {
            Self::Unreachable {
                cause,
                is_certificate,
            }
        } else {
            Self::Interrupted { cause }
        }
    }
}

/// Whether an error says that the other side's certificate is not to be trusted. TLS errors arrive inside I/O errors, which
/// do not name them as their source.
fn certificate_fault(error: &(dyn Error + 'static)) -> bool {
    let inner = error
        .downcast_ref::<std::io::Error>()
        .and_then(std::io::Error::get_ref)
        .map(|inner| inner as &(dyn Error + 'static));
    [Some(error), inner].into_iter().flatten().any(|error| {
        matches!(
            error.downcast_ref::<rustls::Error>(),
            Some(rustls::Error::InvalidCertificate(_))
        )
    })
}
