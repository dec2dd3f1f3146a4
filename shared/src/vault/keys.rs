//! From a data key to what encrypts one message, and to the commitment that ties the message to
//! that data key.

use aws_lc_rs::aead::{AES_256_GCM, LessSafeKey, UnboundKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf::{HKDF_SHA512, KeyType, Prk, Salt};
use zeroize::Zeroizing;

use super::message::{ALGORITHM_SUITE, COMMITMENT_LENGTH, MESSAGE_ID_LENGTH};

const KEY_LENGTH: usize = 32;
const ENCRYPTION_LABEL: &[u8] = b"DERIVEKEY";
const COMMITMENT_LABEL: &[u8] = b"COMMITKEY";

/// A data key in clear, 32 bytes, zeroised on drop. It has no `Debug`.
pub(crate) struct DataKey(Zeroizing<Vec<u8>>);

impl DataKey {
    /// Takes the bytes over without a copy; nothing, and the bytes zeroised, unless they are 32.
    pub(crate) fn new(bytes: Vec<u8>) -> Option<Self> {
        let bytes = Zeroizing::new(bytes);
        (bytes.len() == KEY_LENGTH).then_some(Self(bytes))
    }
}

/// What a data key and a message id derive.
pub(crate) struct MessageKeys {
    /// Encrypts the message's frames and authenticates its header.
    pub(crate) cipher: LessSafeKey,
    /// Stands in the message's header, in clear.
    pub(crate) commitment: [u8; COMMITMENT_LENGTH],
}

impl MessageKeys {
    /// HKDF-SHA-512 with the message id as salt, once for the key and once for the commitment.
    pub(crate) fn derive(
        data_key: &DataKey,
        message_id: &[u8; MESSAGE_ID_LENGTH],
    ) -> Result<Self, Unspecified> {
        let extracted = Salt::new(HKDF_SHA512, message_id).extract(&data_key.0);
        let mut key = Zeroizing::new([0; KEY_LENGTH]);
        fill(
            &extracted,
            &[&ALGORITHM_SUITE, ENCRYPTION_LABEL],
            key.as_mut_slice(),
        )?;
        let mut commitment = [0; COMMITMENT_LENGTH];
        fill(&extracted, &[COMMITMENT_LABEL], &mut commitment)?;
        let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.as_slice())?);
        Ok(Self { cipher, commitment })
    }

    /// Whether a message was made under this data key, told in constant time.
    ///
    /// AES-GCM alone does not say: one ciphertext can be built that opens under two keys, to two
    /// contents.
    pub(crate) fn commits_to(&self, commitment: &[u8; COMMITMENT_LENGTH]) -> bool {
        verify_slices_are_equal(&self.commitment, commitment).is_ok()
    }
}

fn fill(extracted: &Prk, info: &[&[u8]], bytes: &mut [u8]) -> Result<(), Unspecified> {
    struct Length(usize);

    impl KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }

    extracted.expand(info, Length(bytes.len()))?.fill(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(data_key: u8, message_id: u8) -> MessageKeys {
        MessageKeys::derive(
            &DataKey::new(vec![data_key; 32]).unwrap(),
            &[message_id; 32],
        )
        .unwrap()
    }

    #[test]
    fn a_data_key_has_32_bytes() {
        for length in [0, 16, 31, 33, 64] {
            assert!(DataKey::new(vec![1; length]).is_none(), "{length}");
        }
    }

    #[test]
    fn a_commitment_is_of_one_data_key_and_one_message() {
        assert!(keys(1, 1).commits_to(&keys(1, 1).commitment));
        assert!(!keys(1, 1).commits_to(&keys(2, 1).commitment));
        assert!(!keys(1, 1).commits_to(&keys(1, 2).commitment));
    }
}
