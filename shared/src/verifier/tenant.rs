//! One tenant: its credentials, each with its provider, and what it has at Twilio.

use std::sync::Arc;

use jiff::SignedDuration;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::{Instrument, Span, error, info, warn};

use super::Verifier;
use crate::audit::Actor;
use crate::drift::{DriftFinding, DriftOutcome, DriftReport};
use crate::integrations::{Check, Configuration, IntegrationError};
use crate::outbound::Tally;
use crate::store::{
    IntegrationRecord, OwnCheck, Repeat, StoreError, TenantConnections, Work, WriteConflict,
    WriteError,
};
use crate::tenant::{Provider, TenantScope, TenantStatus};
use crate::twilio::TwilioClient;
use crate::vault::VaultError;
use crate::verification::Outcome;

/// As whom the verifier acts.
pub(super) const ACTOR: Actor = Actor::Function("verifier");

/// When credentials are checked again that were found invalid for the first time, or of which nothing could be told.
pub(super) const AGAIN_AFTER: SignedDuration = SignedDuration::from_mins(10);

/// When a look goes on that had no time for all that it has to mend.
const GOES_ON_AFTER: SignedDuration = SignedDuration::from_mins(1);

/// What was found of a tenant.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// Of each of its credentials; nothing of a tenant that is not served.
    pub(super) integrations: Option<Vec<(Provider, Found)>>,
    /// What was not as it should be at Twilio.
    pub(super) drift: Vec<DriftFinding>,
    /// How much there could not be looked at.
    pub(super) unseen: u64,
}

/// What was found of credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// What their provider says.
    Outcome(Outcome),
    /// They do not open.
    Unreadable,
    /// Somebody changed or deleted them meanwhile, or their account is another tenant's.
    Undecided,
}

/// What was found of the credentials of one provider.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) found: Found,
    pub(super) drift: Vec<DriftFinding>,
    /// How much there could not be looked at.
    pub(super) unseen: u64,
    /// When it is to be looked at again, as not all of it could be.
    pub(super) again_after: Option<SignedDuration>,
}

impl Found {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Outcome(outcome) => outcome.as_str(),
            Self::Unreadable => "unreadable",
            Self::Undecided => "undecided",
        }
    }
}

/// Whether anything was set right.
fn mended(drift: &[DriftFinding]) -> bool {
    drift.iter().any(|it| it.outcome == DriftOutcome::Repaired)
}

impl Seen {
    /// When a look is to go on that mended something and not all.
    pub(super) fn goes_on_after(&self) -> Option<SignedDuration> {
        self.again_after.filter(|_| mended(&self.drift))
    }

    fn of(found: Found) -> Self {
        Self {
            found,
            drift: Vec::new(),
            unseen: 0,
            again_after: None,
        }
    }
}

impl Verifier {
    /// Verifies a tenant; what was found in the same run before is not looked at again. `None`, when there is no such tenant.
    pub(super) async fn tenant(
        self: &Arc<Self>,
        scope: &TenantScope,
        run: Option<&str>,
        tally: &Arc<Tally>,
        end_at: Instant,
    ) -> Result<Option<Findings>, IntegrationError> {
        let Some(connections) = self.inspections.look(scope).await? else {
            return Ok(None);
        };
        // The platform is no tenant, and nobody serves it; its credentials are in use all the same.
        let is_in_use =
            connections.status == TenantStatus::Active || scope.tenant_id().is_reserved();
        if !is_in_use {
            return Ok(Some(Findings::default()));
        }
        let connections = Arc::new(connections);
        let mut tasks = JoinSet::new();
        for record in &connections.integrations {
            let (verifier, scope, record) = (Arc::clone(self), scope.clone(), record.clone());
            // What one provider asks for is nothing of another's.
            let (connections, tally) = (Arc::clone(&connections), tally.part());
            let run = run.map(ToOwned::to_owned);
            let provider = record.provider;
            let at = self.later(AGAIN_AFTER);
            let task = async move {
                let own = OwnCheck {
                    run: run.as_deref(),
                    repeat: Repeat::IfNotProven(at),
                };
                let seen = verifier.integration(&scope, &connections, record, own, end_at);
                (provider, tally.of(seen).await)
            };
            tasks.spawn(task.instrument(Span::current()));
        }
        let (mut integrations, mut drift, mut unseen) = (Vec::new(), Vec::new(), 0_u64);
        while let Some(done) = tasks.join_next().await {
            // A panic is logged where it happened.
            let (provider, seen) = done.map_err(|_| panicked())?;
            let seen = seen?;
            if let Some(after) = seen.again_after {
                let at = self.later(after);
                self.due.put(scope, Work::Recheck(provider), at).await?;
            }
            unseen = unseen.saturating_add(seen.unseen);
            integrations.push((provider, seen.found));
            drift.extend(seen.drift);
        }
        integrations.sort_unstable_by_key(|(provider, _)| {
            Provider::ALL.iter().position(|it| it == provider)
        });
        Ok(Some(Findings {
            integrations: Some(integrations),
            drift,
            unseen,
        }))
    }

    /// Checks credentials with their provider, and with Twilio's what they lead to.
    pub(super) async fn integration(
        &self,
        scope: &TenantScope,
        connections: &TenantConnections,
        record: IntegrationRecord,
        own: OwnCheck<'_>,
        end_at: Instant,
    ) -> Result<Seen, IntegrationError> {
        let provider = record.provider;
        let checked = match record.account_sid.clone() {
            Some(account) => {
                let _turn = self.accounts.turn(&account).await;
                let deadline = end_at.min(Instant::now() + self.patience);
                self.twilio(scope, connections, record, own, deadline).await
            }
            None => {
                let deadline = end_at.min(Instant::now() + self.patience);
                let checked = self.check(scope, record, own, deadline).await;
                checked.map(|(found, _)| Seen::of(found))
            }
        };
        match checked {
            Ok(seen) => Ok(seen),
            Err(error) => undecided(provider, error),
        }
    }

    /// Checks credentials, or opens those that were checked in this run before, if they are to be worked with.
    async fn check(
        &self,
        scope: &TenantScope,
        record: IntegrationRecord,
        own: OwnCheck<'_>,
        deadline: Instant,
    ) -> Result<(Found, Option<Configuration>), IntegrationError> {
        if own.run.is_some()
            && record.verified_run.as_deref() == own.run
            && let Some(outcome) = record.status
        {
            let is_used = record.is_active && outcome.is_proof();
            let configuration = match is_used && record.provider == Provider::Twilio {
                true => Some(self.integrations.open(scope, record.provider).await?.1),
                false => None,
            };
            return Ok((Found::Outcome(outcome), configuration));
        }
        let check = Check {
            actor: &ACTOR,
            deadline,
            own: Some(own),
        };
        let checked = self.integrations.check(scope, record, &check).await?;
        // What counts is what is kept: perhaps the check of another message of the same run.
        let outcome = match own.run.is_some() {
            true => checked.record.status,
            false => None,
        };
        let outcome = outcome.unwrap_or(checked.verification.outcome);
        let is_used = checked.record.is_active && outcome.is_proof();
        let configuration = is_used.then_some(checked.configuration);
        Ok((Found::Outcome(outcome), configuration))
    }

    async fn twilio(
        &self,
        scope: &TenantScope,
        connections: &TenantConnections,
        record: IntegrationRecord,
        own: OwnCheck<'_>,
        deadline: Instant,
    ) -> Result<Seen, IntegrationError> {
        let looked = record.drift.clone();
        let looked = looked.filter(|report| report.run.is_some());
        let looked = looked.filter(|report| report.run.as_deref() == own.run);
        // What could not be done may not be on the list of what is due, if whoever was at it was killed.
        let looked = looked.filter(DriftReport::is_whole);
        if let Some(report) = looked
            && record.verified_run == report.run
            && let Some(outcome) = record.status
        {
            return Ok(Seen {
                found: Found::Outcome(outcome),
                drift: report.found,
                unseen: 0,
                again_after: None,
            });
        }
        let before = record.drift.clone();
        let (found, configuration) = self.check(scope, record, own, deadline).await?;
        let Some(Configuration::Twilio(credentials)) = configuration else {
            return Ok(Seen::of(found));
        };
        let client = TwilioClient::new(self.integrations.outbound(), &credentials, deadline);
        let look = self.resources(scope, connections, &client).await?;
        let drift = look.found.clone();
        let unseen = u64::try_from(look.unseen.len()).unwrap_or(u64::MAX);
        let report = DriftReport {
            run: own.run.map(ToOwned::to_owned),
            account_sid: credentials.account_sid.clone(),
            checked_at: self.clock.now(),
            found: look.found,
            more: 0,
            unseen: look.unseen,
        };
        let report = report.after(before);
        self.inspections.keep_drift(scope, &report).await?;
        // Not before Twilio wants to be asked again.
        let patience = SignedDuration::try_from(Tally::patience()).unwrap_or_default();
        let pause = match mended(&drift) {
            true => GOES_ON_AFTER,
            false => AGAIN_AFTER,
        };
        Ok(Seen {
            found,
            drift,
            unseen,
            again_after: (!look.is_whole).then(|| pause.max(patience)),
        })
    }
}

/// What stands against a check and is no failure: it will not be otherwise if it is made again.
fn undecided(provider: Provider, error: IntegrationError) -> Result<Seen, IntegrationError> {
    match &error {
        IntegrationError::Vault(VaultError::Unreadable(cause)) => {
            error!(%provider, %cause, "stored credentials do not open");
            Ok(Seen::of(Found::Unreadable))
        }
        IntegrationError::Missing(_)
        | IntegrationError::Write(WriteError::Conflict(
            WriteConflict::VersionMismatch
            | WriteConflict::TenantDeleting
            | WriteConflict::TenantMissing,
        )) => {
            info!(%provider, cause = %error, "credentials were changed while they were checked");
            Ok(Seen::of(Found::Undecided))
        }
        IntegrationError::Write(WriteError::Conflict(conflict)) => {
            warn!(%provider, %conflict, "what a check found is not kept");
            Ok(Seen::of(Found::Undecided))
        }
        _ => Err(error),
    }
}

fn panicked() -> StoreError {
    StoreError::Unavailable {
        operation: "verify a tenant",
        cause: "a panic, which is logged by itself".to_owned(),
    }
}
