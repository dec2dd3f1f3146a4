//! The verbs and nouns that the double knows.

use crate::twilio::webhook::Method;

/// Something to execute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verb {
    /// Reads text aloud.
    Say(Say),
    /// Plays a file, or keys.
    Play(Play),
    /// Waits this many seconds.
    Pause(u32),
    /// Takes keys from the caller.
    Gather(Gather),
    /// Connects the caller with somebody.
    Dial(Dial),
    /// Records the caller.
    Record(Record),
    /// Goes on with another document.
    Redirect(Link),
    /// Ends the call.
    Hangup,
    /// Refuses the call without answering it.
    Reject(RejectReason),
    /// Replies to a message.
    Message(Reply),
    /// A verb of Twilio that the double does not execute; holds its name.
    NotSimulated(String),
}

/// A URL in a document, absolute or relative to the document's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The URL as written.
    pub url: String,
    /// How the parameters travel.
    pub method: Method,
}

/// A URL that hears of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusCallback {
    /// Where to.
    pub link: Link,
    /// The names of the events that are wanted.
    pub events: Vec<String>,
}

impl StatusCallback {
    /// Whether an event is wanted.
    #[must_use]
    pub fn wants(&self, event: &str) -> bool {
        self.events.iter().any(|wanted| wanted == event)
    }
}

/// `<Say>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Say {
    /// What is said.
    pub text: String,
    /// In which language, if told.
    pub language: Option<String>,
    /// By which voice, if told.
    pub voice: Option<String>,
}

/// `<Play>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Play {
    /// The file; empty when only keys are played.
    pub url: String,
    /// The keys.
    pub digits: Option<String>,
}

/// `<Gather>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gather {
    /// What is said and played meanwhile.
    pub prompts: Vec<Verb>,
    /// Who hears the keys; the current document's URL when absent.
    pub action: Option<Link>,
    /// Whether the action hears of no keys too.
    pub action_on_empty_result: bool,
    /// How many seconds to wait for a key.
    pub timeout: u32,
}

/// `<Dial>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dial {
    /// Whom to ring, at once or one after another.
    pub nouns: Vec<Noun>,
    /// Who hears of the result and says how to go on; the next verb runs when absent.
    pub action: Option<Link>,
    /// How many seconds to ring.
    pub timeout: u32,
    /// How many seconds to talk at most.
    pub time_limit: u32,
    /// Who the called party sees.
    pub caller_id: Option<String>,
    /// Whether the caller hears ringing until somebody answers.
    pub answer_on_bridge: bool,
    /// Whether nouns are rung one after another.
    pub sequential: bool,
    /// Whether and how the conversation is recorded.
    pub record: Option<DialRecording>,
    /// Who hears of the recording.
    pub recording_status_callback: Option<StatusCallback>,
}

/// How a dialled conversation is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DialRecording {
    /// From the first ring, not from the answer.
    pub from_ringing: bool,
    /// Each party on a channel of its own.
    pub dual: bool,
}

/// Whom to ring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noun {
    /// What kind of party.
    pub kind: NounKind,
    /// The number, identity, address or name.
    pub target: String,
    /// Who hears of the leg.
    pub status_callback: Option<StatusCallback>,
    /// A document to run on the called leg first.
    pub whisper: Option<Link>,
}

/// What kind of party is rung.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NounKind {
    /// A phone number.
    Number,
    /// A browser or mobile client.
    Client,
    /// A conference room.
    Conference {
        /// Whether it is recorded from its start.
        recorded: bool,
        /// Who hears of that recording.
        recording_status_callback: Option<StatusCallback>,
    },
    /// A noun of Twilio that the double does not ring; holds its name.
    NotSimulated(String),
}

/// `<Record>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Who hears of the end and says how to go on; the current document's URL when absent.
    pub action: Option<Link>,
    /// How many seconds at most.
    pub max_length: u32,
    /// How many seconds of silence end it.
    pub timeout: u32,
    /// Whether it is transcribed.
    pub transcribe: bool,
    /// Who hears of the transcription.
    pub transcribe_callback: Option<Link>,
    /// Who hears of the recording.
    pub recording_status_callback: Option<StatusCallback>,
}

/// What a rejected caller hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectReason {
    /// That the number is not in service.
    Rejected,
    /// A busy tone.
    Busy,
}

/// `<Message>`: a reply to whoever wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The text.
    pub body: String,
    /// URLs of what is attached.
    pub media: Vec<String>,
    /// To whom, if not to whoever wrote.
    pub to: Option<String>,
    /// From whom, if not from whom it was written to.
    pub from: Option<String>,
    /// Who hears what becomes of the reply.
    pub status_callback: Option<Link>,
}
