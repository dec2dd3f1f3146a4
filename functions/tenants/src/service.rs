//! What this function is made of.

use shared::api::{Foundation, Paging};
use shared::aws::Aws;
use shared::environment::Environment;
use shared::subaccounts::Subaccounts;
use shared::tenants::TenantAdministration;

pub(crate) struct Tenants {
    pub(crate) aws: Aws,
    pub(crate) administration: TenantAdministration,
    pub(crate) paging: Paging,
}

impl Tenants {
    pub(crate) fn new(environment: &Environment, foundation: &Foundation) -> Option<Self> {
        let Foundation {
            aws, tables, clock, ..
        } = foundation;
        let administration = TenantAdministration::new(aws, tables, clock.clone());
        let subaccounts = Subaccounts::new(environment, foundation)?;
        Some(Self {
            aws: aws.clone(),
            administration: administration.with_subaccounts(subaccounts),
            paging: Paging::new(foundation),
        })
    }
}
