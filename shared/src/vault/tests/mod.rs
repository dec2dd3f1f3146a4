//! The vault against another implementation, against tampering and against KMS.

mod against_kms;
mod configurations;
mod embedded_kms;
mod format;
mod tampering;
mod vectors;

use super::envelope::{Envelope, OpenFailure, seal};
use super::keys::DataKey;
use super::message::Message;
use super::{context, envelope};

const KEY_ARN: &str =
    "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const PLAINTEXT: &[u8] = b"{\"version\":1}";

fn data_key(byte: u8) -> DataKey {
    DataKey::new(vec![byte; 32]).unwrap()
}

/// A message of three frames under `data_key(1)`.
fn sealed() -> Vec<u8> {
    sealed_with_id(5)
}

fn sealed_with_id(message_id: u8) -> Vec<u8> {
    let context = context::serialize(&[("tenant_id", "acme")]).unwrap();
    let envelope = Envelope {
        message_id: &[message_id; 32],
        context: &context,
        key_arn: KEY_ARN,
        wrapped_key: b"wrapped",
        frame_length: 5,
    };
    seal(&envelope, &data_key(1), PLAINTEXT).unwrap()
}

fn open(message: &[u8], data_key: &DataKey) -> Result<Vec<u8>, OpenFailure> {
    envelope::open(&Message::parse(message).unwrap(), data_key).map(|plaintext| plaintext.to_vec())
}
