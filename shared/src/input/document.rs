//! A document as it came, which may hold secrets anywhere.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_json::{Map, Number, Value};
use zeroize::Zeroize;

/// A JSON document that somebody entered. Its texts, names of members included, are zeroised on drop, and its `Debug` shows
/// nothing of them.
///
/// The same name twice in one object is refused: of readers that are given such a document, some take the first and some the
/// last. Deeper than 128 levels is refused too.
#[derive(Default)]
pub struct Document(Value);

/// Bytes that are no such document. It tells where, counted from 1, and repeats nothing of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDocument {
    /// They are no JSON, or nested too deeply.
    #[error("expected JSON; it ends being so at line {line}, column {column}")]
    Malformed {
        /// The line.
        line: usize,
        /// The column, in bytes.
        column: usize,
    },
    /// An object has the same name twice.
    #[error("an object has the same field twice, at line {line}, column {column}")]
    Repeated {
        /// The line.
        line: usize,
        /// The column, in bytes.
        column: usize,
    },
}

impl Document {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// [`InvalidDocument`] of either kind.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidDocument> {
        serde_json::from_slice(bytes).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            // Every shape of JSON is taken, so that the shape can be wrong in one way only.
            match error.classify() {
                Category::Data => InvalidDocument::Repeated { line, column },
                Category::Io | Category::Syntax | Category::Eof => {
                    InvalidDocument::Malformed { line, column }
                }
            }
        })
    }

    /// The document itself. What is cloned of it is no longer zeroised.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.0
    }

    fn take(mut self) -> Value {
        self.0.take()
    }
}

impl From<Value> for Document {
    fn from(value: Value) -> Self {
        Self(value)
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Document(••••)")
    }
}

impl Drop for Document {
    fn drop(&mut self) {
        zeroize(&mut self.0);
    }
}

fn zeroize(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(zeroize),
        Value::Object(members) => {
            for (mut name, mut member) in std::mem::take(members) {
                name.zeroize();
                zeroize(&mut member);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyDocument)
    }
}

/// Builds documents of documents, so that what was read before a fault is zeroised as well.
struct AnyDocument;

impl<'de> Visitor<'de> for AnyDocument {
    type Value = Document;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Document, E> {
        Ok(Document(Value::Null))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Document, E> {
        Ok(Document(Value::Bool(value)))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Document, E> {
        Ok(Document(number.into()))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Document, E> {
        Ok(Document(number.into()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Document, E> {
        Ok(Document(
            Number::from_f64(number).map_or(Value::Null, Value::Number),
        ))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Document, E> {
        Ok(Document(text.into()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Document, E> {
        Ok(Document(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Document, A::Error> {
        let mut list = Document(Value::Array(Vec::new()));
        while let Some(item) = items.next_element::<Document>()? {
            if let Value::Array(list) = &mut list.0 {
                list.push(item.take());
            }
        }
        Ok(list)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Document, A::Error> {
        let mut object = Document(Value::Object(Map::new()));
        while let Some((name, member)) = members.next_entry::<String, Document>()? {
            if let Value::Object(object) = &mut object.0
                && let Some(earlier) = object.insert(name, member.take())
            {
                drop(Document(earlier));
                return Err(A::Error::custom("the same field twice"));
            }
        }
        Ok(object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_what_was_written() {
        let text = r#"{"a":[1,-2,2.5,"é\"",true,null,{"b":{}}],"c":18446744073709551615}"#;
        let document = Document::parse(text.as_bytes()).unwrap();
        let expected: Value = serde_json::from_str(text).unwrap();
        assert_eq!(document.value(), &expected);
    }

    #[test]
    fn the_same_field_twice_is_refused_at_any_depth() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"[{"b":{"a":"x","c":2,"a":null}}]"#,
            r#"{"a":1,"\u0061":2}"#,
        ] {
            let refusal = Document::parse(text.as_bytes()).unwrap_err();
            assert!(
                matches!(refusal, InvalidDocument::Repeated { line: 1, .. }),
                "{text}: {refusal}"
            );
        }
    }

    #[test]
    fn what_is_no_json_is_refused_and_not_repeated() {
        let nested = "[".repeat(200);
        for text in ["", "{", "5ecret", r#"{"a":1} 5ecret"#, "[1e999]", &nested] {
            let refusal = Document::parse(text.as_bytes()).unwrap_err();
            assert!(
                matches!(refusal, InvalidDocument::Malformed { .. }),
                "{text}"
            );
            assert!(!format!("{refusal} {refusal:?}").contains("5ecret"));
        }
        assert!(Document::parse(b"\"\xff\"").is_err());
    }

    #[test]
    fn debug_output_shows_nothing_of_a_document() {
        let document = Document::parse(br#"{"5ecret":"5ecret"}"#).unwrap();
        assert_eq!(format!("{document:?}"), "Document(••••)");
    }

    #[test]
    fn zeroising_empties_texts_and_names() {
        let mut value = serde_json::json!({"a": ["5ecret", {"b": "5ecret"}]});
        zeroize(&mut value["a"]);
        assert_eq!(value, serde_json::json!({"a": ["", {}]}));
    }
}
