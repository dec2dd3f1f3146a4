//! Transactions, which say in the caller's own words which of their conditions did not hold, and updates that may meet one.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, UpdateItemOutput};
use aws_sdk_dynamodb::types::TransactWriteItem;

use super::StoreError;
use super::change::Attempts;
use super::item::Item;

/// What it means that the condition of one write failed, told by the item that is there, if the write asks for it.
pub(super) type Meaning<E> = fn(Option<&Item>) -> E;

/// Writes of which all are made or none.
pub(super) struct Transaction<E> {
    operation: &'static str,
    writes: Vec<TransactWriteItem>,
    meanings: Vec<Option<Meaning<E>>>,
}

impl<E: From<StoreError>> Transaction<E> {
    pub(super) fn new(operation: &'static str) -> Self {
        Self {
            operation,
            writes: Vec::new(),
            meanings: Vec::new(),
        }
    }

    /// Adds a write without a condition.
    pub(super) fn write(&mut self, write: TransactWriteItem) {
        self.writes.push(write);
        self.meanings.push(None);
    }

    /// Adds a write with a condition. When several fail, the first one that was added gives the error.
    pub(super) fn conditional(&mut self, write: TransactWriteItem, meaning: Meaning<E>) {
        self.writes.push(write);
        self.meanings.push(Some(meaning));
    }

    /// Makes the writes. While another transaction is under way with one of the items it tries again, since only afterwards the
    /// conditions tell whether that one was first: at most 8 times, and no client of AWS does it by itself.
    pub(super) async fn send(self, client: &Client) -> Result<(), E> {
        let mut attempts = Attempts::default();
        loop {
            let writes = client
                .transact_write_items()
                .set_transact_items(Some(self.writes.clone()));
            let Err(error) = writes.send().await else {
                return Ok(());
            };
            match Failure::of(self.operation, &error) {
                Failure::InTheWay => attempts.pause(self.operation).await?,
                failure => return Err(failure.told_by(self.operation, &self.meanings)),
            }
        }
    }
}

/// Why writes that are made together or not at all were not made, or perhaps were.
#[derive(Debug)]
pub(super) enum Failure {
    /// A condition does not hold: which write's, the first if several do not, and the item that is there if the write asks for it.
    Condition { write: usize, there: Option<Item> },
    /// Nothing stood against them but another transaction with the same items.
    InTheWay,
    /// The store did not make them.
    Store(StoreError),
    /// The store did not say whether it made them.
    Uncertain(StoreError),
}

impl Failure {
    /// Sorts what came of a transaction.
    pub(super) fn of(
        operation: &'static str,
        error: &SdkError<TransactWriteItemsError, HttpResponse>,
    ) -> Self {
        let failed = StoreError::of_transaction(operation, error);
        let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
            error.as_service_error()
        else {
            return match failed.is_unavailable() {
                true => Self::Uncertain(failed),
                false => Self::Store(failed),
            };
        };
        let reasons = cancelled.cancellation_reasons();
        let codes = || reasons.iter().map(|reason| reason.code().unwrap_or("None"));
        if let Some(write) = codes().position(|code| code == "ConditionalCheckFailed") {
            let reason = reasons.get(write);
            return Self::Condition {
                write,
                there: reason.and_then(|reason| reason.item()).cloned(),
            };
        }
        let mut others = codes().filter(|code| *code != "None").peekable();
        if others.peek().is_some() && others.all(|code| code == "TransactionConflict") {
            return Self::InTheWay;
        }
        Self::Store(failed)
    }

    fn told_by<E: From<StoreError>>(
        self,
        operation: &'static str,
        meanings: &[Option<Meaning<E>>],
    ) -> E {
        match self {
            Self::Store(error) | Self::Uncertain(error) => error.into(),
            Self::Condition { write, there } => match meanings.get(write) {
                Some(Some(meaning)) => meaning(there.as_ref()),
                _ => unconditional(operation).into(),
            },
            // Tried again instead.
            Self::InTheWay => StoreError::Unavailable {
                operation,
                cause: "another transaction is under way".to_owned(),
            }
            .into(),
        }
    }
}

/// What came of an update.
pub(super) type Updated = Result<UpdateItemOutput, SdkError<UpdateItemError, HttpResponse>>;

/// Makes an update. While a transaction is under way with the item it tries again, at most 8 times: no client of AWS does it by
/// itself, and the transaction is over in a moment.
pub(super) async fn update(
    operation: &'static str,
    update: UpdateItemFluentBuilder,
) -> Result<Updated, StoreError> {
    let mut attempts = Attempts::default();
    loop {
        let updated = update.clone().send().await;
        let code = updated.as_ref().err().and_then(ProvideErrorMetadata::code);
        if code != Some("TransactionConflictException") {
            return Ok(updated);
        }
        attempts.pause(operation).await?;
    }
}

/// The writes of a cancelled transaction whose conditions did not hold.
pub(super) fn refused_writes(
    error: &SdkError<TransactWriteItemsError, HttpResponse>,
) -> Vec<usize> {
    let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
        error.as_service_error()
    else {
        return Vec::new();
    };
    let reasons = cancelled.cancellation_reasons().iter().enumerate();
    let refused = reasons.filter(|(_, reason)| reason.code() == Some("ConditionalCheckFailed"));
    refused.map(|(write, _)| write).collect()
}

/// A condition failed on a write that has none; only a defect of the caller leads here.
pub(super) fn unconditional(operation: &'static str) -> StoreError {
    StoreError::Refused {
        operation,
        cause: "a condition failed on a write that has none".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::CancellationReason;
    use aws_sdk_dynamodb::types::error::TransactionCanceledException;
    use aws_smithy_types::body::SdkBody;

    use super::*;
    use crate::store::item::text;

    #[derive(Debug)]
    enum Failed {
        First,
        Second(bool),
        Store(StoreError),
    }

    impl From<StoreError> for Failed {
        fn from(error: StoreError) -> Self {
            Self::Store(error)
        }
    }

    /// Three writes that were cancelled with these reasons.
    fn cancellation(codes: [&str; 3]) -> SdkError<TransactWriteItemsError, HttpResponse> {
        let reason = |code: &str| {
            let reason = CancellationReason::builder().code(code);
            reason.item("state", text("there")).build()
        };
        let cancelled = TransactionCanceledException::builder()
            .set_cancellation_reasons(Some(codes.map(reason).to_vec()))
            .build();
        let raw = HttpResponse::new(400.try_into().unwrap(), SdkBody::empty());
        let error = TransactWriteItemsError::TransactionCanceledException(cancelled);
        SdkError::service_error(error, raw)
    }

    /// What is made of them, when the second has no condition.
    fn cancelled(codes: [&str; 3]) -> Failed {
        let meanings: [Option<Meaning<Failed>>; 3] = [
            Some(|_| Failed::First),
            None,
            Some(|item| Failed::Second(item.is_some_and(|item| item.contains_key("state")))),
        ];
        Failure::of("write", &cancellation(codes)).told_by("write", &meanings)
    }

    #[test]
    fn the_first_condition_that_failed_gives_the_error() {
        let failed = "ConditionalCheckFailed";
        assert!(matches!(cancelled([failed, "None", failed]), Failed::First));
    }

    #[test]
    fn a_condition_that_failed_is_told_by_the_item_that_is_there() {
        assert!(matches!(
            cancelled(["None", "None", "ConditionalCheckFailed"]),
            Failed::Second(true)
        ));
    }

    #[test]
    fn a_transaction_that_another_one_was_in_the_way_of_is_made_again() {
        let (conflict, failed) = ("TransactionConflict", "ConditionalCheckFailed");
        let is_made_again = |codes| {
            let failure = Failure::of("write", &cancellation(codes));
            matches!(failure, Failure::InTheWay)
        };
        assert!(is_made_again(["None", conflict, "None"]));
        assert!(is_made_again([conflict, conflict, "None"]));
        assert!(!is_made_again([failed, conflict, "None"]));
        assert!(!is_made_again(["None", "ThrottlingError", "None"]));
        assert!(!is_made_again(["None", "None", "None"]));
    }

    #[test]
    fn a_transaction_that_was_too_much_for_a_table_may_succeed_later() {
        let failed = cancelled(["None", "ThrottlingError", "None"]);
        assert!(matches!(failed, Failed::Store(error) if error.is_unavailable()));
    }
}
