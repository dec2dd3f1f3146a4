//! What is told of credentials. It is written down in the transaction that changes them, since no item of Activity tells it.

use serde::Serialize;

use super::EventType;
use crate::tenant::Provider;
use crate::verification::Outcome;

/// Why credentials are not used any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureReason {
    /// The provider said twice in a row that it does not know them.
    Invalid,
    /// Another tenant proved that the account is its own; these were never proved.
    TakenOver,
}

/// Credentials that were used, and are used no longer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CredentialFailure {
    /// Whose they are.
    pub provider: Provider,
    /// Why.
    pub reason: FailureReason,
    /// What is wrong, in words for the tenant's admin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Credentials that had failed, and are used again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CredentialRecovery {
    /// Whose they are.
    pub provider: Provider,
    /// What the check found that was made of them; absent, when others were stored without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
}

/// What is told of credentials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum CredentialNews {
    /// They are used no longer.
    Failed(CredentialFailure),
    /// They are used again.
    Recovered(CredentialRecovery),
}

impl CredentialNews {
    pub(crate) const fn event_type(&self) -> EventType {
        match self {
            Self::Failed(_) => EventType::CredentialFailed,
            Self::Recovered(_) => EventType::CredentialRecovered,
        }
    }
}
