//! Stored credentials sealed anew under another KMS key: all of them, one after another, whenever it is asked to go on.
//!
//! A message is replaced only where it is still the one that was opened, so that whatever somebody stores meanwhile counts. What is
//! sealed under the right key already is left alone: a pass that is killed anywhere is gone on with from its last page, and what it
//! does twice is done once.

mod quarantine;
mod request;
mod retirement;

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::time::{Instant, Interval, MissedTickBehavior, interval};
use tracing::info;

pub use self::request::{ReEncryptionError, Report, Request};
use crate::audit::{Action, Actor, AuditEntry};
use crate::aws::{Aws, Patience, Service};
use crate::clock::Clock;
use crate::environment::Environment;
use crate::store::{Progress, ReEncryptionItems, Sealed, SealedBy, StoreError, table_name};
use crate::telemetry::metrics::{RE_ENCRYPTION, counted, one_if};
use crate::telemetry::{AwsCalls, aws_calls};
use crate::tenant::TenantScope;
use crate::vault::{CredentialKeys, EncryptionContext, KeyArn, Purpose, Vault, VaultError, key_of};

/// How many tenants are done between two notes of how far it has come.
const PAGE: i32 = 10;

/// How much of the quarantine an answer names: an answer of Lambda has 6 MB at most.
const NAMED: i32 = 100;

/// How often a message is sealed anew that others replace meanwhile.
const TRIES: usize = 5;

/// Seals stored credentials anew.
pub struct ReEncryption {
    items: ReEncryptionItems,
    vault: Vault,
    /// The shortest time between two messages that are sealed anew.
    pace: Duration,
    clock: Clock,
    aws: Aws,
    done: Done,
}

/// What was done since the last line of the log.
#[derive(Default)]
struct Done {
    looked_at: AtomicUsize,
    sealed_anew: AtomicUsize,
    quarantined: AtomicUsize,
    released: AtomicUsize,
}

/// What came of a message.
enum Treated {
    /// It is sealed under the right key already.
    Right,
    SealedAnew,
    Quarantined,
    /// It is there no longer.
    Gone,
}

impl ReEncryption {
    /// Reads the AWS variables, `TENANTS_TABLE`, the credential keys, and `RE_ENCRYPTION_PACE`, the messages that are sealed anew in a second, 1 to 1,000.
    #[must_use]
    pub fn from_environment(environment: &Environment, clock: &Clock) -> Option<Self> {
        const PACE: &str = "RE_ENCRYPTION_PACE";
        let form = "a number, 1 to 1000";
        let aws = Aws::from_environment(environment, Patience::BACKGROUND);
        let table = table_name(environment, "TENANTS_TABLE");
        let keys = CredentialKeys::from_environment(environment);
        let pace: Option<u32> = environment.parsed(PACE, form, 20);
        let pace = pace.filter(|pace| {
            let is_right = (1..=1_000).contains(pace);
            if !is_right {
                environment.fault(format!("{PACE} must be {form}"));
            }
            is_right
        });
        let (aws, table, keys, pace) = (aws?, table?, keys?, pace?);
        Some(Self {
            items: ReEncryptionItems::new(aws.dynamodb(), table),
            vault: Vault::new(aws.kms(), keys),
            pace: Duration::from_secs(1) / pace,
            clock: clock.clone(),
            aws,
            done: Done::default(),
        })
    }

    /// Opens the connections that it will need.
    pub async fn prime(&self) {
        self.aws.prime(&[Service::DynamoDb, Service::Kms]).await;
    }

    /// Does what is asked, until `deadline` at the latest. What is not done by then is gone on with when it is asked again.
    ///
    /// # Errors
    /// [`ReEncryptionError`] of any kind.
    pub async fn handle(
        &self,
        request: &Request,
        deadline: Instant,
    ) -> Result<Report, ReEncryptionError> {
        let began = Instant::now();
        let answer = self.answer(request, deadline).await;
        self.log(began.elapsed(), answer.as_ref().err());
        answer
    }

    /// Writes the one line of an invocation, with its metrics.
    fn log(&self, took: Duration, failed: Option<&ReEncryptionError>) {
        let taken = |count: &AtomicUsize| counted(count.swap(0, Relaxed));
        let AwsCalls {
            store_calls,
            store_failures,
            kms_calls,
            kms_failures,
            denied,
            unopened,
        } = aws_calls();
        info!(
            target: RE_ENCRYPTION,
            duration_ms = took.as_secs_f64() * 1_000.0,
            error = failed.map(ReEncryptionError::kind),
            reason = failed.map(ToString::to_string),
            stopped = one_if(failed.is_some()),
            looked_at = taken(&self.done.looked_at),
            sealed_anew = taken(&self.done.sealed_anew),
            quarantined = taken(&self.done.quarantined),
            released = taken(&self.done.released),
            store_calls,
            store_failures,
            kms_calls,
            kms_failures,
            denied,
            unopened,
            "re-encryption handled"
        );
    }

    async fn answer(
        &self,
        request: &Request,
        deadline: Instant,
    ) -> Result<Report, ReEncryptionError> {
        if let Some(key) = &request.retire {
            let key: KeyArn = key.parse()?;
            self.retire(&key, deadline).await?;
            let mut report = self.report().await?;
            report.retired = Some(key.to_string());
            return Ok(report);
        }
        if !request.status {
            self.go_on(request.start, deadline).await?;
        }
        self.report().await
    }

    async fn report(&self) -> Result<Report, ReEncryptionError> {
        let progress = self.items.progress().await?.map(|(progress, _)| progress);
        let is_finished = progress
            .as_ref()
            .is_none_or(|progress| progress.finished_at.is_some());
        Ok(Report {
            is_finished,
            progress,
            quarantined: self.items.quarantined(None, NAMED).await?,
            quarantined_count: self.items.count_quarantined().await?,
            retired: None,
        })
    }

    /// Goes on with the pass that is under way, and begins one if that is asked for and none is. A pass to a key that seals no longer
    /// is none.
    async fn go_on(&self, begins: bool, deadline: Instant) -> Result<(), ReEncryptionError> {
        let key = self.vault.keys().current().as_str();
        let stored = self.items.progress().await?;
        let revision = stored.as_ref().map_or(0, |(_, revision)| *revision);
        let under_way = stored
            .map(|(progress, _)| progress)
            .filter(|progress| progress.finished_at.is_none() && progress.key == key);
        let (mut progress, mut revision) = match (under_way, begins) {
            (Some(progress), _) => (progress, revision),
            (None, false) => return Ok(()),
            (None, true) => {
                let progress = Progress {
                    key: key.to_owned(),
                    started_at: self.clock.now(),
                    ..Progress::default()
                };
                info!(key, "the re-encryption begins");
                self.keep(&progress, revision).await?;
                (progress, revision.saturating_add(1))
            }
        };
        let mut pace = interval(self.pace);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        if progress.after.is_none()
            && progress.by_key.is_empty()
            && let Some(platform) = self.items.platform()
        {
            self.tenant(&platform, &mut progress, &mut pace).await?;
        }
        while Instant::now() < deadline {
            let after = progress.after.as_deref();
            let page = self.items.tenants_after(after, PAGE).await?;
            match page {
                None => {
                    let some = self.release_some(&mut progress, &mut pace, deadline);
                    if some.await? {
                        progress.released_until = None;
                        progress.finished_at = Some(self.clock.now());
                    }
                }
                Some((tenants, last)) => {
                    for scope in &tenants {
                        self.tenant(scope, &mut progress, &mut pace).await?;
                    }
                    progress.after = Some(last);
                }
            }
            self.keep(&progress, revision).await?;
            revision = revision.saturating_add(1);
            if progress.finished_at.is_some() {
                info!(
                    sealed_anew = progress.sealed_anew,
                    quarantined = progress.quarantined,
                    "the re-encryption has looked at everything"
                );
                return Ok(());
            }
        }
        info!(
            sealed_anew = progress.sealed_anew,
            "the re-encryption is to go on"
        );
        Ok(())
    }

    async fn keep(&self, progress: &Progress, revision: u64) -> Result<(), ReEncryptionError> {
        match self.items.keep(progress, revision).await? {
            true => Ok(()),
            false => Err(ReEncryptionError::AnotherRun),
        }
    }

    /// Everything of one tenant.
    async fn tenant(
        &self,
        scope: &TenantScope,
        progress: &mut Progress,
        pace: &mut Interval,
    ) -> Result<(), ReEncryptionError> {
        for sealed in self.items.sealed(scope).await? {
            let treated = self.treat(scope, &sealed, pace).await?;
            self.done.looked_at.fetch_add(1, Relaxed);
            let key = match treated {
                Treated::Right | Treated::SealedAnew => progress.key.clone(),
                Treated::Gone => continue,
                Treated::Quarantined => {
                    self.done.quarantined.fetch_add(1, Relaxed);
                    progress.quarantined = progress.quarantined.saturating_add(1);
                    let named = key_of(&sealed.message).map(|key| key.to_string());
                    named.unwrap_or_else(|| "none".to_owned())
                }
            };
            if let Treated::SealedAnew = treated {
                self.done.sealed_anew.fetch_add(1, Relaxed);
                progress.sealed_anew = progress.sealed_anew.saturating_add(1);
            }
            let count = progress.by_key.entry(key).or_default();
            *count = count.saturating_add(1);
        }
        Ok(())
    }

    async fn treat(
        &self,
        scope: &TenantScope,
        sealed: &Sealed,
        pace: &mut Interval,
    ) -> Result<Treated, ReEncryptionError> {
        let Some(context) = context(scope, &sealed.by) else {
            return self
                .quarantine(scope, sealed, "its provider is unknown")
                .await;
        };
        let mut sealed = sealed.clone();
        for _ in 0..TRIES {
            if key_of(&sealed.message).as_ref() == Some(self.vault.keys().current()) {
                return Ok(Treated::Right);
            }
            pace.tick().await;
            let new = match self.vault.seal_anew(&context, &sealed.message).await {
                Ok(new) => new,
                // A right that is missing, or a key that is disabled, is no fault of what is sealed.
                Err(error) if error.is_of_key() => return Err(error.into()),
                Err(VaultError::Unreadable(cause)) => {
                    return self.quarantine(scope, &sealed, &cause.to_string()).await;
                }
                Err(error) => return Err(error.into()),
            };
            if self.items.replace(scope, &sealed, new).await? {
                return Ok(Treated::SealedAnew);
            }
            match self.items.message(scope, &sealed.by).await? {
                Some(message) => sealed.message = message,
                None => return Ok(Treated::Gone),
            }
        }
        let error = StoreError::Unavailable {
            operation: "store what was sealed anew",
            cause: "others change the same over and over".to_owned(),
        };
        Err(error.into())
    }

    fn note(&self, action: Action, target: String, detail: String) -> AuditEntry {
        AuditEntry {
            at: self.clock.now(),
            actor: Actor::Function("re-encryptor"),
            action,
            target,
            detail,
        }
    }
}

/// What a message is bound to; `None` for one whose provider is unknown.
fn context(scope: &TenantScope, by: &SealedBy) -> Option<EncryptionContext> {
    match by {
        SealedBy::Tenant(provider) => Some(EncryptionContext::new(
            scope.tenant_id(),
            *provider,
            Purpose::Credentials,
        )),
        SealedBy::Platform => Some(EncryptionContext::of_platform(Purpose::PlatformSecret)),
        SealedBy::Unknown(_) => None,
    }
}
