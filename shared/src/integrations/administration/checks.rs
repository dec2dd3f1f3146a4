//! Stored credentials, checked with the provider.

use jiff::SignedDuration;
use tokio::time::Instant;

use super::{IntegrationAdministration, IntegrationError};
use crate::audit::{Action, Actor};
use crate::integrations::Configuration;
use crate::integrations::verification::{Verified, verify};
use crate::outbound::Tally;
use crate::store::{
    Expected, IntegrationRecord, NewIntegration, OwnCheck, Repeat, Stored, WriteConflict,
};
use crate::tenant::{Provider, TenantScope};
use crate::verification::{Outcome, Verification};

/// When credentials are checked again at the latest that a check found invalid: it is done within the minute that follows, and a quarter
/// of an hour is promised.
const INVALID_AGAIN_WITHIN: SignedDuration = SignedDuration::from_mins(14);

/// When credentials are checked again that somebody's check found invalid for the first time.
const INVALID_AGAIN_AFTER: SignedDuration = SignedDuration::from_mins(10);

/// Who has credentials checked, and until when the provider may be asked.
#[derive(Debug, Clone, Copy)]
pub struct Check<'c> {
    /// Who.
    pub actor: &'c Actor,
    /// Until when.
    pub deadline: Instant,
    /// Set, where the platform makes it by itself.
    pub own: Option<OwnCheck<'c>>,
}

/// What a check found, and what it made of the credentials.
#[derive(Debug)]
pub struct Checked {
    /// What the provider says.
    pub verification: Verification,
    /// The credentials as they are now.
    pub record: IntegrationRecord,
    /// The same in clear, to work with.
    pub configuration: Configuration,
}

impl IntegrationAdministration {
    /// Asks the provider about the stored credentials, and keeps what it says. They are checked again soon, if they are found invalid
    /// for the first time.
    ///
    /// # Errors
    /// [`IntegrationError`] of any kind but of what is entered. [`WriteConflict::VersionMismatch`], when others were stored meanwhile.
    pub async fn verify(
        &self,
        scope: &TenantScope,
        provider: Provider,
        actor: &Actor,
        deadline: Instant,
    ) -> Result<Verification, IntegrationError> {
        let record = self.read(scope, provider).await?;
        let now = self.clock.now();
        let again = now.saturating_add(INVALID_AGAIN_AFTER).unwrap_or(now);
        let own = OwnCheck {
            run: None,
            repeat: Repeat::IfInvalid(again),
        };
        let check = Check {
            actor,
            deadline,
            own: Some(own),
        };
        Ok(self.check(scope, record, &check).await?.verification)
    }

    /// The same of credentials that were read.
    ///
    /// # Errors
    /// As [`IntegrationAdministration::verify`].
    pub async fn check(
        &self,
        scope: &TenantScope,
        before: IntegrationRecord,
        check: &Check<'_>,
    ) -> Result<Checked, IntegrationError> {
        let (tenant, provider) = (scope.tenant_id(), before.provider);
        let opened = Configuration::open(&self.vault, tenant, provider, &before.message).await;
        let mut configuration = opened?;
        let Verified {
            verification,
            replaced,
        } = verify(&self.outbound, &configuration, &self.clock, check.deadline).await;
        // Not before the provider wants to be asked again.
        let patience = SignedDuration::try_from(Tally::patience()).unwrap_or_default();
        let patience = match verification.outcome {
            // Whoever said so needs no patience for that: another of the calls was answered so.
            Outcome::Invalid => patience.min(INVALID_AGAIN_WITHIN),
            _ => patience,
        };
        let now = self.clock.now();
        let earliest = now.saturating_add(patience).unwrap_or(now);
        let own = check.own.map(|own| OwnCheck {
            repeat: own.repeat.not_before(earliest),
            ..own
        });
        let kept = match replaced {
            Some(replaced) => {
                let checked = Some(verification.clone());
                let run = own.and_then(|own| own.run);
                let new = NewIntegration {
                    run: run.map(ToOwned::to_owned),
                    ..self.sealed(scope, &replaced, checked).await?
                };
                let detail = "the provider replaced a token".to_owned();
                let noted = self.note(check.actor, Action::CredentialUpdated, provider, detail);
                let expected = Expected::Version(before.version);
                configuration = replaced;
                self.integrations.put(scope, &new, expected, &noted).await
            }
            None => self
                .integrations
                .record_check(
                    scope,
                    provider,
                    before.version,
                    &verification,
                    check.actor,
                    own,
                )
                .await
                .and_then(|kept| Ok(kept.ok_or(WriteConflict::VersionMismatch)?)),
        };
        let is_news = kept.as_ref().map_or(true, |Stored { record: after, .. }| {
            after.is_active != before.is_active || after.capabilities != before.capabilities
        });
        self.announce_stored(scope, provider, &kept, is_news).await;
        Ok(Checked {
            verification,
            record: kept?.record,
            configuration,
        })
    }
}
