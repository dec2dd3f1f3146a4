//! A TwiML document as Twilio understands it.

use super::element::Element;
use super::message::messaging_verb;
use super::verb::Verb;
use super::voice::voice_verb;

/// What a document is for: the verbs differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Product {
    /// A call.
    Voice,
    /// A message.
    Messaging,
}

/// The answer is no TwiML (Twilio's error 12100).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDocument {
    /// No well-formed XML; says why.
    #[error("{0}")]
    Malformed(String),
    /// Another root element.
    #[error("the root element is <{0}>, not <Response>")]
    WrongRoot(String),
}

/// Something that Twilio notes in the debugger, and goes on without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Twilio's code; 12200 is a document that does not follow the schema.
    pub code: u32,
    /// What is wrong.
    pub message: String,
}

impl Warning {
    /// A deviation from the schema.
    pub(crate) fn schema(message: impl Into<String>) -> Self {
        Self {
            code: 12_200,
            message: message.into(),
        }
    }
}

/// A document: what is executed, and what Twilio warned about while reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The document as written.
    pub root: Element,
    /// What is executed, in order. Verbs that Twilio does not know are not among them.
    pub verbs: Vec<Verb>,
    /// Unknown verbs, nouns and attributes, and values out of range.
    pub warnings: Vec<Warning>,
}

impl Document {
    /// Reads a document. Names are case-sensitive; what the schema does not know is a warning and is left out, as Twilio
    /// does; only XML that is none, or another root, is refused.
    ///
    /// # Errors
    /// [`InvalidDocument`], Twilio's error 12100.
    pub fn parse(xml: &[u8], product: Product) -> Result<Self, InvalidDocument> {
        let root = Element::parse(xml).map_err(InvalidDocument::Malformed)?;
        if root.name != "Response" {
            return Err(InvalidDocument::WrongRoot(root.name));
        }
        let mut warnings = Vec::new();
        let mut verbs = Vec::new();
        for element in root.elements() {
            let verb = match product {
                Product::Voice => voice_verb(element, &mut warnings),
                Product::Messaging => messaging_verb(element, &mut warnings),
            };
            match verb {
                Some(verb) => verbs.push(verb),
                None => warnings.push(Warning::schema(format!(
                    "<{}> is not a verb of {product:?} TwiML",
                    element.name
                ))),
            }
        }
        Ok(Self {
            root,
            verbs,
            warnings,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_verb_is_a_warning_and_the_rest_is_executed() {
        let document = Document::parse(
            b"<Response><Shout>hi</Shout><Hangup/></Response>",
            Product::Voice,
        )
        .unwrap();
        assert_eq!(document.verbs, [Verb::Hangup]);
        assert_eq!(
            document.warnings,
            [Warning::schema("<Shout> is not a verb of Voice TwiML")]
        );
    }

    #[test]
    fn verbs_of_the_other_product_are_unknown() {
        let message =
            Document::parse(b"<Response><Say>hi</Say></Response>", Product::Messaging).unwrap();
        assert!(message.verbs.is_empty());
        assert_eq!(message.warnings.len(), 1);
    }

    #[test]
    fn names_are_case_sensitive() {
        let refusal = Document::parse(b"<response/>", Product::Voice).unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "the root element is <response>, not <Response>"
        );
    }
}
