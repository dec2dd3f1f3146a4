use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::iam::Credentials;

/// One function, as the template declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionSpec {
    /// Its logical id in the template, such as `SmsWebhookFunction`.
    pub logical_id: String,
    /// The name that Lambda knows it by, such as `trunkline-local-SmsWebhookFunction`.
    pub name: String,
    /// Its binary, such as `sms-webhook`. Also what it is called on the console.
    pub binary: String,
    /// How long one invocation may take.
    pub timeout: Duration,
    /// The most invocations at a time, if the template reserves concurrency. 0 refuses all.
    pub reserved_concurrency: Option<u32>,
    /// Its memory size, in MB. Told to the function; not enforced.
    pub memory_megabytes: u32,
    /// The template's variables, resolved.
    pub environment: BTreeMap<String, String>,
    /// Whether the template gives it a function URL.
    pub url: bool,
    /// Its role's.
    pub credentials: Credentials,
}

/// What every function of a stack runs under.
#[derive(Debug, Clone)]
pub struct Platform {
    /// The folder that holds the functions' binaries.
    pub binaries: PathBuf,
    /// The region the functions believe to be in.
    pub region: String,
    /// The account id in their ARNs, 12 digits.
    pub account_id: String,
    /// Variables for every function besides Lambda's own: the `AWS_ENDPOINT_URL_*` of the emulators.
    pub environment: BTreeMap<String, String>,
    /// Processes a function may have at a time; further invocations wait for a free one.
    pub concurrency: usize,
    /// How long a process may take to its first poll. Lambda gives 10 seconds.
    pub init_limit: Duration,
}

impl Platform {
    /// A platform with Lambda's limits and no endpoints yet.
    #[must_use]
    pub fn new(binaries: PathBuf, region: &str, account_id: &str) -> Self {
        Self {
            binaries,
            region: region.to_owned(),
            account_id: account_id.to_owned(),
            environment: BTreeMap::new(),
            concurrency: 10,
            init_limit: Duration::from_secs(10),
        }
    }
}
