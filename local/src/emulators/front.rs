//! The HTTP listener before each emulator: keeps strangers out, records calls, injects faults, and lets through what IAM allows.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, ORIGIN};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::StartError;
use super::connection::{CuttableListener, Scissors};
use super::faults::{AwsError, Effect, FaultId, Faults};
use super::wire::{Target, WireLog};
use crate::iam::{self, Access, Caller, Refusal, SignedRequest};

/// DynamoDB takes 16 MiB; the others take less.
const LARGEST_BODY: usize = 16 * 1024 * 1024;

/// How long calls in work may take to end when the front stops.
const GRACE: Duration = Duration::from_secs(2);

/// One call, taken off HTTP.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) operation: String,
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// The body as a document; null if it is none.
    pub(super) document: Value,
}

/// The answer of an emulator.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Bytes,
}

/// An AWS service, run in this process. What is given here is that of services with a JSON protocol.
pub(super) trait Emulated: Send + Sync + 'static {
    /// Its name in sentences.
    const NAME: &'static str;
    /// Its name in the scope of credentials.
    const SERVICE: &'static str;
    /// The media type of its answers.
    const CONTENT_TYPE: &'static str;

    /// The operation that a request names; empty if it names none.
    fn operation(&self, headers: &HeaderMap, _document: &Value) -> String {
        let target = headers.get("x-amz-target");
        let target = target.and_then(|target| target.to_str().ok());
        let operation = target.and_then(|target| target.rsplit('.').next());
        operation.unwrap_or_default().to_owned()
    }

    /// The body as a document; null if it is none.
    fn document(&self, body: &[u8]) -> Value {
        serde_json::from_slice(body).unwrap_or_default()
    }

    /// What a call is about.
    fn targets(&self, operation: &str, body: &Value) -> Vec<Target>;

    /// What a caller must be allowed for it.
    fn requests(&self, operation: &str, body: &Value) -> Vec<iam::Request>;

    /// The answer to a request that is not signed at all, or not as a signature is written.
    fn unsigned(&self, _call: &Incoming) -> Option<Answer> {
        None
    }

    /// An error, as the service words a caller that it does not know.
    fn refusal(&self, refusal: Refusal) -> AwsError {
        AwsError::unknown_caller(refusal)
    }

    /// An error, in the form of the service's answers.
    fn error(&self, error: &AwsError) -> Answer {
        refused(error)
    }

    /// Does a call that the caller may make.
    fn answer(&self, call: Incoming, caller: Option<Caller>)
    -> impl Future<Output = Answer> + Send;
}

/// A running listener.
#[derive(Debug)]
pub(super) struct Front {
    pub(super) address: SocketAddr,
    pub(super) wire: WireLog,
    pub(super) faults: Faults,
    stopping: watch::Sender<bool>,
    task: JoinHandle<()>,
}

struct Shared<S> {
    service: Arc<S>,
    access: Access,
    wire: WireLog,
    faults: Faults,
    stopping: watch::Receiver<bool>,
}

/// Binds a port of loopback; 0 lets the system choose.
pub(super) async fn bind(name: &'static str, port: u16) -> Result<TcpListener, StartError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .map_err(|source| StartError::Port { name, port, source })
}

impl Front {
    /// Serves `service` on `listener`.
    pub(super) fn serve<S: Emulated>(
        listener: TcpListener,
        service: Arc<S>,
        access: &Access,
    ) -> Result<Self, StartError> {
        let address = listener.local_addr().map_err(|source| StartError::Port {
            name: S::NAME,
            port: 0,
            source,
        })?;
        let (wire, faults) = (WireLog::default(), Faults::default());
        let stopping = watch::Sender::new(false);
        let shared = Shared {
            service,
            access: access.clone(),
            wire: wire.clone(),
            faults: faults.clone(),
            stopping: stopping.subscribe(),
        };
        let router = Router::new()
            .fallback(handle::<S>)
            .with_state(Arc::new(shared));
        let mut stopped = stopping.subscribe();
        let task = tokio::spawn(async move {
            let service = router.into_make_service_with_connect_info::<Scissors>();
            let served = axum::serve(CuttableListener(listener), service).with_graceful_shutdown(
                async move {
                    let _ = stopped.wait_for(|stopping| *stopping).await;
                },
            );
            if let Err(error) = served.await {
                tracing::error!(%error, "the listener of {} ended", S::NAME);
            }
        });
        Ok(Self {
            address,
            wire,
            faults,
            stopping,
            task,
        })
    }

    /// The base URL for the SDK.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops taking calls, lets those in work end, and drops those that hang.
    pub(super) async fn stop(&mut self) {
        self.stopping.send_replace(true);
        if tokio::time::timeout(GRACE, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.stopping.send_replace(true);
        self.task.abort();
    }
}

async fn handle<S: Emulated>(
    State(shared): State<Arc<Shared<S>>>,
    ConnectInfo(scissors): ConnectInfo<Scissors>,
    request: Request,
) -> Response {
    if let Some(refusal) = refuse_stranger(request.headers()) {
        return refusal;
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST_BODY).await else {
        return plain(StatusCode::PAYLOAD_TOO_LARGE, "the request is too large\n");
    };
    let document = shared.service.document(&body);
    let operation = shared.service.operation(&parts.headers, &document);
    let targets = shared.service.targets(&operation, &document);
    let hit = shared.faults.hit(&operation, &targets);
    // A bare GET opens a connection and asks for nothing; AWS bills no call for it either.
    let number =
        (!operation.is_empty()).then(|| shared.wire.begin(&operation, targets, hit.is_some()));
    let call = Incoming {
        operation,
        method: parts.method,
        uri: parts.uri,
        headers: parts.headers,
        body,
        document,
    };

    let answer = match hit {
        None => shared.answer(call, number).await,
        Some((_, Effect::Refuse(error))) => Some(shared.service.error(&error)),
        Some((_, Effect::Delay(delay))) => {
            tokio::time::sleep(delay).await;
            shared.answer(call, number).await
        }
        Some((fault, Effect::Hold)) => {
            shared.wait_for_removal(fault).await;
            shared.answer(call, number).await
        }
        Some((fault, Effect::Hang)) => {
            shared.wait_for_removal(fault).await;
            None
        }
        Some((_, Effect::Drop)) => None,
        Some((_, Effect::LoseAnswer)) => {
            shared.answer(call, number).await;
            None
        }
    };
    let finish = |status| number.map(|number| shared.wire.finish(number, status));
    let Some(answer) = answer else {
        finish(None);
        scissors.cut();
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    finish(Some(answer.status));
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let request_id = HeaderValue::from(number.unwrap_or_default());
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(S::CONTENT_TYPE)),
        (HeaderName::from_static("x-amzn-requestid"), request_id),
    ];
    (status, headers, Body::from(answer.body)).into_response()
}

impl<S: Emulated> Shared<S> {
    /// The service's answer; `None` if the front stops first.
    async fn answer(&self, call: Incoming, number: Option<u64>) -> Option<Answer> {
        let mut stopping = self.stopping.clone();
        if let Some(answer) = self.service.unsigned(&call) {
            return Some(answer);
        }
        let caller = match self.admit(&call, number) {
            Ok(caller) => caller,
            Err(error) => return Some(self.service.error(&error)),
        };
        tokio::select! {
            biased;
            answer = self.service.answer(call, caller) => Some(answer),
            // A receive call waits up to 20 seconds for a message; nobody waits that long for Ctrl-C.
            _ = stopping.wait_for(|stopping| *stopping) => None,
        }
    }

    /// Who makes a call, if IAM lets them. A request that names no operation is no call.
    fn admit(&self, call: &Incoming, number: Option<u64>) -> Result<Option<Caller>, AwsError> {
        if call.operation.is_empty() {
            return Ok(None);
        }
        let request = SignedRequest {
            service: S::SERVICE,
            method: &call.method,
            uri: &call.uri,
            headers: &call.headers,
            body: &call.body,
        };
        let caller = self.access.authenticate(&request);
        let caller = caller.map_err(|refusal| self.service.refusal(refusal))?;
        if let Some(number) = number {
            self.wire.made_by(number, &caller);
        }
        let requests = self.service.requests(&call.operation, &call.document);
        match self.access.authorize(&caller, &requests) {
            Ok(()) => Ok(Some(caller)),
            Err(denial) => Err(AwsError::denied(&denial)),
        }
    }

    /// Waits until a fault is taken back or the front stops.
    async fn wait_for_removal(&self, fault: FaultId) {
        let mut stopping = self.stopping.clone();
        tokio::select! {
            () = self.faults.removed(fault) => {}
            _ = stopping.wait_for(|stopping| *stopping) => {}
        }
    }
}

/// An error in the form that all of AWS's JSON protocols share.
pub(super) fn refused(error: &AwsError) -> Answer {
    let body = json!({"__type": error.code, "message": error.message});
    Answer {
        status: error.status,
        body: Bytes::from(body.to_string()),
    }
}

/// Keeps out web pages: a rebound name shows in the Host, a foreign script in the Origin.
fn refuse_stranger(headers: &HeaderMap) -> Option<Response> {
    if headers.contains_key(ORIGIN) {
        return Some(plain(
            StatusCode::FORBIDDEN,
            "browsers are not served here\n",
        ));
    }
    let host = headers
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let name = host
        .rsplit_once(':')
        .filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    let name = name.map_or(host, |(name, _)| name);
    if matches!(name, "127.0.0.1" | "localhost" | "[::1]") {
        return None;
    }
    Some(plain(
        StatusCode::FORBIDDEN,
        "only loopback names are served here\n",
    ))
}

fn plain(status: StatusCode, text: &'static str) -> Response {
    (status, text).into_response()
}
