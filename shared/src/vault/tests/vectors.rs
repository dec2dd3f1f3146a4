//! `shared/vectors/esdk_messages.json`: messages that the AWS Encryption SDK for Python made, and
//! messages that it opened.

use std::collections::BTreeMap;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde::{Deserialize, Deserializer};

use super::super::context;
use super::super::envelope::{self, Envelope};
use super::super::keys::DataKey;
use super::super::message::Message;

#[derive(Deserialize)]
struct Vectors {
    made_by_python: Vec<Vector>,
    made_by_rust: Vec<Vector>,
    refused: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    name: String,
    key_arn: String,
    data_key: Bytes,
    wrapped_key: Bytes,
    message_id: Bytes,
    context: BTreeMap<String, String>,
    frame_length: u32,
    plaintext: Bytes,
    message: Bytes,
}

struct Bytes(Vec<u8>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(
            BASE64_STANDARD
                .decode(String::deserialize(deserializer)?)
                .unwrap(),
        ))
    }
}

impl Vector {
    fn data_key(&self) -> DataKey {
        DataKey::new(self.data_key.0.clone()).unwrap()
    }

    fn context(&self) -> Vec<u8> {
        let pairs: Vec<_> = self
            .context
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect();
        context::serialize(&pairs).unwrap()
    }

    /// The message that these inputs make.
    fn sealed(&self) -> Vec<u8> {
        let envelope = Envelope {
            message_id: self.message_id.0.as_slice().try_into().unwrap(),
            context: &self.context(),
            key_arn: &self.key_arn,
            wrapped_key: &self.wrapped_key.0,
            frame_length: self.frame_length,
        };
        envelope::seal(&envelope, &self.data_key(), &self.plaintext.0).unwrap()
    }

    fn assert_opens(&self) {
        let message = Message::parse(&self.message.0).unwrap();
        assert_eq!(message.header.context, self.context(), "{}", self.name);
        assert_eq!(
            message.header.key_arn,
            self.key_arn.as_bytes(),
            "{}",
            self.name
        );
        assert_eq!(
            message.header.wrapped_key, self.wrapped_key.0,
            "{}",
            self.name
        );
        let plaintext = envelope::open(&message, &self.data_key()).unwrap();
        assert_eq!(*plaintext, self.plaintext.0, "{}", self.name);
    }
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../../../vectors/esdk_messages.json")).unwrap()
}

#[test]
fn messages_that_python_made_open() {
    let messages = vectors().made_by_python;
    assert!(messages.len() >= 9);
    messages.iter().for_each(Vector::assert_opens);
}

#[test]
fn the_same_inputs_make_the_bytes_that_python_made() {
    for vector in vectors().made_by_python {
        assert!(vector.sealed() == vector.message.0, "{}", vector.name);
    }
}

#[test]
fn messages_that_python_opened_are_still_made_and_opened() {
    let messages = vectors().made_by_rust;
    assert!(messages.len() >= 10);
    let differing: Vec<_> = messages
        .iter()
        .filter(|vector| vector.sealed() != vector.message.0)
        .map(|vector| {
            format!(
                "{}: {}",
                vector.name,
                BASE64_STANDARD.encode(vector.sealed())
            )
        })
        .collect();
    assert!(
        differing.is_empty(),
        "expected messages:\n{}",
        differing.join("\n")
    );
    messages.iter().for_each(Vector::assert_opens);
}

#[test]
fn valid_messages_of_other_forms_are_refused() {
    let refusals: BTreeMap<_, _> = vectors()
        .refused
        .into_iter()
        .map(|vector| {
            (
                vector.name,
                Message::parse(&vector.message.0).unwrap_err().to_string(),
            )
        })
        .collect();
    let refusals: Vec<_> = refusals
        .iter()
        .map(|(name, refusal)| (name.as_str(), refusal.rsplit(": ").next().unwrap()))
        .collect();
    assert_eq!(
        refusals,
        [
            (
                "a message without commitment, format version 1",
                "its format version is not 2"
            ),
            ("a signed message", "its algorithm suite is not 0x0478"),
            ("another key provider", "its key provider is not aws-kms"),
            ("content that is not framed", "its content is not framed"),
            (
                "two encrypted data keys",
                "it does not hold exactly one encrypted data key"
            ),
        ]
    );
}
