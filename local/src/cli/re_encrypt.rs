use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::Failure;
use super::invoke::invoke;
use super::output::{print, tell};

const FUNCTION: &str = "re-encryptor";

/// `re-encrypt`
#[derive(Debug, Args)]
pub(super) struct ReEncrypt {
    /// Only say how far it is
    #[arg(long, conflicts_with = "retire")]
    status: bool,
    /// Disable this KMS key, by its ARN, if nothing is sealed under it
    #[arg(long, value_name = "KEY ARN")]
    retire: Option<String>,
}

impl ReEncrypt {
    /// Invokes the function of the running stack, or of a stack started for it alone, again and again until it has nothing more to
    /// do, and prints its last report.
    pub(super) async fn run(self, folder: &Path) -> Result<ExitCode, Failure> {
        let first = match &self.retire {
            Some(key) => json!({"retire": key}),
            None if self.status => json!({"status": true}),
            None => json!({"start": true}),
        };
        let mut report = invoke(folder, FUNCTION, &first).await?;
        let goes_on = self.retire.is_none() && !self.status;
        while goes_on && report.get("is_finished") != Some(&Value::Bool(true)) {
            let sealed = report.pointer("/progress/sealed_anew");
            let sealed = sealed.and_then(Value::as_u64).unwrap_or_default();
            tell(format_args!("{sealed} messages sealed anew so far"));
            report = invoke(folder, FUNCTION, &json!({})).await?;
        }
        print(format_args!("{report:#}"))?;
        Ok(ExitCode::SUCCESS)
    }
}
