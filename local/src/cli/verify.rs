use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use shared::tenant::TenantId;

use super::Failure;
use super::invoke::Answer;
use super::output::print;
use crate::control::Control;
use crate::running::RunningStack;

const FUNCTION: &str = "verifier";

/// `verify --tenant acme`
#[derive(Debug, Args)]
pub(super) struct Verify {
    /// Check this tenant [default: what the schedule checks in this minute]
    #[arg(long, value_name = "TENANT", conflicts_with = "all")]
    tenant: Option<TenantId>,
    /// Check every tenant
    #[arg(long)]
    all: bool,
}

impl Verify {
    /// Has the running stack check credentials, and prints what came of it.
    pub(super) async fn run(self, folder: &Path) -> Result<ExitCode, Failure> {
        let document = self.ask(&RunningStack::find(folder)?, FUNCTION).await?;
        print(text(&document))?;
        Ok(ExitCode::SUCCESS)
    }

    /// What the function answers.
    async fn ask(&self, stack: &RunningStack, function: &str) -> Result<Value, Failure> {
        if !stack.functions.iter().any(|known| known.name == function) {
            return Err(format!(
                "the template of the running stack has no function {function}: start the stack with one that has it"
            )
            .into());
        }
        let (path, event) = match &self.tenant {
            Some(tenant) => (
                Control::path(function),
                json!({"tenant_id": tenant.as_str()}),
            ),
            None if self.all => (Control::path(function), json!({"all": true})),
            None => (Control::schedule_path(function), json!({})),
        };
        let url = format!("{}{path}", stack.control_url);
        Answer::at(url, event.to_string().into())
            .await?
            .of(function)
    }
}

/// A document for people: a line for each value, and what belongs to a name indented below it.
fn text(document: &Value) -> String {
    if let Some(line) = one_line(document) {
        return line;
    }
    let mut lines = Vec::new();
    add(document, 0, &mut lines);
    lines.join("\n")
}

fn add(value: &Value, indent: usize, lines: &mut Vec<String>) {
    let space = " ".repeat(indent);
    match value {
        Value::Object(fields) => {
            let is_short = |(_, value): &(&String, &Value)| one_line(value).is_some();
            let names = fields.iter().filter(is_short).map(|(name, _)| name.len());
            let width = names.max().unwrap_or_default();
            for (name, value) in fields {
                let shown = name.replace('_', " ");
                if let Some(line) = one_line(value) {
                    lines.push(format!("{space}{shown:<width$}  {line}"));
                } else {
                    lines.push(format!("{space}{shown}"));
                    add(value, indent.saturating_add(2), lines);
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                let first = lines.len();
                if let Some(line) = one_line(item) {
                    lines.push(format!("{space}- {line}"));
                } else {
                    add(item, indent.saturating_add(2), lines);
                }
                if let Some(line) = lines.get_mut(first)
                    && let Some(rest) = line.strip_prefix(&format!("{space}  "))
                {
                    *line = format!("{space}- {rest}");
                }
            }
        }
        other => lines.extend(one_line(other).map(|line| format!("{space}{line}"))),
    }
}

/// A value that fits on the line of its name.
fn one_line(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some("-".to_owned()),
        // As JSON, where it would do something to the terminal.
        Value::String(text) if text.contains(char::is_control) => Some(value.to_string()),
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Array(items) => {
            if items.iter().any(|item| item.is_array() || item.is_object()) {
                return None;
            }
            let items: Vec<_> = items.iter().filter_map(one_line).collect();
            Some(match items.as_slice() {
                [] => "none".to_owned(),
                items => items.join(", "),
            })
        }
        Value::Object(fields) if fields.is_empty() => Some("none".to_owned()),
        Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::running::RunningError;
    use crate::stack::{Binaries, Stack, StackOptions};

    const TEMPLATE: &str = r"
Transform: AWS::Serverless-2016-10-31
Resources:
  Function:
    Type: AWS::Serverless::Function
    Metadata: {BuildMethod: rust-cargolambda, BuildProperties: {Binary: scripted_function}}
    Properties:
      Runtime: provided.al2023
      Handler: bootstrap
      Timeout: 10
      Events:
        Minute: {Type: Schedule, Properties: {Schedule: rate(1 minute)}}
";

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        verify: Verify,
    }

    fn parsed(arguments: &[&str]) -> Result<Verify, clap::Error> {
        Line::try_parse_from([&["verify"], arguments].concat()).map(|line| line.verify)
    }

    /// A stack of that template in this folder.
    async fn stack(folder: &Path, template: &str) -> Stack {
        let path = folder.join("template.yaml");
        std::fs::write(&path, template).unwrap();
        let programs = std::env::current_exe().unwrap();
        let examples = programs.parent().unwrap().with_file_name("examples");
        let options = StackOptions {
            binaries: Binaries::In(examples),
            folder: Some(folder.join("data")),
            ..StackOptions::new(path)
        };
        Stack::start(options).await.unwrap()
    }

    #[tokio::test]
    async fn the_function_is_told_whom_to_check_and_the_minutes_schedule_is_fired_otherwise() {
        let folder = tempfile::tempdir().unwrap();
        let stack = stack(folder.path(), TEMPLATE).await;
        let running = RunningStack::find(stack.folder().unwrap()).unwrap();
        for (arguments, event) in [
            (&["--tenant", "acme"][..], json!({"tenant_id": "acme"})),
            (&["--all"], json!({"all": true})),
        ] {
            let verify = parsed(arguments).unwrap();
            let answer = verify.ask(&running, "scripted_function").await.unwrap();
            assert_eq!(answer["event"], event);
        }
        let verify = parsed(&[]).unwrap();
        let answer = verify.ask(&running, "scripted_function").await.unwrap();
        assert_eq!(answer["event"]["detail-type"], "Scheduled Event");
        stack.stop().await.unwrap();
    }

    #[tokio::test]
    async fn a_template_without_the_function_or_its_schedule_is_told_of() {
        let folder = tempfile::tempdir().unwrap();
        let without = TEMPLATE.split("      Events").next().unwrap();
        let stack = stack(folder.path(), without).await;
        let running = RunningStack::find(stack.folder().unwrap()).unwrap();
        let verify = parsed(&[]).unwrap();
        let failure = verify.ask(&running, FUNCTION).await.unwrap_err();
        assert_eq!(
            failure.to_string(),
            "the template of the running stack has no function verifier: start the stack with one that has it"
        );
        let failure = verify.ask(&running, "scripted_function").await.unwrap_err();
        let message = failure.to_string();
        assert!(
            message.starts_with("there is no schedule of a function scripted_function: "),
            "{message}"
        );
        stack.stop().await.unwrap();
    }

    #[tokio::test]
    async fn without_a_running_stack_the_failure_says_how_to_start_one() {
        let folder = tempfile::tempdir().unwrap();
        let failure = parsed(&["--all"]).unwrap().run(folder.path()).await;
        assert_eq!(
            failure.unwrap_err().to_string(),
            RunningError::NotRunning.to_string()
        );
    }

    #[test]
    fn a_tenant_and_all_of_them_exclude_each_other() {
        assert!(parsed(&["--tenant", "acme", "--all"]).is_err());
        assert!(parsed(&["--tenant", "No Tenant"]).is_err());
    }

    #[test]
    fn an_answer_is_lines_of_names_and_values() {
        let document = json!({
            "calls": 12,
            "outcomes": {"invalid": 1, "valid": 10},
            "finished_at": null,
            "left": [],
            "tenants": [
                {"tenant_id": "acme", "outcome": "invalid"},
                {"tenant_id": "globex", "outcome": "\u{1b}[2J"},
            ],
        });
        let lines = text(&document);
        let mut lines: Vec<_> = lines.lines().collect();
        let blocks = lines.split_off(3);
        assert_eq!(
            lines,
            ["calls        12", "finished at  -", "left         none"]
        );
        assert_eq!(
            blocks,
            [
                "outcomes",
                "  invalid  1",
                "  valid    10",
                "tenants",
                "  - outcome    invalid",
                "    tenant id  acme",
                "  - outcome    \"\\u001b[2J\"",
                "    tenant id  globex",
            ]
        );
        assert_eq!(text(&Value::Null), "-");
        assert_eq!(text(&json!("done")), "done");
    }
}
