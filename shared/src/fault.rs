//! What is wrong with what somebody entered, field by field.

use std::fmt;

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldFault {
    /// The field, as the caller names it: `account_sid`, `shared_keys[0]`; `(all)` for the document itself.
    pub field: String,
    /// What it should be. It never repeats the value, which may be a secret in the wrong field.
    pub fault: String,
}

impl FieldFault {
    /// A fault of a field.
    #[must_use]
    pub fn new(field: impl Into<String>, fault: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            fault: fault.into(),
        }
    }
}

/// Every fault of a document that somebody entered; there is at least one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct InvalidInput {
    /// What the document is, for the error's text: `twilio`, `settings`.
    pub subject: &'static str,
    /// The faults.
    pub faults: Vec<FieldFault>,
}

impl fmt::Display for InvalidInput {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: ", self.subject)?;
        for (number, FieldFault { field, fault }) in self.faults.iter().enumerate() {
            let separator = if number == 0 { "" } else { "; " };
            write!(formatter, "{separator}{field}: {fault}")?;
        }
        Ok(())
    }
}
