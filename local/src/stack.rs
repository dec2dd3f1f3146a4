//! The whole local stack, as the command line and the end-to-end tests start it.

mod error;
mod options;
mod sources;
mod tokens;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
pub use error::StackError;
use jiff::Timestamp;
pub use options::{Binaries, CONCURRENCY, StackOptions};
use shared::clock::Clock;
use winterbaume_core::default_account_id;

use crate::binaries;
use crate::control::Control;
use crate::deployment::{Deployment, Surroundings, Urls};
use crate::double::Doubles;
use crate::emulators::{self, Emulators, Storage};
use crate::iam::Credentials;
use crate::issuer::{Issuer, IssuerPort, SigningKey};
use crate::lambda::{Function, Platform};
use crate::logs::Logs;
use crate::loopback::Serving;
use crate::providers::ProviderDoubles;
use crate::running::{Announced, DataFolder, RunningFunction, RunningStack};
use crate::schedules::{FireError, Schedules};
use crate::template::{REGION, Template};
use crate::twilio::rest::TwilioDouble;
use sources::{Ground, Sources};

/// Ports of the issuer and the emulators, counted from the stack's first. Those before are for the Invoke API, function
/// URLs and the HTTP API.
const ISSUER_PORT: u16 = 11;
const DYNAMODB_PORT: u16 = 90;
const KMS_PORT: u16 = 91;
const SQS_PORT: u16 = 92;
/// Those between are for the doubles.
const EVENTBRIDGE_PORT: u16 = 95;
const STS_PORT: u16 = 98;

/// How long batches in work may take to end with the stack. Messages and records of those that do not are delivered again.
const BATCH_LIMIT: Duration = Duration::from_secs(2);

/// A running stack.
pub struct Stack {
    template: Template,
    emulators: Emulators,
    doubles: Doubles,
    deployment: Deployment,
    issuer: Option<Issuer>,
    sources: Sources,
    schedules: Schedules,
    logs: Logs,
    control_url: String,
    control: Serving,
    environment: BTreeMap<String, String>,
    announced: Option<Announced>,
    folder: Option<DataFolder>,
}

impl Stack {
    /// Starts everything that the template declares. Ports are taken before anything is built, so that what cannot
    /// work fails at once.
    pub async fn start(options: StackOptions) -> Result<Self, StackError> {
        let source = std::fs::read_to_string(&options.template)
            .map_err(|error| StackError::NoTemplate(options.template.clone(), error))?;
        let issuer = IssuerPort::bind(options.ports.at(ISSUER_PORT)).await?;
        let defaults = tokens::local_parameters(&issuer.url());
        let template = Template::read_with_defaults(&source, &options.parameters, &defaults)
            .map_err(StackError::Template)?;
        let folder = options
            .folder
            .as_deref()
            .map(DataFolder::open)
            .transpose()?;
        let control = Control::bind(options.ports.at(0)).await?;
        let urls = Urls::bind(&template, options.ports, &options.tunnels).await?;
        let storage = folder.as_ref().filter(|_| !options.ephemeral);
        let storage = storage.map_or(Storage::Memory, |folder| {
            Storage::Directory(folder.path().to_owned())
        });
        let ports = emulators::Ports {
            dynamodb: options.ports.at(DYNAMODB_PORT),
            kms: options.ports.at(KMS_PORT),
            sqs: options.ports.at(SQS_PORT),
            eventbridge: options.ports.at(EVENTBRIDGE_PORT),
            sts: options.ports.at(STS_PORT),
        };
        let doubles = Doubles::start(&storage, options.ports, Clock::system()).await?;
        let clock = Clock::system();
        let emulators = Emulators::start_on(&template, storage, ports, clock.clone()).await?;
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

        let logs = Logs::new(options.display, clock.clone());
        emulators.access().report_to(logs.clone());
        let platform = Arc::new(Platform {
            environment: endpoints(&emulators, &doubles),
            concurrency: options.concurrency,
            ..Platform::new(binaries, REGION, default_account_id())
        });
        let around = Surroundings {
            platform: Arc::clone(&platform),
            access: emulators.access().clone(),
            logs: logs.clone(),
            clock: clock.clone(),
        };
        let mut attributes = urls.attributes();
        attributes.extend(emulators.attributes().clone());
        let deployment = urls
            .deploy(&template, &attributes, &options.overrides, &around)
            .map_err(StackError::Template)?;
        let sources = Sources::start(&Ground {
            template: &template,
            emulators: &emulators,
            deployment: &deployment,
            attributes: &attributes,
            clock: &clock,
            redelivery_seconds: options.redelivery_seconds,
            feeds_streams: options.feeds_streams,
            runs_schedules: options.runs_schedules,
        });
        let schedules = Schedules::new(&template, &deployment, clock.clone());

        let control_url = control.url();
        let control = control.serve(
            deployment.functions().to_vec(),
            emulators.eventbridge().all_buses(),
            schedules.clone(),
        );
        let administrator = emulators.access().administrator().credentials();
        let environment = environment(&deployment, &platform, administrator);
        let kept = folder.as_ref().filter(|_| !options.ephemeral);
        let issuer = match tokens::profile(&template, &environment) {
            Some(profile) => {
                let key = kept.map_or_else(SigningKey::generate, SigningKey::kept)?;
                Some(issuer.serve(key, profile, clock))
            }
            // Nobody takes tokens: the port is let go.
            None => None,
        };
        let mut running = running(&deployment, &control_url, &environment);
        running.api = tokens::running_api(&template, &deployment, issuer.as_ref());
        let announced = folder
            .as_ref()
            .map(|folder| folder.announce(&running))
            .transpose()?;
        Ok(Self {
            template,
            emulators,
            doubles,
            deployment,
            issuer,
            sources,
            schedules,
            logs,
            control_url,
            control,
            environment,
            announced,
            folder,
        })
    }

    /// The template that it runs.
    #[must_use]
    pub fn template(&self) -> &Template {
        &self.template
    }

    /// DynamoDB, KMS, SQS, `EventBridge` and STS: their calls so far, and faults to inject.
    #[must_use]
    pub fn emulators(&self) -> &Emulators {
        &self.emulators
    }

    /// Twilio's REST API: its accounts, its requests so far, and how it misbehaves.
    #[must_use]
    pub fn twilio(&self) -> &TwilioDouble {
        self.doubles.twilio()
    }

    /// Vapi, Google, Resend and `ElevenLabs`: their credentials, their requests so far, and how they misbehave.
    #[must_use]
    pub fn providers(&self) -> &ProviderDoubles {
        self.doubles.providers()
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

    /// The HTTP API, without a slash at the end, if the template has one.
    #[must_use]
    pub fn api_url(&self) -> Option<&str> {
        self.deployment.api_url()
    }

    /// The issuer of tokens for the HTTP API, if the API asks for tokens. They pass unless a parameter of the template
    /// names another issuer.
    #[must_use]
    pub fn issuer(&self) -> Option<&Issuer> {
        self.issuer.as_ref()
    }

    /// Invokes the function with this binary as its schedule does, now, and waits for its answer. It is tried once. A schedule that is
    /// switched off is fired, too.
    ///
    /// # Errors
    ///
    /// A function without a schedule, or one that failed.
    pub async fn fire_schedule(&self, binary: &str) -> Result<Bytes, FireError> {
        self.schedules.fire(binary, None).await
    }

    /// [`Stack::fire_schedule`], as if it were `time`, which the event says to the second.
    ///
    /// # Errors
    ///
    /// As [`Stack::fire_schedule`].
    pub async fn fire_schedule_at(
        &self,
        binary: &str,
        time: Timestamp,
    ) -> Result<Bytes, FireError> {
        self.schedules.fire(binary, Some(time)).await
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

    /// The variables under which a program works on this stack's tables and keys: the functions' own, the emulators' endpoints,
    /// the region, and the credentials of an administrator.
    #[must_use]
    pub fn environment(&self) -> &BTreeMap<String, String> {
        &self.environment
    }

    /// Ends everything. Returns how many processes there were, once all are gone and the data is written.
    pub async fn stop(self) -> Result<usize, StackError> {
        drop((self.announced, self.control, self.issuer));
        drop(tokio::time::timeout(BATCH_LIMIT, self.sources.stop()).await);
        let processes = self.deployment.stop().await;
        self.doubles.stop().await;
        self.emulators.stop().await?;
        // Last: only now the folder may be another stack's.
        drop(self.folder);
        Ok(processes)
    }
}

/// The variables by which the functions find everything outside of them.
fn endpoints(emulators: &Emulators, doubles: &Doubles) -> BTreeMap<String, String> {
    let mut endpoints = emulators.endpoints();
    endpoints.extend(doubles.endpoints());
    endpoints
}

fn environment(
    deployment: &Deployment,
    platform: &Platform,
    credentials: &Credentials,
) -> BTreeMap<String, String> {
    let mut environment = BTreeMap::from([
        ("AWS_REGION".to_owned(), platform.region.clone()),
        (
            "AWS_ACCESS_KEY_ID".to_owned(),
            credentials.access_key_id.clone(),
        ),
        (
            "AWS_SECRET_ACCESS_KEY".to_owned(),
            credentials.secret_access_key.clone(),
        ),
        (
            "AWS_SESSION_TOKEN".to_owned(),
            credentials.session_token.clone(),
        ),
    ]);
    environment.extend(platform.environment.clone());
    for function in deployment.functions() {
        environment.extend(function.spec().environment.clone());
    }
    // An administrator may begin no session of a function's, and needs none.
    if let Some(role) = environment.get_mut("TENANT_ROLE_ARN") {
        "none".clone_into(role);
    }
    environment
}

/// What other commands find the stack by.
fn running(
    deployment: &Deployment,
    control_url: &str,
    environment: &BTreeMap<String, String>,
) -> RunningStack {
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
        api: None,
        functions: functions.collect(),
        environment: environment.clone(),
    }
}

#[cfg(test)]
mod tests;
