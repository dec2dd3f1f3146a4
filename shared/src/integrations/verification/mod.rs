//! Live checks of configurations: each provider's cheapest call that changes, sends and costs nothing.
//!
//! A provider is believed in its own words only: the code in the body before the status, and nothing at all for an error page
//! or a status alone. What says nothing about the credentials never makes them invalid.

mod elevenlabs;
mod google_calendar;
mod judgement;
mod resend;
#[cfg(test)]
mod tests;
mod vapi;

use tokio::time::Instant;

use self::judgement::Judgement;
use super::Configuration;
use crate::clock::Clock;
use crate::outbound::Outbound;
use crate::twilio;
use crate::verification::Verification;

/// The result of a live check.
#[derive(Debug)]
pub struct Verified {
    /// What it found.
    pub verification: Verification,
    /// The configuration to store in place of the one that was checked: the provider replaced a token meanwhile.
    pub replaced: Option<Configuration>,
}

/// Checks a configuration with the provider itself, until `deadline` at the latest. It has no errors: whatever goes wrong is an
/// outcome.
pub async fn verify(
    outbound: &Outbound,
    configuration: &Configuration,
    clock: &Clock,
    deadline: Instant,
) -> Verified {
    let mut replaced = None;
    let judgement = match configuration {
        Configuration::Twilio(credentials) => {
            let verification = twilio::verify(outbound, credentials, clock, deadline).await;
            return Verified {
                verification,
                replaced,
            };
        }
        Configuration::Vapi(credentials) => vapi::verify(outbound, credentials, deadline).await,
        Configuration::GoogleCalendar(credentials) => {
            let (judgement, renewed) =
                google_calendar::verify(outbound, credentials, deadline).await;
            replaced = renewed.map(Configuration::GoogleCalendar);
            judgement
        }
        Configuration::Resend(credentials) => resend::verify(outbound, credentials, deadline).await,
        Configuration::ElevenLabs(credentials) => {
            elevenlabs::verify(outbound, credentials, deadline).await
        }
    };
    Verified {
        verification: judgement.at(clock.now()),
        replaced,
    }
}
