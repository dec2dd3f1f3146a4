//! The HTTP listener before each double: keeps strangers out, records requests, and misbehaves.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::misbehaviour::{going_on_at, html_echo, json_echo, page};
use super::request::{sid_kind, without_extension};
use super::{Answer, Misbehaviour, Played, Refusal, Request};
use crate::emulators::StartError;
use crate::emulators::connection::{CuttableListener, Scissors};
use crate::emulators::faults::{FaultId, Faults};
use crate::emulators::wire::WireLog;
use crate::loopback::Guard;

/// Larger than any request of the APIs that are played.
const LARGEST_BODY: usize = 1024 * 1024;

/// How long requests in work may take to end when the listener stops.
const GRACE: Duration = Duration::from_secs(2);

/// A running listener.
#[derive(Debug)]
pub(crate) struct Listener {
    address: SocketAddr,
    wire: WireLog,
    faults: Faults<Misbehaviour>,
    stopping: watch::Sender<bool>,
    task: JoinHandle<()>,
}

struct Shared<S> {
    service: Arc<S>,
    guard: Guard,
    wire: WireLog,
    faults: Faults<Misbehaviour>,
    stopping: watch::Receiver<bool>,
}

impl Listener {
    /// Serves on a port of loopback; 0 lets the system choose.
    pub(crate) async fn start<S: Played>(port: u16, service: Arc<S>) -> Result<Self, StartError> {
        let failed = |source| StartError::Port {
            name: S::NAME,
            port,
            source,
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .await
            .map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (wire, faults) = (WireLog::default(), Faults::default());
        let stopping = watch::Sender::new(false);
        let shared = Shared {
            service,
            guard: Guard::new(address.port(), &[]),
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

    /// The base URL, without a slash at the end.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What was asked of it.
    pub(crate) fn wire(&self) -> &WireLog {
        &self.wire
    }

    /// How it misbehaves.
    pub(crate) fn faults(&self) -> &Faults<Misbehaviour> {
        &self.faults
    }

    /// Stops taking requests, lets those in work end, and closes those that hang.
    pub(crate) async fn stop(mut self) {
        self.stopping.send_replace(true);
        if tokio::time::timeout(GRACE, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stopping.send_replace(true);
        self.task.abort();
    }
}

async fn handle<S: Played>(
    State(shared): State<Arc<Shared<S>>>,
    ConnectInfo(scissors): ConnectInfo<Scissors>,
    request: axum::extract::Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let host = match shared.guard.check(&parts.uri, &parts.headers) {
        Ok((host, _)) => host.to_owned(),
        Err(refusal) => return (StatusCode::FORBIDDEN, format!("{refusal}\n")).into_response(),
    };
    let Ok(body) = to_bytes(body, LARGEST_BODY).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let asked = format!("{} {}", parts.method, parts.uri);
    let request = Request::new(parts, &host, body);
    let operation = operation(&request);
    let targets = shared.service.targets(&request);
    let hit = shared.faults.hit(&operation, &targets);
    let number = shared
        .wire
        .begin_request(&operation, &asked, targets, hit.is_some());
    let answer = shared.answer(&request, hit.clone()).await;
    if let Some(form) = answer.as_ref().and_then(|answer| request.echo(answer)) {
        shared.wire.echoed(number, form);
    }
    shared
        .wire
        .finish(number, answer.as_ref().map(|answer| answer.status));
    let Some(answer) = answer else {
        scissors.cut();
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    match hit {
        Some((_, Misbehaviour::CutShort)) => scissors.cut_short(),
        Some((_, Misbehaviour::DieAfterwards)) => scissors.die_afterwards(),
        _ => {}
    }
    response(answer)
}

impl<S: Played> Shared<S> {
    /// The answer; `None` closes the connection.
    async fn answer(
        &self,
        request: &Request,
        hit: Option<(FaultId, Misbehaviour)>,
    ) -> Option<Answer> {
        let refusal = |refusal| Some(self.service.refusal(request, refusal));
        let Some((fault, misbehaviour)) = hit else {
            return Some(self.service.answer(request));
        };
        match misbehaviour {
            Misbehaviour::TooManyRequests { retry_after } => {
                let answer = self.service.refusal(request, Refusal::TooManyRequests);
                Some(match retry_after {
                    Some(seconds) => answer.with("retry-after", seconds.to_string()),
                    None => answer,
                })
            }
            Misbehaviour::Unauthorized => refusal(Refusal::Unauthorized),
            Misbehaviour::NotFound => refusal(Refusal::NotFound),
            Misbehaviour::InternalError => refusal(Refusal::InternalError),
            Misbehaviour::Unavailable => refusal(Refusal::Unavailable),
            Misbehaviour::HtmlForbidden => Some(page(403, "403 Forbidden")),
            Misbehaviour::HtmlUnavailable => Some(page(503, "503 Service Temporarily Unavailable")),
            Misbehaviour::Html(status) => Some(page(status, "Something is not right")),
            Misbehaviour::Redirect(address) => {
                Some(Answer::new(302, "text/html", "").with("location", address))
            }
            Misbehaviour::NextPage(address) => {
                Some(going_on_at(&address, self.service.answer(request)))
            }
            Misbehaviour::CutShort | Misbehaviour::DieAfterwards => {
                Some(self.service.answer(request))
            }
            Misbehaviour::HtmlEcho(status) => Some(html_echo(status, request)),
            Misbehaviour::JsonEcho(status) => Some(json_echo(status, request)),
            Misbehaviour::Garbled => Some(Answer::new(200, "application/json", "{\"sid\": \"")),
            Misbehaviour::Hang(limit) => {
                tokio::select! {
                    () = self.wait(limit) => {}
                    () = self.faults.removed(fault) => {}
                }
                None
            }
            Misbehaviour::Close => None,
            Misbehaviour::LoseAnswer => {
                self.service.answer(request);
                None
            }
            Misbehaviour::Delay(delay) => {
                self.wait(delay).await;
                Some(self.service.answer(request))
            }
            Misbehaviour::Hold => {
                let mut stopping = self.stopping.clone();
                tokio::select! {
                    () = self.faults.removed(fault) => Some(self.service.answer(request)),
                    _ = stopping.wait_for(|stopping| *stopping) => None,
                }
            }
        }
    }

    /// Waits until the time is over or the listener stops.
    async fn wait(&self, limit: Duration) {
        let mut stopping = self.stopping.clone();
        tokio::select! {
            () = tokio::time::sleep(limit) => {}
            _ = stopping.wait_for(|stopping| *stopping) => {}
        }
    }
}

/// The method and the path, in which the kind stands for each SID: `GET /2010-04-01/Accounts/{AC}.json`.
fn operation(request: &Request) -> String {
    let segments = request.path.split('/').map(|segment| {
        let name = without_extension(segment);
        let suffix = segment.get(name.len()..).unwrap_or_default();
        match sid_kind(name) {
            Some(kind) => format!("{{{kind}}}{suffix}"),
            None => segment.to_owned(),
        }
    });
    format!(
        "{} {}",
        request.method,
        segments.collect::<Vec<_>>().join("/")
    )
}

fn response(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, Body::from(answer.body)).into_response();
    // A body of bytes comes as an octet stream, which 204 must not name at all.
    response.headers_mut().remove(http::header::CONTENT_TYPE);
    for (name, value) in answer.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response
                .headers_mut()
                .insert(HeaderName::from_static(name), value);
        }
    }
    response
}
