use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::Value;

use super::Failure;
use crate::control::{Control, FUNCTION_ERROR};
use crate::running::RunningStack;

/// `invoke <function> [event.json]`
#[derive(Debug, Args)]
pub(super) struct Invoke {
    /// The function: its binary, such as sms-webhook, or its logical id
    function: String,
    /// File of the JSON event, or - for standard input [default: {}]
    event: Option<PathBuf>,
}

impl Invoke {
    /// Prints the answer. A function that fails makes the command fail, with the error document on standard output.
    pub(super) async fn run(self, folder: &Path) -> Result<ExitCode, Failure> {
        let event = self.event()?;
        let stack = RunningStack::find(folder)?;
        let known = |name: &str| name == self.function;
        let Some(function) = stack
            .functions
            .iter()
            .find(|one| known(&one.name) || known(&one.logical_id))
        else {
            let names: Vec<_> = stack
                .functions
                .iter()
                .map(|one| one.name.as_str())
                .collect();
            return Err(format!(
                "there is no function {}: choose one of {}",
                self.function,
                names.join(", ")
            )
            .into());
        };
        let url = format!("{}{}", stack.control_url, Control::path(&function.name));
        let response = reqwest::Client::new().post(url).body(event).send().await?;
        let status = response.status();
        let failed = response.headers().contains_key(FUNCTION_ERROR);
        let body = response.bytes().await?;
        let document: Option<Value> = serde_json::from_slice(&body).ok();
        if !status.is_success() {
            let message = document
                .as_ref()
                .and_then(|document| document.get("Message")?.as_str());
            return Err(message
                .map_or_else(|| format!("the stack answered {status}"), str::to_owned)
                .into());
        }
        match document {
            Some(document) => println!("{document:#}"),
            None => println!("{}", String::from_utf8_lossy(&body)),
        }
        if failed {
            eprintln!(
                "{} failed; its log is on the console of the stack",
                function.name
            );
            return Ok(ExitCode::FAILURE);
        }
        Ok(ExitCode::SUCCESS)
    }

    fn event(&self) -> Result<Vec<u8>, Failure> {
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
        Ok(event)
    }
}
