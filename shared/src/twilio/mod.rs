//! Twilio: what it sends, how it signs, what it is answered.

mod credentials;
mod sealed_credentials;

pub use credentials::{SharedKey, TwilioCredentials};
