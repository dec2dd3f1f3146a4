//! The command line.

mod demo;
mod events;
mod invoke;
mod output;
mod re_encrypt;
mod screen;
mod seed;
mod signal;
mod simulate;
mod token;
mod up;
mod verify;
mod walkthrough;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::binaries::workspace;

/// The local stack of Trunkline: the functions of template.yaml on this machine, with everything they need.
#[derive(Debug, Parser)]
#[command(
    name = "trunkline",
    bin_name = "cargo run --",
    version,
    args_conflicts_with_subcommands = true
)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    up: up::Up,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run everything until Ctrl-C; what happens without a command
    Up(up::Up),
    /// Invoke a function with an event and print its answer, on the running stack or one of its own
    Invoke(invoke::Invoke),
    /// Play Twilio towards the running stack: send a signed webhook, show the answer and what is stored
    Simulate(Box<simulate::Simulate>),
    /// Show the events of the running stack's buses, the newest last
    Events(events::Events),
    /// Check the stored credentials on the running stack now: those whose minute it is, a tenant's, or all
    Verify(verify::Verify),
    /// Print a token for the client API of the running stack
    Token(token::Token),
    /// Seal the stored credentials anew under the current key, until all are; or say how far that is, or retire a key
    ReEncrypt(re_encrypt::ReEncrypt),
    /// Store the tenants of a JSON list on standard input, here or in the deployment that the environment names
    Seed(seed::Seed),
}

/// Which stack is meant.
#[derive(Debug, Clone, Args)]
struct Place {
    /// Folder of the stack's data [default: .local in the workspace]
    #[arg(long, global = true, value_name = "FOLDER")]
    data: Option<PathBuf>,
}

impl Place {
    /// The data folder.
    fn folder(&self) -> Result<PathBuf, Failure> {
        match &self.data {
            Some(folder) => Ok(folder.clone()),
            None => default_folder(),
        }
    }
}

/// The data folder of the workspace.
fn default_folder() -> Result<PathBuf, Failure> {
    Ok(workspace()?.join(".local"))
}

/// Why a command cannot go on: shown as a sentence that says what to do.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Runs the command that the program was started with.
#[must_use]
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    let outcome = runtime.block_on(async {
        match arguments.command.unwrap_or(Command::Up(arguments.up)) {
            Command::Up(command) => command.run(&arguments.place.folder()?).await,
            Command::Invoke(command) => command.run(&arguments.place.folder()?).await,
            Command::Simulate(command) => command.run(&arguments.place.folder()?).await,
            Command::Events(command) => command.run(&arguments.place.folder()?).await,
            Command::Verify(command) => command.run(&arguments.place.folder()?).await,
            Command::Token(command) => command.run(&arguments.place.folder()?).await,
            Command::ReEncrypt(command) => command.run(&arguments.place.folder()?).await,
            Command::Seed(command) => command.run(&arguments.place.folder()?).await,
        }
    });
    outcome.unwrap_or_else(|failure| fail(&failure))
}

fn fail(failure: &Failure) -> ExitCode {
    output::tell(format_args!("error: {failure}"));
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn without_a_command_the_stack_comes_up() {
        let arguments =
            Arguments::try_parse_from(["trunkline", "--ephemeral", "--data", "/d"]).unwrap();
        assert!(arguments.command.is_none());
        assert_eq!(arguments.place.data, Some(PathBuf::from("/d")));
    }

    #[test]
    fn the_data_folder_may_be_named_after_any_command() {
        for line in [
            ["trunkline", "up", "--data", "/d"],
            ["trunkline", "invoke", "sms-webhook", "--data=/d"],
        ] {
            let arguments = Arguments::try_parse_from(line).unwrap();
            assert!(arguments.place.data.is_some(), "{line:?}");
        }
    }
}
