//! Twilio: what it sends, how it signs, what it is answered; and what it is asked.

pub mod access_token;
pub mod application;
mod credentials;
mod entered_credentials;
pub mod health;
mod parameters;
pub mod rest;
mod rotation;
mod sealed_credentials;
mod shown_credentials;
pub mod signature;
pub mod twiml;
mod verification;
mod webhook_urls;

pub use credentials::{SharedKey, TwilioCredentials};
pub use parameters::{InvalidParameters, Parameters};
pub use rest::{TwilioClient, TwilioError};
pub use rotation::{Rotation, RotationStage};
pub(crate) use verification::shows_as_primary;
pub use verification::verify;
pub use webhook_urls::{Lead, WebhookUrls};
