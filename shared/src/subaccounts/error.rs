//! Why a subaccount is not as it should be.

use crate::integrations::IntegrationError;
use crate::sid::AccountSid;
use crate::store::StoreError;
use crate::twilio::TwilioError;

/// Why a tenant's subaccount is not as it should be yet. Asking again goes on with it.
#[derive(Debug, thiserror::Error)]
pub enum SubaccountError {
    /// Somebody else is at it.
    #[error("somebody else is at it")]
    Busy,
    /// There is too little time left to begin.
    #[error("there is too little time left")]
    TooLate,
    /// The platform's own Twilio account is not stored, or what is stored is none.
    #[error("the credentials of the platform's own Twilio account are missing")]
    NoPlatformAccount,
    /// The platform's account is another than the one that the subaccount was opened under, which alone can tell of it.
    #[error("the subaccount was opened under {0}, which is not the platform's account any more")]
    OtherParent(AccountSid),
    /// Twilio does not tell the auth token of the subaccount, as it does to whoever comes with the platform's.
    #[error("Twilio does not tell the auth token of the subaccount")]
    NoAuthToken,
    /// Somebody closed it at Twilio.
    #[error("the subaccount is closed")]
    Closed,
    /// Twilio did not do it.
    #[error(transparent)]
    Twilio(#[from] TwilioError),
    /// Its credentials were not stored, or those of the platform could not be had.
    #[error("{0}")]
    Integration(#[from] IntegrationError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
