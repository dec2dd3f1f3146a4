//! Values of the template after everything known at read time has been filled in.

use serde_json::{Map, Number, Value};

use super::attributes::Attributes;
use super::fault::{Fault, Position};

/// A value with its place. What is left to fill in are attributes of resources.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    /// Where it stands in the template.
    pub at: Position,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// Could not be understood; a fault has been reported.
    Faulty,
    /// `plain` text may be a boolean, a number or nothing; other text is text.
    Scalar {
        text: String,
        plain: bool,
    },
    List(Vec<Expression>),
    Map(Vec<Field>),
    Attribute {
        logical_id: String,
        attribute: String,
    },
    Join {
        separator: String,
        list: Box<Expression>,
    },
    Select {
        index: usize,
        list: Box<Expression>,
    },
    Split {
        separator: String,
        text: Box<Expression>,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) at: Position,
    pub(super) value: Expression,
}

impl Expression {
    pub(super) fn new(at: Position, kind: Kind) -> Self {
        Self { at, kind }
    }

    pub(super) fn literal(at: Position, text: impl Into<String>) -> Self {
        Self {
            at,
            kind: Kind::Scalar {
                text: text.into(),
                plain: false,
            },
        }
    }

    /// The text, if it is known without anything running.
    #[must_use]
    pub fn known_text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The logical id and attribute, if this is nothing but a `!Ref` or `!GetAtt` of a resource.
    #[must_use]
    pub fn attribute(&self) -> Option<(&str, &str)> {
        match &self.kind {
            Kind::Attribute {
                logical_id,
                attribute,
            } => Some((logical_id, attribute)),
            _ => None,
        }
    }

    /// Calls `visit` with every attribute in it: its place, the logical id and the attribute's name.
    pub(super) fn for_each_attribute(&self, visit: &mut impl FnMut(Position, &str, &str)) {
        match &self.kind {
            Kind::Faulty | Kind::Scalar { .. } => {}
            Kind::Attribute {
                logical_id,
                attribute,
            } => visit(self.at, logical_id, attribute),
            Kind::List(items) => {
                items.iter().for_each(|item| item.for_each_attribute(visit));
            }
            Kind::Map(fields) => {
                fields
                    .iter()
                    .for_each(|field| field.value.for_each_attribute(visit));
            }
            Kind::Join { list: inner, .. }
            | Kind::Select { list: inner, .. }
            | Kind::Split { text: inner, .. } => inner.for_each_attribute(visit),
        }
    }

    /// The value as text, as `CloudFormation` writes booleans and numbers.
    ///
    /// # Errors
    ///
    /// An attribute that `attributes` does not have, or a list or map where text is needed.
    pub fn text(&self, attributes: &Attributes) -> Result<String, Fault> {
        match self.json(attributes)? {
            Value::String(text) => Ok(text),
            // The author's own spelling: `007` and `1.10` are kept.
            Value::Bool(_) | Value::Number(_) | Value::Null => {
                Ok(self.known_text().unwrap_or_default().to_owned())
            }
            Value::Array(_) | Value::Object(_) => Err(Fault::new(
                self.at,
                "this must be text: use !Join or !Select to make it so",
            )),
        }
    }

    /// The items of a list, as text.
    fn texts(&self, attributes: &Attributes) -> Result<Vec<String>, Fault> {
        if let Kind::List(items) = &self.kind {
            return items.iter().map(|item| item.text(attributes)).collect();
        }
        match self.json(attributes)? {
            Value::Array(items) => Ok(items
                .iter()
                .filter_map(|item| item.as_str().map(str::to_owned))
                .collect()),
            _ => Err(Fault::new(self.at, "this must be a list")),
        }
    }

    /// The value as JSON.
    ///
    /// # Errors
    ///
    /// An attribute that `attributes` does not have, or an index beyond a list's end.
    pub fn json(&self, attributes: &Attributes) -> Result<Value, Fault> {
        match &self.kind {
            Kind::Faulty => Ok(Value::Null),
            Kind::Scalar { text, plain } => Ok(scalar(text, *plain)),
            Kind::List(items) => items
                .iter()
                .map(|item| item.json(attributes))
                .collect::<Result<_, _>>()
                .map(Value::Array),
            Kind::Map(fields) => fields
                .iter()
                .map(|field| Ok((field.name.clone(), field.value.json(attributes)?)))
                .collect::<Result<Map<_, _>, _>>()
                .map(Value::Object),
            Kind::Attribute { logical_id, attribute } => {
                attributes.get(logical_id, attribute).map(|value| Value::String(value.to_owned())).ok_or_else(
                    || {
                        let message = format!(
                            "`{logical_id}.{attribute}` has no value in the local stack: use another attribute"
                        );
                        Fault::new(self.at, message)
                    },
                )
            }
            Kind::Join { separator, list } => {
                Ok(Value::String(list.texts(attributes)?.join(separator)))
            }
            Kind::Select { index, list } => match list.json(attributes)? {
                Value::Array(mut items) if *index < items.len() => Ok(items.swap_remove(*index)),
                Value::Array(items) => {
                    let message = format!("!Select wants item {index} of a list of {}", items.len());
                    Err(Fault::new(self.at, message))
                }
                _ => Err(Fault::new(self.at, "!Select needs a list as its second argument")),
            },
            Kind::Split { separator, text } => {
                let text = text.text(attributes)?;
                let parts = text.split(separator.as_str());
                Ok(Value::Array(parts.map(|part| Value::String(part.to_owned())).collect()))
            }
        }
    }
}

fn scalar(text: &str, plain: bool) -> Value {
    if !plain {
        return Value::String(text.to_owned());
    }
    match text {
        "" | "~" | "null" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        // `Number` refuses leading zeros, signs and dates, which stay text.
        _ => text
            .parse::<Number>()
            .map_or_else(|_| Value::String(text.to_owned()), Value::Number),
    }
}
