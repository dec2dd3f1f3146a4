//! What this function is made of.

use shared::api::{Admission, Foundation, Paging};
use shared::environment::Environment;
use shared::media::TenantMedia;
use shared::store::{Activity, Listings};

pub(crate) struct Messaging {
    pub(crate) admission: Admission,
    pub(crate) activity: Activity,
    pub(crate) listings: Listings,
    pub(crate) media: TenantMedia,
    pub(crate) paging: Paging,
}

impl Messaging {
    pub(crate) fn new(environment: &Environment, foundation: &Foundation) -> Option<Self> {
        let Foundation {
            aws, tables, clock, ..
        } = foundation;
        let (client, table) = (aws.dynamodb(), tables.activity.clone());
        // Nothing is kept here that could expire.
        let retention_days = 0;
        Some(Self {
            admission: Admission::new(foundation),
            activity: Activity::new(client.clone(), table.clone(), retention_days, clock.clone()),
            listings: Listings::new(client, table, clock.clone()),
            media: TenantMedia::new(environment, foundation)?,
            paging: Paging::new(foundation),
        })
    }
}
