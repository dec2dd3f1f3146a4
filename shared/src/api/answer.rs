//! Answers: JSON, and problems as RFC 9457 has them.

use std::time::Duration;

use lambda_http::http::header::{ALLOW, CACHE_CONTROL, CONTENT_RANGE, WWW_AUTHENTICATE};
use lambda_http::http::{HeaderName, HeaderValue, StatusCode};
use serde::Serialize;
use tracing::{error, info, warn};

use super::{Access, Code, Operation, Problem};
use crate::http::Reply;
use crate::telemetry::metrics::{CALL, one_if};
use crate::telemetry::{AwsCalls, aws_calls};

/// A document as an answer.
#[must_use]
pub fn json(status: StatusCode, document: &impl Serialize) -> Reply {
    // Masked as they are, credentials' states are nobody else's business, and tokens are secrets.
    Reply::json(status, "application/json", document)
        .with(CACHE_CONTROL, HeaderValue::from_static("no-store"))
}

#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: &'a str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError<'a>>,
}

#[derive(Serialize)]
struct FieldError<'a> {
    field: &'a str,
    message: &'a str,
}

impl Problem {
    /// The answer. The request id is Lambda's, by which the logs find the request.
    pub(super) fn reply(&self, request_id: &str) -> Reply {
        let (code, status) = (self.code.as_str(), self.code.status());
        let errors = self.errors.iter().map(|fault| FieldError {
            field: &fault.field,
            message: &fault.fault,
        });
        let document = Document {
            r#type: format!("urn:trunkline:problem:{code}"),
            title: self.code.title(),
            status: status.as_u16(),
            detail: &self.detail,
            code,
            request_id,
            errors: errors.collect(),
        };
        let mut reply = Reply::json(status, "application/problem+json", &document)
            .with(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::UNAUTHORIZED {
            // Every 401 says what would be taken (RFC 9110, 15.5.2).
            reply = reply.with(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after {
            reply = reply.retry_after(seconds);
        }
        if let Some(length) = self.media_length {
            reply = reply.text(CONTENT_RANGE, format!("bytes */{length}"));
        }
        if let Some(methods) = self
            .allow
            .as_deref()
            .and_then(|m| HeaderValue::try_from(m).ok())
        {
            reply = reply.with(ALLOW, methods);
        }
        reply
    }
}

/// What the log says of a call.
#[derive(Default)]
pub(super) struct Trace {
    pub(super) access: Option<&'static Access>,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
}

impl Trace {
    /// The answer to the outcome of a call, and the one log event of its invocation, with its metrics.
    pub(super) fn finish(
        self,
        outcome: Result<Reply, Problem>,
        request_id: &str,
        took: Duration,
        cold_start: bool,
    ) -> Reply {
        let (reply, problem) = match outcome {
            Ok(reply) => (reply, None),
            Err(problem) => (problem.reply(request_id), Some(problem)),
        };
        // Only known routes are named: any other path may hold anything.
        let route = self.access.map_or("-", |access| access.path);
        let method = self.access.map(|access| access.method.as_str());
        let code = problem.as_ref().map(|problem| problem.code.as_str());
        let reason = problem
            .as_ref()
            .and_then(|problem| problem.cause.as_deref());
        let status = reply.status();
        let status_code = status.as_u16();
        let duration_ms = took.as_micros().min(u128::from(u32::MAX)) as f64 / 1_000.0;
        let is_token = self.access.map(|access| access.operation) == Some(Operation::IssueToken);
        let is_limited = problem.as_ref().map(|problem| problem.code) == Some(Code::RateLimited);
        let AwsCalls {
            store_calls,
            store_failures,
            kms_calls,
            kms_failures,
            denied,
            unopened,
        } = aws_calls();
        macro_rules! event {
            ($level:ident, $message:literal) => {
                $level!(
                    target: CALL,
                    method,
                    route,
                    status = status_code,
                    code,
                    reason,
                    duration_ms,
                    cold_start,
                    answered = one_if(status_code < 400),
                    refused = one_if(status.is_client_error()),
                    failed = one_if(status.is_server_error()),
                    rate_limited = one_if(is_limited),
                    tokens_issued = one_if(is_token && status.is_success()),
                    cold_starts = one_if(cold_start),
                    store_calls,
                    store_failures,
                    kms_calls,
                    kms_failures,
                    denied,
                    unopened,
                    $message
                )
            };
        }
        if status.is_server_error() {
            event!(error, "call failed");
        } else if status.is_client_error() {
            event!(warn, "call refused");
        } else {
            event!(info, "call answered");
        }
        let headers = self.headers.into_iter();
        headers.fold(reply, |reply, (name, value)| reply.with(name, value))
    }
}
