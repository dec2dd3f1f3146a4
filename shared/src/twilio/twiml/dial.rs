//! Connecting a caller to someone else.

use std::borrow::Cow;
use std::io;

use super::document::{Document, Element};
use super::element::element;
use super::parameter::Parameter;
use super::word::{
    CallEvent, ConferenceBeep, ConferenceEvent, ConferenceRecording, DialRecording, Method,
    RecordingEvent, RecordingTrack, Trim,
};
use crate::address::PhoneNumber;

element! {
    /// Connects the caller to a number, to clients or to a conference. Without `action` the verbs
    /// that follow are carried out when the other party has hung up or could not be reached; with
    /// it they never are.
    Dial { target: Target<'a> }
    attributes {
        /// Where the result is sent, and where the call goes on.
        action "action": text,
        /// How `action` is requested.
        method "method": Method,
        /// How many seconds it rings; 30 by default. Twilio may add 5.
        timeout_seconds "timeout": u32,
        /// The most seconds that the call lasts; 14,400 (4 hours) by default.
        maximum_seconds "timeLimit": u32,
        /// Whom the other party sees calling: a number of the account, or a client; by default the
        /// caller.
        caller_id "callerId": text,
        /// Whether the caller hears ringing, unanswered, until the other party answers. Works only
        /// in a document's first verb.
        answer_on_bridge "answerOnBridge": bool,
        /// Whether the caller can end the dialled call with `*`.
        hangup_on_star "hangupOnStar": bool,
        /// The country whose ringing tone the caller hears, for instance `us`.
        ring_tone "ringTone": text,
        /// Whether several parties are called one after the other; by default all at once, and the
        /// first to answer counts.
        sequential "sequential": bool,
        /// Whether and how the call is recorded.
        record "record": DialRecording,
        /// Where changes of the recording are sent.
        recording_status_callback "recordingStatusCallback": text,
        /// How these are sent.
        recording_status_callback_method "recordingStatusCallbackMethod": Method,
        /// Which changes are sent; only completion by default.
        recording_status_callback_events "recordingStatusCallbackEvent": [RecordingEvent],
        /// Whose voice is recorded; both parties' by default.
        recording_track "recordingTrack": RecordingTrack,
        /// What happens to silence at both ends of the recording.
        trim "trim": Trim,
    }
}

/// The most parties that Twilio rings at once.
const MOST_ENDPOINTS: usize = 10;

/// Whom a [`Dial`] connects to.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Target<'a> {
    Endpoints(Vec<Endpoint<'a>>),
    Conference(Conference<'a>),
}

/// Someone who can be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint<'a> {
    /// A phone.
    Number(Number<'a>),
    /// A browser or mobile app.
    Client(Client<'a>),
}

impl<'a> Dial<'a> {
    /// Calls a phone.
    #[must_use]
    pub fn to_number(number: &'a PhoneNumber) -> Self {
        Self::to(Number::new(number))
    }

    /// Calls a browser or mobile app by its identity (without `client:`).
    #[must_use]
    pub fn to_client(identity: impl Into<Cow<'a, str>>) -> Self {
        Self::to(Client::new(identity))
    }

    /// Calls someone.
    #[must_use]
    pub fn to(endpoint: impl Into<Endpoint<'a>>) -> Self {
        Self::with_content(Target::Endpoints(vec![endpoint.into()]))
    }

    /// Calls several parties, of whom the first to answer is connected: 10 at most, Twilio refuses
    /// more and the rest is left out. There must be one at least: `None` for nobody.
    #[must_use]
    pub fn to_any_of(endpoints: impl IntoIterator<Item = Endpoint<'a>>) -> Option<Self> {
        let endpoints: Vec<_> = endpoints.into_iter().take(MOST_ENDPOINTS).collect();
        (!endpoints.is_empty()).then(|| Self::with_content(Target::Endpoints(endpoints)))
    }

    /// Joins a conference, to which nobody else can be dialled at the same time.
    #[must_use]
    pub fn to_conference(conference: Conference<'a>) -> Self {
        Self::with_content(Target::Conference(conference))
    }
}

impl Element for Dial<'_> {
    fn write(&self, document: &mut Document) -> io::Result<()> {
        let tag = self.tag(document);
        match &self.target {
            Target::Conference(conference) => tag.content(|document| conference.write(document)),
            Target::Endpoints(endpoints) => match endpoints.as_slice() {
                // A lone number may stand by itself, if there is nothing to say about it.
                [Endpoint::Number(number)] if *number == Number::with_content(number.number) => {
                    tag.text(number.number.as_str())
                }
                endpoints => tag.elements(endpoints),
            },
        }
    }
}

impl Element for Endpoint<'_> {
    fn write(&self, document: &mut Document) -> io::Result<()> {
        match self {
            Self::Number(number) => number.tag(document).text(number.number.as_str()),
            Self::Client(client) => client.write(document),
        }
    }
}

impl<'a> From<Number<'a>> for Endpoint<'a> {
    fn from(number: Number<'a>) -> Self {
        Self::Number(number)
    }
}

impl<'a> From<Client<'a>> for Endpoint<'a> {
    fn from(client: Client<'a>) -> Self {
        Self::Client(client)
    }
}

element! {
    /// A phone that is called.
    Number { number: &'a PhoneNumber }
    attributes {
        /// Keys to press once it is answered, for an extension; `w` waits for half a second.
        send_digits "sendDigits": text,
        /// The document that the called party hears before it is connected.
        url "url": text,
        /// How `url` is requested.
        method "method": Method,
        /// Where changes of this leg are sent.
        status_callback "statusCallback": text,
        /// Which changes are sent; only completion by default.
        status_callback_events "statusCallbackEvent": [CallEvent],
        /// How these are sent.
        status_callback_method "statusCallbackMethod": Method,
    }
}

impl<'a> Number<'a> {
    /// Calls this number.
    #[must_use]
    pub fn new(number: &'a PhoneNumber) -> Self {
        Self::with_content(number)
    }
}

element! {
    /// A browser or mobile app that is called.
    Client { identity: Cow<'a, str>, parameters: Vec<Parameter<'a>> }
    attributes {
        /// The document that the called party hears before it is connected.
        url "url": text,
        /// How `url` is requested.
        method "method": Method,
        /// Where changes of this leg are sent.
        status_callback "statusCallback": text,
        /// Which changes are sent; only completion by default.
        status_callback_events "statusCallbackEvent": [CallEvent],
        /// How these are sent.
        status_callback_method "statusCallbackMethod": Method,
    }
}

impl<'a> Client<'a> {
    /// Calls the client of this identity (without `client:`).
    #[must_use]
    pub fn new(identity: impl Into<Cow<'a, str>>) -> Self {
        Self::with_content(identity.into(), Vec::new())
    }

    /// Adds a parameter that the app reads from the call it is offered.
    #[must_use]
    pub fn parameter(
        mut self,
        name: impl Into<Cow<'a, str>>,
        value: impl Into<Cow<'a, str>>,
    ) -> Self {
        self.parameters.push(Parameter::new(name, value));
        self
    }
}

impl Element for Client<'_> {
    fn write(&self, document: &mut Document) -> io::Result<()> {
        let tag = self.tag(document);
        if self.parameters.is_empty() {
            return tag.text(&self.identity);
        }
        tag.content(|document| {
            document.tag("Identity").text(&self.identity)?;
            self.parameters
                .iter()
                .try_for_each(|parameter| parameter.write(document))
        })
    }
}

element! {
    /// A conference. Its name is one per account: include whatever keeps it apart from other calls'
    /// conferences.
    Conference { name: Cow<'a, str> }
    attributes {
        /// Whether the conference begins when this caller joins; it does by default.
        start_on_enter "startConferenceOnEnter": bool,
        /// Whether the conference ends when this caller leaves; it does not by default.
        end_on_exit "endConferenceOnExit": bool,
        /// Whether this caller only listens.
        muted "muted": bool,
        /// When it beeps.
        beep "beep": ConferenceBeep,
        /// What is played until the conference begins.
        wait_url "waitUrl": text,
        /// How `wait_url` is requested.
        wait_method "waitMethod": Method,
        /// The most participants; 250 by default.
        maximum_participants "maxParticipants": u32,
        /// Whether the conference is recorded.
        record "record": ConferenceRecording,
        /// Where changes of the conference are sent.
        status_callback "statusCallback": text,
        /// Which changes are sent.
        status_callback_events "statusCallbackEvent": [ConferenceEvent],
        /// How these are sent.
        status_callback_method "statusCallbackMethod": Method,
    }
}

impl<'a> Conference<'a> {
    /// The conference of this name.
    #[must_use]
    pub fn new(name: impl Into<Cow<'a, str>>) -> Self {
        Self::with_content(name.into())
    }
}

impl Element for Conference<'_> {
    fn write(&self, document: &mut Document) -> io::Result<()> {
        self.tag(document).text(&self.name)
    }
}
