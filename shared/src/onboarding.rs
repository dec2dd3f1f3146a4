//! Tenants on their way in: profile, settings, sealed credentials and the claim of their account, all or nothing.

use serde::de::Error;
use serde::{Deserialize, Deserializer};

use crate::audit::Actor;
use crate::aws::{Aws, Patience};
use crate::clock::Clock;
use crate::environment::{ConfigurationError, Environment};
use crate::fault::InvalidInput;
use crate::input::Document;
use crate::store::{NewIntegration, Routes, StoreError, Tenants, table_name};
use crate::tenant::{Operator, Provider, Settings, TenantId, TenantProfile, TenantStatus};
use crate::twilio::TwilioCredentials;
use crate::vault::{CredentialKeys, EncryptionContext, Purpose, Vault, VaultError};

/// A tenant to be stored.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewTenant {
    /// Its slug.
    pub tenant_id: TenantId,
    /// What people call it.
    pub name: String,
    /// Whether its traffic is served; active, when left out.
    #[serde(default = "active")]
    pub status: TenantStatus,
    /// Its Twilio credentials. They are stored without a live check, so that its claim of the account is provisional.
    #[serde(default, deserialize_with = "entered_credentials")]
    pub twilio: Option<TwilioCredentials>,
    /// Its settings; the defaults, when left out.
    #[serde(default = "no_settings")]
    pub settings: serde_json::Value,
}

/// Checks credentials as entered, so that every fault of them is in the one error.
fn entered_credentials<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<TwilioCredentials>, D::Error> {
    let document = Option::<Document>::deserialize(deserializer)?;
    let credentials = document.map(|document| TwilioCredentials::from_input(document.value()));
    credentials.transpose().map_err(D::Error::custom)
}

fn active() -> TenantStatus {
    TenantStatus::Active
}

fn no_settings() -> serde_json::Value {
    serde_json::Value::Object(serde_json::Map::new())
}

/// Why a tenant was not stored. Nothing of it was.
#[derive(Debug, thiserror::Error)]
pub enum OnboardingError {
    /// The settings are not settings.
    #[error(transparent)]
    Settings(#[from] InvalidInput),
    /// The credentials could not be sealed.
    #[error("{0}")]
    Vault(#[from] VaultError),
    /// The store did not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Stores whole tenants.
pub struct Onboarding {
    tenants: Tenants,
    vault: Vault,
    clock: Clock,
}

impl Onboarding {
    /// Reads `TENANTS_TABLE`, `ROUTES_TABLE` and `CREDENTIALS_KEY_ARN`, and the AWS variables.
    ///
    /// # Errors
    /// Every fault of the configuration.
    pub fn from_environment(
        environment: &Environment,
        clock: Clock,
    ) -> Result<Self, ConfigurationError> {
        let tenants = table_name(environment, "TENANTS_TABLE");
        let routes = table_name(environment, "ROUTES_TABLE");
        let key = CredentialKeys::from_environment(environment);
        let aws = Aws::from_environment(environment, Patience::BACKGROUND);
        let (((tenants, routes), key), aws) =
            environment.finish(tenants.zip(routes).zip(key).zip(aws))?;
        let routes = Routes::new(aws.dynamodb(), routes, clock.clone());
        let tenants = Tenants::new(aws.dynamodb(), tenants, routes, clock.clone());
        Ok(Self {
            tenants,
            vault: Vault::new(aws.kms(), key),
            clock,
        })
    }

    /// Stores a tenant, or stores it anew over what it was.
    ///
    /// # Errors
    /// What stands against it. Nothing is stored then.
    pub async fn store(
        &self,
        operator: Operator,
        tenant: &NewTenant,
    ) -> Result<(), OnboardingError> {
        let scope = operator.scope(tenant.tenant_id.clone());
        let settings = Settings::from_input(&tenant.settings)?;
        let number = tenant
            .twilio
            .as_ref()
            .and_then(|twilio| twilio.phone_number.as_ref());
        settings.check_against(number)?;
        let now = self.clock.now();
        let profile = TenantProfile {
            tenant_id: tenant.tenant_id.clone(),
            name: tenant.name.clone(),
            status: tenant.status,
            subdomain: None,
            created_at: now,
            updated_at: now,
        };
        let integration = match &tenant.twilio {
            None => None,
            Some(credentials) => {
                let context = EncryptionContext::new(
                    &tenant.tenant_id,
                    Provider::Twilio,
                    Purpose::Credentials,
                );
                Some(NewIntegration {
                    provider: Provider::Twilio,
                    message: self.vault.seal(&context, credentials).await?,
                    account_sid: Some(credentials.account_sid.clone()),
                    summary: credentials.summary(),
                    fingerprint: None,
                    secrets_fingerprint: None,
                    verification: None,
                    keeps_auth_tokens: false,
                    expires_at: None,
                    run: None,
                })
            }
        };
        self.tenants
            .store(
                &scope,
                &profile,
                &settings,
                integration.as_ref(),
                &Actor::Console.name(),
            )
            .await?;
        Ok(())
    }
}
