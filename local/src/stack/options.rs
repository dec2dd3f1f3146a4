//! What a stack is started with.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::binaries::Progress;
use crate::deployment::{Overrides, Ports};
use crate::logs::Display;

/// Processes that a function may have at a time, unless told otherwise.
pub const CONCURRENCY: usize = 10;

/// Where the functions' binaries come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Binaries {
    /// Built with cargo, if anything has changed.
    Built {
        /// For release, whatever the running program is.
        release: bool,
        /// Whether cargo's progress is shown.
        progress: Progress,
    },
    /// In this folder already.
    In(PathBuf),
}

/// What a stack is started with.
#[derive(Debug, Clone)]
pub struct StackOptions {
    /// The template.
    pub template: PathBuf,
    /// Values of its parameters that differ from the defaults.
    pub parameters: BTreeMap<String, String>,
    /// The functions' binaries.
    pub binaries: Binaries,
    /// The ports of everything that listens.
    pub ports: Ports,
    /// Hosts that function URLs answer besides loopback's.
    pub tunnels: Vec<String>,
    /// The folder of the data and of what other commands find the stack by. Without one the data is in memory and the
    /// stack stays unannounced.
    pub folder: Option<PathBuf>,
    /// Keep the data in memory even so.
    pub ephemeral: bool,
    /// Processes that a function may have at a time.
    pub concurrency: usize,
    /// Variables of single functions that replace the template's.
    pub overrides: Overrides,
    /// Seconds until a queue's message that failed is tried again; by default what the queue says. Tests shorten it.
    pub redelivery_seconds: Option<u32>,
    /// Whether the streams of tables feed the functions. A test that consumes them itself switches it off.
    pub feeds_streams: bool,
    /// Whether schedules invoke their functions at their times. Without it they do when told: [`Stack::fire_schedule`](super::Stack::fire_schedule).
    pub runs_schedules: bool,
    /// Where log lines are shown.
    pub display: Display,
}

impl StackOptions {
    /// A stack beside others, such as a test's: free ports, nothing on disk, nothing shown.
    #[must_use]
    pub fn new(template: PathBuf) -> Self {
        Self {
            template,
            parameters: BTreeMap::new(),
            binaries: Binaries::Built {
                release: false,
                progress: Progress::OnFailure,
            },
            ports: Ports::Free,
            tunnels: Vec::new(),
            folder: None,
            ephemeral: false,
            concurrency: CONCURRENCY,
            overrides: Overrides::new(),
            redelivery_seconds: None,
            feeds_streams: true,
            runs_schedules: false,
            display: Display::Quiet,
        }
    }
}
