//! What is asked of a rotation, and what comes of that.

use jiff::Timestamp;
use tokio::time::Instant;

use super::super::IntegrationError;
use crate::audit::Actor;
use crate::fault::InvalidInput;
use crate::input::{Document, Entry, one_of};
use crate::store::{StoreError, WriteError};
use crate::twilio::TwilioError;

/// What is asked of a rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RotationAction {
    /// It is to begin, or to go on.
    Advance,
    /// It is to begin, although the last one was done a moment ago; or to go on.
    Start,
    /// It is to be given up, which is possible before the promotion.
    RollBack,
}

impl RotationAction {
    /// Reads what somebody sent: `action`, which may be left out for `advance`.
    ///
    /// # Errors
    /// Every fault of it.
    pub fn from_input(document: &Document) -> Result<Self, InvalidInput> {
        Entry::document("rotation", document.value(), &["action"], |entry| {
            let actions = [
                ("advance", Self::Advance),
                ("start", Self::Start),
                ("roll_back", Self::RollBack),
            ];
            let action = entry.optional("action", None, one_of(&actions));
            Some(action.unwrap_or(Self::Advance))
        })
    }
}

/// Who asks what of a rotation, and how long it may take.
#[derive(Debug)]
pub struct RotationRequest {
    /// What.
    pub action: RotationAction,
    /// Who.
    pub actor: Actor,
    /// Until when Twilio may be asked.
    pub deadline: Instant,
}

/// Why a rotation did not begin or go on.
#[derive(Debug, thiserror::Error)]
pub enum RotationError {
    /// There are no credentials, or a store or the vault failed.
    #[error(transparent)]
    Integration(#[from] IntegrationError),
    /// The credentials are not active: Twilio does not accept them, or another tenant proved the account.
    #[error("the tenant's Twilio credentials are not active")]
    Inactive,
    /// There is nothing that could be rolled back (any more).
    #[error("{0}")]
    NotPossible(&'static str),
    /// Somebody else is at it for longer than could be waited. It is not rolled back.
    #[error("somebody else is at the rotation, which is not rolled back")]
    Held,
    /// Twilio did not do its part.
    #[error(transparent)]
    Twilio(#[from] TwilioError),
}

impl From<StoreError> for RotationError {
    fn from(error: StoreError) -> Self {
        Self::Integration(error.into())
    }
}

impl From<WriteError> for RotationError {
    fn from(error: WriteError) -> Self {
        Self::Integration(IntegrationError::Write(error))
    }
}

/// How a rotation stands after an attempt to go on that nobody asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Continued {
    /// There is nothing more to do.
    Finished,
    /// It can go on from this moment.
    At(Timestamp),
}
