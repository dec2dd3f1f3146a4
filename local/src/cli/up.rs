use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::demo::{self, DemoTenant};
use super::output::tell;
use super::screen::Screen;
use super::signal::Signals;
use super::{Failure, default_folder, walkthrough};
use crate::binaries::{Progress, workspace};
use crate::deployment::{Overrides, Ports};
use crate::issuer::TokenRequest;
use crate::logs::Display;
use crate::stack::{Binaries, CONCURRENCY, Stack, StackOptions};
use crate::template::EventSource;

/// `up`
#[derive(Debug, Clone, Args)]
pub(super) struct Up {
    /// First of the ports that are listened on; 0 for any free ones
    #[arg(long, value_name = "PORT", default_value = "9100", value_parser = ports)]
    port_base: Ports,
    /// Keep the data in memory only
    #[arg(long)]
    ephemeral: bool,
    /// Build and run the functions as for release
    #[arg(long)]
    release: bool,
    /// Template to run [default: template.yaml in the workspace]
    #[arg(long, value_name = "FILE")]
    template: Option<PathBuf>,
    /// Value of a parameter of the template; may be repeated
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = parameter)]
    parameters: Vec<(String, String)>,
    /// Host of a tunnel that forwards to the function URLs; may be repeated
    #[arg(long = "host", value_name = "HOST")]
    hosts: Vec<String>,
    /// Processes that a function may have at a time
    #[arg(long, value_name = "NUMBER", default_value_t = CONCURRENCY, value_parser = at_least_one)]
    concurrency: usize,
}

impl Up {
    /// Runs the stack until a signal ends it.
    pub(super) async fn run(self, folder: &Path) -> Result<ExitCode, Failure> {
        let ephemeral = self.ephemeral;
        let options = self.options(folder)?;
        let mut signals = Signals::take()?;
        let stack = tokio::select! {
            stack = Stack::start(options) => stack?,
            () = signals.next() => return Ok(ExitCode::FAILURE),
        };
        let tenants = demo::tenants(&stack).await?;
        let screen = screen(&stack, &tenants, ephemeral, &data_argument(folder)?);
        // A closed pipe must not take the stack down.
        drop(std::io::stdout().write_all(screen.as_bytes()));
        signals.next().await;
        tell("\nStopping; Ctrl-C again leaves at once.");
        tokio::select! {
            processes = stack.stop() => {
                let processes = processes?;
                tell(format_args!(
                    "Stopped; processes of functions ended: {processes}."
                ));
                Ok(ExitCode::SUCCESS)
            }
            () = signals.next() => Ok(ExitCode::FAILURE),
        }
    }

    fn options(self, folder: &Path) -> Result<StackOptions, Failure> {
        Ok(StackOptions {
            template: match self.template {
                Some(template) => template,
                None => workspace()?.join("template.yaml"),
            },
            parameters: self.parameters.into_iter().collect(),
            binaries: Binaries::Built {
                release: self.release,
                progress: Progress::Shown,
            },
            ports: self.port_base,
            tunnels: self.hosts,
            folder: Some(folder.to_owned()),
            ephemeral: self.ephemeral,
            concurrency: self.concurrency,
            overrides: Overrides::new(),
            redelivery_seconds: None,
            feeds_streams: true,
            runs_schedules: true,
            display: Display::output(),
        })
    }
}

fn parameter(argument: &str) -> Result<(String, String), String> {
    let (name, value) = argument
        .split_once('=')
        .ok_or_else(|| format!("{argument:?} is not NAME=VALUE"))?;
    Ok((name.to_owned(), value.to_owned()))
}

fn ports(argument: &str) -> Result<Ports, String> {
    match argument.parse() {
        Ok(0) => Ok(Ports::Free),
        Ok(first @ 1_024..=65_000) => Ok(Ports::From(first)),
        _ => Err("must be 1024 to 65000, or 0 for any free ports".to_owned()),
    }
}

fn at_least_one(argument: &str) -> Result<usize, String> {
    argument
        .parse()
        .ok()
        .filter(|number| *number > 0)
        .ok_or_else(|| "must be a number from 1 on".to_owned())
}

/// What names this data folder to other commands, with a space before it; nothing for the usual one.
fn data_argument(folder: &Path) -> Result<String, Failure> {
    if folder == default_folder()? {
        return Ok(String::new());
    }
    let folder = folder.display().to_string();
    Ok(format!(" --data '{}'", folder.replace('\'', r"'\''")))
}

/// Rows about the client API, and the commands that lead through it.
fn client_api(
    stack: &Stack,
    tenants: &[DemoTenant],
    data: &str,
) -> (Vec<(&'static str, String)>, Vec<String>) {
    let authorizer = stack
        .template()
        .http_api()
        .and_then(|(_, api)| api.authorizer.as_ref());
    let (Some(url), Some(authorizer), Some(issuer)) = (stack.api_url(), authorizer, stack.issuer())
    else {
        return (Vec::new(), Vec::new());
    };
    let mut rows = vec![
        ("URL", url.to_owned()),
        ("issuer", authorizer.issuer.clone()),
    ];
    if issuer.url() != authorizer.issuer {
        rows.push(("token", "from that issuer alone".to_owned()));
        return (rows, Vec::new());
    }
    let tenant = tenants.iter().find(|tenant| tenant.is_active);
    let (request, who) = match tenant.map(|tenant| tenant.id.as_str()) {
        Some(id) => (
            TokenRequest::new("local-admin").tenant(id).role("admin"),
            format!("an admin of {id}"),
        ),
        None => (
            TokenRequest::new("local-operator").role("operator"),
            "an operator".to_owned(),
        ),
    };
    rows.push((
        "token",
        format!("{} ({who}, for 12 hours)", issuer.token(&request)),
    ));
    (rows, walkthrough::lines(url, data))
}

fn screen(stack: &Stack, tenants: &[DemoTenant], ephemeral: bool, data: &str) -> String {
    let next = demo::next(tenants, data);
    let (api, walkthrough) = client_api(stack, tenants, data);
    let functions = stack.template().functions().map(|(_, function)| {
        let routes = function.events.iter();
        let routes = routes
            .filter(|event| matches!(event.source, EventSource::Api(_)))
            .count();
        let routes = (routes > 0).then(|| format!("routes of the client API: {routes}"));
        let sources = function
            .events
            .iter()
            .filter_map(|event| match &event.source {
                EventSource::Queue(source) => Some(format!("from the queue {}", source.queue)),
                EventSource::Stream(source) => Some(format!("from the stream of {}", source.table)),
                EventSource::Schedule(schedule) if schedule.enabled => {
                    Some(schedule.expression.to_string())
                }
                EventSource::Schedule(_) | EventSource::Api(_) => None,
            });
        let url = stack.url(&function.binary).map(str::to_owned);
        (
            function.binary.as_str(),
            url.into_iter()
                .chain(sources)
                .chain(routes)
                .collect::<Vec<_>>()
                .join(", "),
        )
    });
    Screen {
        functions: functions.collect(),
        api,
        walkthrough,
        services: vec![
            ("Lambda", stack.control_url().to_owned()),
            ("DynamoDB", stack.emulators().dynamodb().url()),
            ("KMS", stack.emulators().kms().url()),
            ("SQS", stack.emulators().sqs().url()),
            ("EventBridge", stack.emulators().eventbridge().url()),
            ("STS", stack.emulators().sts().url()),
            ("Twilio", stack.twilio().url()),
            ("Providers", stack.providers().base_url()),
        ],
        data: stack.folder().filter(|_| !ephemeral),
        tenants: tenants
            .iter()
            .map(|tenant| (tenant.id.as_str(), tenant.text.clone()))
            .collect(),
        next: &next,
    }
    .text()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_may_hold_equal_signs_in_its_value() {
        assert_eq!(
            parameter("Name=a=b"),
            Ok(("Name".to_owned(), "a=b".to_owned()))
        );
        assert!(parameter("Name").is_err());
    }

    #[test]
    fn other_commands_are_told_of_a_data_folder_that_is_not_the_usual_one() {
        assert_eq!(data_argument(&default_folder().unwrap()).unwrap(), "");
        let named = data_argument(Path::new("/it's here")).unwrap();
        assert_eq!(named, r" --data '/it'\''s here'");
    }

    #[test]
    fn ports_are_a_row_of_them_or_any_free_ones() {
        assert_eq!(ports("9100"), Ok(Ports::From(9_100)));
        assert_eq!(ports("0"), Ok(Ports::Free));
        for refused in ["80", "65001", "-1", "any"] {
            assert!(ports(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn a_function_has_at_least_one_process() {
        assert_eq!(at_least_one("3"), Ok(3));
        assert!(at_least_one("0").is_err());
    }
}
