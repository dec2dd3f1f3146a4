use std::fmt;
use std::process::ExitStatus;
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;

use super::PAYLOAD_LIMIT;

/// Why an invocation has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The function itself reported an error, a panic included.
    Reported,
    /// The process ended before it answered.
    Exited,
    /// The process ended, failed or took too long before its first poll.
    Init,
    /// The invocation took longer than the function's timeout.
    TimedOut,
    /// The answer is larger than [`PAYLOAD_LIMIT`].
    ResponseTooLarge,
    /// The answer came in a mode that the function URL does not have.
    ResponseMode,
    /// The event is larger than [`PAYLOAD_LIMIT`]. The function has not seen it.
    RequestTooLarge,
    /// The template reserves no concurrency for the function.
    Throttled,
    /// The stack is ending.
    Stopped,
}

/// An invocation's error, with the JSON document that Lambda gives the caller.
#[derive(Clone, PartialEq, Eq)]
pub struct InvocationError {
    kind: ErrorKind,
    error_type: String,
    message: String,
    payload: Bytes,
}

/// The documented shape of an error.
#[derive(Deserialize)]
struct Document {
    #[serde(rename = "errorType")]
    error_type: Option<String>,
    #[serde(rename = "errorMessage")]
    error_message: Option<String>,
}

impl InvocationError {
    fn new(kind: ErrorKind, error_type: &str, message: String) -> Self {
        let payload = json!({"errorType": error_type, "errorMessage": message})
            .to_string()
            .into();
        Self {
            kind,
            error_type: error_type.to_owned(),
            message,
            payload,
        }
    }

    /// What the function posted to `…/error`, with the type from the header if the document names none.
    pub(crate) fn reported(payload: Bytes, header: Option<&str>) -> Self {
        let document = serde_json::from_slice::<Document>(&payload).ok();
        let (error_type, message) = document.map_or((None, None), |document| {
            (document.error_type, document.error_message)
        });
        Self {
            kind: ErrorKind::Reported,
            error_type: error_type
                .or_else(|| header.map(str::to_owned))
                .unwrap_or_else(|| "Unhandled".to_owned()),
            message: message.unwrap_or_default(),
            payload,
        }
    }

    /// What the function posted to `init/error`.
    pub(super) fn reported_in_init(payload: Bytes, header: Option<&str>) -> Self {
        Self {
            kind: ErrorKind::Init,
            ..Self::reported(payload, header)
        }
    }

    pub(super) fn exited(request_id: &str, status: ExitStatus) -> Self {
        Self::new(
            ErrorKind::Exited,
            "Runtime.ExitError",
            exit_message(request_id, status),
        )
    }

    pub(super) fn exited_in_init(request_id: &str, status: ExitStatus) -> Self {
        Self::new(
            ErrorKind::Init,
            "Runtime.ExitError",
            exit_message(request_id, status),
        )
    }

    pub(super) fn not_started(request_id: &str, reason: &str) -> Self {
        Self::new(
            ErrorKind::Init,
            "Runtime.InvalidEntrypoint",
            format!("RequestId: {request_id} Error: {reason}"),
        )
    }

    pub(super) fn init_timed_out(request_id: &str, limit: Duration) -> Self {
        let message = format!(
            "RequestId: {request_id} Error: Init phase timed out after {:.2} seconds",
            limit.as_secs_f64()
        );
        Self::new(ErrorKind::Init, "Sandbox.Timedout", message)
    }

    pub(super) fn timed_out(request_id: &str, limit: Duration) -> Self {
        let message = format!(
            "RequestId: {request_id} Error: Task timed out after {:.2} seconds",
            limit.as_secs_f64()
        );
        Self::new(ErrorKind::TimedOut, "Sandbox.Timedout", message)
    }

    pub(super) fn response_too_large() -> Self {
        let message = format!(
            "Response payload size exceeded maximum allowed payload size ({PAYLOAD_LIMIT} bytes)."
        );
        Self::new(
            ErrorKind::ResponseTooLarge,
            "Function.ResponseSizeTooLarge",
            message,
        )
    }

    pub(super) fn response_mode() -> Self {
        let message =
            "The function streamed its response, but its function URL is BUFFERED.".to_owned();
        Self::new(
            ErrorKind::ResponseMode,
            "Runtime.InvalidResponseMode",
            message,
        )
    }

    pub(crate) fn request_too_large() -> Self {
        let message = format!(
            "Request must be smaller than {PAYLOAD_LIMIT} bytes for the InvokeFunction operation"
        );
        Self::new(
            ErrorKind::RequestTooLarge,
            "RequestEntityTooLargeException",
            message,
        )
    }

    pub(super) fn throttled() -> Self {
        Self::new(
            ErrorKind::Throttled,
            "TooManyRequestsException",
            "Rate Exceeded.".to_owned(),
        )
    }

    pub(super) fn stopped() -> Self {
        Self::new(
            ErrorKind::Stopped,
            "ServiceException",
            "The local stack is stopping.".to_owned(),
        )
    }

    /// What went wrong, for code that has to tell.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Lambda's name of the error, such as `Runtime.ExitError`.
    #[must_use]
    pub fn error_type(&self) -> &str {
        &self.error_type
    }

    /// Lambda's or the function's description.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The JSON document with `errorType` and `errorMessage` that the Invoke API answers.
    #[must_use]
    pub fn payload(&self) -> &Bytes {
        &self.payload
    }
}

impl fmt::Debug for InvocationError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("InvocationError")
            .field("kind", &self.kind)
            .field("error_type", &self.error_type)
            .field("message", &self.message)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for InvocationError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.error_type, self.message)
    }
}

impl std::error::Error for InvocationError {}

/// The sentence that Lambda writes for a runtime that ended.
fn exit_message(request_id: &str, status: ExitStatus) -> String {
    if status.success() {
        format!("RequestId: {request_id} Error: Runtime exited without providing a reason")
    } else {
        let reason = status
            .code()
            .map_or_else(|| status.to_string(), |code| format!("exit status {code}"));
        format!("RequestId: {request_id} Error: Runtime exited with error: {reason}")
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use serde_json::Value;

    use super::*;

    fn document(error: &InvocationError) -> Value {
        serde_json::from_slice(error.payload()).unwrap()
    }

    #[test]
    fn an_exit_has_the_documented_shape() {
        let error = InvocationError::exited("r-1", ExitStatus::from_raw(1 << 8));
        assert_eq!(error.kind(), ErrorKind::Exited);
        assert_eq!(
            document(&error),
            json!({
                "errorType": "Runtime.ExitError",
                "errorMessage": "RequestId: r-1 Error: Runtime exited with error: exit status 1"
            })
        );
    }

    #[test]
    fn a_timeout_says_the_limit_in_seconds() {
        let error = InvocationError::timed_out("r-1", Duration::from_millis(1_500));
        assert_eq!(
            document(&error),
            json!({
                "errorType": "Sandbox.Timedout",
                "errorMessage": "RequestId: r-1 Error: Task timed out after 1.50 seconds"
            })
        );
    }

    #[test]
    fn what_a_function_reports_is_passed_on_as_it_is() {
        let payload =
            Bytes::from_static(br#"{"errorType":"Retryable","errorMessage":"busy","more":1}"#);
        let error = InvocationError::reported(payload.clone(), Some("unhandled"));
        assert_eq!((error.error_type(), error.message()), ("Retryable", "busy"));
        assert_eq!(error.payload(), &payload);
    }

    #[test]
    fn a_report_that_is_no_document_takes_its_type_from_the_header() {
        let error = InvocationError::reported(Bytes::from_static(b"oops"), Some("Runtime.Strange"));
        assert_eq!(error.error_type(), "Runtime.Strange");
    }
}
