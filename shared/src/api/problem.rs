//! Refusals as clients get them: RFC 9457 with a stable code.

use lambda_http::http::StatusCode;

use crate::fault::{FieldFault, InvalidInput};

/// Why a request of the client API is refused. Codes are a contract: `openapi.yaml` lists them, and they never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the titles say it")]
pub enum Code {
    MalformedRequest,
    MalformedBody,
    InvalidParameter,
    InvalidCursor,
    TenantRequired,
    Unauthenticated,
    RoleRequired,
    NoTenant,
    TenantMismatch,
    TenantSuspended,
    NotFound,
    TenantNotFound,
    IntegrationNotFound,
    MessageNotFound,
    CallNotFound,
    RecordingNotFound,
    MediaNotFound,
    PhoneNumberNotFound,
    MethodNotAllowed,
    TenantExists,
    TenantDeleting,
    SubdomainTaken,
    AccountTaken,
    CredentialsMissing,
    CredentialsInactive,
    RotationNotPossible,
    ApiKeyMissing,
    ApiKeyRestricted,
    VersionMismatch,
    BodyTooLarge,
    MediaTooLarge,
    UnsupportedMediaType,
    RangeNotSatisfiable,
    InvalidFields,
    CredentialsInvalid,
    RateLimited,
    Internal,
    ProviderRefused,
    RangeOutOfReach,
    Unavailable,
    ProviderUnavailable,
}

impl Code {
    /// All of them.
    pub const ALL: [Self; 41] = [
        Self::MalformedRequest,
        Self::MalformedBody,
        Self::InvalidParameter,
        Self::InvalidCursor,
        Self::TenantRequired,
        Self::Unauthenticated,
        Self::RoleRequired,
        Self::NoTenant,
        Self::TenantMismatch,
        Self::TenantSuspended,
        Self::NotFound,
        Self::TenantNotFound,
        Self::IntegrationNotFound,
        Self::MessageNotFound,
        Self::CallNotFound,
        Self::RecordingNotFound,
        Self::MediaNotFound,
        Self::PhoneNumberNotFound,
        Self::MethodNotAllowed,
        Self::TenantExists,
        Self::TenantDeleting,
        Self::SubdomainTaken,
        Self::AccountTaken,
        Self::CredentialsMissing,
        Self::CredentialsInactive,
        Self::RotationNotPossible,
        Self::ApiKeyMissing,
        Self::ApiKeyRestricted,
        Self::VersionMismatch,
        Self::BodyTooLarge,
        Self::MediaTooLarge,
        Self::UnsupportedMediaType,
        Self::RangeNotSatisfiable,
        Self::InvalidFields,
        Self::CredentialsInvalid,
        Self::RateLimited,
        Self::Internal,
        Self::ProviderRefused,
        Self::RangeOutOfReach,
        Self::Unavailable,
        Self::ProviderUnavailable,
    ];

    /// The code in JSON, its status, and its title.
    const fn parts(self) -> (&'static str, u16, &'static str) {
        match self {
            Self::MalformedRequest => ("malformed_request", 400, "The request is malformed"),
            Self::MalformedBody => ("malformed_body", 400, "The body is not JSON"),
            Self::InvalidParameter => ("invalid_parameter", 400, "A parameter is not valid"),
            Self::InvalidCursor => ("invalid_cursor", 400, "The cursor is not of this list"),
            Self::TenantRequired => ("tenant_required", 400, "No tenant is selected"),
            Self::Unauthenticated => ("unauthenticated", 401, "The token is not valid here"),
            Self::RoleRequired => ("role_required", 403, "The role does not allow this"),
            Self::NoTenant => ("no_tenant", 403, "The token names no tenant"),
            Self::TenantMismatch => ("tenant_mismatch", 403, "The token is of another tenant"),
            Self::TenantSuspended => ("tenant_suspended", 403, "The tenant is suspended"),
            Self::NotFound => ("not_found", 404, "There is no such route"),
            Self::TenantNotFound => ("tenant_not_found", 404, "There is no such tenant"),
            Self::IntegrationNotFound => {
                ("integration_not_found", 404, "No credentials are stored")
            }
            Self::MessageNotFound => ("message_not_found", 404, "There is no such message"),
            Self::CallNotFound => ("call_not_found", 404, "There is no such call"),
            Self::RecordingNotFound => ("recording_not_found", 404, "There is no such recording"),
            Self::MediaNotFound => ("media_not_found", 404, "Twilio has no such media"),
            Self::PhoneNumberNotFound => (
                "phone_number_not_found",
                404,
                "There is no such phone number",
            ),
            Self::MethodNotAllowed => ("method_not_allowed", 405, "The route has other methods"),
            Self::TenantExists => ("tenant_exists", 409, "The tenant exists"),
            Self::TenantDeleting => ("tenant_deleting", 409, "The tenant is being deleted"),
            Self::SubdomainTaken => ("subdomain_taken", 409, "The subdomain is taken"),
            Self::AccountTaken => ("account_taken", 409, "The Twilio account is taken"),
            Self::CredentialsMissing => (
                "credentials_missing",
                409,
                "The tenant has no credentials for this",
            ),
            Self::CredentialsInactive => (
                "credentials_inactive",
                409,
                "The tenant's credentials are not active",
            ),
            Self::RotationNotPossible => (
                "rotation_not_possible",
                409,
                "The rotation cannot be rolled back",
            ),
            Self::ApiKeyMissing => ("api_key_missing", 409, "The tenant has no API key"),
            Self::ApiKeyRestricted => (
                "api_key_restricted",
                409,
                "The tenant's API key cannot issue tokens",
            ),
            Self::VersionMismatch => ("version_mismatch", 412, "Somebody else was first"),
            Self::BodyTooLarge => ("body_too_large", 413, "The body is too large"),
            Self::MediaTooLarge => (
                "media_too_large",
                413,
                "The media are larger than one answer",
            ),
            Self::RangeNotSatisfiable => (
                "range_not_satisfiable",
                416,
                "The media have nothing in the range",
            ),
            Self::UnsupportedMediaType => (
                "unsupported_media_type",
                415,
                "The body is of another media type",
            ),
            Self::InvalidFields => ("invalid_fields", 422, "Fields are not valid"),
            Self::CredentialsInvalid => (
                "credentials_invalid",
                422,
                "The provider does not accept the credentials",
            ),
            Self::RateLimited => ("rate_limited", 429, "Too many requests"),
            Self::Internal => ("internal", 500, "The request failed"),
            Self::ProviderRefused => ("provider_refused", 502, "The provider refused"),
            Self::RangeOutOfReach => (
                "range_out_of_reach",
                502,
                "The range is too far behind the beginning",
            ),
            Self::Unavailable => ("unavailable", 503, "Try again"),
            Self::ProviderUnavailable => (
                "provider_unavailable",
                503,
                "The provider cannot be reached",
            ),
        }
    }

    /// The code in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.parts().0
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(self) -> StatusCode {
        StatusCode::from_u16(self.parts().1).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// What it means, in the same words for every request.
    #[must_use]
    pub const fn title(self) -> &'static str {
        self.parts().2
    }
}

/// A refusal: a code, what to do about it, and for the log what led to it.
#[derive(Debug, Clone)]
pub struct Problem {
    /// Which one.
    pub code: Code,
    /// What is wrong in this request and what would help, for the caller.
    pub detail: String,
    /// The fields that are wrong, if it is they.
    pub errors: Vec<FieldFault>,
    /// After how many seconds to try again.
    pub retry_after: Option<u32>,
    /// The methods that the route has.
    pub allow: Option<Box<str>>,
    /// How long the media are that a range was asked of.
    pub media_length: Option<u64>,
    /// What led to it, for the log alone.
    pub cause: Option<String>,
}

impl Problem {
    /// A refusal that the caller can do something about.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            errors: Vec::new(),
            retry_after: None,
            allow: None,
            media_length: None,
            cause: None,
        }
    }

    /// The same, with the time after which to try again, in seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The same, with what the log should know of it.
    #[must_use]
    pub fn because(mut self, cause: impl ToString) -> Self {
        self.cause = Some(cause.to_string());
        self
    }

    /// A route that the table sends to another function.
    #[must_use]
    pub fn not_here() -> Self {
        Self::new(Code::NotFound, "Another function serves this route.")
    }

    /// A failure of ours. The caller learns nothing of the cause.
    #[must_use]
    pub fn internal(cause: impl ToString) -> Self {
        let detail = "This is not the caller's fault. The request id finds it in the logs.";
        Self::new(Code::Internal, detail).because(cause)
    }

    /// A store that does not answer.
    #[must_use]
    pub fn unavailable(cause: impl ToString) -> Self {
        let detail = "A store did not answer in time. Nothing is known to have changed: try again.";
        Self::new(Code::Unavailable, detail)
            .retry_after(1)
            .because(cause)
    }
}

impl From<InvalidInput> for Problem {
    fn from(invalid: InvalidInput) -> Self {
        let detail = "Each entry of errors names a field and what it should be.";
        Self {
            errors: invalid.faults,
            ..Self::new(Code::InvalidFields, detail)
        }
    }
}
