//! What a live check of credentials found.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The judgement of a check. Only [`Outcome::Invalid`] speaks against the credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// They do all that they are for.
    Valid,
    /// They are genuine, and may do only a part of it.
    Restricted,
    /// The provider does not know them, or no longer.
    Invalid,
    /// The provider asked for patience; nothing is known.
    RateLimited,
    /// The provider did not answer, or not in its own words; nothing is known.
    Unreachable,
}

impl Outcome {
    /// The name in JSON and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Restricted => "restricted",
            Self::Invalid => "invalid",
            Self::RateLimited => "rate_limited",
            Self::Unreachable => "unreachable",
        }
    }

    /// Whether the provider recognised the credentials, all that were asked about: proof that their owner entered them.
    #[must_use]
    pub const fn is_proof(self) -> bool {
        matches!(self, Self::Valid | Self::Restricted)
    }
}

/// Something that checked credentials can do. What is not listed they cannot, or it could not be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Capability {
    /// Twilio: the auth token is the account's, so webhooks can be verified.
    ReceiveWebhooks,
    /// Twilio: messages can be sent, numbers and Apps managed.
    CallApi,
    /// Twilio: an API key that can sign access tokens.
    IssueTokens,
    /// Vapi: assistants can be read and changed.
    ManageAssistants,
    /// Google Calendar: calendars can be listed.
    ReadCalendars,
    /// Google Calendar: events can be read.
    ReadEvents,
    /// Google Calendar: events can be made and changed.
    WriteEvents,
    /// Google Calendar: free and busy times can be read.
    ReadFreeBusy,
    /// Resend: e-mail can be sent.
    SendEmail,
    /// Resend: domains can be read, so senders can be checked.
    ReadDomains,
    /// `ElevenLabs`: the key is known, and so can do what it was made for.
    Synthesise,
    /// `ElevenLabs`: plan and remaining credit can be read.
    ReadSubscription,
}

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// The judgement.
    pub outcome: Outcome,
    /// What the credentials can do, sorted.
    pub capabilities: Vec<Capability>,
    /// When it was made.
    pub checked_at: Timestamp,
    /// What is wrong and what to do about it, for the tenant's admin. Nothing secret, and no words of the provider's that
    /// could hold any.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<String>,
    /// Whether the provider recognised the owner of the account, whatever came of the rest: what claims of a Twilio account
    /// rest on. Where one call tells everything, it is [`Outcome::is_proof`]. Not part of the answer.
    #[serde(skip)]
    pub proves_account: bool,
}
