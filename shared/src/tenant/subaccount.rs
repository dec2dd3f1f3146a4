//! The subaccount that the platform opened for a tenant at Twilio.

use serde::{Deserialize, Serialize};

use super::TenantStatus;
use crate::sid::AccountSid;

/// How far a tenant's subaccount got.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Subaccount {
    /// Its SID, once it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_sid: Option<AccountSid>,
    /// The platform's account that it was opened under: nobody else can tell of it, or close it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_sid: Option<AccountSid>,
    /// Whether the tenant has had its credentials.
    pub is_ready: bool,
    /// Its status at Twilio, as far as it is known here.
    pub status: SubaccountStatus,
}

/// Whether a subaccount works.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubaccountStatus {
    /// It does, or is still to be opened.
    #[default]
    Active,
    /// It does not, until it is resumed.
    Suspended,
    /// It never will again.
    Closed,
}

impl Subaccount {
    /// Whether it is closed for good.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.status == SubaccountStatus::Closed
    }

    /// Whether nothing is left to be done at Twilio for a tenant of this status.
    #[must_use]
    pub fn is_settled(&self, tenant: TenantStatus) -> bool {
        let wanted = SubaccountStatus::of(tenant);
        self.status == wanted && (self.is_ready || wanted == SubaccountStatus::Closed)
    }
}

impl SubaccountStatus {
    /// The one that goes with a tenant's.
    #[must_use]
    pub fn of(tenant: TenantStatus) -> Self {
        match tenant {
            TenantStatus::Active => Self::Active,
            TenantStatus::Suspended => Self::Suspended,
            TenantStatus::Deleting => Self::Closed,
        }
    }
}
