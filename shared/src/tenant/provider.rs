//! Whose credentials a tenant may bring.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A provider that a tenant brings credentials of; at most one set of credentials each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// Calls, SMS and WhatsApp.
    Twilio,
    /// Voice assistants.
    Vapi,
    /// Appointments.
    GoogleCalendar,
    /// E-mail.
    Resend,
    /// Voices.
    #[serde(rename = "elevenlabs")]
    ElevenLabs,
}

/// A name that is no provider's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected twilio, vapi, google_calendar, resend or elevenlabs")]
pub struct UnknownProvider;

impl FromStr for Provider {
    type Err = UnknownProvider;

    fn from_str(name: &str) -> Result<Self, UnknownProvider> {
        let named = Self::ALL
            .into_iter()
            .find(|provider| provider.as_str() == name);
        named.ok_or(UnknownProvider)
    }
}

impl Provider {
    /// All of them, in the order in which they are listed.
    pub const ALL: [Self; 5] = [
        Self::Twilio,
        Self::Vapi,
        Self::GoogleCalendar,
        Self::Resend,
        Self::ElevenLabs,
    ];

    /// The name in paths, keys and encryption contexts.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Twilio => "twilio",
            Self::Vapi => "vapi",
            Self::GoogleCalendar => "google_calendar",
            Self::Resend => "resend",
            Self::ElevenLabs => "elevenlabs",
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
