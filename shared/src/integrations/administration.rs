//! What a tenant's admin does with its integrations: lists, stores, changes, checks and deletes them.

mod announcements;
mod checks;
mod rotation;

use jiff::SignedDuration;
use serde_json::Value;
use tokio::time::Instant;

pub use self::checks::{Check, Checked};
pub use self::rotation::{Continued, RotationAction, RotationError, RotationRequest};
use super::verification::{Verified, verify};
use super::{Configuration, Fingerprint, FingerprintKey};
use crate::api::{Foundation, platform_secrets};
use crate::audit::{Action, Actor, AuditEntry};
use crate::clock::Clock;
use crate::environment::Environment;
use crate::fault::InvalidInput;
use crate::input::Document;
use crate::outbound::Outbound;
use crate::platform::{PlatformError, PlatformSecrets};
use crate::rate_limit::ChangeNotices;
use crate::store::{
    Expected, IntegrationRecord, Integrations, NewIntegration, StoreError, TenantSettings,
    WriteConflict, WriteError,
};
use crate::tenant::{Provider, TenantScope};
use crate::vault::{InvalidPlaintext, Vault, VaultError};
use crate::verification::{Outcome, Verification};

/// Administers the tenants' integrations.
pub struct IntegrationAdministration {
    integrations: Integrations,
    settings: TenantSettings,
    vault: Vault,
    secrets: PlatformSecrets,
    outbound: Outbound,
    notices: ChangeNotices,
    clock: Clock,
    /// For how long what a token signed is taken after another was promoted.
    grace: SignedDuration,
}

/// Who stores credentials, over what, and how thoroughly they are looked at before.
#[derive(Debug)]
pub struct Entry<'a> {
    /// What was entered.
    pub document: &'a Document,
    /// What it is to be stored over.
    pub expected: Expected,
    /// Whether the provider is asked about the credentials first.
    pub is_checked: bool,
    /// Who entered it.
    pub actor: Actor,
    /// Until when the provider may be asked.
    pub deadline: Instant,
}

/// Credentials as they are now.
#[derive(Debug)]
pub struct Saved {
    /// The credentials.
    pub record: IntegrationRecord,
    /// Whether there were none before.
    pub is_new: bool,
}

/// Why nothing was stored. A text that says nothing of a store is for the tenant's admin.
#[derive(Debug, thiserror::Error)]
pub enum IntegrationError {
    /// The tenant has no credentials of this provider.
    #[error("the tenant has no credentials of {0}")]
    Missing(Provider),
    /// What was entered has faults.
    #[error(transparent)]
    Faulty(#[from] InvalidInput),
    /// The provider does not accept what was entered.
    #[error("{} does not accept the credentials", .0)]
    NotAccepted(Provider, Verification),
    /// Something stood against the write, or the store failed.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The credentials could not be sealed or opened.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The platform's secret could not be had.
    #[error(transparent)]
    Platform(#[from] PlatformError),
    /// The credentials could not be written; only a defect leads here.
    #[error(transparent)]
    Unwritable(#[from] InvalidPlaintext),
}

impl From<StoreError> for IntegrationError {
    fn from(error: StoreError) -> Self {
        Self::Write(error.into())
    }
}

impl From<WriteConflict> for IntegrationError {
    fn from(conflict: WriteConflict) -> Self {
        Self::Write(conflict.into())
    }
}

impl IntegrationAdministration {
    /// Builds it on what all API functions have. `None` for a fault of the environment.
    #[must_use]
    pub fn new(environment: &Environment, foundation: &Foundation) -> Option<Self> {
        let Foundation {
            aws,
            tables,
            key,
            clock,
        } = foundation;
        let (client, table) = (aws.dynamodb(), || tables.tenants.clone());
        // Both are read before either is missed, so that every fault of the environment is named.
        let outbound = Outbound::from_environment(environment);
        let grace = rotation::grace(environment);
        Some(Self {
            integrations: Integrations::new(&client, tables, clock),
            settings: TenantSettings::new(client.clone(), table(), clock.clone()),
            vault: Vault::new(aws.kms(), key.clone()),
            secrets: platform_secrets(foundation),
            outbound: outbound?,
            notices: ChangeNotices::new(client, table(), clock.clone()),
            clock: clock.clone(),
            grace: grace?,
        })
    }

    /// What the providers are asked through.
    #[must_use]
    pub fn outbound(&self) -> &Outbound {
        &self.outbound
    }

    /// All integrations of a tenant, in the order of [`Provider::ALL`].
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list(
        &self,
        scope: &TenantScope,
    ) -> Result<Vec<IntegrationRecord>, IntegrationError> {
        Ok(self.integrations.list(scope).await?)
    }

    /// One integration.
    ///
    /// # Errors
    /// [`IntegrationError::Missing`], and when the store fails.
    pub async fn read(
        &self,
        scope: &TenantScope,
        provider: Provider,
    ) -> Result<IntegrationRecord, IntegrationError> {
        let record = self.integrations.read(scope, provider).await?;
        record.ok_or(IntegrationError::Missing(provider))
    }

    /// One integration with its credentials in clear, to work with.
    ///
    /// # Errors
    /// [`IntegrationError::Missing`], and when a store or the vault fails.
    pub async fn open(
        &self,
        scope: &TenantScope,
        provider: Provider,
    ) -> Result<(IntegrationRecord, Configuration), IntegrationError> {
        let record = self.read(scope, provider).await?;
        let tenant = scope.tenant_id();
        let opened = Configuration::open(&self.vault, tenant, provider, &record.message).await;
        Ok((record, opened?))
    }

    /// Stores credentials whole, over whatever is there.
    ///
    /// # Errors
    /// [`IntegrationError`] of any kind but [`IntegrationError::Missing`].
    pub async fn replace(
        &self,
        scope: &TenantScope,
        provider: Provider,
        entry: Entry<'_>,
    ) -> Result<Saved, IntegrationError> {
        let configuration = Configuration::from_input(provider, entry.document)?;
        let before = self.integrations.read(scope, provider).await?;
        self.save(scope, before, configuration, false, entry).await
    }

    /// Stores a part of the credentials anew: fields that were not sent stay, secrets included, and `null` removes one.
    ///
    /// # Errors
    /// [`IntegrationError`] of any kind.
    pub async fn update(
        &self,
        scope: &TenantScope,
        provider: Provider,
        entry: Entry<'_>,
    ) -> Result<Saved, IntegrationError> {
        let (before, stored) = self.open(scope, provider).await?;
        let mut configuration = stored.patched(entry.document)?;
        let keeps_tokens = rotation::keeps_tokens(&stored, &mut configuration, &before);
        self.save(scope, Some(before), configuration, keeps_tokens, entry)
            .await
    }

    async fn save(
        &self,
        scope: &TenantScope,
        before: Option<IntegrationRecord>,
        configuration: Configuration,
        keeps_auth_tokens: bool,
        entry: Entry<'_>,
    ) -> Result<Saved, IntegrationError> {
        // Before anybody is asked about credentials that would not be stored anyway.
        let version = before.as_ref().map(|before| before.version);
        let expected = entry.expected.met_by(version)?;
        self.check_number(scope, &configuration).await?;
        let provider = configuration.provider();
        let (configuration, verification) = match entry.is_checked {
            false => (configuration, None),
            true => {
                let Verified {
                    verification,
                    replaced,
                } = verify(&self.outbound, &configuration, &self.clock, entry.deadline).await;
                if verification.outcome == Outcome::Invalid {
                    return Err(IntegrationError::NotAccepted(provider, verification));
                }
                (replaced.unwrap_or(configuration), Some(verification))
            }
        };
        let new = NewIntegration {
            keeps_auth_tokens,
            ..self.sealed(scope, &configuration, verification).await?
        };
        let action = match before {
            None => Action::CredentialStored,
            Some(_) => Action::CredentialUpdated,
        };
        let noted = self.note(&entry.actor, action, provider, fields(entry.document));
        let stored = self.integrations.put(scope, &new, expected, &noted).await;
        self.announce_stored(scope, provider, &stored, true).await;
        Ok(Saved {
            record: stored?.record,
            is_new: before.is_none(),
        })
    }

    /// Deletes credentials.
    ///
    /// # Errors
    /// [`IntegrationError::Missing`], and what stood against it or failed.
    pub async fn delete(
        &self,
        scope: &TenantScope,
        provider: Provider,
        expected: Expected,
        actor: &Actor,
    ) -> Result<(), IntegrationError> {
        let noted = self.note(actor, Action::CredentialDeleted, provider, String::new());
        let deleted = self.integrations.delete(scope, provider, expected, &noted);
        let deleted = deleted.await;
        if let Ok(Some(_)) | Err(WriteError::Uncertain { .. }) = &deleted {
            self.announce(scope, provider).await;
        }
        match deleted? {
            Some(_) => Ok(()),
            None => Err(IntegrationError::Missing(provider)),
        }
    }

    /// Refuses a number that the tenant's calls are forwarded to: it would call itself over and over.
    async fn check_number(
        &self,
        scope: &TenantScope,
        configuration: &Configuration,
    ) -> Result<(), IntegrationError> {
        let Configuration::Twilio(credentials) = configuration else {
            return Ok(());
        };
        let Some(number) = &credentials.phone_number else {
            return Ok(());
        };
        let settings = self.settings.read(scope).await?.settings;
        if settings.forward_to.as_ref() != Some(number) {
            return Ok(());
        }
        // The write looks again.
        Err(WriteConflict::ForwardedTo.into())
    }

    async fn sealed(
        &self,
        scope: &TenantScope,
        configuration: &Configuration,
        verification: Option<Verification>,
    ) -> Result<NewIntegration, IntegrationError> {
        let tenant = scope.tenant_id();
        let key = FingerprintKey::new(self.secrets.get().await?.fingerprint_key());
        let fingerprint = |of: &Configuration| Fingerprint::of(of, tenant, &key);
        let secrets = fingerprint(&configuration.clone().without_senders())?;
        let account_sid = match configuration {
            Configuration::Twilio(credentials) => Some(credentials.account_sid.clone()),
            _ => None,
        };
        Ok(NewIntegration {
            provider: configuration.provider(),
            message: configuration.seal(&self.vault, tenant).await?,
            account_sid,
            summary: configuration.summary(),
            fingerprint: Some(fingerprint(configuration)?.to_string()),
            secrets_fingerprint: Some(secrets.to_string()),
            verification,
            keeps_auth_tokens: false,
            expires_at: None,
            run: None,
        })
    }

    fn note(
        &self,
        actor: &Actor,
        action: Action,
        provider: Provider,
        detail: String,
    ) -> AuditEntry {
        AuditEntry {
            at: self.clock.now(),
            actor: actor.clone(),
            action,
            target: provider.to_string(),
            detail,
        }
    }
}

/// The names of the fields that were entered. They are known ones: a document with others is refused before.
pub fn fields(document: &Document) -> String {
    let members = document.value().as_object();
    let names = members
        .into_iter()
        .flatten()
        .map(|(name, _): (_, &Value)| name.as_str());
    names.collect::<Vec<_>>().join(", ")
}
