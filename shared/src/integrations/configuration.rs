//! A configuration of whichever provider.

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::{ElevenLabsCredentials, GoogleCalendarCredentials, ResendCredentials, VapiCredentials};
use crate::fault::InvalidInput;
use crate::input::Document;
use crate::tenant::{Provider, TenantId};
use crate::twilio::TwilioCredentials;
use crate::vault::{EncryptionContext, InvalidPlaintext, Purpose, Sealable, Vault, VaultError};

/// What a tenant entered for one provider.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names of the providers say it")]
pub enum Configuration {
    Twilio(TwilioCredentials),
    Vapi(VapiCredentials),
    GoogleCalendar(GoogleCalendarCredentials),
    Resend(ResendCredentials),
    ElevenLabs(ElevenLabsCredentials),
}

impl Configuration {
    /// Whose it is.
    #[must_use]
    pub const fn provider(&self) -> Provider {
        match self {
            Self::Twilio(_) => Provider::Twilio,
            Self::Vapi(_) => Provider::Vapi,
            Self::GoogleCalendar(_) => Provider::GoogleCalendar,
            Self::Resend(_) => Provider::Resend,
            Self::ElevenLabs(_) => Provider::ElevenLabs,
        }
    }

    /// Reads a provider's configuration as the API takes it. A field that is `null` counts as left out.
    ///
    /// # Errors
    /// Every fault of it.
    pub fn from_input(provider: Provider, document: &Document) -> Result<Self, InvalidInput> {
        let document = document.value();
        Ok(match provider {
            Provider::Twilio => Self::Twilio(TwilioCredentials::from_body(document)?),
            Provider::Vapi => Self::Vapi(VapiCredentials::from_input(document)?),
            Provider::GoogleCalendar => {
                Self::GoogleCalendar(GoogleCalendarCredentials::from_input(document)?)
            }
            Provider::Resend => Self::Resend(ResendCredentials::from_input(document)?),
            Provider::ElevenLabs => Self::ElevenLabs(ElevenLabsCredentials::from_input(document)?),
        })
    }

    /// This configuration with a part of it entered anew: what is not there stays, `null` removes a field.
    ///
    /// # Errors
    /// Every fault of what was entered.
    pub fn patched(&self, document: &Document) -> Result<Self, InvalidInput> {
        let document = document.value();
        Ok(match self {
            Self::Twilio(stored) => Self::Twilio(stored.patched(document)?),
            Self::Vapi(stored) => Self::Vapi(stored.patched(document)?),
            Self::GoogleCalendar(stored) => Self::GoogleCalendar(stored.patched(document)?),
            Self::Resend(stored) => Self::Resend(stored.patched(document)?),
            Self::ElevenLabs(stored) => Self::ElevenLabs(stored.patched(document)?),
        })
    }

    /// The configuration as it is read: identifiers whole, secrets masked, nothing for what is not set. A token of before a
    /// rotation is not among the fields.
    #[must_use]
    pub fn summary(&self) -> Map<String, Value> {
        match self {
            Self::Twilio(it) => it.summary(),
            Self::Vapi(it) => it.summary(),
            Self::GoogleCalendar(it) => it.summary(),
            Self::Resend(it) => it.summary(),
            Self::ElevenLabs(it) => it.summary(),
        }
    }

    /// The secrets with what they belong to, and nothing else: without what messages and calls come from.
    #[must_use]
    pub(super) fn without_senders(mut self) -> Self {
        // Every field of the other providers is a secret, or names what the secrets belong to.
        if let Self::Twilio(credentials) = &mut self {
            credentials.phone_number = None;
            credentials.whatsapp_sender = None;
            credentials.messaging_service_sid = None;
        }
        self
    }

    /// Seals it for its tenant, in one call to KMS.
    ///
    /// # Errors
    /// As [`Vault::seal`].
    pub async fn seal(&self, vault: &Vault, tenant: &TenantId) -> Result<Vec<u8>, VaultError> {
        let context = EncryptionContext::new(tenant, self.provider(), Purpose::Credentials);
        match self {
            Self::Twilio(it) => vault.seal(&context, it).await,
            Self::Vapi(it) => vault.seal(&context, it).await,
            Self::GoogleCalendar(it) => vault.seal(&context, it).await,
            Self::Resend(it) => vault.seal(&context, it).await,
            Self::ElevenLabs(it) => vault.seal(&context, it).await,
        }
    }

    /// Opens what was sealed for this tenant and provider, in one call to KMS.
    ///
    /// # Errors
    /// As [`Vault::open`].
    pub async fn open(
        vault: &Vault,
        tenant: &TenantId,
        provider: Provider,
        message: &[u8],
    ) -> Result<Self, VaultError> {
        let context = EncryptionContext::new(tenant, provider, Purpose::Credentials);
        Ok(match provider {
            Provider::Twilio => Self::Twilio(vault.open(&context, message).await?),
            Provider::Vapi => Self::Vapi(vault.open(&context, message).await?),
            Provider::GoogleCalendar => Self::GoogleCalendar(vault.open(&context, message).await?),
            Provider::Resend => Self::Resend(vault.open(&context, message).await?),
            Provider::ElevenLabs => Self::ElevenLabs(vault.open(&context, message).await?),
        })
    }

    /// What is sealed of it.
    pub(super) fn plaintext(&self) -> Result<Zeroizing<Vec<u8>>, InvalidPlaintext> {
        match self {
            Self::Twilio(it) => it.plaintext(),
            Self::Vapi(it) => it.plaintext(),
            Self::GoogleCalendar(it) => it.plaintext(),
            Self::Resend(it) => it.plaintext(),
            Self::ElevenLabs(it) => it.plaintext(),
        }
    }
}
