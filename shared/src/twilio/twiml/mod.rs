//! TwiML: the XML documents that tell Twilio what to do with a call or message.
//!
//! A document is built from typed verbs that take only what may stand inside them, and written
//! once:
//!
//! ```
//! use shared::address::PhoneNumber;
//! use shared::twilio::twiml::{Dial, VoiceResponse};
//!
//! let number: PhoneNumber = "+15005550010".parse()?;
//! let document = VoiceResponse::new()
//!     .say("One moment & I will connect you.")
//!     .dial(Dial::to_number(&number).timeout_seconds(20).action("/voice/after-dial"))
//!     .to_xml()?;
//! assert_eq!(
//!     document,
//!     concat!(
//!         r#"<?xml version="1.0" encoding="UTF-8"?><Response>"#,
//!         "<Say>One moment &amp; I will connect you.</Say>",
//!         r#"<Dial action="/voice/after-dial" timeout="20">+15005550010</Dial></Response>"#,
//!     )
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Texts and attributes may hold anything a user sent: they are escaped, and characters that XML
//! cannot hold are dropped. Attributes that are not set are not written, so that Twilio's defaults
//! hold.

mod dial;
mod document;
mod element;
mod messaging;
mod parameter;
mod stream;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;
mod voice;
mod word;

use std::borrow::Cow;
use std::io;

pub use dial::{Client, Conference, Dial, Endpoint, Number};
pub use document::DocumentTooLong;
pub use messaging::{Message, MessagingResponse};
pub use stream::{Connect, Recording, Start, Stream};
pub use voice::{Gather, Play, Record, Say, VoiceResponse};
pub use word::{
    CallEvent, ConferenceBeep, ConferenceEvent, ConferenceRecording, DialRecording, GatherInput,
    Method, RecordingChannels, RecordingEvent, RecordingTrack, RejectReason, SpeechTimeout,
    StreamTrack, Trim,
};

use crate::address::PhoneNumber;
use document::{Document, Element};
use element::element;

element! {
    /// Goes on with the document at another URL.
    Redirect { url: Cow<'a, str> }
    attributes {
        /// How the URL is requested.
        method "method": Method,
    }
}

impl<'a> Redirect<'a> {
    /// Goes on with the document at this URL.
    #[must_use]
    pub fn to(url: impl Into<Cow<'a, str>>) -> Self {
        Self::with_content(url.into())
    }
}

impl Element for Redirect<'_> {
    fn write(&self, document: &mut Document) -> io::Result<()> {
        self.tag(document).text(&self.url)
    }
}

/// So that a number can be given where an attribute takes other addresses too.
impl<'a> From<&'a PhoneNumber> for Cow<'a, str> {
    fn from(number: &'a PhoneNumber) -> Self {
        Cow::Borrowed(number.as_str())
    }
}
