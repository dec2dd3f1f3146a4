//! What the person at the console does with tenants: the stores and the vault of a deployment, through `shared`.

use shared::activity::{Call, Message, Recording};
use shared::aws::{Aws, Patience};
use shared::clock::Clock;
use shared::environment::{ConfigurationError, Environment};
use shared::onboarding::{NewTenant, Onboarding, OnboardingError};
use shared::sid::{CallSid, MessageSid, RecordingSid};
use shared::store::{Activity, Routes, StoreError, TableNames, TenantRecord, Tenants};
use shared::tenant::{Operator, Provider, TenantId, TenantScope};
use shared::twilio::TwilioCredentials;
use shared::vault::{CredentialKeys, EncryptionContext, Purpose, Vault, VaultError};

/// The stores and the vault that the functions' own variables name, here or on AWS.
pub struct Console {
    onboarding: Onboarding,
    tenants: Tenants,
    activity: Activity,
    vault: Vault,
    operator: Operator,
}

/// The proof that whoever runs this program operates the platform.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the console")]
pub fn operator() -> Operator {
    Operator::at_the_console()
}

/// Why a tenant's credentials cannot be had, as a sentence.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// There is no such tenant.
    #[error("there is no tenant {0}: `cargo run -- seed` stores one")]
    NoTenant(TenantId),
    /// It has no Twilio account.
    #[error("the tenant {0} has no Twilio credentials: store it with a `twilio` object")]
    NoCredentials(TenantId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The vault failed.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl Console {
    /// Opens them.
    ///
    /// # Errors
    /// Every variable that is missing.
    pub fn open(environment: &Environment) -> Result<Self, ConfigurationError> {
        let clock = Clock::system();
        let tables = TableNames::from_environment(environment);
        let key = CredentialKeys::from_environment(environment);
        let retention = Activity::retention_days(environment);
        let aws = Aws::from_environment(environment, Patience::BACKGROUND);
        let (((tables, key), retention), aws) =
            environment.finish(tables.zip(key).zip(retention).zip(aws))?;
        // Last: it reads less, and would name less.
        let onboarding = Onboarding::from_environment(environment, clock.clone())?;
        let routes = Routes::new(aws.dynamodb(), tables.routes, clock.clone());
        Ok(Self {
            onboarding,
            tenants: Tenants::new(aws.dynamodb(), tables.tenants, routes, clock.clone()),
            activity: Activity::new(aws.dynamodb(), tables.activity, retention, clock),
            vault: Vault::new(aws.kms(), key),
            operator: operator(),
        })
    }

    /// Stores a tenant, or stores it anew over what it was.
    ///
    /// # Errors
    /// As [`Onboarding::store`].
    pub async fn store(&self, tenant: &NewTenant) -> Result<(), OnboardingError> {
        self.onboarding.store(self.operator, tenant).await
    }

    /// A tenant as a webhook knows it, if there is one; also one that is being deleted.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn record(&self, tenant_id: &TenantId) -> Result<Option<TenantRecord>, StoreError> {
        self.tenants.record(&self.scope(tenant_id)).await
    }

    /// A tenant's Twilio credentials, to sign as its account does.
    ///
    /// # Errors
    /// When there are none, or they cannot be read.
    pub async fn credentials(
        &self,
        tenant_id: &TenantId,
    ) -> Result<TwilioCredentials, CredentialsError> {
        let record = self.record(tenant_id).await?;
        let record = record.ok_or_else(|| CredentialsError::NoTenant(tenant_id.clone()))?;
        let integration = record
            .twilio
            .ok_or_else(|| CredentialsError::NoCredentials(tenant_id.clone()))?;
        let context = EncryptionContext::new(tenant_id, Provider::Twilio, Purpose::Credentials);
        Ok(self.vault.open(&context, &integration.message).await?)
    }

    /// A message as it is stored.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn message(
        &self,
        tenant_id: &TenantId,
        sid: &MessageSid,
    ) -> Result<Option<Message>, StoreError> {
        self.activity.message(&self.scope(tenant_id), sid).await
    }

    /// A call leg as it is stored.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn call(
        &self,
        tenant_id: &TenantId,
        sid: &CallSid,
    ) -> Result<Option<Call>, StoreError> {
        self.activity.call(&self.scope(tenant_id), sid).await
    }

    /// A recording as it is stored.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn recording(
        &self,
        tenant_id: &TenantId,
        sid: &RecordingSid,
    ) -> Result<Option<Recording>, StoreError> {
        self.activity.recording(&self.scope(tenant_id), sid).await
    }

    /// The scope of any tenant.
    #[must_use]
    pub fn scope(&self, tenant_id: &TenantId) -> TenantScope {
        self.operator.scope(tenant_id.clone())
    }

    /// The tenants' activity.
    #[must_use]
    pub fn activity(&self) -> &Activity {
        &self.activity
    }
}
