//! What this function is made of.

use shared::api::{Admission, Foundation, Paging};
use shared::clock::Clock;
use shared::connections::TwilioConnections;
use shared::environment::Environment;
use shared::media::TenantMedia;
use shared::phone_numbers::PhoneNumbers;
use shared::store::{Activity, Integrations, Listings, PhoneNumberItems};
use shared::twilio::WebhookUrls;

pub(crate) struct Messaging {
    pub(crate) admission: Admission,
    pub(crate) activity: Activity,
    pub(crate) listings: Listings,
    pub(crate) media: TenantMedia,
    pub(crate) integrations: Integrations,
    pub(crate) connections: TwilioConnections,
    pub(crate) numbers: PhoneNumbers,
    pub(crate) paging: Paging,
    pub(crate) clock: Clock,
}

impl Messaging {
    pub(crate) fn new(environment: &Environment, foundation: &Foundation) -> Option<Self> {
        let Foundation {
            aws, tables, clock, ..
        } = foundation;
        let (client, table) = (aws.dynamodb(), tables.activity.clone());
        // All are read before one is missed, so that every fault of the environment is named.
        let media = TenantMedia::new(environment, foundation);
        let connections = TwilioConnections::new(environment, foundation);
        let urls = WebhookUrls::from_environment(environment);
        let numbers = PhoneNumberItems::new(client.clone(), tables.tenants.clone());
        // Nothing is kept here that could expire.
        let retention_days = 0;
        Some(Self {
            admission: Admission::new(foundation),
            activity: Activity::new(client.clone(), table.clone(), retention_days, clock.clone()),
            integrations: Integrations::new(&client, tables, clock),
            listings: Listings::new(client, table, clock.clone()),
            media: media?,
            connections: connections?,
            numbers: PhoneNumbers::new(numbers, urls?, clock.clone()),
            paging: Paging::new(foundation),
            clock: clock.clone(),
        })
    }
}
