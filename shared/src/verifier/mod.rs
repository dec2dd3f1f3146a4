//! Every tenant's connections, looked at once a day and mended where they drifted; and what is due goes on.
//!
//! A tenant has its minute of the day, and each minute's run verifies the tenants of its minute: 32 at a time, from where a run that was
//! killed came to, and what there is no time for is left to a queue. Of one run a tenant is verified once, whoever and however many
//! are at it: what was found is kept together with the name of the run.

mod accounts;
mod counts;
mod due;
mod queue;
mod request;
mod resources;
mod run;
mod tenant;

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tracing::{Instrument, info, info_span, warn};

use self::accounts::Accounts;
pub use self::counts::Counts;
use self::queue::VerificationQueue;
pub use self::request::{
    Answer, Request, RunEnd, UnknownRequest, VerifiedIntegration, VerifierError,
};
use crate::api::Foundation;
use crate::aws::{Aws, Patience, Service};
use crate::clock::Clock;
use crate::environment::Environment;
use crate::integrations::IntegrationAdministration;
use crate::outbound::Tally;
use crate::phone_numbers::PhoneNumbers;
use crate::store::{
    ApplicationMemory, Directory, DueWork, Inspections, Minutes, PhoneNumberItems, Runs, TableNames,
};
use crate::subaccounts::Subaccounts;
use crate::tenant::{TenantId, TenantScope};
use crate::tenants::TenantAdministration;
use crate::twilio::WebhookUrls;
use crate::vault::CredentialKeys;

/// How many tenants are verified at once by a process: calls to providers are mostly waited for.
const AT_ONCE: usize = 32;

/// How much of what is due is done at once, beside them.
const DUE_AT_ONCE: usize = 16;

/// What is left of an invocation's time to leave to the queue what is not done, and to answer.
const TO_END: Duration = Duration::from_secs(5);

/// How many minutes back a run that never was, or was not finished, is made good. Further back it is not worth its calls: each tenant's
/// minute comes again within a day.
const MISSED_MINUTES: i64 = 60;

const MINUTES_A_DAY: i64 = 1_440;

/// How many of those are made in one invocation, so that an hour that was missed comes within a quarter of an hour and not at once.
const MISSED_AT_ONCE: usize = 4;

/// Verifies tenants.
pub struct Verifier {
    inspections: Inspections,
    integrations: IntegrationAdministration,
    numbers: PhoneNumbers,
    memory: ApplicationMemory,
    urls: WebhookUrls,
    minutes: Minutes,
    runs: Runs,
    due: DueWork,
    directory: Directory,
    tenants: TenantAdministration,
    subaccounts: Subaccounts,
    queue: VerificationQueue,
    accounts: Accounts,
    places: Arc<Semaphore>,
    /// Of what is due, so that neither keeps the other waiting.
    places_of_due: Arc<Semaphore>,
    /// How long one tenant may take its providers.
    patience: Duration,
    clock: Clock,
    aws: Aws,
}

/// The time of an invocation.
#[derive(Debug, Clone, Copy)]
struct Time {
    /// Until when anything is begun.
    begin_until: Instant,
    /// When everything is given up.
    end_at: Instant,
}

impl Verifier {
    /// Reads the tables, keys, queue and URLs from the environment. `None` for a fault of it.
    #[must_use]
    pub fn from_environment(environment: &Environment, clock: &Clock) -> Option<Arc<Self>> {
        // All are read before one is missed, so that every fault of the environment is named.
        let queue = VerificationQueue::url(environment);
        let urls = WebhookUrls::from_environment(environment);
        let patience = patience(environment);
        let aws = Aws::from_environment(environment, Patience::BACKGROUND);
        let tables = TableNames::from_environment(environment);
        let key = CredentialKeys::from_environment(environment);
        let foundation = Foundation {
            aws: aws?,
            tables: tables?,
            key: key?,
            clock: clock.clone(),
        };
        let integrations = IntegrationAdministration::new(environment, &foundation)?;
        let subaccounts = || Subaccounts::new(environment, &foundation);
        let Foundation { aws, tables, .. } = &foundation;
        let (client, table) = (aws.dynamodb(), || tables.tenants.clone());
        let urls = urls?;
        let tenants = TenantAdministration::new(aws, tables, clock.clone());
        let numbers = PhoneNumberItems::new(client.clone(), table());
        Some(Arc::new(Self {
            inspections: Inspections::new(client.clone(), table()),
            integrations,
            numbers: PhoneNumbers::new(numbers, urls.clone(), clock.clone()),
            memory: ApplicationMemory::new(client.clone(), table()),
            urls,
            minutes: Minutes::new(client.clone(), table()),
            runs: Runs::new(client.clone(), table(), clock.clone()),
            due: DueWork::new(client.clone(), table(), clock.clone()),
            directory: Directory::new(client, table()),
            tenants: tenants.with_subaccounts(subaccounts()?),
            subaccounts: subaccounts()?,
            queue: VerificationQueue::new(aws.sqs(), queue?),
            accounts: Accounts::default(),
            places: Arc::new(Semaphore::new(AT_ONCE)),
            places_of_due: Arc::new(Semaphore::new(DUE_AT_ONCE)),
            patience: patience?,
            clock: clock.clone(),
            aws: foundation.aws.clone(),
        }))
    }

    /// Opens connections, so that the first call does not have to.
    pub async fn prime(&self) {
        let services = [Service::DynamoDb, Service::Kms, Service::Sqs];
        self.aws.prime(&services).await;
    }

    /// Does what it is asked, and ends before `deadline`.
    ///
    /// # Errors
    /// [`VerifierError`] of any kind. What was done is done; asked again it goes on where it was.
    pub async fn handle(
        self: &Arc<Self>,
        request: Request,
        deadline: Instant,
    ) -> Result<Answer, VerifierError> {
        let end_at = deadline.checked_sub(TO_END).unwrap_or(deadline);
        let time = Time {
            begin_until: end_at.checked_sub(self.patience).unwrap_or(end_at),
            end_at,
        };
        match request {
            Request::Minute(moment) => self.minute(run::minute_of(moment), &time).await,
            Request::Batch(batch) => Ok(Answer::Batch(self.batch(batch, &time).await)),
            Request::Tenant(tenant_id) => self.one(tenant_id, &time).await,
            Request::All => self.all().await,
        }
    }

    /// The run of a minute, those that were missed before it, and what is due.
    async fn minute(self: &Arc<Self>, minute: i64, time: &Time) -> Result<Answer, VerifierError> {
        let runs = async {
            let (state, counts) = self.run(minute, time).await?;
            Ok::<_, VerifierError>((state, counts, self.catch_up(minute, time).await?))
        };
        // None waits for another, nor fails with it.
        let (runs, due, ()) = tokio::join!(runs, self.due(time), self.platform(minute, time));
        let (state, counts, caught_up) = runs?;
        Ok(Answer::Minute {
            run: run::name_of(minute),
            state,
            counts,
            caught_up,
            due: due?,
        })
    }

    /// Verifies the platform's own credentials, in the first minute of a day: they are no tenant's, whose minute is written down.
    async fn platform(self: &Arc<Self>, minute: i64, time: &Time) {
        if minute.rem_euclid(MINUTES_A_DAY) != 0 {
            return;
        }
        let tally = Arc::new(Tally::default());
        let scope = TenantScope::platform();
        let span = info_span!("tenant", tenant_id = TenantId::PLATFORM);
        let found = self.tenant(&scope, None, &tally, time.end_at);
        match found.instrument(span).await {
            Ok(Some(found)) => {
                let integrations = found.integrations.unwrap_or_default();
                for (provider, found) in integrations {
                    info!(%provider, outcome = found.as_str(), "the platform's own credentials are verified");
                }
            }
            Ok(None) => {}
            Err(error) => warn!(%error, "the platform's own credentials are not verified"),
        }
    }

    /// Makes runs of the last hour that never were or were not finished, the oldest first.
    async fn catch_up(
        self: &Arc<Self>,
        minute: i64,
        time: &Time,
    ) -> Result<Vec<String>, VerifierError> {
        let first = minute.saturating_sub(MISSED_MINUTES);
        let last = run::name_of(minute.saturating_sub(1));
        let known = self.runs.between(&run::name_of(first), &last).await?;
        let mut caught_up = Vec::new();
        for missed in first..minute {
            let name = run::name_of(missed);
            if known.get(&name).copied().unwrap_or_default() {
                continue;
            }
            if caught_up.len() >= MISSED_AT_ONCE || Instant::now() >= time.begin_until {
                break;
            }
            if let (RunEnd::Done, _) = self.run(missed, time).await? {
                caught_up.push(name);
            }
        }
        Ok(caught_up)
    }

    /// One tenant, for whoever asks.
    async fn one(
        self: &Arc<Self>,
        tenant_id: TenantId,
        time: &Time,
    ) -> Result<Answer, VerifierError> {
        let scope = TenantScope::new(tenant_id.clone());
        let (began, tally) = (Instant::now(), Arc::new(Tally::default()));
        let span = info_span!("tenant", tenant_id = tenant_id.as_str());
        let found = self.tenant(&scope, None, &tally, time.end_at);
        let found = found.instrument(span).await?;
        let Some(found) = found else {
            return Err(VerifierError::NoTenant(tenant_id));
        };
        let counts = Counts::of(&found, tally.calls());
        counts.log(tenant_id.as_str(), "tenant", began.elapsed());
        let integrations = found.integrations.as_deref().unwrap_or_default();
        Ok(Answer::Tenant {
            tenant_id,
            active: found.integrations.is_some(),
            integrations: integrations
                .iter()
                .map(|(provider, found)| VerifiedIntegration {
                    provider: *provider,
                    outcome: found.as_str(),
                })
                .collect(),
            drift: found.drift,
        })
    }

    /// Lets the walk through all tenants begin.
    async fn all(&self) -> Result<Answer, VerifierError> {
        let run = format!("all#{:013}", self.clock.now().as_millisecond());
        match self.queue.walk(&run, None).await {
            true => {
                info!(run, "all tenants are to be verified");
                Ok(Answer::All { run, started: true })
            }
            false => Err(VerifierError::Queue),
        }
    }

    /// A moment that is so far away from now.
    fn later(&self, away: SignedDuration) -> Timestamp {
        let now = self.clock.now();
        now.saturating_add(away).unwrap_or(now)
    }
}

/// Reads `VERIFICATION_TIMEOUT_SECONDS`.
fn patience(environment: &Environment) -> Option<Duration> {
    const NAME: &str = "VERIFICATION_TIMEOUT_SECONDS";
    let form = "a number of seconds, 2 to 60";
    let seconds: u64 = environment.parsed(NAME, form, 15)?;
    if !(2..=60).contains(&seconds) {
        environment.fault(format!("{NAME} must be {form}"));
        return None;
    }
    Some(Duration::from_secs(seconds))
}
