//! Documents that answer message webhooks.

use std::borrow::Cow;
use std::io;

use super::Redirect;
use super::document::{Document, DocumentTooLong, Element};
use super::element::element;
use super::word::Method;

/// The answer to a message webhook. Without any verb nothing is sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MessagingResponse<'a> {
    verbs: Vec<MessagingVerb<'a>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum MessagingVerb<'a> {
    Message(Message<'a>),
    Redirect(Redirect<'a>),
}

impl<'a> MessagingResponse<'a> {
    /// A document that sends nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends a message.
    #[must_use]
    pub fn message(mut self, message: impl Into<Message<'a>>) -> Self {
        self.verbs.push(MessagingVerb::Message(message.into()));
        self
    }

    /// Goes on with the document at another URL; what follows is never reached.
    #[must_use]
    pub fn redirect(mut self, redirect: Redirect<'a>) -> Self {
        self.verbs.push(MessagingVerb::Redirect(redirect));
        self
    }

    /// The document as Twilio reads it, to be sent as `text/xml`.
    ///
    /// # Errors
    ///
    /// [`DocumentTooLong`] if it has more than 64,000 bytes.
    pub fn to_xml(&self) -> Result<String, DocumentTooLong> {
        Document::response(&self.verbs)
    }
}

impl Element for MessagingVerb<'_> {
    fn write(&self, document: &mut Document) -> io::Result<()> {
        match self {
            Self::Message(message) => message.write(document),
            Self::Redirect(redirect) => redirect.write(document),
        }
    }
}

element! {
    /// A message: a text, media, or both. It goes to whoever sent the one that is answered, from
    /// the number that received it.
    Message { body: Option<Cow<'a, str>>, media: Vec<Cow<'a, str>> }
    attributes {
        /// Who gets it instead of the sender.
        to "to": text,
        /// Which of the account's numbers it comes from instead of the one that received.
        from "from": text,
        /// Where the result is sent, and where the document goes on.
        action "action": text,
        /// How `action` is requested.
        method "method": Method,
        /// Where changes of the message's status are sent.
        status_callback "statusCallback": text,
    }
}

impl<'a> Message<'a> {
    /// A message with this text.
    #[must_use]
    pub fn text(body: impl Into<Cow<'a, str>>) -> Self {
        Self::with_content(Some(body.into()), Vec::new())
    }

    /// A message without text, with the file at this URL.
    #[must_use]
    pub fn media(url: impl Into<Cow<'a, str>>) -> Self {
        Self::with_content(None, vec![url.into()])
    }

    /// Adds the file at this URL.
    #[must_use]
    pub fn and_media(mut self, url: impl Into<Cow<'a, str>>) -> Self {
        self.media.push(url.into());
        self
    }
}

impl<'a, T: Into<Cow<'a, str>>> From<T> for Message<'a> {
    fn from(body: T) -> Self {
        Self::text(body)
    }
}

impl Element for Message<'_> {
    fn write(&self, document: &mut Document) -> io::Result<()> {
        let tag = self.tag(document);
        if let (Some(body), []) = (&self.body, self.media.as_slice()) {
            return tag.text(body);
        }
        tag.content(|document| {
            if let Some(body) = &self.body {
                document.tag("Body").text(body)?;
            }
            self.media
                .iter()
                .try_for_each(|url| document.tag("Media").text(url))
        })
    }
}
