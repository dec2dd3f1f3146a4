use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bytes::Bytes;
use clap::Args;
use serde_json::Value;

use super::Failure;
use super::output::{print, tell};
use crate::binaries::{Progress, workspace};
use crate::control::{Control, FUNCTION_ERROR, find};
use crate::logs::Display;
use crate::running::{RunningError, RunningStack};
use crate::stack::{Binaries, Stack, StackOptions};

/// `invoke <function> [event.json]`
#[derive(Debug, Args)]
pub(super) struct Invoke {
    /// The function: its binary, such as sms-webhook, or its logical id
    function: String,
    /// File of the JSON event, or - for standard input [default: {}]
    event: Option<PathBuf>,
}

/// Invokes a function with an event, and gives the document of its answer; a function that fails is a failure in its own words.
pub(super) async fn invoke(folder: &Path, function: &str, event: &Value) -> Result<Value, Failure> {
    let invoke = Invoke {
        function: function.to_owned(),
        event: None,
    };
    let answer = invoke.answer(folder, event.to_string().into()).await?;
    answer.of(function)
}

/// What a function gave: its answer, or the document of its error.
pub(super) struct Answer {
    document: Bytes,
    failed: bool,
}

impl Answer {
    /// What the stack's control interface answers at `url`, where a function takes an event.
    pub(super) async fn at(url: String, event: Bytes) -> Result<Self, Failure> {
        let request = crate::http_client::client().post(url).body(event);
        let response = request.send().await?;
        let status = response.status();
        let failed = response.headers().contains_key(FUNCTION_ERROR);
        let document = response.bytes().await?;
        if status.is_success() {
            return Ok(Self { document, failed });
        }
        let fault: Option<Value> = serde_json::from_slice(&document).ok();
        let message = fault
            .as_ref()
            .and_then(|fault| fault.get("Message")?.as_str());
        Err(message
            .map_or_else(|| format!("the stack answered {status}"), str::to_owned)
            .into())
    }

    /// The document of a function that answered; one that failed is a failure in its own words.
    pub(super) fn of(&self, function: &str) -> Result<Value, Failure> {
        let document: Value = serde_json::from_slice(&self.document)?;
        if !self.failed {
            return Ok(document);
        }
        let message = document.get("errorMessage").and_then(Value::as_str);
        let message = message.unwrap_or("the log of the stack says more");
        Err(format!("{function}: {message}").into())
    }
}

impl Invoke {
    /// Invokes the function of the running stack, or of a stack started for it alone, and prints the answer. A function
    /// that fails makes the command fail, with the error document on standard output.
    pub(super) async fn run(self, folder: &Path) -> Result<ExitCode, Failure> {
        let answer = self.answer(folder, self.event()?).await?;
        match serde_json::from_slice::<Value>(&answer.document) {
            Ok(document) => print(format_args!("{document:#}"))?,
            Err(_) => print(String::from_utf8_lossy(&answer.document))?,
        }
        if answer.failed {
            tell(format_args!(
                "{} failed; the log of the stack says more",
                self.function
            ));
            return Ok(ExitCode::FAILURE);
        }
        Ok(ExitCode::SUCCESS)
    }

    /// What the function gives.
    async fn answer(&self, folder: &Path, event: Bytes) -> Result<Answer, Failure> {
        match RunningStack::find(folder) {
            Ok(stack) => self.of_running(&stack, event).await,
            Err(RunningError::NotRunning) => self.of_own(folder, event).await,
            Err(error) => Err(error.into()),
        }
    }

    async fn of_running(&self, stack: &RunningStack, event: Bytes) -> Result<Answer, Failure> {
        let known = |name: &str| name == self.function;
        let Some(function) = stack
            .functions
            .iter()
            .find(|one| known(&one.name) || known(&one.logical_id))
        else {
            return Err(self.unknown(stack.functions.iter().map(|one| one.name.as_str())));
        };
        let url = format!("{}{}", stack.control_url, Control::path(&function.name));
        Answer::at(url, event).await
    }

    async fn of_own(&self, folder: &Path, event: Bytes) -> Result<Answer, Failure> {
        let stack = Stack::start(StackOptions {
            binaries: Binaries::Built {
                release: false,
                progress: Progress::Shown,
            },
            folder: Some(folder.to_owned()),
            display: Display::errors(),
            ..StackOptions::new(workspace()?.join("template.yaml"))
        })
        .await?;
        let answer = match find(stack.functions(), &self.function) {
            Some(function) => Ok(match function.invoke(event).await {
                Ok(document) => Answer {
                    document,
                    failed: false,
                },
                Err(error) => Answer {
                    document: error.payload().clone(),
                    failed: true,
                },
            }),
            None => Err(self.unknown(
                stack
                    .functions()
                    .iter()
                    .map(|one| one.spec().binary.as_str()),
            )),
        };
        stack.stop().await?;
        answer
    }

    fn unknown<'a>(&self, known: impl Iterator<Item = &'a str>) -> Failure {
        let known: Vec<_> = known.collect();
        format!(
            "there is no function {}: choose one of {}",
            self.function,
            known.join(", ")
        )
        .into()
    }

    fn event(&self) -> Result<Bytes, Failure> {
        let event = match &self.event {
            None => b"{}".to_vec(),
            Some(path) if path == Path::new("-") => {
                let mut event = Vec::new();
                std::io::stdin().read_to_end(&mut event)?;
                event
            }
            Some(path) => std::fs::read(path)
                .map_err(|error| format!("{} cannot be read: {error}", path.display()))?,
        };
        serde_json::from_slice::<serde::de::IgnoredAny>(&event)
            .map_err(|error| format!("the event is no JSON: {error}"))?;
        Ok(event.into())
    }
}
