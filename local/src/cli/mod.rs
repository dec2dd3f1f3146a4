//! The command line.

mod invoke;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::binaries::workspace;

/// The local stack of Trunkline: the functions of template.yaml on this machine, with everything they need.
#[derive(Debug, Parser)]
#[command(name = "trunkline", version, arg_required_else_help = false)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Invoke a function of the running stack with an event, and print its answer
    Invoke(invoke::Invoke),
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
            None => Ok(workspace()?.join(".local")),
        }
    }
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
        match arguments.command {
            Command::Invoke(command) => command.run(&arguments.place.folder()?).await,
        }
    });
    outcome.unwrap_or_else(|failure| fail(&failure))
}

fn fail(failure: &Failure) -> ExitCode {
    eprintln!("error: {failure}");
    ExitCode::FAILURE
}
