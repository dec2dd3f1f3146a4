//! Function URLs: a function of its own behind each.
//! <https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html>

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use serde_json::Value;
use shared::clock::Clock;

use super::answer::{message, respond};
use super::event::{Arrival, event};
use crate::lambda::{InvocationError, PAYLOAD_LIMIT, request_id};
use crate::logs::{Logs, Voice};
use crate::loopback::{Guard, ListenError, Listening, Serving};

/// A function URL whose port is taken but which does not answer yet: the functions' environments need the URLs of all
/// before the first of them can run.
#[derive(Debug)]
pub struct FunctionUrl {
    name: Arc<str>,
    listening: Listening,
    guard: Guard,
}

impl FunctionUrl {
    /// Takes a port of loopback (0: any free one) for the function of this name. `tunnels` are Hosts allowed besides
    /// loopback's.
    pub async fn bind(function: &str, port: u16, tunnels: &[String]) -> Result<Self, ListenError> {
        let listening = Listening::bind(port, &format!("the function URL of {function}")).await?;
        Ok(Self {
            name: Arc::from(function),
            guard: Guard::new(listening.port(), tunnels),
            listening,
        })
    }

    /// The URL, with a slash at the end as the attribute `FunctionUrl` has it in AWS.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}/", self.listening.url())
    }

    /// Answers requests by invoking the function, until the returned value is dropped.
    #[must_use]
    pub fn serve<Invoke, Answer>(self, clock: Clock, logs: Logs, invoke: Invoke) -> Serving
    where
        Invoke: Fn(Bytes) -> Answer + Send + Sync + 'static,
        Answer: Future<Output = Result<Bytes, InvocationError>> + Send + 'static,
    {
        let Self {
            name,
            listening,
            guard,
        } = self;
        let desk = Desk {
            name,
            port: listening.port(),
            guard,
            clock,
            logs,
            invoke,
        };
        listening.serve(
            Router::new()
                .fallback(answer_request)
                .with_state(Arc::new(desk)),
        )
    }
}

struct Desk<Invoke> {
    name: Arc<str>,
    port: u16,
    guard: Guard,
    clock: Clock,
    logs: Logs,
    invoke: Invoke,
}

async fn answer_request<Invoke, Answer>(
    State(desk): State<Arc<Desk<Invoke>>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response
where
    Invoke: Fn(Bytes) -> Answer + Send + Sync + 'static,
    Answer: Future<Output = Result<Bytes, InvocationError>> + Send + 'static,
{
    let (parts, body) = request.into_parts();
    let (host, way) = match desk.guard.check(&parts.uri, &parts.headers) {
        Ok(allowed) => allowed,
        Err(refusal) => {
            desk.logs.record(
                &desk.name,
                Voice::Problem,
                format!("refused a request: {refusal}"),
            );
            return message(StatusCode::FORBIDDEN, &refusal.to_string());
        }
    };
    let Ok(body) = axum::body::to_bytes(body, PAYLOAD_LIMIT).await else {
        return too_large();
    };
    let arrival = Arrival {
        host,
        way,
        port: desk.port,
        peer: peer.ip(),
        at: desk.clock.now(),
        request_id: request_id(),
        account_id: "anonymous",
        api_id: &desk.name,
        domain_name: host,
        domain_prefix: &desk.name,
        route_key: "$default",
        path: parts.uri.path(),
    };
    let event = Value::Object(event(&parts, &body, &arrival));
    let event = Bytes::from(event.to_string());
    if event.len() > PAYLOAD_LIMIT {
        return too_large();
    }
    respond((desk.invoke)(event).await)
}

fn too_large() -> Response {
    let limit = format!(
        "Request must be smaller than {PAYLOAD_LIMIT} bytes for the InvokeFunction operation"
    );
    message(StatusCode::PAYLOAD_TOO_LARGE, &limit)
}

#[cfg(test)]
mod tests;
