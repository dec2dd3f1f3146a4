//! Writing the XML of a document.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io;

use quick_xml::Writer;
use quick_xml::escape::partial_escape;
use quick_xml::events::attributes::Attribute;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

/// The longest document, in bytes. Twilio refuses more than "64 kB" (error 11750); this is the
/// smaller reading of it.
pub(super) const MAXIMUM_LENGTH: usize = 64_000;

/// A document of more than 64,000 bytes, which Twilio would refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the TwiML document is longer than {MAXIMUM_LENGTH} bytes")]
pub struct DocumentTooLong;

/// Something that is written as one XML element.
pub(super) trait Element {
    /// Appends the element. Fails only if the document gets too long.
    fn write(&self, document: &mut Document) -> io::Result<()>;
}

/// A document that is being written.
pub(super) struct Document {
    writer: Writer<LimitedText>,
    /// The name and attributes of the element that is being opened; kept for its memory.
    tag: String,
}

impl Document {
    /// The whole document: `<Response>` with these elements.
    pub(super) fn response(elements: &[impl Element]) -> Result<String, DocumentTooLong> {
        let mut document = Self {
            writer: Writer::new(LimitedText(String::with_capacity(512))),
            tag: String::new(),
        };
        let declaration = BytesDecl::new("1.0", Some("UTF-8"), None);
        document
            .writer
            .write_event(Event::Decl(declaration))
            .and_then(|()| document.tag("Response").elements(elements))
            .map_err(|_| DocumentTooLong)?;
        Ok(document.writer.into_inner().0)
    }

    /// Begins an element.
    pub(super) fn tag(&mut self, name: &'static str) -> Tag<'_> {
        self.tag.clear();
        self.tag.push_str(name);
        Tag {
            document: self,
            name,
        }
    }
}

/// An element whose start tag is being written.
pub(super) struct Tag<'d> {
    document: &'d mut Document,
    name: &'static str,
}

impl Tag<'_> {
    /// Adds an attribute, unless it is `None`.
    pub(super) fn attribute(
        self,
        name: &'static str,
        value: Option<&(impl AttributeValue + ?Sized)>,
    ) -> Self {
        if let Some(value) = value {
            let tag = &mut self.document.tag;
            tag.extend([" ", name, "=\""]);
            value.append_to(tag);
            tag.push('"');
        }
        self
    }

    /// Ends the element without content.
    pub(super) fn empty(self) -> io::Result<()> {
        let start = BytesStart::from_content(self.document.tag.as_str(), self.name.len());
        self.document.writer.write_event(Event::Empty(start))
    }

    /// Ends the element with a text, or without content if the text is empty.
    pub(super) fn text(self, text: &str) -> io::Result<()> {
        let text = permitted(text);
        if text.is_empty() {
            return self.empty();
        }
        self.content(|document| {
            let text = BytesText::from_escaped(partial_escape(text));
            document.writer.write_event(Event::Text(text))
        })
    }

    /// Ends the element with elements, or without content if there are none.
    pub(super) fn elements(self, elements: &[impl Element]) -> io::Result<()> {
        if elements.is_empty() {
            return self.empty();
        }
        self.content(|document| {
            elements
                .iter()
                .try_for_each(|element| element.write(document))
        })
    }

    /// Ends the element with whatever `write` appends.
    pub(super) fn content(
        self,
        write: impl FnOnce(&mut Document) -> io::Result<()>,
    ) -> io::Result<()> {
        let Self { document, name } = self;
        let start = BytesStart::from_content(document.tag.as_str(), name.len());
        document.writer.write_event(Event::Start(start))?;
        write(document)?;
        document.writer.write_event(Event::End(BytesEnd::new(name)))
    }
}

/// The value of an attribute.
pub(super) trait AttributeValue {
    /// Appends the value, escaped.
    fn append_to(&self, tag: &mut String);
}

impl AttributeValue for str {
    fn append_to(&self, tag: &mut String) {
        tag.push_str(&Attribute::from(("", permitted(self))).value);
    }
}

impl AttributeValue for Cow<'_, str> {
    fn append_to(&self, tag: &mut String) {
        self.as_ref().append_to(tag);
    }
}

impl AttributeValue for bool {
    fn append_to(&self, tag: &mut String) {
        tag.push_str(if *self { "true" } else { "false" });
    }
}

impl AttributeValue for u32 {
    fn append_to(&self, tag: &mut String) {
        // Writing into a `String` never fails.
        let _ = write!(tag, "{self}");
    }
}

/// A list, joined by spaces.
impl<T: AttributeValue + Clone> AttributeValue for Cow<'_, [T]> {
    fn append_to(&self, tag: &mut String) {
        for (number, value) in self.iter().enumerate() {
            if number > 0 {
                tag.push(' ');
            }
            value.append_to(tag);
        }
    }
}

/// The text without the characters that XML 1.0 has no way to write: control characters except tab,
/// line feed and carriage return, U+FFFE and U+FFFF. One of them makes Twilio refuse the whole
/// document (error 12100).
pub(super) fn permitted(text: &str) -> Cow<'_, str> {
    let is_permitted = |character: char| match character {
        '\t' | '\n' | '\r' => true,
        '\0'..='\x1f' | '\u{fffe}' | '\u{ffff}' => false,
        _ => true,
    };
    if text.chars().all(is_permitted) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(
            text.chars()
                .filter(|character| is_permitted(*character))
                .collect(),
        )
    }
}

/// A text that refuses to grow beyond [`MAXIMUM_LENGTH`].
struct LimitedText(String);

impl io::Write for LimitedText {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // The XML writer passes whole texts on, never a part of a character.
        let text = std::str::from_utf8(bytes).map_err(|_| io::ErrorKind::InvalidData)?;
        if self.0.len() + text.len() > MAXIMUM_LENGTH {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.push_str(text);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
