//! What the errors of the use cases are to a client: the one mapping to codes.

use super::{Code, Problem};
use crate::store::{WriteConflict, WriteError};
use crate::tenants::TenantError;

impl From<TenantError> for Problem {
    fn from(error: TenantError) -> Self {
        let code = match error {
            TenantError::NotFound => Code::TenantNotFound,
            TenantError::Exists | TenantError::RecentlyDeleted | TenantError::ReservedId => {
                Code::TenantExists
            }
            TenantError::Deleting => Code::TenantDeleting,
            TenantError::InvalidStatus => Code::InvalidFields,
            TenantError::SubdomainTaken { .. } => Code::SubdomainTaken,
            TenantError::VersionMismatch => Code::VersionMismatch,
            TenantError::Store(error) => return error.into(),
        };
        Self::new(code, sentence(&error))
    }
}

impl From<WriteError> for Problem {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Conflict(conflict) => conflict.into(),
            WriteError::Store(error) => error.into(),
        }
    }
}

impl From<WriteConflict> for Problem {
    fn from(conflict: WriteConflict) -> Self {
        let code = match conflict {
            WriteConflict::VersionMismatch => Code::VersionMismatch,
            WriteConflict::AccountTaken | WriteConflict::AccountInQuarantine => Code::AccountTaken,
            WriteConflict::TenantDeleting => Code::TenantDeleting,
            WriteConflict::TenantMissing => Code::TenantNotFound,
        };
        Self::new(code, sentence(&conflict))
    }
}

/// An error's text as a sentence.
fn sentence(error: &impl ToString) -> String {
    let text = error.to_string();
    let mut characters = text.chars();
    let first = characters.next().map(char::to_uppercase);
    let mut sentence: String = first.into_iter().flatten().chain(characters).collect();
    if !sentence.ends_with('.') {
        sentence.push('.');
    }
    sentence
}
