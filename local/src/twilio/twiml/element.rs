//! XML as far as TwiML uses it: elements, attributes and text.

use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};

/// How deeply elements may be nested; TwiML needs four levels, SSML a few more.
const DEEPEST: usize = 32;

/// An element with everything in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Element {
    /// The name, prefix included.
    pub name: String,
    /// Names and values in order.
    pub attributes: Vec<(String, String)>,
    /// What is between its tags.
    pub children: Vec<Node>,
}

/// What can be between tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// An element.
    Element(Element),
    /// Text, entities resolved.
    Text(String),
}

impl Element {
    /// The value of an attribute.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The elements in it.
    pub fn elements(&self) -> impl Iterator<Item = &Self> {
        self.children.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    /// All text in it, that of nested elements included, without white space at the ends.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        self.collect_text(&mut text);
        text.trim().to_owned()
    }

    fn collect_text(&self, text: &mut String) {
        for node in &self.children {
            match node {
                Node::Text(part) => text.push_str(part),
                Node::Element(element) => element.collect_text(text),
            }
        }
    }

    /// The root element of a document.
    ///
    /// # Errors
    /// In words, what makes the bytes no well-formed XML 1.0 in UTF-8, or a document type declaration, which is refused.
    pub fn parse(xml: &[u8]) -> Result<Self, String> {
        let xml = std::str::from_utf8(xml).map_err(|_| "it is not UTF-8".to_owned())?;
        let xml = xml.strip_prefix('\u{FEFF}').unwrap_or(xml);
        if let Some(character) = xml.chars().find(|&character| !is_allowed(character)) {
            return Err(format!(
                "the character U+{:04X} is not allowed in XML",
                u32::from(character)
            ));
        }
        let mut reader = Reader::from_str(xml);
        reader.config_mut().check_comments = true;
        let mut tree = Tree::default();
        loop {
            let event = reader.read_event().map_err(|error| error.to_string())?;
            match event {
                Event::Start(tag) => tree.open(element(&tag)?)?,
                Event::Empty(tag) => {
                    tree.open(element(&tag)?)?;
                    tree.close()?;
                }
                Event::End(_) => tree.close()?,
                Event::Text(text) => tree.text(&text.xml10_content())?,
                Event::CData(text) => tree.character_data(&text.xml10_content())?,
                Event::GeneralRef(reference) => tree.character_data(&resolved(&reference)?)?,
                Event::DocType(_) => {
                    return Err("a document type declaration is not allowed".to_owned());
                }
                Event::Decl(_) if tree.is_begun() => {
                    return Err("the XML declaration is not at the start".to_owned());
                }
                Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
                Event::Eof => return tree.finish(),
            }
            tree.began = true;
        }
    }
}

#[derive(Default)]
struct Tree {
    open: Vec<Element>,
    root: Option<Element>,
    began: bool,
}

impl Tree {
    fn is_begun(&self) -> bool {
        self.began
    }

    fn open(&mut self, element: Element) -> Result<(), String> {
        if self.root.is_some() {
            return Err(format!(
                "<{}> comes after the end of the root element",
                element.name
            ));
        }
        if self.open.len() >= DEEPEST {
            return Err(format!("elements are nested more than {DEEPEST} deep"));
        }
        self.open.push(element);
        Ok(())
    }

    fn close(&mut self) -> Result<(), String> {
        let closed = self
            .open
            .pop()
            .ok_or_else(|| "an end tag has no start tag".to_owned())?;
        match self.open.last_mut() {
            Some(parent) => parent.children.push(Node::Element(closed)),
            None => self.root = Some(closed),
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), String> {
        if self.open.is_empty() && text.trim().is_empty() {
            Ok(())
        } else {
            self.character_data(text)
        }
    }

    fn character_data(&mut self, text: &str) -> Result<(), String> {
        let parent = self
            .open
            .last_mut()
            .ok_or_else(|| "there is text outside of the root element".to_owned())?;
        match parent.children.last_mut() {
            Some(Node::Text(before)) => before.push_str(text),
            _ => parent.children.push(Node::Text(text.to_owned())),
        }
        Ok(())
    }

    fn finish(self) -> Result<Element, String> {
        match (self.open.last(), self.root) {
            (Some(open), _) => Err(format!("<{}> is not closed", open.name)),
            (None, Some(root)) => Ok(root),
            (None, None) => Err("there is no root element".to_owned()),
        }
    }
}

fn element(tag: &BytesStart<'_>) -> Result<Element, String> {
    let name = tag.name().into_inner().to_owned();
    let mut attributes = Vec::new();
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        if attribute.value.contains('<') {
            return Err(format!("an attribute of <{name}> contains <"));
        }
        let value = attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .map_err(|error| error.to_string())?;
        if !value.chars().all(is_allowed) {
            return Err(format!(
                "an attribute of <{name}> has a character that is not allowed in XML"
            ));
        }
        attributes.push((attribute.key.into_inner().to_owned(), value.into_owned()));
    }
    Ok(Element {
        name,
        attributes,
        children: Vec::new(),
    })
}

fn resolved(reference: &BytesRef<'_>) -> Result<String, String> {
    if let Some(character) = reference
        .resolve_char_ref()
        .map_err(|error| error.to_string())?
    {
        return match is_allowed(character) {
            true => Ok(character.to_string()),
            false => Err(format!(
                "the character U+{:04X} is not allowed in XML",
                u32::from(character)
            )),
        };
    }
    let name = reference.xml10_content();
    resolve_predefined_entity(&name)
        .map(ToOwned::to_owned)
        .ok_or_else(|| format!("the entity &{name}; is not declared"))
}

/// The characters of XML 1.0.
fn is_allowed(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_attributes_are_read_with_their_entities() {
        let xml = b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response>\n  <Say voice=\"a&quot;b&#10;c\">1 &lt; 2 &amp; <![CDATA[3 < 4]]> &#x2713;</Say></Response>\n";
        let root = Element::parse(xml).unwrap();
        let say = root.elements().next().unwrap();
        assert_eq!(say.attribute("voice"), Some("a\"b\nc"));
        assert_eq!(say.text(), "1 < 2 & 3 < 4 ✓");
    }

    #[test]
    fn text_in_nested_elements_counts() {
        let root =
            Element::parse(b"<Response><Say>One <emphasis>two</emphasis> three</Say></Response>")
                .unwrap();
        assert_eq!(root.text(), "One two three");
    }

    #[test]
    fn what_is_not_well_formed_is_refused() {
        let refused: [&[u8]; 17] = [
            b"",
            b"   ",
            b"hello",
            b"<Response>",
            b"<Response></Say>",
            b"<Response/><Response/>",
            b"<Response/>tail",
            b"head<Response/>",
            b"<Response>&nbsp;</Response>",
            b"<Response>a & b</Response>",
            b"<Response>\x07</Response>",
            b"<Response>&#7;</Response>",
            b"<Response>\xff</Response>",
            b"<Response a=\"1\" a=\"2\"/>",
            b"<Response a=1/>",
            b"<Response a=\"<\"/>",
            b"<!DOCTYPE Response [<!ENTITY a \"b\">]><Response/>",
        ];
        for xml in refused {
            assert!(
                Element::parse(xml).is_err(),
                "{}",
                String::from_utf8_lossy(xml)
            );
        }
    }

    #[test]
    fn a_declaration_comes_first_or_not_at_all() {
        assert!(Element::parse(b"\n<?xml version=\"1.0\"?><Response/>").is_err());
        assert!(Element::parse("\u{FEFF}<?xml version=\"1.0\"?><Response/>".as_bytes()).is_ok());
        assert!(Element::parse(b"<!-- a comment --><Response/>").is_ok());
    }

    #[test]
    fn depth_is_bounded() {
        let deep = format!(
            "{}{}",
            "<a>".repeat(DEEPEST + 1),
            "</a>".repeat(DEEPEST + 1)
        );
        assert!(
            Element::parse(deep.as_bytes())
                .unwrap_err()
                .contains("nested")
        );
    }
}
