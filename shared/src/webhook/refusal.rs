//! Why a webhook is not taken.

use lambda_http::http::StatusCode;

use crate::activity::MalformedWebhook;
use crate::http::{MalformedEvent, Reply};
use crate::twilio::InvalidParameters;
use crate::twilio::signature::SignatureError;

/// Why a webhook is not taken. The caller sees the status alone; the reason is for the log.
///
/// Whatever a forger could learn from is one and the same 403: an unknown account, a wrong signature, a suspended tenant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The path is none of the function's.
    #[error("no such route")]
    UnknownRoute,
    /// Twilio's webhooks are POSTs.
    #[error("the method is not POST")]
    Method,
    /// Twilio's webhooks are forms.
    #[error("the content type is not application/x-www-form-urlencoded")]
    ContentType,
    /// The event is not a request.
    #[error(transparent)]
    Event(#[from] MalformedEvent),
    /// The body or the query is not what it says it is.
    #[error("malformed parameters: {0}")]
    Parameters(#[from] InvalidParameters),
    /// The body names no account.
    #[error("the webhook names no account")]
    NoAccount,
    /// The account in the URL is not the one in the body.
    #[error("the account of the URL is not that of the webhook")]
    AccountMismatch,
    /// Nobody holds the account, or its holder has no credentials.
    #[error("no tenant holds the account")]
    UnknownAccount,
    /// Not signed by the account.
    #[error("signature: {0}")]
    Signature(#[from] SignatureError),
    /// The tenant is suspended or being deleted.
    #[error("the tenant is not active")]
    InactiveTenant,
    /// Verified, but it names nothing that it could be kept under.
    #[error(transparent)]
    Unnamed(#[from] MalformedWebhook),
    /// The stored credentials cannot be read; said once more, with the cause, by an error of its own.
    #[error("the tenant's credentials cannot be read")]
    Credentials,
    /// The stores did not answer in time, so that nothing is known of the account.
    #[error("the account could not be resolved in time")]
    Unresolved,
    /// Verified, but neither the store nor the queue took it.
    #[error("the webhook could neither be kept nor put aside")]
    NotKept,
}

impl Refusal {
    /// The status that Twilio sees: 4xx is final, 503 is retried where the URL's overrides say so.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::UnknownRoute => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::ContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Event(MalformedEvent::TooLarge) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Event(_) | Self::Parameters(_) | Self::NoAccount | Self::Unnamed(_) => {
                StatusCode::BAD_REQUEST
            }
            Self::AccountMismatch
            | Self::UnknownAccount
            | Self::Signature(_)
            | Self::InactiveTenant => StatusCode::FORBIDDEN,
            Self::Credentials | Self::Unresolved | Self::NotKept => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The answer: the status and nothing else.
    #[must_use]
    pub fn reply(&self) -> Reply {
        match self {
            Self::Method => Reply::method_not_allowed("POST"),
            _ => Reply::empty(self.status()),
        }
    }
}
