use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use serde_json::Value;
use shared::environment::Environment;
use shared::sid::{CallSid, MessageSid, RecordingSid};
use shared::tenant::TenantId;

use super::Failure;
use super::output::print;
use crate::console::Console;
use crate::running::RunningStack;
use crate::twilio::arguments::SimulateArguments;
use crate::twilio::render::{Style, render_simulation};
use crate::twilio::{FunctionUrls, Target, simulate};

/// `simulate sms|whatsapp|call|status`
#[derive(Debug, Args)]
pub(super) struct Simulate {
    #[command(flatten)]
    arguments: SimulateArguments,
    /// Base URL of the function, where it is not the running stack's: under cargo lambda watch, behind a tunnel
    #[arg(long, global = true, value_name = "URL")]
    url: Option<String>,
}

impl Simulate {
    /// Plays Twilio towards the running stack, then shows what is stored. Fails when an answer is one that Twilio would
    /// not take.
    pub(super) async fn run(self, folder: &Path) -> Result<ExitCode, Failure> {
        let stack = RunningStack::find(folder)?;
        let tenant_id: TenantId = self.arguments.tenant().parse()?;
        let console = Console::open(&Environment::of(stack.environment.clone()))?;
        let credentials = console.credentials(&tenant_id).await?;
        let urls = match &self.url {
            Some(base) => base_urls(base),
            None => urls(&stack)?,
        };
        let mut target = Target::new(&credentials, urls);
        target.rest_double = stack.environment.get("TWILIO_API_BASE_URL").cloned();
        let simulation = simulate(&self.arguments, &target).await;
        let shown = render_simulation(&simulation, Style::of_standard_output());
        print(format_args!("{shown}\nStored for {tenant_id}:\n"))?;
        let mut stored = Vec::new();
        for (kind, sid) in simulation.resources() {
            stored.extend(document(&console, &tenant_id, kind, &sid).await?);
        }
        if stored.is_empty() {
            print("nothing")?;
        }
        for document in stored {
            print(format_args!("{document:#}"))?;
        }
        let failed = simulation
            .exchanges()
            .any(|exchange| exchange.fault().is_some());
        Ok(if failed {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        })
    }
}

/// What is stored of a resource, as the JSON that people read.
async fn document(
    console: &Console,
    tenant_id: &TenantId,
    kind: &str,
    sid: &str,
) -> Result<Option<Value>, Failure> {
    let document = match kind {
        "MessageSid" => json(
            console
                .message(tenant_id, &sid.parse::<MessageSid>()?)
                .await?,
        )?,
        "CallSid" => json(console.call(tenant_id, &sid.parse::<CallSid>()?).await?)?,
        _ => json(
            console
                .recording(tenant_id, &sid.parse::<RecordingSid>()?)
                .await?,
        )?,
    };
    Ok(document)
}

fn json<T: Serialize>(stored: Option<T>) -> Result<Option<Value>, serde_json::Error> {
    stored
        .map(|stored| serde_json::to_value(stored))
        .transpose()
}

/// One base for all functions, with the slash at its end that function URLs have.
fn base_urls(base: &str) -> FunctionUrls {
    let base = format!("{}/", base.trim_end_matches('/'));
    FunctionUrls {
        voice: base.clone(),
        sms: base.clone(),
        whatsapp: base,
    }
}

/// Where the running stack's webhook functions are.
fn urls(stack: &RunningStack) -> Result<FunctionUrls, Failure> {
    let url = |name: &str| {
        let function = stack
            .functions
            .iter()
            .find(|function| function.name == name);
        let url = function.and_then(|function| function.url.clone());
        url.ok_or_else(|| {
            format!("the running stack has no function URL of {name}: is it in the template?")
        })
    };
    Ok(FunctionUrls {
        voice: url("voice-webhook")?,
        sms: url("sms-webhook")?,
        whatsapp: url("whatsapp-webhook")?,
    })
}
