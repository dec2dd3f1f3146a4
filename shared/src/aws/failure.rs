//! How a call to an AWS service failed, in a form that may be logged.

use std::fmt;

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::RequestId;

/// A failed call. Its text is made of the service's own status, code, message and request id. The SDK's error is not kept:
/// it holds the raw answer, and its `Debug` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CallFailure {
    /// Whether the service could not be asked, or said "not now"; otherwise it was asked, and said no.
    pub(crate) is_unavailable: bool,
    /// The code of the service's answer, if it answered with one.
    pub(crate) code: Option<String>,
    detail: String,
}

impl CallFailure {
    /// Sorts a failed call, by the status of its answer first: what stands before a service may answer with a body that is
    /// not the service's.
    pub(crate) fn of<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata,
    {
        let request_id = error.request_id().unwrap_or("unknown");
        match error {
            SdkError::ServiceError(answer) => {
                let (status, answered) = (answer.raw().status().as_u16(), answer.err());
                let code = answered.code().map(str::to_owned);
                let name = code.as_deref().unwrap_or("no code");
                let message = answered.message().unwrap_or_default();
                Self {
                    is_unavailable: status >= 500 || status == 429 || is_passing(name),
                    detail: format!("{status} {name}: {message} (request id {request_id})"),
                    code,
                }
            }
            SdkError::ResponseError(_) => {
                Self::without_code(true, format!("unreadable answer (request id {request_id})"))
            }
            SdkError::TimeoutError(_) => Self::without_code(true, "timed out".to_owned()),
            SdkError::DispatchFailure(failure) => {
                let cause = failure.as_connector_error();
                let cause = cause.map(|cause| DisplayErrorContext(cause).to_string());
                Self::without_code(true, format!("not reached: {}", cause.unwrap_or_default()))
            }
            // Only a request that cannot be made is left; asking again does not mend that.
            _ => Self::without_code(false, "the request could not be made".to_owned()),
        }
    }

    fn without_code(is_unavailable: bool, detail: String) -> Self {
        Self {
            is_unavailable,
            code: None,
            detail,
        }
    }
}

impl fmt::Display for CallFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.detail)
    }
}

/// Whether an error code says "not now" rather than "no", whatever its status. What is not listed is a "no": access denied,
/// a failed condition, invalid ciphertext, a disabled or deleted key, and whatever AWS will add.
/// Source: "Common errors" and the errors of each operation, API references of DynamoDB, EventBridge, KMS, SQS and STS.
pub(super) fn is_passing(code: &str) -> bool {
    matches!(
        code,
        "DependencyTimeoutException"
            | "InternalFailure"
            | "InternalException"
            | "InternalServerError"
            | "KMSInternalException"
            | "KeyUnavailableException"
            | "LimitExceededException"
            | "ProvisionedThroughputExceededException"
            | "RequestLimitExceeded"
            | "RequestThrottled"
            | "RequestThrottledException"
            | "RequestTimeout"
            | "RequestTimeoutException"
            | "ServiceUnavailable"
            | "ServiceUnavailableException"
            | "SlowDown"
            | "Throttling"
            | "ThrottlingException"
            | "TooManyRequestsException"
            | "TransactionConflictException"
            | "TransactionInProgressException"
    )
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::config::http::HttpResponse;
    use aws_sdk_dynamodb::operation::get_item::GetItemError;
    use aws_smithy_types::body::SdkBody;

    use super::*;

    /// What is made of an answer with this status, code and body.
    fn answered(status: u16, code: Option<&str>, body: &str) -> CallFailure {
        let mut metadata = aws_sdk_dynamodb::error::ErrorMetadata::builder().message("a message");
        if let Some(code) = code {
            metadata = metadata.code(code);
        }
        let mut raw = HttpResponse::new(
            status.try_into().unwrap(),
            SdkBody::from(body.as_bytes().to_vec()),
        );
        raw.headers_mut().insert("x-amzn-requestid", "R1");
        raw.headers_mut().insert("set-cookie", "a header's secret");
        let error = GetItemError::generic(metadata.build());
        CallFailure::of(&SdkError::service_error(error, raw))
    }

    #[test]
    fn a_status_of_the_server_is_unavailable_whatever_its_code() {
        for (status, code) in [
            (503, None),
            (500, Some("NobodyKnowsThisOne")),
            (502, Some("AccessDeniedException")),
            (429, None),
            (400, Some("ThrottlingException")),
            (400, Some("ProvisionedThroughputExceededException")),
        ] {
            assert!(
                answered(status, code, "<html>busy</html>").is_unavailable,
                "{status} {code:?}"
            );
        }
    }

    #[test]
    fn a_no_is_no_outage() {
        for (status, code) in [
            (400, Some("AccessDeniedException")),
            (400, Some("ValidationException")),
            (400, Some("NobodyKnowsThisOne")),
            (403, None),
        ] {
            assert!(
                !answered(status, code, "{}").is_unavailable,
                "{status} {code:?}"
            );
        }
    }

    #[test]
    fn neither_headers_nor_body_are_shown() {
        let failure = answered(503, Some("Busy"), "a body's secret");
        assert_eq!(failure.to_string(), "503 Busy: a message (request id R1)");
        assert!(!format!("{failure:?}").contains("secret"));
    }
}
