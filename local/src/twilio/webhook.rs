//! What a webhook is for, and what is sent where.

use super::parameters::Parameters;

/// Why Twilio calls. It decides what Twilio expects to be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// A message came in.
    InboundMessage,
    /// A document that another messaging document redirected to.
    MessageRedirect,
    /// A sent message changed its status.
    MessageStatus,
    /// A call came in, or a browser called.
    IncomingCall,
    /// A dialled party was reached or not.
    DialAction,
    /// A recording of the caller ended.
    RecordAction,
    /// The caller pressed keys.
    GatherAction,
    /// A document that another voice document redirected to.
    CallRedirect,
    /// A call or a leg of it changed its status.
    CallStatus,
    /// A recording changed its status.
    RecordingStatus,
    /// A recording was transcribed.
    Transcription,
}

/// What Twilio expects to be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// TwiML for a call.
    VoiceDocument,
    /// TwiML for a message, or nothing.
    MessagingDocument,
    /// Any 2xx; the body is not used.
    Acknowledgement,
}

impl Purpose {
    /// What Twilio expects to be answered.
    #[must_use]
    pub const fn expects(self) -> Expected {
        match self {
            Self::InboundMessage | Self::MessageRedirect => Expected::MessagingDocument,
            Self::IncomingCall
            | Self::DialAction
            | Self::RecordAction
            | Self::GatherAction
            | Self::CallRedirect => Expected::VoiceDocument,
            Self::MessageStatus
            | Self::CallStatus
            | Self::RecordingStatus
            | Self::Transcription => Expected::Acknowledgement,
        }
    }

    /// Whether the webhook belongs to a call (and not to a message).
    #[must_use]
    pub const fn is_voice(self) -> bool {
        !matches!(
            self,
            Self::InboundMessage | Self::MessageRedirect | Self::MessageStatus
        )
    }

    /// What people call it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::InboundMessage => "inbound message",
            Self::MessageRedirect => "message redirected",
            Self::MessageStatus => "message status",
            Self::IncomingCall => "incoming call",
            Self::DialAction => "dial result",
            Self::RecordAction => "recording ended",
            Self::GatherAction => "keys pressed",
            Self::CallRedirect => "call redirected",
            Self::CallStatus => "call status",
            Self::RecordingStatus => "recording status",
            Self::Transcription => "transcription",
        }
    }
}

/// How the parameters travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Method {
    /// As a form in the body.
    #[default]
    Post,
    /// In the query.
    Get,
}

impl Method {
    /// The method's name in HTTP.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Get => "GET",
        }
    }
}

/// One event that Twilio reports to a URL.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// Why Twilio calls.
    pub purpose: Purpose,
    /// How the parameters travel.
    pub method: Method,
    /// The URL as it was configured, with connection overrides in its fragment if it has any.
    pub url: String,
    /// What Twilio calls when the URL fails; only documents have one.
    pub fallback_url: Option<String>,
    /// What Twilio says.
    pub parameters: Parameters,
}

impl Webhook {
    /// A POST without a fallback.
    #[must_use]
    pub fn new(purpose: Purpose, url: impl Into<String>, parameters: Parameters) -> Self {
        Self {
            purpose,
            method: Method::Post,
            url: url.into(),
            fallback_url: None,
            parameters,
        }
    }

    /// The same with a fallback URL.
    #[must_use]
    pub fn with_fallback(mut self, url: impl Into<String>) -> Self {
        self.fallback_url = Some(url.into());
        self
    }
}

/// What is wrong about a request that did not come from Twilio, or not in this form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Forgery {
    /// Nothing: Twilio's own request.
    #[default]
    None,
    /// A parameter was changed after signing.
    TamperedBody,
    /// Signed with a token that is not the account's.
    WrongToken,
    /// Not signed at all.
    MissingSignature,
    /// Rightly signed, but the URL's `account` is not the payload's `AccountSid`.
    OtherAccount,
}
