//! The doubles of one stack.

use std::collections::BTreeMap;

use shared::clock::Clock;

use crate::deployment::Ports;
use crate::emulators::{StartError, Storage};
use crate::providers::ProviderDoubles;
use crate::twilio::rest::TwilioDouble;

/// Their ports, counted from the stack's first.
const TWILIO_PORT: u16 = 93;
const PROVIDERS_PORT: u16 = 94;
const TWILIO_STORAGE_PORT: u16 = 97;

/// Every service that is not AWS, with what a fresh stack knows: the demo accounts and the demo credentials.
#[derive(Debug)]
pub struct Doubles {
    twilio: TwilioDouble,
    providers: ProviderDoubles,
}

impl Doubles {
    /// Starts them. What is in `storage` stays as it is.
    ///
    /// # Errors
    ///
    /// A port that is taken, or data that cannot be read.
    pub async fn start(storage: &Storage, ports: Ports, clock: Clock) -> Result<Self, StartError> {
        let (port, storage_port) = (ports.at(TWILIO_PORT), ports.at(TWILIO_STORAGE_PORT));
        let twilio = TwilioDouble::start(storage, port, storage_port, clock.clone()).await?;
        twilio
            .register_demo_accounts()
            .map_err(|error| StartError::Emulator {
                name: "Twilio's double",
                message: error.to_string(),
            })?;
        let providers = ProviderDoubles::start(ports.at(PROVIDERS_PORT), clock).await?;
        providers.register_demo_credentials();
        Ok(Self { twilio, providers })
    }

    /// The variables by which the functions find them.
    #[must_use]
    pub fn endpoints(&self) -> BTreeMap<String, String> {
        let mut endpoints = self.providers.endpoints();
        endpoints.insert("TWILIO_API_BASE_URL".to_owned(), self.twilio.url());
        endpoints
    }

    /// Twilio's REST API.
    #[must_use]
    pub fn twilio(&self) -> &TwilioDouble {
        &self.twilio
    }

    /// Vapi, Google, Resend and `ElevenLabs`.
    #[must_use]
    pub fn providers(&self) -> &ProviderDoubles {
        &self.providers
    }

    /// Lets requests in work end.
    pub async fn stop(self) {
        tokio::join!(self.twilio.stop(), self.providers.stop());
    }
}
