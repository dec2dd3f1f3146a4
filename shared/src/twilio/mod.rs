//! Twilio: what it sends, how it signs, what it is answered.

mod credentials;

pub use credentials::{SharedKey, TwilioCredentials};
