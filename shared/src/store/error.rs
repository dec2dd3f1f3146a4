//! How a call to a store fails.

use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};

/// How a call to a store failed. Its text is for logs, never for callers.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store did not answer in time, or asked for patience. The call may succeed later, and may have succeeded.
    #[error("{operation}: the store is unavailable: {cause}")]
    Unavailable {
        /// What was tried.
        operation: &'static str,
        /// What the client reported.
        cause: String,
    },
    /// A condition did not hold: somebody else was first.
    #[error("{operation}: {conflict}")]
    Conflict {
        /// What was tried.
        operation: &'static str,
        /// What stood against it, in words for the person who tried.
        conflict: &'static str,
    },
    /// The store refused the call: a fault of ours or of the deployment.
    #[error("{operation}: refused: {cause}")]
    Refused {
        /// What was tried.
        operation: &'static str,
        /// What the client reported.
        cause: String,
    },
    /// An item does not have the form that this version writes.
    #[error("{operation}: an item has no readable {attribute}")]
    Unreadable {
        /// What was tried.
        operation: &'static str,
        /// The attribute.
        attribute: &'static str,
    },
}

impl StoreError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    /// Sorts a failed call. `conflict` says what a failed condition means.
    pub(crate) fn of<E, R>(
        operation: &'static str,
        conflict: &'static str,
        error: &SdkError<E, R>,
    ) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: std::fmt::Debug,
        SdkError<E, R>: std::error::Error,
    {
        let cause = DisplayErrorContext(error).to_string();
        let SdkError::ServiceError(service) = error else {
            return match error {
                SdkError::ConstructionFailure(_) => Self::Refused { operation, cause },
                _ => Self::Unavailable { operation, cause },
            };
        };
        match service.err().code().unwrap_or_default() {
            "ConditionalCheckFailedException" => Self::Conflict {
                operation,
                conflict,
            },
            // One reason an item: a failed condition is final, anything else passes.
            "TransactionCanceledException" if cause.contains("ConditionalCheckFailed") => {
                Self::Conflict {
                    operation,
                    conflict,
                }
            }
            "TransactionCanceledException"
            | "TransactionConflictException"
            | "TransactionInProgressException"
            | "ProvisionedThroughputExceededException"
            | "ThrottlingException"
            | "RequestLimitExceeded"
            | "LimitExceededException"
            | "InternalServerError"
            | "ServiceUnavailable" => Self::Unavailable { operation, cause },
            _ => Self::Refused { operation, cause },
        }
    }
}
