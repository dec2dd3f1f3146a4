//! What is asked of the re-encryption, and what comes of that.

use serde::{Deserialize, Serialize};

use crate::store::{Progress, Quarantined, StoreError};
use crate::vault::{InvalidKeyArn, VaultError};

/// What is asked of the re-encryption.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// To begin a pass, if none is under way.
    #[serde(default)]
    pub start: bool,
    /// To say how far it is, and do nothing.
    #[serde(default)]
    pub status: bool,
    /// To disable this KMS key, by its ARN, if nothing is sealed under it.
    #[serde(default)]
    pub retire: Option<String>,
}

/// How far it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether there is nothing more to do.
    pub is_finished: bool,
    /// The pass that is under way, or the last; absent before the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// What does not open: the first 100.
    pub quarantined: Vec<Quarantined>,
    /// How many do not open.
    pub quarantined_count: u64,
    /// The key that was disabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retired: Option<String>,
}

/// Why it did not go on, or a key was not retired. All of it is for the operator.
#[derive(Debug, thiserror::Error)]
pub enum ReEncryptionError {
    /// A store failed. What was done is done, and is not done again.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// KMS cannot be asked, or refuses the key or the caller: nothing is said of what is sealed.
    #[error("{}", .0.with_cause())]
    Vault(#[from] VaultError),
    /// Another run has gone on meanwhile.
    #[error("another run is at it: ask for the status")]
    AnotherRun,
    /// The key to retire is no ARN.
    #[error("retire: {0}")]
    NotAKey(#[from] InvalidKeyArn),
    /// The key to retire is the one that seals, or none of this deployment's.
    #[error("{0}")]
    NotToRetire(&'static str),
    /// Something is sealed under the key to retire.
    #[error("{count} messages are sealed under this key: {}", names.join(", "))]
    InUse {
        /// How many.
        count: u64,
        /// The first of them, by tenant and provider.
        names: Vec<String>,
    },
    /// There was not time enough to look at everything.
    #[error("there was not time enough to look at everything: nothing was retired")]
    TooLate,
}

impl ReEncryptionError {
    /// A name of it, for machines.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Store(_) => "StoreFailed",
            Self::Vault(_) => "KeyServiceFailed",
            Self::AnotherRun => "AnotherRun",
            Self::NotAKey(_) | Self::NotToRetire(_) => "NotToRetire",
            Self::InUse { .. } => "KeyInUse",
            Self::TooLate => "TooLate",
        }
    }
}
