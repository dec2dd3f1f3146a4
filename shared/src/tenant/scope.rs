//! The proof that a request may act for a tenant.

use super::TenantId;

/// Proof that the request at hand may act for one tenant. Every store method on tenant data takes one, and there is no
/// other way to a key of a tenant's data.
///
/// It is made only inside this crate: from a verified webhook, from authorised claims, from a work item that this
/// bundle put aside itself, or by an [`Operator`].
///
/// ```compile_fail
/// let id: shared::tenant::TenantId = "acme".parse().unwrap();
/// let scope = shared::tenant::TenantScope { tenant_id: id }; // the field is private
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantScope {
    tenant_id: TenantId,
}

impl TenantScope {
    pub(crate) fn new(tenant_id: TenantId) -> Self {
        Self { tenant_id }
    }

    /// The scope of what the platform keeps of its own as a tenant does: the credentials of its Twilio account. For use cases that
    /// act for tenants with it.
    pub(crate) fn platform() -> Self {
        Self::new(TenantId::platform())
    }

    /// The tenant that may be acted for.
    #[must_use]
    pub fn tenant_id(&self) -> &TenantId {
        &self.tenant_id
    }
}

/// Proof that the caller operates the platform, and so may act for any tenant.
#[derive(Debug, Clone, Copy)]
pub struct Operator {
    _private: (),
}

impl Operator {
    /// The person at the console of the machine that holds the platform's own AWS credentials.
    ///
    /// For command-line tools alone: `clippy.toml` bans it, so that no function can call it.
    #[must_use]
    pub fn at_the_console() -> Self {
        Self { _private: () }
    }

    /// The user of the API whose token's claims name the role.
    pub(crate) fn claimed() -> Self {
        Self { _private: () }
    }

    /// The scope of any tenant.
    #[must_use]
    pub fn scope(self, tenant_id: TenantId) -> TenantScope {
        TenantScope::new(tenant_id)
    }
}
