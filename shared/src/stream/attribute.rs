//! Attributes in the JSON of DynamoDB: `{"S": "…"}`, `{"M": {…}}`.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

/// An attribute, in the form that is in stream records.
/// Source: "`AttributeValue`", Amazon DynamoDB Streams API Reference.
#[derive(Deserialize)]
pub(super) enum Attribute {
    S(String),
    N(String),
    B(Base64),
    #[serde(rename = "BOOL")]
    Bool(bool),
    #[serde(rename = "NULL")]
    Null(bool),
    M(HashMap<String, Attribute>),
    L(Vec<Attribute>),
    #[serde(rename = "SS")]
    Ss(Vec<String>),
    #[serde(rename = "NS")]
    Ns(Vec<String>),
    #[serde(rename = "BS")]
    Bs(Vec<Base64>),
}

/// Bytes in base64.
#[derive(Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Base64(Vec<u8>);

impl TryFrom<String> for Base64 {
    type Error = base64::DecodeError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        STANDARD.decode(text).map(Self)
    }
}

/// An item in the form that the stores read.
pub(super) fn item(attributes: HashMap<String, Attribute>) -> HashMap<String, AttributeValue> {
    let attributes = attributes.into_iter();
    attributes
        .map(|(name, attribute)| (name, attribute.into()))
        .collect()
}

impl From<Attribute> for AttributeValue {
    fn from(attribute: Attribute) -> Self {
        let blob = |bytes: Base64| Blob::new(bytes.0);
        match attribute {
            Attribute::S(text) => Self::S(text),
            Attribute::N(number) => Self::N(number),
            Attribute::B(bytes) => Self::B(blob(bytes)),
            Attribute::Bool(flag) => Self::Bool(flag),
            Attribute::Null(flag) => Self::Null(flag),
            Attribute::M(members) => Self::M(item(members)),
            Attribute::L(entries) => Self::L(entries.into_iter().map(Self::from).collect()),
            Attribute::Ss(texts) => Self::Ss(texts),
            Attribute::Ns(numbers) => Self::Ns(numbers),
            Attribute::Bs(all) => Self::Bs(all.into_iter().map(blob).collect()),
        }
    }
}
