//! The routes that Twilio calls.

use serde::{Deserialize, Serialize};

macro_rules! routes {
    ($($(#[$doc:meta])* $name:ident = $path:literal,)+) => {
        /// A route that Twilio calls, and so the kind of fact that arrives by it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum Route {
            $($(#[$doc])* #[serde(rename = $path)] $name,)+
        }

        impl Route {
            /// Every route.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The path below the function's URL.
            #[must_use]
            pub const fn path(self) -> &'static str {
                match self { $(Self::$name => $path,)+ }
            }
        }
    };
}

routes! {
    /// An inbound SMS or MMS.
    Sms = "/sms",
    /// The status of an SMS or MMS that was sent.
    SmsStatus = "/sms/status",
    /// An inbound WhatsApp message.
    Whatsapp = "/whatsapp",
    /// The status of a WhatsApp message that was sent.
    WhatsappStatus = "/whatsapp/status",
    /// An inbound call, or a call that a browser makes.
    Voice = "/voice",
    /// The end of a `<Dial>`.
    VoiceDial = "/voice/dial",
    /// The progress of a call leg.
    VoiceStatus = "/voice/status",
    /// A recording of a call.
    VoiceRecording = "/voice/recording",
    /// The end of a voicemail's `<Record>`.
    VoiceVoicemail = "/voice/voicemail",
    /// A voicemail's text.
    VoiceTranscription = "/voice/transcription",
}

impl Route {
    /// The route of a path.
    #[must_use]
    pub fn of_path(path: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|route| route.path() == path)
    }
}
