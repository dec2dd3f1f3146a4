//! What a caller hears and is asked: documents that answer voice webhooks.

use std::borrow::Cow;
use std::io;

use super::Redirect;
use super::dial::Dial;
use super::document::{Document, DocumentTooLong, Element};
use super::element::element;
use super::stream::{Connect, Start};
use super::word::{GatherInput, Method, RecordingEvent, RejectReason, SpeechTimeout, Trim};

/// The most characters that `<Say>` may hold; Twilio refuses longer ones.
const MAXIMUM_SPOKEN_CHARACTERS: usize = 4_096;

/// The answer to a voice webhook: verbs that are carried out one after the other. Without any,
/// Twilio hangs up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VoiceResponse<'a> {
    verbs: Vec<VoiceVerb<'a>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum VoiceVerb<'a> {
    Prompt(Prompt<'a>),
    Gather(Gather<'a>),
    Record(Record<'a>),
    Dial(Dial<'a>),
    Connect(Connect<'a>),
    Start(Start<'a>),
    Redirect(Redirect<'a>),
    Reject(RejectReason),
    Hangup,
}

/// What is heard, by itself or while a [`Gather`] waits.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Prompt<'a> {
    Say(Say<'a>),
    Play(Play<'a>),
    Pause { seconds: u32 },
}

impl<'a> VoiceResponse<'a> {
    /// A document without verbs.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Refuses the call without answering it, which is not billed. Twilio heeds it only as the
    /// first verb, so that it is a document of its own.
    #[must_use]
    pub fn reject(reason: RejectReason) -> Self {
        Self {
            verbs: vec![VoiceVerb::Reject(reason)],
        }
    }

    /// Speaks a text.
    #[must_use]
    pub fn say(self, text: impl Into<Say<'a>>) -> Self {
        self.then(VoiceVerb::Prompt(Prompt::Say(text.into())))
    }

    /// Plays a sound.
    #[must_use]
    pub fn play(self, sound: Play<'a>) -> Self {
        self.then(VoiceVerb::Prompt(Prompt::Play(sound)))
    }

    /// Waits in silence.
    #[must_use]
    pub fn pause_seconds(self, seconds: u32) -> Self {
        self.then(VoiceVerb::Prompt(Prompt::Pause { seconds }))
    }

    /// Waits for keys or speech.
    #[must_use]
    pub fn gather(self, gather: Gather<'a>) -> Self {
        self.then(VoiceVerb::Gather(gather))
    }

    /// Records the caller.
    #[must_use]
    pub fn record(self, record: Record<'a>) -> Self {
        self.then(VoiceVerb::Record(record))
    }

    /// Connects the caller to someone else.
    #[must_use]
    pub fn dial(self, dial: Dial<'a>) -> Self {
        self.then(VoiceVerb::Dial(dial))
    }

    /// Hands the call's sound to a WebSocket, and goes on when that closes.
    #[must_use]
    pub fn connect(self, connect: Connect<'a>) -> Self {
        self.then(VoiceVerb::Connect(connect))
    }

    /// Starts something that goes on beside the verbs that follow.
    #[must_use]
    pub fn start(self, start: impl Into<Start<'a>>) -> Self {
        self.then(VoiceVerb::Start(start.into()))
    }

    /// Goes on with the document at another URL; what follows is never reached.
    #[must_use]
    pub fn redirect(self, redirect: Redirect<'a>) -> Self {
        self.then(VoiceVerb::Redirect(redirect))
    }

    /// Ends the call.
    #[must_use]
    pub fn hangup(self) -> Self {
        self.then(VoiceVerb::Hangup)
    }

    /// The document as Twilio reads it, to be sent as `text/xml`.
    ///
    /// # Errors
    ///
    /// [`DocumentTooLong`] if it has more than 64,000 bytes.
    pub fn to_xml(&self) -> Result<String, DocumentTooLong> {
        Document::response(&self.verbs)
    }

    fn then(mut self, verb: VoiceVerb<'a>) -> Self {
        self.verbs.push(verb);
        self
    }
}

impl Element for VoiceVerb<'_> {
    fn write(&self, document: &mut Document) -> io::Result<()> {
        match self {
            Self::Prompt(prompt) => prompt.write(document),
            Self::Gather(gather) => gather.tag(document).elements(&gather.prompts),
            Self::Record(record) => record.tag(document).empty(),
            Self::Dial(dial) => dial.write(document),
            Self::Connect(connect) => connect.write(document),
            Self::Start(start) => start.write(document),
            Self::Redirect(redirect) => redirect.write(document),
            Self::Reject(reason) => document
                .tag("Reject")
                .attribute("reason", Some(reason))
                .empty(),
            Self::Hangup => document.tag("Hangup").empty(),
        }
    }
}

impl Element for Prompt<'_> {
    fn write(&self, document: &mut Document) -> io::Result<()> {
        match self {
            Self::Say(say) => say.tag(document).text(spoken(&say.text)),
            Self::Play(play) => play.tag(document).text(&play.url),
            Self::Pause { seconds } => document
                .tag("Pause")
                .attribute("length", Some(seconds))
                .empty(),
        }
    }
}

/// As much of the text as `<Say>` may hold, cut between characters.
fn spoken(text: &str) -> &str {
    match text.char_indices().nth(MAXIMUM_SPOKEN_CHARACTERS) {
        Some((end, _)) => text.get(..end).unwrap_or_default(),
        None => text,
    }
}

element! {
    /// A text that is spoken. Of more than 4,096 characters the rest is cut off, because Twilio
    /// would refuse all of it.
    Say { text: Cow<'a, str> }
    attributes {
        /// The voice, for instance `Polly.Joanna`; without it the account's default one.
        voice "voice": text,
        /// The language, for instance `cs-CZ`.
        language "language": text,
        /// How often the text is spoken; 0 repeats it until the caller hangs up.
        times "loop": u32,
    }
}

impl<'a> Say<'a> {
    /// Speaks the text.
    #[must_use]
    pub fn new(text: impl Into<Cow<'a, str>>) -> Self {
        Self::with_content(text.into())
    }
}

impl<'a, T: Into<Cow<'a, str>>> From<T> for Say<'a> {
    fn from(text: T) -> Self {
        Self::new(text)
    }
}

element! {
    /// A sound that is played.
    Play { url: Cow<'a, str> }
    attributes {
        /// How often the sound is played; 0 repeats it until the caller hangs up.
        times "loop": u32,
        /// Keys to play as tones; `w` waits for half a second.
        digits "digits": text,
    }
}

impl<'a> Play<'a> {
    /// Plays the audio file at a URL.
    #[must_use]
    pub fn url(url: impl Into<Cow<'a, str>>) -> Self {
        Self::with_content(url.into())
    }

    /// Plays the tones of keys; `w` waits for half a second.
    #[must_use]
    pub fn tones(digits: impl Into<Cow<'a, str>>) -> Self {
        Self::with_content(Cow::Borrowed("")).digits(digits)
    }
}

element! {
    /// Waits for keys or speech and sends them to `action`. Without input the verbs that follow are
    /// carried out.
    Gather { prompts: Vec<Prompt<'a>> }
    attributes {
        /// What to listen for; keys by default.
        input "input": [GatherInput],
        /// How many keys end the input.
        digit_count "numDigits": u32,
        /// The key that ends the input, `#` by default; none if it is empty.
        finish_on_key "finishOnKey": text,
        /// How many seconds to wait for the next key or the first word; 5 by default.
        timeout_seconds "timeout": u32,
        /// Where the input is sent; by default to the current document.
        action "action": text,
        /// How `action` is requested.
        method "method": Method,
        /// Whether `action` is requested even if there was no input.
        action_on_empty_result "actionOnEmptyResult": bool,
        /// How long a pause ends the speech.
        speech_timeout "speechTimeout": SpeechTimeout,
        /// The model that transcribes the speech.
        speech_model "speechModel": text,
        /// The language that is spoken.
        language "language": text,
        /// Words and phrases to expect, separated by commas.
        hints "hints": text,
        /// Where unfinished transcriptions are sent.
        partial_result_callback "partialResultCallback": text,
    }
}

impl<'a> Gather<'a> {
    /// Waits in silence; what is to be heard meanwhile is added.
    #[must_use]
    pub fn new() -> Self {
        Self::with_content(Vec::new())
    }

    /// Speaks a text while waiting.
    #[must_use]
    pub fn say(self, text: impl Into<Say<'a>>) -> Self {
        self.then(Prompt::Say(text.into()))
    }

    /// Plays a sound while waiting.
    #[must_use]
    pub fn play(self, sound: Play<'a>) -> Self {
        self.then(Prompt::Play(sound))
    }

    /// Is silent for a while before the next prompt.
    #[must_use]
    pub fn pause_seconds(self, seconds: u32) -> Self {
        self.then(Prompt::Pause { seconds })
    }

    fn then(mut self, prompt: Prompt<'a>) -> Self {
        self.prompts.push(prompt);
        self
    }
}

impl Default for Gather<'_> {
    fn default() -> Self {
        Self::new()
    }
}

element! {
    /// Records the caller, and the caller only, until silence or a key. If nothing is recorded, the
    /// next verb follows.
    Record {}
    attributes {
        /// How `action` is requested.
        method "method": Method,
        /// The most seconds that are recorded; 3,600 by default, and at most 120 with a
        /// transcription.
        maximum_seconds "maxLength": u32,
        /// How many seconds of silence end the recording; 5 by default.
        timeout_seconds "timeout": u32,
        /// The keys that end the recording; all by default.
        finish_on_key "finishOnKey": text,
        /// Whether a beep comes first; it does by default.
        play_beep "playBeep": bool,
        /// What happens to silence at both ends.
        trim "trim": Trim,
        /// Whether the recording is transcribed: English, of 2 to 120 seconds.
        transcribe "transcribe": bool,
        /// Where the transcription is sent.
        transcribe_callback "transcribeCallback": text,
        /// Where changes of the recording are sent.
        recording_status_callback "recordingStatusCallback": text,
        /// How these are sent.
        recording_status_callback_method "recordingStatusCallbackMethod": Method,
        /// Which changes are sent; only completion by default.
        recording_status_callback_events "recordingStatusCallbackEvent": [RecordingEvent],
        /// Where the call goes on.
        action "action": text,
    }
}

impl<'a> Record<'a> {
    /// Records the caller and goes on with the document at `action`. Without one Twilio would
    /// request the current document again, and the caller would record message after message: so
    /// there must be one.
    #[must_use]
    pub fn then_request(action: impl Into<Cow<'a, str>>) -> Self {
        Self::with_content().action(action)
    }
}
