//! Sending a call's sound to a WebSocket, and recording beside other verbs.

use std::borrow::Cow;
use std::io;

use super::document::{Document, Element};
use super::element::element;
use super::parameter::Parameter;
use super::word::{Method, RecordingChannels, RecordingEvent, RecordingTrack, StreamTrack, Trim};

element! {
    /// Hands the call to a WebSocket, both ways. The verbs that follow wait until it closes.
    Connect { stream: Stream<'a> }
    attributes {
        /// Where the call goes on when the socket has closed; by default with the next verb.
        action "action": text,
        /// How `action` is requested.
        method "method": Method,
    }
}

impl<'a> Connect<'a> {
    /// Hands the call to this stream.
    #[must_use]
    pub fn to_stream(stream: Stream<'a>) -> Self {
        Self::with_content(stream)
    }
}

impl Element for Connect<'_> {
    fn write(&self, document: &mut Document) -> io::Result<()> {
        self.tag(document)
            .content(|document| self.stream.write(document))
    }
}

/// Something that goes on beside the verbs that follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start<'a> {
    /// A copy of the call's sound, one way.
    Stream(Stream<'a>),
    /// A recording of the call.
    Recording(Recording<'a>),
}

impl Element for Start<'_> {
    fn write(&self, document: &mut Document) -> io::Result<()> {
        document.tag("Start").content(|document| match self {
            Self::Stream(stream) => stream.write(document),
            Self::Recording(recording) => recording.tag(document).empty(),
        })
    }
}

impl<'a> From<Stream<'a>> for Start<'a> {
    fn from(stream: Stream<'a>) -> Self {
        Self::Stream(stream)
    }
}

impl<'a> From<Recording<'a>> for Start<'a> {
    fn from(recording: Recording<'a>) -> Self {
        Self::Recording(recording)
    }
}

element! {
    /// A WebSocket that carries a call's sound.
    Stream { url: Cow<'a, str>, parameters: Vec<Parameter<'a>> }
    attributes {
        /// A name by which the stream can be stopped.
        name "name": text,
        /// Which sound is sent; the caller's by default, and nothing else is possible in
        /// [`Connect`].
        track "track": StreamTrack,
        /// Where the stream's start, stop and errors are sent.
        status_callback "statusCallback": text,
        /// How these are sent.
        status_callback_method "statusCallbackMethod": Method,
    }
}

impl<'a> Stream<'a> {
    /// Streams to this `wss` URL. It cannot have a query; data goes into parameters.
    #[must_use]
    pub fn new(url: impl Into<Cow<'a, str>>) -> Self {
        Self::with_content(url.into(), Vec::new())
    }

    /// Adds a parameter to the message that opens the stream.
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

impl Element for Stream<'_> {
    fn write(&self, document: &mut Document) -> io::Result<()> {
        self.tag(document)
            .attribute("url", Some(&self.url))
            .elements(&self.parameters)
    }
}

element! {
    /// A recording of the call, whatever its verbs do.
    Recording {}
    attributes {
        /// Where changes of the recording are sent.
        recording_status_callback "recordingStatusCallback": text,
        /// How these are sent.
        recording_status_callback_method "recordingStatusCallbackMethod": Method,
        /// Which changes are sent; only completion by default.
        recording_status_callback_events "recordingStatusCallbackEvent": [RecordingEvent],
        /// The channels of the recording.
        channels "channels": RecordingChannels,
        /// Whose voice is recorded; both parties' by default.
        track "track": RecordingTrack,
        /// What happens to silence at both ends.
        trim "trim": Trim,
    }
}

impl Recording<'_> {
    /// Records both parties.
    #[must_use]
    pub fn new() -> Self {
        Self::with_content()
    }
}

impl Default for Recording<'_> {
    fn default() -> Self {
        Self::new()
    }
}
