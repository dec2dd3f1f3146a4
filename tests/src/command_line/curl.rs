//! Commands of `curl`, typed into a shell: by curl itself, or by a stand-in for a machine that has none.

use local::http_client::client;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::Value;

use super::program::finish;

/// What sends the requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Curl {
    /// The program of that name.
    Itself,
    /// A function of the shell that notes its arguments, and [`Request`], which does what they say.
    StandIn,
}

/// An answer, as far as it was printed.
#[derive(Debug)]
pub(super) struct Answer {
    /// The first line of the head, with `-i`.
    pub(super) status_line: Option<String>,
    /// The body; null, if empty.
    pub(super) body: Value,
}

impl Curl {
    /// Whether this machine has it.
    pub(super) fn is_there(self) -> bool {
        let asked = || std::process::Command::new("curl").arg("--version").output();
        self == Self::StandIn || asked().is_ok()
    }

    /// Types the lines into one shell, and returns what was printed.
    pub(super) async fn typed(self, lines: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let notes = folder.path().join("notes");
        let function = format!(
            r#"curl() {{ printf '%s\0' "$@" '' >>'{}'; }}"#,
            notes.display()
        );
        let script = match self {
            Self::Itself => lines.to_owned(),
            Self::StandIn => {
                assert!(!lines.contains("$(curl"), "it prints only at the end");
                format!("{function}\n{lines}")
            }
        };
        let mut shell = tokio::process::Command::new("sh");
        // A proxy of this machine is not for what runs on it.
        shell.args(["-c", &script]).env("no_proxy", "127.0.0.1");
        let run = finish(shell).await;
        assert_eq!((run.code, run.errors.as_str()), (Some(0), ""), "{lines}");
        let mut printed = run.output;
        if self == Self::StandIn {
            let notes = std::fs::read_to_string(notes).unwrap();
            for call in notes.split_terminator("\0\0") {
                printed.push_str(&Request::of(call.split('\0')).send().await);
            }
        }
        printed
    }
}

/// What curl is asked for, as far as it is asked here: any other option is refused.
#[derive(Debug, Default)]
struct Request {
    url: String,
    method: Option<String>,
    headers: Vec<(String, String)>,
    data: Option<String>,
    with_head: bool,
}

impl Request {
    fn of<'a>(mut arguments: impl Iterator<Item = &'a str>) -> Self {
        let mut request = Self::default();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().unwrap().to_owned();
            match argument {
                "-sS" => {}
                "-i" => request.with_head = true,
                "-X" => request.method = Some(value()),
                "-d" => request.data = Some(value()),
                "-H" => {
                    let header = value();
                    let (name, value) = header.split_once(':').unwrap();
                    let header = (name.to_ascii_lowercase(), value.trim().to_owned());
                    request.headers.push(header);
                }
                url if url.starts_with("http://") => request.url = url.to_owned(),
                other => panic!("the stand-in for curl does not know {other}"),
            }
        }
        request
    }

    async fn send(mut self) -> String {
        let usual = if self.data.is_some() { "POST" } else { "GET" };
        let method = self.method.as_deref().unwrap_or(usual);
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let content_type = CONTENT_TYPE.as_str();
        let is_typed = self.headers.iter().any(|(name, _)| name == content_type);
        if self.data.is_some() && !is_typed {
            let form = "application/x-www-form-urlencoded";
            self.headers
                .push((content_type.to_owned(), form.to_owned()));
        }
        let mut request = client().request(method, &self.url);
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        if let Some(data) = self.data {
            request = request.body(data);
        }
        let answer = request.send().await.unwrap();
        let head = format!("HTTP/1.1 {}\r\n\r\n", answer.status());
        let body = answer.text().await.unwrap();
        if self.with_head { head + &body } else { body }
    }
}

/// The answers in what was printed, which has nothing between them.
pub(super) fn answers(mut printed: &str) -> Vec<Answer> {
    let mut answers = Vec::new();
    while !printed.is_empty() {
        let mut status_line = None;
        if printed.starts_with("HTTP/") {
            let (head, rest) = printed.split_once("\r\n\r\n").unwrap();
            status_line = head.lines().next().map(str::to_owned);
            printed = rest;
        }
        let mut body = Value::Null;
        if printed.starts_with('{') {
            let mut documents = serde_json::Deserializer::from_str(printed).into_iter();
            body = documents.next().unwrap().unwrap();
            printed = &printed[documents.byte_offset()..];
        } else {
            assert!(status_line.is_some(), "no answer: {printed}");
        }
        answers.push(Answer { status_line, body });
    }
    answers
}
