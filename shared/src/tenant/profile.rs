//! What the platform knows of a tenant.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Subdomain, TenantId};

/// Whether a tenant's traffic is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TenantStatus {
    /// Served.
    Active,
    /// Refused until resumed; nothing is deleted.
    Suspended,
    /// Refused for good; its data is being deleted.
    Deleting,
}

impl TenantStatus {
    /// The name in JSON and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Deleting => "deleting",
        }
    }
}

/// A tenant as the platform lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantProfile {
    /// The tenant's slug.
    pub tenant_id: TenantId,
    /// What people call it.
    pub name: String,
    /// Whether its traffic is served.
    pub status: TenantStatus,
    /// The host label that selects it under the base domain, if it has one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub subdomain: Option<Subdomain>,
    /// When it was onboarded.
    pub created_at: Timestamp,
    /// When its profile last changed.
    pub updated_at: Timestamp,
}
