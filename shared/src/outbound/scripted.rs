//! A provider for tests: a real HTTP server on this machine that answers as a test scripts it and keeps what it received.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use super::Outbound;
use crate::clock::Clock;
use crate::environment::Environment;

/// A request as it came over the wire.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    /// The number of its connection, from 0.
    pub(crate) connection: usize,
    /// Its number on that connection, from 0.
    pub(crate) turn: usize,
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: String,
}

impl Received {
    /// The path without its query.
    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap()
    }

    /// User and password.
    pub(crate) fn basic(&self) -> (String, String) {
        let encoded = self.headers["authorization"]
            .strip_prefix("Basic ")
            .unwrap();
        let pair = String::from_utf8(STANDARD.decode(encoded).unwrap()).unwrap();
        let (user, password) = pair.split_once(':').unwrap();
        (user.to_owned(), password.to_owned())
    }

    /// The fields of a form.
    pub(crate) fn form(&self) -> HashMap<String, String> {
        let url = reqwest::Url::parse(&format!("http://form/?{}", self.body)).unwrap();
        url.query_pairs().into_owned().collect()
    }
}

/// What the provider does with a request.
#[derive(Debug, Clone)]
pub(crate) enum Reaction {
    Answer {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: String,
    },
    /// An answer that does not say how long it is, and comes in pieces.
    Pieces {
        status: u16,
        headers: Vec<(&'static str, String)>,
        pieces: Vec<String>,
    },
    /// Closes the connection without a word.
    Close,
    /// Never answers.
    Hang,
}

impl Reaction {
    pub(crate) fn json(status: u16, document: &Value) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        let body = document.to_string();
        Self::Answer {
            status,
            headers,
            body,
        }
    }

    pub(crate) fn html(status: u16) -> Self {
        let headers = vec![("content-type", "text/html".to_owned())];
        let body = "<html><body>Error</body></html>".to_owned();
        Self::Answer {
            status,
            headers,
            body,
        }
    }

    /// Twilio's error body.
    pub(crate) fn error(status: u16, code: u32) -> Self {
        Self::json(
            status,
            &serde_json::json!({"code": code, "message": format!("message of {code}"),
                "more_info": format!("https://www.twilio.com/docs/errors/{code}"), "status": status}),
        )
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        if let Self::Answer { headers, .. } | Self::Pieces { headers, .. } = &mut self {
            headers.push((name, value.to_owned()));
        }
        self
    }
}

/// The running provider. It ends with the test's runtime.
pub(crate) struct Provider {
    pub(crate) url: String,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Provider {
    /// Starts one that reacts as `react` says.
    pub(crate) async fn start<R>(react: R) -> Self
    where
        R: Fn(&Received) -> Reaction + Send + Sync + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let received = Arc::new(Mutex::new(Vec::new()));
        let (react, log) = (Arc::new(react), Arc::clone(&received));
        tokio::spawn(async move {
            for connection in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(
                    stream,
                    connection,
                    Arc::clone(&react),
                    Arc::clone(&log),
                ));
            }
        });
        Self { url, received }
    }

    /// Starts one that reacts in this order, and then for ever as at last.
    pub(crate) async fn in_turn(reactions: impl Into<Vec<Reaction>>) -> Self {
        let reactions = reactions.into();
        let turn = std::sync::atomic::AtomicUsize::new(0);
        Self::start(move |_| {
            let turn = turn.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            reactions[turn.min(reactions.len() - 1)].clone()
        })
        .await
    }

    /// What came in so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// The client, with this as every provider.
    pub(crate) fn outbound(&self) -> Outbound {
        self.outbound_with(Clock::system())
    }

    pub(crate) fn outbound_with(&self, clock: Clock) -> Outbound {
        let variables = [
            "TWILIO_API_BASE_URL",
            "VAPI_API_BASE_URL",
            "GOOGLE_OAUTH_BASE_URL",
            "GOOGLE_API_BASE_URL",
            "RESEND_API_BASE_URL",
            "ELEVENLABS_API_BASE_URL",
        ];
        let environment = Environment::of(variables.map(|name| (name, self.url.as_str())));
        let outbound = Outbound::with_clock(&environment, clock);
        environment.finish(outbound).unwrap()
    }
}

/// A deadline that no test reaches unless something hangs.
pub(crate) fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

async fn serve<R>(
    mut stream: TcpStream,
    connection: usize,
    react: Arc<R>,
    log: Arc<Mutex<Vec<Received>>>,
) where
    R: Fn(&Received) -> Reaction,
{
    for turn in 0.. {
        let Some(request) = read(&mut stream, connection, turn).await else {
            return;
        };
        log.lock().unwrap().push(request.clone());
        match react(&request) {
            Reaction::Close => return,
            Reaction::Hang => std::future::pending().await,
            Reaction::Pieces {
                status,
                headers,
                pieces,
            } => {
                let mut head = format!("HTTP/1.1 {status} Scripted\r\n");
                for (name, value) in headers {
                    head.push_str(&format!("{name}: {value}\r\n"));
                }
                head.push_str("transfer-encoding: chunked\r\n\r\n");
                let _ = stream.write_all(head.as_bytes()).await;
                for piece in pieces.iter().map(String::as_str).chain([""]) {
                    let chunk = format!("{:x}\r\n{piece}\r\n", piece.len());
                    let _ = stream.write_all(chunk.as_bytes()).await;
                }
            }
            Reaction::Answer {
                status,
                headers,
                body,
            } => {
                let mut head = format!("HTTP/1.1 {status} Scripted\r\n");
                for (name, value) in headers {
                    head.push_str(&format!("{name}: {value}\r\n"));
                }
                head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
                // The other side may have had enough before it read everything.
                let _ = stream.write_all(head.as_bytes()).await;
                let _ = stream.write_all(body.as_bytes()).await;
            }
        }
    }
}

async fn read(stream: &mut TcpStream, connection: usize, turn: usize) -> Option<Received> {
    let mut bytes = Vec::new();
    let head_ends = loop {
        if let Some(position) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break position;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..head_ends].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ').map(str::to_owned);
    let (method, target) = (first.next()?, first.next()?);
    let headers: HashMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers
        .get("content-length")
        .map_or(0, |text| text.parse().unwrap());
    while bytes.len() < head_ends + 4 + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let body = String::from_utf8(bytes[head_ends + 4..].to_vec()).unwrap();
    Some(Received {
        connection,
        turn,
        method,
        target,
        headers,
        body,
    })
}
