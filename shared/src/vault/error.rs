//! Why the vault gave nothing.

use std::error::Error;
use std::sync::Arc;

use super::kms::KmsFailure;

/// A failure of the vault. Its text is the same whatever the cause; the cause is for logs, holds
/// nothing secret, and is never sent to a caller.
#[derive(Debug, Clone, thiserror::Error)]
pub enum VaultError {
    /// The message does not open for this tenant, provider and purpose, and will not when tried
    /// again.
    #[error("the sealed message cannot be opened")]
    Unreadable(#[source] Cause),
    /// The value cannot be sealed, and will not when tried again.
    #[error("the value cannot be sealed")]
    Unsealable(#[source] Cause),
    /// KMS could not be asked: not reached, timed out, throttled, or failing itself. It may answer
    /// when asked again.
    #[error("the key service is not available")]
    Unavailable(#[source] Cause),
}

/// What stands behind a [`VaultError`].
pub type Cause = Arc<dyn Error + Send + Sync>;

impl VaultError {
    /// Whether asking again may help, so that what was opened before may be served meanwhile.
    #[must_use]
    pub const fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    /// Whether nothing is known of the message, because KMS refuses the key or the caller: a right that is missing, or a key that is
    /// disabled or gone. Others do not open then either.
    #[must_use]
    pub fn is_of_key(&self) -> bool {
        let (Self::Unreadable(cause) | Self::Unsealable(cause) | Self::Unavailable(cause)) = self;
        let failure = cause.downcast_ref::<KmsFailure>();
        failure.is_some_and(KmsFailure::is_of_key)
    }

    /// Its text with the cause, for logs.
    pub(crate) fn with_cause(&self) -> String {
        match self.source() {
            Some(cause) => format!("{self}: {cause}"),
            None => self.to_string(),
        }
    }

    pub(super) fn unreadable(cause: impl Error + Send + Sync + 'static) -> Self {
        Self::Unreadable(Arc::new(cause))
    }

    pub(super) fn unsealable(cause: impl Error + Send + Sync + 'static) -> Self {
        Self::Unsealable(Arc::new(cause))
    }

    pub(super) fn unavailable(cause: impl Error + Send + Sync + 'static) -> Self {
        Self::Unavailable(Arc::new(cause))
    }
}

impl crate::cache::LoadError for VaultError {
    fn is_unavailable(&self) -> bool {
        self.is_unavailable()
    }
}
