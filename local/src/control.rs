//! Lambda's Invoke API over the functions of a running stack, its schedules, and the events of its buses.
//!
//! `cargo run -- invoke` uses it, and so may the AWS command line: `aws lambda invoke --endpoint-url …`.
//! <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>

mod events;
mod schedules;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum::routing::{get, post};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::de::IgnoredAny;
use serde_json::json;

pub use events::{EVENTS_PATH, EventsPage, PagedEvent};

use crate::emulators::EventBus;
use crate::lambda::{ErrorKind, Function, InvocationError, PAYLOAD_LIMIT};
use crate::loopback::{Guard, ListenError, Listening, Serving};
use crate::schedules::Schedules;

/// The header that says that the function failed.
pub const FUNCTION_ERROR: &str = "x-amz-function-error";

/// The Invoke API's port, taken but not answering yet.
#[derive(Debug)]
pub struct Control(Listening);

impl Control {
    /// Takes a port of loopback; 0 takes any free one.
    pub async fn bind(port: u16) -> Result<Self, ListenError> {
        Listening::bind(port, "the Invoke API").await.map(Self)
    }

    /// Where it answers, without a slash at the end: what `--endpoint-url` takes.
    #[must_use]
    pub fn url(&self) -> String {
        self.0.url()
    }

    /// The path that invokes a function.
    #[must_use]
    pub fn path(function: &str) -> String {
        format!("/2015-03-31/functions/{function}/invocations")
    }

    /// The path that fires the schedule of a function, now, and answers as invoking it does.
    #[must_use]
    pub fn schedule_path(function: &str) -> String {
        format!("/schedules/{function}")
    }

    /// Answers until the returned value is dropped.
    #[must_use]
    pub fn serve(
        self,
        functions: Vec<Function>,
        events: EventBus,
        schedules: Schedules,
    ) -> Serving {
        let desk = Arc::new(Desk {
            guard: Guard::new(self.0.port(), &[]),
            functions,
            events,
            schedules,
        });
        let router = Router::new()
            .route(EVENTS_PATH, get(events::show))
            .route(&Self::path("{name}"), post(invoke))
            .route(&Self::schedule_path("{name}"), post(schedules::fire))
            .fallback(async || {
                fault(
                    StatusCode::NOT_FOUND,
                    "ResourceNotFoundException",
                    "There are only Invoke, the schedules and the events here.",
                )
            })
            .with_state(desk);
        self.0.serve(router)
    }
}

struct Desk {
    guard: Guard,
    functions: Vec<Function>,
    events: EventBus,
    schedules: Schedules,
}

impl Desk {
    /// The answer to somebody who may not be here.
    fn refusal(&self, request: &http::request::Parts) -> Option<Response> {
        let refusal = self.guard.check(&request.uri, &request.headers).err()?;
        let (status, message) = (StatusCode::FORBIDDEN, refusal.to_string());
        Some(fault(status, "AccessDeniedException", &message))
    }
}

/// The function of this name: its binary's, its logical id, Lambda's own or its ARN, with or without the only version there is.
pub fn find<'a>(functions: &'a [Function], name: &str) -> Option<&'a Function> {
    let name = name.strip_suffix(":$LATEST").unwrap_or(name);
    functions.iter().find(|function| {
        let spec = function.spec();
        [&spec.binary, &spec.logical_id, &spec.name, &function.arn()]
            .into_iter()
            .any(|known| known == name)
    })
}

async fn invoke(
    State(desk): State<Arc<Desk>>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    if let Some(refusal) = desk.refusal(&parts) {
        return refusal;
    }
    let Some(function) = find(&desk.functions, &name) else {
        let known: Vec<_> = desk
            .functions
            .iter()
            .map(|function| function.spec().binary.as_str())
            .collect();
        let message = format!("Function not found: {name}; there are {}", known.join(", "));
        return fault(StatusCode::NOT_FOUND, "ResourceNotFoundException", &message);
    };
    let Ok(payload) = axum::body::to_bytes(body, PAYLOAD_LIMIT).await else {
        return request_too_large(&InvocationError::request_too_large());
    };
    let payload = if payload.is_empty() {
        Bytes::from_static(b"{}")
    } else {
        payload
    };
    if let Err(error) = serde_json::from_slice::<IgnoredAny>(&payload) {
        let message = format!("Could not parse request body into json: {error}");
        return fault(
            StatusCode::BAD_REQUEST,
            "InvalidRequestContentException",
            &message,
        );
    }
    match invocation_type(&parts.headers) {
        Some("RequestResponse") | None => answer(function.invoke(payload).await),
        Some("Event") => {
            let function = function.clone();
            // Nobody waits for the answer; a failure is on the console.
            tokio::spawn(async move { drop(function.invoke(payload).await) });
            empty(StatusCode::ACCEPTED)
        }
        Some("DryRun") => empty(StatusCode::NO_CONTENT),
        Some(other) => {
            let message = format!("Unknown invocation type {other:?}");
            fault(
                StatusCode::BAD_REQUEST,
                "InvalidParameterValueException",
                &message,
            )
        }
    }
}

fn invocation_type(headers: &HeaderMap) -> Option<&str> {
    headers.get("x-amz-invocation-type")?.to_str().ok()
}

/// A function's failure is a success of the Invoke API, told by a header.
fn answer(answer: Result<Bytes, InvocationError>) -> Response {
    let error = match answer {
        Ok(payload) => return json_response(StatusCode::OK, payload),
        Err(error) => error,
    };
    match error.kind() {
        ErrorKind::RequestTooLarge => request_too_large(&error),
        ErrorKind::Throttled => fault(
            StatusCode::TOO_MANY_REQUESTS,
            error.error_type(),
            error.message(),
        ),
        ErrorKind::Stopped => fault(
            StatusCode::SERVICE_UNAVAILABLE,
            error.error_type(),
            error.message(),
        ),
        ErrorKind::Reported
        | ErrorKind::Exited
        | ErrorKind::Init
        | ErrorKind::TimedOut
        | ErrorKind::ResponseTooLarge
        | ErrorKind::ResponseMode => {
            let mut response = json_response(StatusCode::OK, error.payload().clone());
            response
                .headers_mut()
                .insert(FUNCTION_ERROR, HeaderValue::from_static("Unhandled"));
            response
        }
    }
}

fn request_too_large(error: &InvocationError) -> Response {
    fault(
        StatusCode::PAYLOAD_TOO_LARGE,
        error.error_type(),
        error.message(),
    )
}

/// An error of the API, in the form that the SDKs read.
fn fault(status: StatusCode, error_type: &str, message: &str) -> Response {
    let mut response = json_response(
        status,
        json!({"Type": "User", "Message": message})
            .to_string()
            .into(),
    );
    if let Ok(error_type) = HeaderValue::from_str(error_type) {
        response
            .headers_mut()
            .insert("x-amzn-errortype", error_type);
    }
    response
}

fn json_response(status: StatusCode, body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        http::header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    headers.insert(
        "x-amz-executed-version",
        HeaderValue::from_static("$LATEST"),
    );
    response
}

fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use serde_json::Value;
    use shared::clock::Clock;

    use super::*;
    use crate::iam::Credentials;
    use crate::lambda::{FunctionSpec, Platform};
    use crate::logs::{Display, Logs};

    /// A function whose binary does not exist: it fails whenever it is invoked.
    fn absent() -> Function {
        let spec = FunctionSpec {
            logical_id: "AbsentFunction".to_owned(),
            name: "local-AbsentFunction".to_owned(),
            binary: "absent".to_owned(),
            timeout: Duration::from_secs(3),
            reserved_concurrency: None,
            memory_megabytes: 128,
            environment: BTreeMap::new(),
            url: false,
            credentials: Credentials::random(),
        };
        let platform = Platform::new("/nowhere".into(), "eu-west-1", "123456789012");
        let clock = Clock::system();
        Function::new(
            spec,
            Arc::new(platform),
            Logs::new(Display::Quiet, clock.clone()),
            clock,
        )
    }

    async fn control() -> (Serving, String) {
        let control = Control::bind(0).await.unwrap();
        let url = control.url();
        let schedules = Schedules::default();
        (
            control.serve(vec![absent()], EventBus::empty(), schedules),
            url,
        )
    }

    async fn post(
        url: &str,
        name: &str,
        body: &'static str,
        headers: &[(&str, &str)],
    ) -> (u16, HeaderMap, Value) {
        let mut request = crate::http_client::client()
            .post(format!("{url}{}", Control::path(name)))
            .body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        (
            status,
            headers,
            serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or_default(),
        )
    }

    #[tokio::test]
    async fn a_functions_failure_is_a_200_with_a_header() {
        let (_serving, url) = control().await;
        for name in [
            "absent",
            "AbsentFunction",
            "arn:aws:lambda:eu-west-1:123456789012:function:local-AbsentFunction:$LATEST",
            "local-AbsentFunction",
        ] {
            let (status, headers, body) = post(&url, name, "{}", &[]).await;
            assert_eq!(status, 200);
            assert_eq!(headers[FUNCTION_ERROR], "Unhandled");
            assert_eq!(body["errorType"], "Runtime.InvalidEntrypoint");
        }
    }

    #[tokio::test]
    async fn an_unknown_function_is_not_found_and_the_known_ones_are_named() {
        let (_serving, url) = control().await;
        let (status, headers, body) = post(&url, "other", "{}", &[]).await;
        assert_eq!(
            (status, &headers["x-amzn-errortype"]),
            (404, &HeaderValue::from_static("ResourceNotFoundException"))
        );
        assert_eq!(
            body["Message"],
            "Function not found: other; there are absent"
        );
    }

    #[tokio::test]
    async fn an_event_that_is_not_json_is_refused() {
        let (_serving, url) = control().await;
        assert_eq!(post(&url, "absent", "{", &[]).await.0, 400);
    }

    #[tokio::test]
    async fn the_other_invocation_types_do_not_wait() {
        let (_serving, url) = control().await;
        assert_eq!(
            post(&url, "absent", "", &[("x-amz-invocation-type", "Event")])
                .await
                .0,
            202
        );
        assert_eq!(
            post(&url, "absent", "", &[("x-amz-invocation-type", "DryRun")])
                .await
                .0,
            204
        );
        assert_eq!(
            post(&url, "absent", "", &[("x-amz-invocation-type", "Later")])
                .await
                .0,
            400
        );
    }

    #[tokio::test]
    async fn a_web_page_cannot_invoke() {
        let (_serving, url) = control().await;
        let (status, _, _) = post(
            &url,
            "absent",
            "{}",
            &[("origin", "https://attacker.example")],
        )
        .await;
        assert_eq!(status, 403);
    }
}
