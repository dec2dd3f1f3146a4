//! The HTTP API: one port whose routes lead to several functions, behind a JWT authorizer.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api.html>
//!
//! What API Gateway answers itself, without asking a function, has its own shape: `{"message": …}`.

mod authorizer;
mod claims;
mod cors;
mod keys;
mod routes;

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::response::Response;
use bytes::Bytes;
use http::header::WWW_AUTHENTICATE;
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use serde_json::{Map, Value, json};
use shared::clock::Clock;
use winterbaume_core::default_account_id;

use super::answer::{message, structured};
use super::event::{Arrival, decode_path, event};
use crate::lambda::{ErrorKind, InvocationError, PAYLOAD_LIMIT, request_id};
use crate::logs::{Logs, Voice};
use crate::loopback::{Guard, ListenError, Listening, Serving, Way};
use crate::template::{ApiRoute, Cors, HttpApi};
use authorizer::{Authorizer, Refusal};
use routes::{Found, Routes};

/// The largest body, and the most bytes of request line and headers.
/// Source: "Quotas for configuring and running an HTTP API", API Gateway Developer Guide.
const BODY_LIMIT: usize = 10_000_000;
const HEADERS_LIMIT: usize = 10_240;

/// How long a function may take before the caller is told that the service is not available.
const FUNCTION_LIMIT: Duration = Duration::from_secs(30);

/// Invokes one function.
pub type Invoke = Arc<dyn Fn(Bytes) -> Answer + Send + Sync>;
type Answer = Pin<Box<dyn Future<Output = Result<Bytes, InvocationError>> + Send>>;

/// A route, and what it leads to.
#[derive(Clone)]
pub struct Served {
    /// The route.
    pub route: ApiRoute,
    /// Its function.
    pub invoke: Invoke,
}

/// An HTTP API whose port is taken but which does not answer yet.
#[derive(Debug)]
pub struct HttpApiFront {
    api: HttpApi,
    listening: Listening,
    guard: Guard,
}

impl HttpApiFront {
    /// Takes a port of loopback (0: any free one). Besides `127.0.0.1` and `localhost` every name below `localhost` is
    /// served, so that subdomains can be tried, and the Hosts of `tunnels`.
    pub async fn bind(api: &HttpApi, port: u16, tunnels: &[String]) -> Result<Self, ListenError> {
        let listening = Listening::bind(port, "the HTTP API").await?;
        let origins = api.cors.as_ref().map(|cors| cors.allow_origins.as_slice());
        let guard = Guard::new(listening.port(), tunnels)
            .with_subdomains()
            .with_origins(origins.unwrap_or_default());
        Ok(Self {
            api: api.clone(),
            listening,
            guard,
        })
    }

    /// The URL, without a slash at the end as the attribute `ApiEndpoint` has it in AWS.
    #[must_use]
    pub fn url(&self) -> String {
        self.listening.url()
    }

    /// Answers requests to these routes, until the returned value is dropped.
    #[must_use]
    pub fn serve(self, routes: Vec<Served>, clock: Clock, logs: Logs) -> Serving {
        self.serve_within(FUNCTION_LIMIT, routes, clock, logs)
    }

    fn serve_within(
        self,
        limit: Duration,
        routes: Vec<Served>,
        clock: Clock,
        logs: Logs,
    ) -> Serving {
        let authorizer = self.api.authorizer.as_ref();
        let desk = Desk {
            name: Arc::from("api"),
            id: self.api.id.clone(),
            port: self.listening.port(),
            guard: self.guard,
            cors: self.api.cors.clone(),
            authorizer: authorizer.map(|declared| Authorizer::new(declared, clock.clone())),
            routes: Routes::new(routes),
            limit,
            clock,
            logs,
        };
        self.listening.serve(
            Router::new()
                .fallback(answer_request)
                .with_state(Arc::new(desk)),
        )
    }
}

struct Desk {
    /// What it is called on the console.
    name: Arc<str>,
    id: String,
    port: u16,
    guard: Guard,
    cors: Option<Cors>,
    authorizer: Option<Authorizer>,
    routes: Routes,
    limit: Duration,
    clock: Clock,
    logs: Logs,
}

async fn answer_request(
    State(desk): State<Arc<Desk>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let (host, way) = match desk.guard.check(&parts.uri, &parts.headers) {
        Ok((host, way)) => (host.to_owned(), way),
        Err(refusal) => {
            desk.report(format!("refused a request: {refusal}"));
            return message(StatusCode::FORBIDDEN, &refusal.to_string());
        }
    };
    let caller = Caller {
        host: &host,
        way,
        peer,
        request_id: request_id(),
    };
    let mut response = match desk
        .cors
        .as_ref()
        .and_then(|cors| cors::preflight(cors, &parts))
    {
        Some(answer) => answer,
        None => {
            let mut response = desk.answer(&parts, body, &caller).await;
            if let Some(cors) = &desk.cors {
                cors::add_headers(cors, &parts, response.headers_mut());
            }
            response
        }
    };
    if let Ok(id) = HeaderValue::from_str(&caller.request_id) {
        response.headers_mut().insert("apigw-requestid", id);
    }
    response
}

/// Who sent a request, and how it came in.
struct Caller<'a> {
    host: &'a str,
    way: Way,
    peer: SocketAddr,
    request_id: String,
}

impl Desk {
    async fn answer(&self, parts: &Parts, body: Body, caller: &Caller<'_>) -> Response {
        if size(parts) > HEADERS_LIMIT {
            return message(
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "Request Header Fields Too Large",
            );
        }
        let Some(found) = self.routes.find(parts.method.as_str(), parts.uri.path()) else {
            return message(StatusCode::NOT_FOUND, "Not Found");
        };
        let claims = match self.authorize(found.route, parts).await {
            Ok(claims) => claims,
            Err(refusal) => {
                self.report(format!("{}: 401, {refusal}", found.key));
                return unauthorized(&refusal);
            }
        };
        let Ok(body) = axum::body::to_bytes(body, BODY_LIMIT).await else {
            return too_large();
        };
        let event = self.event(parts, &body, caller, &found, claims);
        if event.len() > PAYLOAD_LIMIT {
            return too_large();
        }
        match tokio::time::timeout(self.limit, (found.invoke)(event)).await {
            Ok(answer) => respond(answer),
            Err(_) => {
                let seconds = self.limit.as_secs();
                self.report(format!("{}: 503, no answer in {seconds} s", found.key));
                unavailable()
            }
        }
    }

    /// The claims to tell the function; `None` on a route that is open to everybody.
    async fn authorize(
        &self,
        route: &ApiRoute,
        parts: &Parts,
    ) -> Result<Option<Map<String, Value>>, Refusal> {
        match &self.authorizer {
            Some(authorizer) if route.authorized => {
                let claims = authorizer.authorize(&parts.headers).await?;
                Ok(Some(claims::flattened(&claims)))
            }
            _ => Ok(None),
        }
    }

    fn event(
        &self,
        parts: &Parts,
        body: &[u8],
        caller: &Caller<'_>,
        found: &Found<'_>,
        claims: Option<Map<String, Value>>,
    ) -> Bytes {
        // Unlike a function URL, API Gateway decodes the path, and loses what follows a `?` that was escaped.
        let path = decode_path(parts.uri.path());
        let domain = caller
            .host
            .rsplit_once(':')
            .map_or(caller.host, |(name, _)| name);
        let arrival = Arrival {
            host: caller.host,
            way: caller.way,
            port: self.port,
            peer: caller.peer.ip(),
            at: self.clock.now(),
            request_id: caller.request_id.clone(),
            account_id: default_account_id(),
            api_id: &self.id,
            domain_name: domain,
            domain_prefix: domain.split('.').next().unwrap_or_default(),
            route_key: &found.key,
            path: path.split('?').next().unwrap_or_default(),
        };
        let mut event = event(parts, body, &arrival);
        if !found.parameters.is_empty() {
            event.insert("pathParameters".to_owned(), json!(found.parameters));
        }
        if let Some(claims) = claims
            && let Some(context) = event
                .get_mut("requestContext")
                .and_then(Value::as_object_mut)
        {
            let authorizer = json!({"jwt": {"claims": claims, "scopes": null}});
            context.insert("authorizer".to_owned(), authorizer);
        }
        Bytes::from(Value::Object(event).to_string())
    }

    fn report(&self, text: String) {
        self.logs.record(&self.name, Voice::Problem, text);
    }
}

/// Bytes of the request line and the headers.
fn size(parts: &Parts) -> usize {
    let target = parts
        .uri
        .path_and_query()
        .map_or(0, |target| target.as_str().len());
    let line = parts.method.as_str().len() + target + " HTTP/1.1  ".len();
    let headers = parts.headers.iter();
    headers
        .map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len())
        .sum::<usize>()
        + line
}

/// The function's answer as HTTP. An error of the function is a 500 whose body says nothing of it.
fn respond(answer: Result<Bytes, InvocationError>) -> Response {
    let failed = || message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error");
    match answer {
        Ok(payload) => structured(&payload).unwrap_or_else(failed),
        Err(error) => match error.kind() {
            ErrorKind::RequestTooLarge => too_large(),
            ErrorKind::Throttled | ErrorKind::Stopped => unavailable(),
            ErrorKind::Reported
            | ErrorKind::Exited
            | ErrorKind::Init
            | ErrorKind::TimedOut
            | ErrorKind::ResponseTooLarge
            | ErrorKind::ResponseMode => failed(),
        },
    }
}

fn unauthorized(refusal: &Refusal) -> Response {
    let mut response = message(StatusCode::UNAUTHORIZED, "Unauthorized");
    if let Ok(challenge) = HeaderValue::from_str(&refusal.challenge()) {
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    response
}

fn too_large() -> Response {
    message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large")
}

fn unavailable() -> Response {
    message(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable")
}

#[cfg(test)]
mod tests;
