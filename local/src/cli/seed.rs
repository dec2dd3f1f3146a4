use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use shared::clock::Clock;
use shared::environment::Environment;
use shared::onboarding::{NewTenant, Onboarding};

use super::Failure;
use super::output::print;
use crate::console::operator;
use crate::running::{RunningError, RunningStack};

/// `seed < tenants.json`
#[derive(Debug, Args)]
pub(super) struct Seed {}

impl Seed {
    /// Stores the tenants of standard input, one after the other, and prints a line for each. The first that cannot be
    /// stored ends it; those before it stay, and storing them again is fine.
    pub(super) async fn run(self, folder: &Path) -> Result<ExitCode, Failure> {
        let mut input = String::new();
        std::io::stdin().read_to_string(&mut input)?;
        let tenants: Vec<NewTenant> = serde_json::from_str(&input).map_err(|error| {
            format!(
                "standard input is not a list of tenants ({error}): see local/demo/tenants.json for one"
            )
        })?;
        let onboarding = Onboarding::from_environment(&environment(folder)?, Clock::system())?;
        for tenant in &tenants {
            onboarding
                .store(operator(), tenant)
                .await
                .map_err(|error| format!("{}: {error}", tenant.tenant_id))?;
            let account = tenant
                .twilio
                .as_ref()
                .map(|twilio| twilio.account_sid.as_str());
            print(format_args!(
                "{}  {}  {}  {}",
                tenant.tenant_id,
                tenant.status.as_str(),
                account.unwrap_or("no Twilio account"),
                tenant.name
            ))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The functions' own variables, if this process has them, or else those of the running stack.
fn environment(folder: &Path) -> Result<Environment, Failure> {
    let own = Environment::of_process();
    if own.optional("TENANTS_TABLE").is_some() {
        return Ok(own);
    }
    match RunningStack::find(folder) {
        Ok(stack) => Ok(Environment::of(stack.environment)),
        Err(RunningError::NotRunning) => Err(
            "nothing to store into: start the local stack with `cargo run`, or set the functions' variables \
             (TENANTS_TABLE, ROUTES_TABLE, CREDENTIALS_KEY_ARN and AWS's own) of a deployment"
                .into(),
        ),
        Err(error) => Err(error.into()),
    }
}
