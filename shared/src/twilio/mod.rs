//! Twilio: what it sends, how it signs, what it is answered.

pub mod access_token;
mod credentials;
mod entered_credentials;
mod parameters;
pub mod rest;
mod sealed_credentials;
mod shown_credentials;
pub mod signature;
pub mod twiml;

pub use credentials::{SharedKey, TwilioCredentials};
pub use parameters::{InvalidParameters, Parameters};
