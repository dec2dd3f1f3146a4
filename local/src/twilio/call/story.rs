//! What happened in a simulated call.

use shared::sid::{CallSid, RecordingSid};

use super::script::Party;
use crate::twilio::exchange::{Exchange, Fault};
use crate::twilio::payload::CallStatus;
use crate::twilio::twiml::{RejectReason, Warning};
use crate::twilio::webhook::Purpose;

/// A call from its first request to its end.
#[derive(Debug, Clone)]
pub struct Story {
    /// The call.
    pub call: CallSid,
    /// What happened, in order.
    pub steps: Vec<Step>,
    /// How the call ended for Twilio.
    pub status: CallStatus,
    /// Why it ended.
    pub ending: Ending,
    /// How long it was answered, in seconds of the story.
    pub seconds: u32,
}

/// Why a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// A party hung up.
    HungUp(Party),
    /// `<Hangup>`, or the last document came to its end.
    Finished,
    /// `<Reject>`.
    Rejected,
    /// A document failed, and so did its fallback: the caller heard of an application error.
    ApplicationError,
    /// Documents led to documents without end.
    TooManyDocuments,
}

/// One thing that happened.
#[derive(Debug, Clone)]
pub enum Step {
    /// A webhook was delivered.
    Webhook(Box<Exchange>),
    /// A callback was lost on purpose.
    Lost(Purpose),
    /// The caller heard a sentence.
    Said {
        /// What was said.
        text: String,
        /// In which language, if told.
        language: Option<String>,
    },
    /// The caller heard a file, or keys.
    Played(String),
    /// Nothing happened for some seconds.
    Paused(u32),
    /// The caller pressed keys, or none.
    Pressed(Option<String>),
    /// The call, or a leg that it dialled, changed its status.
    Status {
        /// The leg.
        leg: CallSid,
        /// Who it rings; nobody for the call itself.
        target: Option<String>,
        /// Where it is now.
        status: CallStatus,
    },
    /// The caller was in a conference.
    Conference(String),
    /// Something was recorded.
    Recorded {
        /// The recording.
        recording: RecordingSid,
        /// How long it is.
        seconds: u32,
    },
    /// A recording was wanted, and nothing was heard.
    NothingRecorded,
    /// The call was refused.
    Rejected(RejectReason),
    /// Twilio's debugger has a warning.
    Warning(Warning),
    /// The document asks for something that the double does not do.
    NotSimulated(String),
    /// The call ended.
    Ended(Ending),
}

impl Story {
    /// Every delivery in order, those of fallback URLs after what failed.
    pub fn exchanges(&self) -> impl Iterator<Item = &Exchange> {
        self.steps
            .iter()
            .filter_map(|step| match step {
                Step::Webhook(exchange) => Some(exchange.as_ref()),
                _ => None,
            })
            .flat_map(|exchange| std::iter::once(exchange).chain(exchange.fallback.as_deref()))
    }

    /// The deliveries of one purpose.
    pub fn of(&self, purpose: Purpose) -> impl Iterator<Item = &Exchange> {
        self.exchanges()
            .filter(move |exchange| exchange.purpose == purpose)
    }

    /// What the caller heard.
    #[must_use]
    pub fn said(&self) -> Vec<&str> {
        let said = self.steps.iter().filter_map(|step| match step {
            Step::Said { text, .. } => Some(text.as_str()),
            _ => None,
        });
        said.collect()
    }

    /// What Twilio's debugger warns about, and what was not simulated, in words.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let warnings = self.steps.iter().filter_map(|step| match step {
            Step::Warning(warning) => Some(format!("{}: {}", warning.code, warning.message)),
            Step::NotSimulated(what) => Some(format!("not simulated: {what}")),
            _ => None,
        });
        warnings.collect()
    }

    /// The deliveries that failed for Twilio, and why.
    pub fn faults(&self) -> impl Iterator<Item = (&Exchange, &Fault)> {
        self.exchanges()
            .filter_map(|exchange| exchange.fault().map(|fault| (exchange, fault)))
    }
}
