//! Integrations: what a tenant enters to work with its own accounts at the providers, one configuration each.

mod administration;
mod configuration;
mod elevenlabs;
mod fingerprint;
mod google_calendar;
mod mask;
mod resend;
#[cfg(test)]
mod tests;
mod vapi;
pub mod verification;

pub use administration::{
    Check, Checked, Continued, Entry, IntegrationAdministration, IntegrationError, RotationAction,
    RotationError, RotationRequest, Saved, fields,
};
pub use configuration::Configuration;
pub use elevenlabs::ElevenLabsCredentials;
pub use fingerprint::{Fingerprint, FingerprintKey};
pub use google_calendar::GoogleCalendarCredentials;
pub(crate) use mask::Summary;
pub use mask::mask;
pub use resend::ResendCredentials;
pub use vapi::VapiCredentials;
