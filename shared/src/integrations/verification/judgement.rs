//! What an answer says about the credentials that asked.

use jiff::Timestamp;

use crate::outbound::CallError;
use crate::verification::{Capability, Outcome, Verification};

/// A judgement that has no time yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Judgement {
    /// The outcome.
    pub(super) outcome: Outcome,
    /// What the credentials can do, as far as it can be told.
    pub(super) capabilities: Vec<Capability>,
    /// What is wrong and what to do about it, in our own words.
    pub(super) error: Option<String>,
}

impl Judgement {
    pub(super) fn valid(capabilities: impl Into<Vec<Capability>>) -> Self {
        Self {
            outcome: Outcome::Valid,
            capabilities: capabilities.into(),
            error: None,
        }
    }

    pub(super) fn restricted(
        capabilities: impl Into<Vec<Capability>>,
        error: impl Into<String>,
    ) -> Self {
        Self {
            outcome: Outcome::Restricted,
            capabilities: capabilities.into(),
            error: Some(error.into()),
        }
    }

    fn of_nothing(outcome: Outcome, error: impl Into<String>) -> Self {
        Self {
            outcome,
            capabilities: Vec::new(),
            error: Some(error.into()),
        }
    }

    pub(super) fn invalid(error: impl Into<String>) -> Self {
        Self::of_nothing(Outcome::Invalid, error)
    }

    pub(super) fn rate_limited(provider: &str) -> Self {
        let error = format!("{provider} asks for patience; check again in a few minutes");
        Self::of_nothing(Outcome::RateLimited, error)
    }

    /// For a status that says nothing about the credentials, or comes without the provider's own words.
    pub(super) fn unexpected(provider: &str, status: u16) -> Self {
        let error = if status >= 500 {
            format!("{provider} has a fault of its own (status {status}); check again later")
        } else {
            format!(
                "{provider} gave an answer that says nothing about the credentials (status {status}); check again later"
            )
        };
        Self::of_nothing(Outcome::Unreachable, error)
    }

    /// For a call without an answer.
    pub(super) fn unanswered(provider: &str, error: &CallError) -> Self {
        match error {
            CallError::RateLimited { .. } => Self::rate_limited(provider),
            CallError::Unsendable => Self::of_nothing(
                Outcome::Unreachable,
                format!("the credentials cannot be sent to {provider}; enter them again"),
            ),
            CallError::TimedOut => Self::of_nothing(
                Outcome::Unreachable,
                format!("{provider} did not answer in time; check again later"),
            ),
            CallError::Unreachable { .. } | CallError::Interrupted { .. } | CallError::TooLarge => {
                Self::of_nothing(
                    Outcome::Unreachable,
                    format!("{provider} could not be reached; check again later"),
                )
            }
        }
    }

    /// The judgement as it is stored and answered.
    #[must_use]
    pub(super) fn at(self, checked_at: Timestamp) -> Verification {
        let Self {
            outcome,
            mut capabilities,
            error,
        } = self;
        capabilities.sort_unstable();
        capabilities.dedup();
        Verification {
            outcome,
            capabilities,
            checked_at,
            error,
            proves_account: outcome.is_proof(),
        }
    }
}
