//! What the people in a simulated call do.

use shared::sid::{AccountSid, CallSid};

use crate::twilio::disorder::Disorder;
use crate::twilio::parameters::Parameters;
use crate::twilio::payload::CallLeg;

/// A call: who calls whom, where its webhooks go, and what everybody does.
#[derive(Debug, Clone)]
pub struct CallScript {
    /// Who calls, and whom.
    pub origin: CallOrigin,
    /// The voice URL of the number or of the TwiML App.
    pub voice_url: String,
    /// What Twilio calls when a document fails.
    pub fallback_url: Option<String>,
    /// What hears of the call's end.
    pub status_url: Option<String>,
    /// What comes of every `<Dial>`.
    pub dial: DialOutcome,
    /// Which of several rung parties answers, counted from 0.
    pub answered_by: usize,
    /// What comes of every `<Record>`.
    pub voicemail: VoicemailOutcome,
    /// The keys for each `<Gather>` in turn; nothing is pressed once they are used up.
    pub keys: Vec<String>,
    /// How callbacks arrive. In order and in time unless said otherwise; with any disorder all of them arrive after the
    /// call.
    pub callbacks: Disorder,
    /// How many documents are fetched before the call counts as a loop.
    pub most_documents: usize,
    /// When the call begins; now when absent. The story's clock goes on by itself, without waiting.
    pub starts_at: Option<jiff::Timestamp>,
}

/// Who calls, and whom.
#[derive(Debug, Clone)]
pub enum CallOrigin {
    /// A caller of the public network.
    Phone {
        /// The caller: a number, or for instance `anonymous`.
        from: String,
        /// The number that is called.
        to: String,
    },
    /// A browser, through a TwiML App.
    Browser {
        /// Who is signed in, without `client:`.
        identity: String,
        /// What the browser sends as `To`.
        to: String,
        /// The App's SID.
        application: String,
        /// What the browser sends besides.
        custom: Parameters,
    },
}

impl CallOrigin {
    /// The leg that comes in at Twilio.
    #[must_use]
    pub fn leg(&self, account: AccountSid, sid: CallSid) -> CallLeg {
        match self {
            Self::Phone { from, to } => CallLeg::inbound(account, sid, from, to),
            Self::Browser {
                identity,
                to,
                application,
                custom,
            } => {
                let mut leg = CallLeg::from_browser(account, sid, identity, to, application);
                leg.custom = custom.clone();
                leg
            }
        }
    }
}

/// Somebody in a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Party {
    /// Who called.
    Caller,
    /// Who was dialled.
    Callee,
}

/// What comes of a `<Dial>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DialOutcome {
    /// Somebody answers and both talk.
    Completed {
        /// How long they talk.
        seconds: u32,
        /// Who ends it. The call goes on if it is not the caller.
        hung_up_by: Party,
    },
    /// Everybody is busy.
    Busy,
    /// Nobody answers within the timeout.
    NoAnswer,
    /// The call cannot be made.
    Failed,
    /// The caller gives up while it rings.
    CallerHangsUp {
        /// After how many seconds of ringing.
        after_seconds: u32,
    },
}

/// What comes of a `<Record>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VoicemailOutcome {
    /// The caller leaves a message.
    Message {
        /// How long it is.
        seconds: u32,
        /// What ends it.
        end: RecordingEnd,
        /// What a transcription makes of it; it fails when absent.
        transcription: Option<String>,
    },
    /// The caller says nothing: nothing is recorded and the next verb runs.
    Silence,
    /// The caller hangs up at the beep.
    CallerHangsUp,
}

/// What ends a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordingEnd {
    /// The caller hangs up.
    Hangup,
    /// The caller presses a key.
    Key(char),
    /// The caller falls silent.
    Silence,
}

impl CallScript {
    /// A call that is put through for 42 seconds until the callee hangs up; where it is not, the caller leaves a message of
    /// 7 seconds and hangs up.
    #[must_use]
    pub fn new(origin: CallOrigin, voice_url: impl Into<String>) -> Self {
        Self {
            origin,
            voice_url: voice_url.into(),
            fallback_url: None,
            status_url: None,
            dial: DialOutcome::Completed {
                seconds: 42,
                hung_up_by: Party::Callee,
            },
            answered_by: 0,
            voicemail: VoicemailOutcome::Message {
                seconds: 7,
                end: RecordingEnd::Hangup,
                transcription: Some("Hello, please call me back.".to_owned()),
            },
            keys: Vec::new(),
            callbacks: Disorder::none(),
            most_documents: 20,
            starts_at: None,
        }
    }

    /// A call of a number by another.
    #[must_use]
    pub fn by_phone(from: &str, to: &str, voice_url: impl Into<String>) -> Self {
        Self::new(
            CallOrigin::Phone {
                from: from.to_owned(),
                to: to.to_owned(),
            },
            voice_url,
        )
    }

    /// The same with another outcome of every `<Dial>`.
    #[must_use]
    pub fn dialling(mut self, outcome: DialOutcome) -> Self {
        self.dial = outcome;
        self
    }

    /// The same with another outcome of every `<Record>`.
    #[must_use]
    pub fn recording(mut self, outcome: VoicemailOutcome) -> Self {
        self.voicemail = outcome;
        self
    }
}
