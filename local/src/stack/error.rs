//! Why a stack does not start or stop.

use std::path::PathBuf;

use crate::binaries::BuildError;
use crate::emulators::StartError;
use crate::issuer::KeyError;
use crate::loopback::ListenError;
use crate::running::RunningError;
use crate::template::Fault;

/// Why a stack does not start, as a sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// The template cannot be read.
    #[error(
        "{0} cannot be read ({1}): run this in a checkout of the repository, or name a template with --template"
    )]
    NoTemplate(PathBuf, #[source] std::io::Error),
    /// The template cannot be run.
    #[error("the template cannot be run here:\n  {}", join(.0))]
    Template(Vec<Fault>),
    /// The binaries are not to be had.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// A port is not to be had.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The data folder is not to be had.
    #[error(transparent)]
    Folder(#[from] RunningError),
    /// The key that tokens are signed with is not to be had.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// An emulator does not start, or cannot write its data at the end.
    #[error(transparent)]
    Emulator(#[from] StartError),
}

fn join(faults: &[Fault]) -> String {
    faults
        .iter()
        .map(Fault::to_string)
        .collect::<Vec<_>>()
        .join("\n  ")
}
