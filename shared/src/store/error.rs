//! How a call to a store fails.

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;

use crate::aws::{CallFailure, SessionError};
use crate::cache::LoadError;

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
    pub(crate) fn of<E>(
        operation: &'static str,
        conflict: &'static str,
        error: &SdkError<E, HttpResponse>,
    ) -> Self
    where
        E: ProvideErrorMetadata,
    {
        let failure = CallFailure::of(error);
        match failure.code.as_deref() {
            Some("ConditionalCheckFailedException") => Self::Conflict {
                operation,
                conflict,
            },
            _ => Self::failed(operation, failure.is_unavailable, failure.to_string()),
        }
    }

    /// Sorts a transaction that failed for another reason than its conditions.
    pub(super) fn of_transaction(
        operation: &'static str,
        error: &SdkError<TransactWriteItemsError, HttpResponse>,
    ) -> Self {
        let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
            error.as_service_error()
        else {
            return Self::of(operation, "", error);
        };
        let reasons = cancelled.cancellation_reasons();
        let codes: Vec<&str> = reasons
            .iter()
            .filter_map(|reason| reason.code())
            .filter(|code| *code != "None")
            .collect();
        let is_final = codes
            .iter()
            .any(|code| matches!(*code, "ValidationError" | "ItemCollectionSizeLimitExceeded"));
        Self::failed(
            operation,
            !is_final,
            format!("the transaction was cancelled: {}", codes.join(", ")),
        )
    }

    fn failed(operation: &'static str, is_unavailable: bool, cause: String) -> Self {
        if is_unavailable {
            Self::Unavailable { operation, cause }
        } else {
            Self::Refused { operation, cause }
        }
    }
}

impl From<SessionError> for StoreError {
    fn from(error: SessionError) -> Self {
        Self::failed("begin a session", error.is_unavailable(), error.to_string())
    }
}

/// What came of a write that need not be made when its condition does not hold.
pub(super) fn unless_conflict<T, E>(
    operation: &'static str,
    sent: Result<T, SdkError<E, HttpResponse>>,
) -> Result<(), StoreError>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match sent.map_err(|error| StoreError::of(operation, "", &error)) {
        Ok(_) | Err(StoreError::Conflict { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::CancellationReason;
    use aws_sdk_dynamodb::types::error::TransactionCanceledException;
    use aws_smithy_types::body::SdkBody;

    use super::*;

    /// What is made of a transaction of two writes that was cancelled with these reasons.
    fn cancelled(codes: [&str; 2]) -> StoreError {
        let reasons = codes.map(|code| CancellationReason::builder().code(code).build());
        let cancelled = TransactionCanceledException::builder()
            .message("Transaction cancelled [ConditionalCheckFailed]")
            .set_cancellation_reasons(Some(reasons.to_vec()))
            .build();
        let raw = HttpResponse::new(400.try_into().unwrap(), SdkBody::empty());
        let error = TransactWriteItemsError::TransactionCanceledException(cancelled);
        let error = SdkError::service_error(error, raw);
        StoreError::of_transaction("store", &error)
    }

    #[test]
    fn a_transaction_that_was_cancelled_by_another_or_by_load_may_succeed_later() {
        for code in [
            "TransactionConflict",
            "ThrottlingError",
            "ProvisionedThroughputExceeded",
        ] {
            let error = cancelled(["None", code]);
            assert!(
                error.is_unavailable() && error.to_string().contains(code),
                "{error}"
            );
        }
        assert!(!cancelled(["ValidationError", "None"]).is_unavailable());
    }
}
