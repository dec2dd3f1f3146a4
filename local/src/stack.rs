//! The whole local stack, as the command line and the end-to-end tests start it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use shared::clock::Clock;

use crate::binaries::{self, BuildError, Progress};
use crate::control::Control;
use crate::deployment::{Deployment, Overrides, Ports, Surroundings, Urls};
use crate::lambda::{Function, Platform};
use crate::logs::{Display, Logs};
use crate::loopback::{ListenError, Serving};
use crate::running::{Announced, DataFolder, RunningError, RunningFunction, RunningStack};
use crate::template::{Fault, REGION, Template};

/// The account that everything local belongs to.
const ACCOUNT_ID: &str = "123456789012";

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
    /// The folder of the data and of what other commands find the stack by. Without one the stack stays unannounced.
    pub folder: Option<PathBuf>,
    /// Processes that a function may have at a time.
    pub concurrency: usize,
    /// Variables of single functions that replace the template's.
    pub overrides: Overrides,
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
            concurrency: 10,
            overrides: Overrides::new(),
            display: Display::Quiet,
        }
    }
}

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
}

fn join(faults: &[Fault]) -> String {
    faults
        .iter()
        .map(Fault::to_string)
        .collect::<Vec<_>>()
        .join("\n  ")
}

/// A running stack.
pub struct Stack {
    template: Template,
    deployment: Deployment,
    logs: Logs,
    control_url: String,
    control: Serving,
    announced: Option<Announced>,
    folder: Option<DataFolder>,
}

impl Stack {
    /// Starts everything that the template declares. Ports are taken before anything is built, so that what cannot
    /// work fails at once.
    pub async fn start(options: StackOptions) -> Result<Self, StackError> {
        let source = std::fs::read_to_string(&options.template)
            .map_err(|error| StackError::NoTemplate(options.template.clone(), error))?;
        let template =
            Template::read(&source, &options.parameters).map_err(StackError::Template)?;
        let folder = options
            .folder
            .as_deref()
            .map(DataFolder::open)
            .transpose()?;
        let control = Control::bind(options.ports.at(0)).await?;
        let urls = Urls::bind(&template, options.ports, &options.tunnels).await?;
        let binaries = match options.binaries {
            Binaries::In(folder) => folder,
            Binaries::Built { release, progress } => {
                let names: Vec<_> = template
                    .functions()
                    .map(|(_, function)| function.binary.as_str())
                    .collect();
                binaries::build(&names, release, progress).await?
            }
        };

        let clock = Clock::system();
        let logs = Logs::new(options.display, clock.clone());
        let platform = Platform {
            concurrency: options.concurrency,
            ..Platform::new(binaries, REGION, ACCOUNT_ID)
        };
        let around = Surroundings {
            platform: Arc::new(platform),
            logs: logs.clone(),
            clock,
        };
        let attributes = urls.attributes();
        let deployment = urls
            .deploy(&template, &attributes, &options.overrides, &around)
            .map_err(StackError::Template)?;

        let control_url = control.url();
        let control = control.serve(deployment.functions().to_vec());
        let announced = folder
            .as_ref()
            .map(|folder| folder.announce(&running(&deployment, &control_url, &around.platform)))
            .transpose()?;
        Ok(Self {
            template,
            deployment,
            logs,
            control_url,
            control,
            announced,
            folder,
        })
    }

    /// The template that it runs.
    #[must_use]
    pub fn template(&self) -> &Template {
        &self.template
    }

    /// The functions, in the template's order.
    #[must_use]
    pub fn functions(&self) -> &[Function] {
        self.deployment.functions()
    }

    /// The function with this binary, to invoke it, to read its records or to kill its processes.
    #[must_use]
    pub fn function(&self, binary: &str) -> Option<&Function> {
        self.deployment.function(binary)
    }

    /// The function URL of this binary, with a slash at the end.
    #[must_use]
    pub fn url(&self, binary: &str) -> Option<&str> {
        self.deployment.url(binary)
    }

    /// Every line that the functions have printed, and what was reported of them.
    #[must_use]
    pub fn logs(&self) -> &Logs {
        &self.logs
    }

    /// Lambda's Invoke API, for `--endpoint-url`.
    #[must_use]
    pub fn control_url(&self) -> &str {
        &self.control_url
    }

    /// The data folder, if it has one.
    #[must_use]
    pub fn folder(&self) -> Option<&std::path::Path> {
        self.folder.as_ref().map(DataFolder::path)
    }

    /// Ends everything. Returns how many processes there were, once all are gone.
    pub async fn stop(self) -> usize {
        drop((self.announced, self.control));
        let processes = self.deployment.stop().await;
        // Last: the folder is another stack's to take only now.
        drop(self.folder);
        processes
    }
}

/// What other commands find the stack by.
fn running(deployment: &Deployment, control_url: &str, platform: &Platform) -> RunningStack {
    let mut environment = BTreeMap::from([
        ("AWS_REGION".to_owned(), platform.region.clone()),
        (
            "AWS_ACCESS_KEY_ID".to_owned(),
            platform.credentials.access_key_id.clone(),
        ),
        (
            "AWS_SECRET_ACCESS_KEY".to_owned(),
            platform.credentials.secret_access_key.clone(),
        ),
        (
            "AWS_SESSION_TOKEN".to_owned(),
            platform.credentials.session_token.clone(),
        ),
    ]);
    for function in deployment.functions() {
        environment.extend(function.spec().environment.clone());
    }
    environment.extend(platform.environment.clone());
    let functions = deployment
        .functions()
        .iter()
        .map(|function| RunningFunction {
            name: function.spec().binary.clone(),
            logical_id: function.spec().logical_id.clone(),
            url: deployment.url(&function.spec().binary).map(str::to_owned),
        });
    RunningStack {
        pid: std::process::id(),
        control_url: control_url.to_owned(),
        functions: functions.collect(),
        environment,
    }
}
