//! What this function is made of.

use shared::api::{Admission, Foundation, Paging};
use shared::environment::Environment;
use shared::integrations::IntegrationAdministration;
use shared::store::{ApplicationMemory, Audit, Profiles, TenantSettings};
use shared::twilio::WebhookUrls;

pub(crate) struct Credentials {
    pub(crate) admission: Admission,
    pub(crate) integrations: IntegrationAdministration,
    pub(crate) settings: TenantSettings,
    pub(crate) applications: ApplicationMemory,
    pub(crate) audit: Audit,
    pub(crate) profiles: Profiles,
    pub(crate) paging: Paging,
    pub(crate) urls: WebhookUrls,
    pub(crate) clock: shared::clock::Clock,
}

impl Credentials {
    pub(crate) fn new(environment: &Environment, foundation: &Foundation) -> Option<Self> {
        let Foundation {
            aws, tables, clock, ..
        } = foundation;
        let (client, table) = (aws.dynamodb(), || tables.tenants.clone());
        // Both are read before either is missed, so that every fault of the environment is named.
        let integrations = IntegrationAdministration::new(environment, foundation);
        let urls = WebhookUrls::from_environment(environment);
        Some(Self {
            admission: Admission::new(foundation),
            integrations: integrations?,
            settings: TenantSettings::new(client.clone(), table(), clock.clone()),
            applications: ApplicationMemory::new(client.clone(), table()),
            audit: Audit::new(client.clone(), table()),
            profiles: Profiles::new(client, table()),
            paging: Paging::new(foundation),
            urls: urls?,
            clock: clock.clone(),
        })
    }
}
