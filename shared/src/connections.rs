//! The tenants' connections to Twilio, for whoever does something there in a tenant's name.

use tokio::time::Instant;

use crate::api::{Code, Foundation, Problem};
use crate::credentials::{CredentialVault, TwilioTenant};
use crate::environment::Environment;
use crate::outbound::Outbound;
use crate::store::{Routes, Tenants};
use crate::tenant::TenantScope;
use crate::twilio::TwilioClient;

/// The tenants' credentials, and the way to Twilio.
pub struct TwilioConnections {
    credentials: CredentialVault,
    outbound: Outbound,
}

impl TwilioConnections {
    /// Builds it on what all API functions have. `None` for a fault of the environment.
    #[must_use]
    pub fn new(environment: &Environment, foundation: &Foundation) -> Option<Self> {
        let Foundation {
            aws,
            tables,
            key,
            clock,
        } = foundation;
        let client = aws.dynamodb();
        let routes = Routes::new(client.clone(), tables.routes.clone(), clock.clone());
        let tenants = Tenants::new(client, tables.tenants.clone(), routes, clock.clone());
        Some(Self {
            credentials: CredentialVault::new(aws, tenants, key.clone(), clock),
            outbound: Outbound::from_environment(environment)?,
        })
    }

    /// A tenant with its credentials as they are stored, if they may be used. One query and one call of KMS.
    ///
    /// # Errors
    /// [`Code::CredentialsMissing`], [`Code::CredentialsInactive`], and when a store or the vault fails.
    pub async fn tenant(
        &self,
        scope: &TenantScope,
        deadline: Instant,
    ) -> Result<TwilioTenant, Problem> {
        let tenant = self.credentials.twilio_as_stored(scope, deadline).await?;
        if !tenant.is_active {
            let detail = "The tenant's Twilio credentials are not in use: GET /api/integrations/twilio says why.";
            return Err(Problem::new(Code::CredentialsInactive, detail));
        }
        Ok(tenant)
    }

    /// Twilio in the name of a tenant's account.
    #[must_use]
    pub fn client<'c>(&'c self, tenant: &'c TwilioTenant, deadline: Instant) -> TwilioClient<'c> {
        TwilioClient::new(&self.outbound, &tenant.credentials, deadline)
    }
}
