//! The Runtime API of one process. <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum::routing::{get, post};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::{InvocationError, PAYLOAD_LIMIT};

/// The most that is read of a body in order to refuse it: a runtime must get its 413, not a broken connection.
const READ_LIMIT: usize = 16 * PAYLOAD_LIMIT;

/// One event on its way to a process.
#[derive(Debug, Clone)]
pub(super) struct Invocation {
    pub(super) request_id: String,
    pub(super) deadline: Timestamp,
    pub(super) function_arn: String,
    pub(super) trace_id: String,
    pub(super) payload: Bytes,
}

/// What a process does, in the order it does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It is about to get an event.
    Delivery,
    /// Its answer has arrived and is about to be accepted.
    Answer,
}

/// Asked at each step whether the process may go on. `false` is for a process that is being killed: it gets no reply.
pub(super) type Gate = Arc<dyn Fn(Step) -> bool + Send + Sync>;

type Answer = Result<Bytes, InvocationError>;

/// A listener of its own for one process, so that the port says who is polling.
pub(super) struct RuntimeApi {
    address: SocketAddr,
    events: mpsc::UnboundedSender<Invocation>,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

struct Shared {
    waiting: tokio::sync::Mutex<mpsc::UnboundedReceiver<Invocation>>,
    polls: watch::Sender<u64>,
    pending: Mutex<HashMap<String, oneshot::Sender<Answer>>>,
    init_error: watch::Sender<Option<InvocationError>>,
    gate: Gate,
}

impl RuntimeApi {
    /// Listens on a free port of loopback.
    pub(super) async fn start(gate: Gate) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (events, waiting) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            waiting: tokio::sync::Mutex::new(waiting),
            polls: watch::Sender::new(0),
            pending: Mutex::new(HashMap::new()),
            init_error: watch::Sender::new(None),
            gate,
        });
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route(
                "/2018-06-01/runtime/invocation/{request_id}/response",
                post(response),
            )
            .route(
                "/2018-06-01/runtime/invocation/{request_id}/error",
                post(error),
            )
            .route("/2018-06-01/runtime/init/error", post(init_error))
            .fallback(async || {
                fault(
                    StatusCode::NOT_FOUND,
                    "NotFound",
                    "The Runtime API has no such resource.",
                )
            })
            .with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move {
            // Serving ends by `abort`, when the process is gone.
            drop(axum::serve(listener, router).await);
        });
        Ok(Self {
            address,
            events,
            shared,
            server,
        })
    }

    /// Where the process finds it: the value of `AWS_LAMBDA_RUNTIME_API`.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Hands an event to the process's next poll. The receiver gets the answer, or nothing if the process never gives one.
    pub(super) fn send(&self, invocation: Invocation) -> oneshot::Receiver<Answer> {
        let (answer, receiver) = oneshot::channel();
        self.shared
            .lock_pending()
            .insert(invocation.request_id.clone(), answer);
        // The receiving half lives as long as `self.shared`.
        drop(self.events.send(invocation));
        receiver
    }

    /// Forgets an invocation that nobody waits for any more.
    pub(super) fn forget(&self, request_id: &str) {
        self.shared.lock_pending().remove(request_id);
    }

    /// How often the process has polled, with a way to wait for more.
    pub(super) fn polls(&self) -> watch::Receiver<u64> {
        self.shared.polls.subscribe()
    }

    /// What the process has posted to `init/error`, with a way to wait for it.
    pub(super) fn init_error(&self) -> watch::Receiver<Option<InvocationError>> {
        self.shared.init_error.subscribe()
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shared {
    fn lock_pending(&self) -> std::sync::MutexGuard<'_, HashMap<String, oneshot::Sender<Answer>>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the one who waits for this invocation, once.
    fn take(&self, request_id: &str) -> Option<oneshot::Sender<Answer>> {
        self.lock_pending().remove(request_id)
    }
}

async fn next(State(shared): State<Arc<Shared>>) -> Response {
    shared.polls.send_modify(|polls| *polls += 1);
    let invocation = shared.waiting.lock().await.recv().await;
    if !(shared.gate)(Step::Delivery) {
        return std::future::pending().await;
    }
    let Some(invocation) = invocation else {
        return fault(
            StatusCode::INTERNAL_SERVER_ERROR,
            "ServiceException",
            "The local stack is stopping.",
        );
    };
    let response = Response::builder()
        .header("Content-Type", "application/json")
        .header("Lambda-Runtime-Aws-Request-Id", invocation.request_id)
        .header(
            "Lambda-Runtime-Deadline-Ms",
            invocation.deadline.as_millisecond(),
        )
        .header(
            "Lambda-Runtime-Invoked-Function-Arn",
            invocation.function_arn,
        )
        .header("Lambda-Runtime-Trace-Id", invocation.trace_id)
        .body(Body::from(invocation.payload));
    // Names and values are our own and valid; a fault here would still reach the console as a failed invocation.
    response.unwrap_or_else(|error| {
        fault(
            StatusCode::INTERNAL_SERVER_ERROR,
            "ServiceException",
            &format!("The event has no valid headers: {error}"),
        )
    })
}

async fn response(
    State(shared): State<Arc<Shared>>,
    Path(request_id): Path<String>,
    request: Request,
) -> Response {
    let streaming =
        header(request.headers(), "lambda-runtime-function-response-mode") == Some("streaming");
    let Ok(payload) = read(request).await else {
        return broken();
    };
    if !(shared.gate)(Step::Answer) {
        return std::future::pending().await;
    }
    let Some(answer) = shared.take(&request_id) else {
        return unknown(&request_id);
    };
    // A receiver that is gone has stopped waiting, at its deadline; the runtime need not know.
    if streaming {
        drop(answer.send(Err(InvocationError::response_mode())));
        fault(
            StatusCode::BAD_REQUEST,
            "InvalidFunctionResponseMode",
            "This function's URL is BUFFERED: answer in one piece.",
        )
    } else if payload.len() > PAYLOAD_LIMIT {
        drop(answer.send(Err(InvocationError::response_too_large())));
        let message = format!("Exceeded maximum allowed payload size ({PAYLOAD_LIMIT} bytes).");
        fault(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestEntityTooLarge",
            &message,
        )
    } else {
        drop(answer.send(Ok(payload)));
        accepted()
    }
}

async fn error(
    State(shared): State<Arc<Shared>>,
    Path(request_id): Path<String>,
    request: Request,
) -> Response {
    let error_type = error_type(&request);
    let Ok(payload) = read(request).await else {
        return broken();
    };
    if !(shared.gate)(Step::Answer) {
        return std::future::pending().await;
    }
    let Some(answer) = shared.take(&request_id) else {
        return unknown(&request_id);
    };
    drop(answer.send(Err(InvocationError::reported(
        payload,
        error_type.as_deref(),
    ))));
    accepted()
}

async fn init_error(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let error_type = error_type(&request);
    let Ok(payload) = read(request).await else {
        return broken();
    };
    if *shared.polls.borrow() > 0 {
        let message = "The process has polled: its initialisation is over.";
        return fault(StatusCode::FORBIDDEN, "InvalidStateTransition", message);
    }
    shared
        .init_error
        .send_replace(Some(InvocationError::reported_in_init(
            payload,
            error_type.as_deref(),
        )));
    accepted()
}

async fn read(request: Request) -> Result<Bytes, axum::Error> {
    axum::body::to_bytes(request.into_body(), READ_LIMIT).await
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn error_type(request: &Request) -> Option<String> {
    header(request.headers(), "lambda-runtime-function-error-type").map(str::to_owned)
}

fn accepted() -> Response {
    json_response(StatusCode::ACCEPTED, &json!({"status": "OK"}))
}

fn broken() -> Response {
    fault(
        StatusCode::BAD_REQUEST,
        "InvalidRequest",
        "The request's body did not arrive whole.",
    )
}

fn unknown(request_id: &str) -> Response {
    let message = format!("No invocation {request_id} is waiting for an answer from this process.");
    fault(StatusCode::BAD_REQUEST, "InvalidRequestID", &message)
}

fn fault(status: StatusCode, error_type: &str, message: &str) -> Response {
    json_response(
        status,
        &json!({"errorType": error_type, "errorMessage": message}),
    )
}

fn json_response(status: StatusCode, body: &serde_json::Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(
        http::header::CONTENT_TYPE,
        http::HeaderValue::from_static("application/json"),
    );
    response
}

#[cfg(test)]
mod tests;
