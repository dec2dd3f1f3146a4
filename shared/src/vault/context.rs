//! The encryption context: what a sealed message is bound to, and how it is written.

use std::borrow::Cow;

use super::Sealable;
use crate::tenant::{Provider, TenantId};

/// Keys that begin so belong to the AWS Encryption SDK itself.
const RESERVED_PREFIX: &str = "aws-crypto-";

/// What a sealed value is for. A message sealed for one purpose does not open for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// A tenant's credentials of one provider.
    Credentials,
    /// The platform's own secret, of no tenant and no provider.
    PlatformSecret,
}

impl Purpose {
    /// The name in encryption contexts. It is stored: it never changes.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Credentials => "credentials",
            Self::PlatformSecret => "platform-secret",
        }
    }
}

/// What stands for the provider in the contexts of what the platform seals for itself. No provider is named so.
pub(crate) const PLATFORM: &str = "trunkline";

/// A set of pairs that cannot be written as an encryption context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidContext {
    #[error("a key of the encryption context begins with aws-crypto-, which is reserved")]
    ReservedKey,
    #[error("a key of the encryption context is empty or occurs twice")]
    AmbiguousKey,
    #[error("the encryption context is longer than 65,535 bytes")]
    TooLong,
}

/// Whose value is sealed, of which provider and for what. KMS and the message's AAD are both given
/// it, in clear: it holds names only.
///
/// It is always made from what the request says, never from a stored message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncryptionContext {
    tenant_id: Cow<'static, str>,
    provider: &'static str,
    purpose: Purpose,
}

impl EncryptionContext {
    /// The context of what belongs to this tenant.
    #[must_use]
    pub fn new(tenant_id: &TenantId, provider: Provider, purpose: Purpose) -> Self {
        Self {
            tenant_id: Cow::Owned(tenant_id.to_string()),
            provider: provider.as_str(),
            purpose,
        }
    }

    /// The context of what belongs to the platform itself, under the tenant id that no tenant can have.
    pub(crate) fn of_platform(purpose: Purpose) -> Self {
        Self {
            tenant_id: Cow::Borrowed(TenantId::PLATFORM),
            provider: PLATFORM,
            purpose,
        }
    }

    /// Whether it is the context of a value of this type.
    pub(crate) fn is_of<T: Sealable>(&self) -> bool {
        self.provider == T::PROVIDER && self.purpose == T::PURPOSE
    }

    /// The pairs, as KMS is given them.
    pub(crate) fn pairs(&self) -> [(&'static str, &str); 3] {
        [
            ("provider", self.provider),
            ("purpose", self.purpose.as_str()),
            ("tenant_id", &self.tenant_id),
        ]
    }

    /// The bytes that a message's header holds.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, InvalidContext> {
        serialize(&self.pairs())
    }
}

/// Writes pairs as the AWS Encryption SDK does: their number, then each key and value behind its
/// length, all lengths 16 bits big-endian, sorted by the keys' UTF-8 bytes; nothing at all for no
/// pairs.
///
/// Different sets of pairs always give different bytes, so that comparing the bytes compares the
/// contexts.
pub(crate) fn serialize(pairs: &[(&str, &str)]) -> Result<Vec<u8>, InvalidContext> {
    if pairs.is_empty() {
        return Ok(Vec::new());
    }
    let mut sorted = pairs.to_vec();
    sorted.sort_unstable();
    if sorted
        .iter()
        .any(|(key, _)| key.starts_with(RESERVED_PREFIX))
    {
        return Err(InvalidContext::ReservedKey);
    }
    let repeated = sorted
        .iter()
        .zip(sorted.iter().skip(1))
        .any(|(before, after)| before.0 == after.0);
    if repeated || sorted.iter().any(|(key, _)| key.is_empty()) {
        return Err(InvalidContext::AmbiguousKey);
    }
    let mut bytes = Vec::with_capacity(128);
    bytes.extend(short_length(sorted.len())?);
    for text in sorted.into_iter().flat_map(|(key, value)| [key, value]) {
        bytes.extend(short_length(text.len())?);
        bytes.extend(text.as_bytes());
    }
    short_length(bytes.len())?;
    Ok(bytes)
}

fn short_length(length: usize) -> Result<[u8; 2], InvalidContext> {
    u16::try_from(length)
        .map(u16::to_be_bytes)
        .map_err(|_| InvalidContext::TooLong)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn context(tenant: &str) -> EncryptionContext {
        EncryptionContext::new(
            &tenant.parse().unwrap(),
            Provider::Twilio,
            Purpose::Credentials,
        )
    }

    fn borrowed(pairs: &BTreeMap<String, String>) -> Vec<(&str, &str)> {
        pairs
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect()
    }

    #[test]
    fn a_context_is_written_sorted_with_16_bit_lengths() {
        let expected = b"\x00\x03\
            \x00\x08provider\x00\x06twilio\
            \x00\x07purpose\x00\x0bcredentials\
            \x00\x09tenant_id\x00\x04acme";
        assert_eq!(context("acme").to_bytes().unwrap(), expected);
    }

    #[test]
    fn the_platforms_context_is_no_providers() {
        let platform = EncryptionContext::of_platform(Purpose::PlatformSecret);
        let expected = [
            ("provider", "trunkline"),
            ("purpose", "platform-secret"),
            ("tenant_id", "platform"),
        ];
        assert_eq!(platform.pairs(), expected);
        assert!(PLATFORM.parse::<Provider>().is_err());
    }

    #[test]
    fn the_order_of_the_pairs_given_does_not_matter() {
        let pairs = context("acme");
        let mut reversed = pairs.pairs();
        reversed.reverse();
        assert_eq!(serialize(&reversed), pairs.to_bytes());
    }

    #[test]
    fn no_pairs_are_written_as_nothing() {
        assert_eq!(serialize(&[]), Ok(Vec::new()));
    }

    #[test]
    fn reserved_empty_and_repeated_keys_are_refused() {
        assert_eq!(
            serialize(&[("aws-crypto-public-key", "x")]),
            Err(InvalidContext::ReservedKey)
        );
        assert_eq!(serialize(&[("", "x")]), Err(InvalidContext::AmbiguousKey));
        assert_eq!(
            serialize(&[("a", "x"), ("b", ""), ("a", "y")]),
            Err(InvalidContext::AmbiguousKey)
        );
    }

    #[test]
    fn what_16_bits_cannot_count_is_refused() {
        let long = "x".repeat(65_536);
        assert_eq!(serialize(&[("a", &long)]), Err(InvalidContext::TooLong));
        assert_eq!(
            serialize(&[("a", &long[..40_000]), ("b", &long[..40_000])]),
            Err(InvalidContext::TooLong)
        );
    }

    proptest! {
        #[test]
        fn different_contexts_are_written_differently(
            // A small alphabet and short texts, so that near collisions such as ("a", "bc") and
            // ("ab", "c") are common.
            one in prop::collection::btree_map("[ab\u{0}=,é]{1,3}", "[ab\u{0}=,é]{0,3}", 0..4),
            other in prop::collection::btree_map("[ab\u{0}=,é]{1,3}", "[ab\u{0}=,é]{0,3}", 0..4),
        ) {
            let written = serialize(&borrowed(&one)).unwrap();
            prop_assert_eq!(written == serialize(&borrowed(&other)).unwrap(), one == other);
            prop_assert_eq!(read(&written), one);
        }
    }

    /// Reads a context back: a writing that can be undone is injective.
    fn read(mut bytes: &[u8]) -> BTreeMap<String, String> {
        fn short(bytes: &mut &[u8]) -> usize {
            let (length, rest) = bytes.split_first_chunk().unwrap();
            *bytes = rest;
            u16::from_be_bytes(*length).into()
        }
        fn text(bytes: &mut &[u8]) -> String {
            let length = short(bytes);
            let (text, rest) = bytes.split_at(length);
            *bytes = rest;
            String::from_utf8(text.to_vec()).unwrap()
        }
        if bytes.is_empty() {
            return BTreeMap::new();
        }
        let pairs = short(&mut bytes);
        let read = (0..pairs)
            .map(|_| (text(&mut bytes), text(&mut bytes)))
            .collect();
        assert!(bytes.is_empty());
        read
    }
}
