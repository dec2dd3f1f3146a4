//! Whether the tenant that a call is for may act.

use super::access::Subject;
use super::{Call, Code, Foundation, Problem, Role};
use crate::store::Profiles;
use crate::tenant::{TenantScope, TenantStatus};
use crate::tenants::TenantError;

/// Lets calls in whose tenant may act.
pub struct Admission {
    profiles: Profiles,
}

impl Admission {
    /// Builds it on what all API functions have.
    #[must_use]
    pub fn new(foundation: &Foundation) -> Self {
        let Foundation { aws, tables, .. } = foundation;
        Self {
            profiles: Profiles::new(aws.dynamodb(), tables.tenants.clone()),
        }
    }

    /// The tenant of a call, which is there and served; to an operator, a suspended one too, so that what is wrong can be mended
    /// before it is resumed. One strongly consistent read.
    ///
    /// # Errors
    /// Those of [`Call::scope`], [`Code::TenantNotFound`] and those of [`served`]; [`Code::NotFound`] for a route of operators, which
    /// another function serves and no tenant's session reaches.
    pub async fn tenant(&self, call: &Call) -> Result<TenantScope, Problem> {
        if call.operation().subject() != Subject::TenantOfCaller {
            return Err(Problem::not_here());
        }
        let scope = call.scope()?;
        let stored = self.profiles.read(&scope).await?;
        let stored = stored.ok_or(TenantError::NotFound)?;
        match stored.profile.status {
            TenantStatus::Suspended if call.caller().role() == Role::Operator => {}
            status => served(status)?,
        }
        Ok(scope)
    }
}

/// Refuses for a tenant that is not served.
///
/// # Errors
/// [`Code::TenantSuspended`] and [`Code::TenantDeleting`].
pub fn served(status: TenantStatus) -> Result<(), Problem> {
    match status {
        TenantStatus::Active => Ok(()),
        TenantStatus::Suspended => {
            let detail = "An operator suspended the tenant, and has to resume it.";
            Err(Problem::new(Code::TenantSuspended, detail))
        }
        TenantStatus::Deleting => Err(TenantError::Deleting.into()),
    }
}
