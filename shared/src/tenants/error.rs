//! Why nothing was done to a tenant.

use crate::store::StoreError;

/// Why nothing was done. A text of [`TenantError::Store`] is for logs, never for callers.
#[derive(Debug, thiserror::Error)]
pub enum TenantError {
    /// There is no such tenant.
    #[error("there is no such tenant")]
    NotFound,
    /// There is a tenant of this id.
    #[error("there is a tenant of this id")]
    Exists,
    /// The tenant is being deleted.
    #[error("the tenant is being deleted")]
    Deleting,
    /// The id was another tenant's until lately.
    #[error(
        "a tenant of this id was deleted too lately: an id rests for 2 minutes, and for 15 days if the tenant had a Twilio account, \
         whose webhooks may still be under way. Use another id"
    )]
    RecentlyDeleted,
    /// The id names the platform itself.
    #[error("the platform keeps this id for itself")]
    ReservedId,
    /// A status that nobody sets.
    #[error(
        "a tenant is active or suspended; only its deletion makes it one that is being deleted"
    )]
    InvalidStatus,
    /// The subdomain selects another tenant.
    #[error("{}", if *.was_released {
        "another tenant gave the subdomain up less than 16 minutes ago: try again when they are over"
    } else {
        "the subdomain belongs to another tenant"
    })]
    SubdomainTaken {
        /// Whether it is free, but rests.
        was_released: bool,
    },
    /// Somebody else was first.
    #[error("somebody else changed the tenant: read it again")]
    VersionMismatch,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
