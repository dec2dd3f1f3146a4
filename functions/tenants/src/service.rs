//! What this function is made of.

use shared::api::{Foundation, Paging};
use shared::environment::Environment;
use shared::rate_limit::ChangeNotices;
use shared::tenants::TenantAdministration;

pub(crate) struct Tenants {
    pub(crate) administration: TenantAdministration,
    pub(crate) paging: Paging,
    /// Tells warm functions that a tenant was suspended, resumed or deleted.
    pub(crate) notices: ChangeNotices,
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
            notices: ChangeNotices::new(aws.dynamodb(), tables.tenants.clone(), clock.clone()),
        })
    }
}
