//! What this function is made of.

use shared::api::{Foundation, Paging};
use shared::environment::Environment;
use shared::tenants::TenantAdministration;

pub(crate) struct Tenants {
    pub(crate) administration: TenantAdministration,
    pub(crate) paging: Paging,
}

impl Tenants {
    #[expect(
        clippy::unnecessary_wraps,
        reason = "other functions have variables of their own"
    )]
    pub(crate) fn new(_environment: &Environment, foundation: &Foundation) -> Option<Self> {
        let Foundation {
            aws, tables, clock, ..
        } = foundation;
        Some(Self {
            administration: TenantAdministration::new(aws, tables, clock.clone()),
            paging: Paging::new(foundation),
        })
    }
}
