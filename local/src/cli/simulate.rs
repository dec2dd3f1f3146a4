use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use shared::environment::Environment;
use shared::sid::{CallSid, MessageSid, RecordingSid};
use shared::tenant::TenantId;

use super::Failure;
use crate::console::Console;
use crate::running::RunningStack;
use crate::twilio::arguments::SimulateArguments;
use crate::twilio::render::{Style, render_simulation};
use crate::twilio::{FunctionUrls, Simulation, Target, simulate};

/// `simulate sms|whatsapp|call|status`
#[derive(Debug, Args)]
pub(super) struct Simulate {
    #[command(flatten)]
    arguments: SimulateArguments,
}

impl Simulate {
    /// Plays Twilio towards the running stack, then shows what is stored. Fails when an answer is one that Twilio would
    /// not take.
    pub(super) async fn run(self, folder: &Path) -> Result<ExitCode, Failure> {
        let stack = RunningStack::find(folder)?;
        let tenant_id: TenantId = self.arguments.tenant().parse()?;
        let console = Console::open(&Environment::of(stack.environment.clone()))?;
        let credentials = console.credentials(&tenant_id).await?;
        let target = Target::new(&credentials, urls(&stack)?);
        let simulation = simulate(&self.arguments, &target).await;
        print!("{}", render_simulation(&simulation, Style::of_standard_output()));
        println!("Stored for {tenant_id}:");
        let mut stored = false;
        for name in names(&simulation) {
            if let Some(document) = stored_document(&console, &tenant_id, &name).await? {
                println!("{document:#}");
                stored = true;
            }
        }
        if !stored {
            println!("  nothing");
        }
        Ok(if simulation.faults().next().is_none() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}
