//! A server that stands in for the functions: it keeps every request and answers as it is told.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use local::twilio::{Account, Parameters, SidSupply, WebhookSender};
use shared::secret::Secret;

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) uri: String,
    pub(crate) headers: HeaderMap,
    pub(crate) parameters: Parameters,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn get(&self, name: &str) -> &str {
        self.parameters.get(name).unwrap_or("")
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Answer {
    status: u16,
    content_type: Option<String>,
    location: Option<&'static str>,
    body: String,
    delay: Duration,
}

impl Answer {
    pub(crate) fn new(status: u16, content_type: &str, body: impl Into<String>) -> Self {
        let content_type = Some(content_type.to_owned());
        Self {
            status,
            content_type,
            location: None,
            body: body.into(),
            delay: Duration::ZERO,
        }
    }

    pub(crate) fn twiml(verbs: &str) -> Self {
        let head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";
        Self::new(
            200,
            "text/xml; charset=utf-8",
            format!("{head}<Response>{verbs}</Response>"),
        )
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self {
            status,
            content_type: None,
            location: None,
            body: String::new(),
            delay: Duration::ZERO,
        }
    }

    pub(crate) fn redirect(location: &'static str) -> Self {
        Self {
            location: Some(location),
            ..Self::empty(302)
        }
    }

    pub(crate) fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}

#[derive(Default)]
struct Script {
    answers: Mutex<HashMap<String, VecDeque<Answer>>>,
    received: Mutex<Vec<Received>>,
}

/// Listens until it is dropped.
pub(crate) struct Server {
    pub(crate) base: String,
    script: Arc<Script>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Answers each path with its answers in turn, the last one again and again; other paths with 204.
    pub(crate) async fn start<const N: usize>(answers: [(&str, Vec<Answer>); N]) -> Self {
        let script = Arc::new(Script::default());
        for (path, answers) in answers {
            script
                .answers
                .lock()
                .unwrap()
                .insert(path.to_owned(), answers.into());
        }
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&script));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { base, script, task }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.script.received.lock().unwrap().clone()
    }

    /// The requests for one path.
    pub(crate) fn received_at(&self, path: &str) -> Vec<Received> {
        self.received()
            .into_iter()
            .filter(|request| request.path == path)
            .collect()
    }
}

async fn answer(
    State(script): State<Arc<Script>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let text = match method {
        Method::GET => uri.query().unwrap_or("").to_owned(),
        _ => String::from_utf8(body.to_vec()).unwrap(),
    };
    let form = reqwest::Url::parse(&format!("http://form/?{text}")).unwrap();
    let parameters = form
        .query_pairs()
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    let path = uri.path().to_owned();
    let received = Received {
        method: method.to_string(),
        path: path.clone(),
        uri: uri.to_string(),
        headers,
        parameters,
    };
    script.received.lock().unwrap().push(received);
    let answer = match script.answers.lock().unwrap().get_mut(&path) {
        Some(answers) if answers.len() > 1 => answers.pop_front().unwrap(),
        Some(answers) => answers.front().cloned().unwrap(),
        None => Answer::empty(204),
    };
    tokio::time::sleep(answer.delay).await;
    let mut response = answer.body.into_response();
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap();
    response.headers_mut().remove("content-type");
    if let Some(content_type) = answer.content_type {
        response
            .headers_mut()
            .insert("content-type", content_type.parse().unwrap());
    }
    if let Some(location) = answer.location {
        response
            .headers_mut()
            .insert("location", location.parse().unwrap());
    }
    response
}

/// The sender of a made-up account, with the same SIDs in every run.
pub(crate) fn sender() -> WebhookSender {
    WebhookSender::new(account()).with_sids(Arc::new(SidSupply::seeded(1)))
}

pub(crate) fn account() -> Account {
    let sid = "ACcccccccccccccccccccccccccccccccc".parse().unwrap();
    Account::new(sid, Secret::from("cccc3333cccc3333cccc3333cccc3333"))
}
