//! What tells whether a configuration changed, and nothing else about it.

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::Configuration;
use crate::length_prefix::length_prefixed;
use crate::tenant::TenantId;
use crate::vault::InvalidPlaintext;

/// So much of the MAC is given, in bytes: 22 characters.
const LENGTH: usize = 16;

/// The key of fingerprints: one of the platform, so that nobody else can try secrets against a fingerprint.
pub struct FingerprintKey(Zeroizing<[u8; 32]>);

impl FingerprintKey {
    /// Takes the key over.
    #[must_use]
    pub fn new(key: Zeroizing<[u8; 32]>) -> Self {
        Self(key)
    }
}

impl fmt::Debug for FingerprintKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("FingerprintKey(••••)")
    }
}

/// `fp_` and 22 characters of base64url: the same for the same configuration of the same tenant, and another when any field
/// of it changed. Two tenants with the same secret have different ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// The fingerprint of a tenant's configuration.
    ///
    /// # Errors
    /// When the configuration cannot be written, which no value that was read can cause.
    pub fn of(
        configuration: &Configuration,
        tenant: &TenantId,
        key: &FingerprintKey,
    ) -> Result<Self, InvalidPlaintext> {
        // The same value is always written alike, behind its format version.
        let plaintext = configuration.plaintext()?;
        let parts = [
            tenant.as_str().as_bytes(),
            configuration.provider().as_str().as_bytes(),
            plaintext.as_slice(),
        ];
        let key = hmac::Key::new(hmac::HMAC_SHA256, key.0.as_slice());
        let mut mac = hmac::Context::with_key(&key);
        length_prefixed(parts, |bytes| mac.update(bytes));
        let tag = mac.sign();
        let shown = tag.as_ref().get(..LENGTH).unwrap_or_default();
        Ok(Self(format!("fp_{}", URL_SAFE_NO_PAD.encode(shown))))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use ::hmac::{KeyInit, Mac};
    use serde_json::json;
    use sha2::Sha256;

    use super::*;
    use crate::input::Document;
    use crate::tenant::Provider;

    fn key(byte: u8) -> FingerprintKey {
        FingerprintKey::new(Zeroizing::new([byte; 32]))
    }

    fn resend(api_key: &str) -> Configuration {
        let document = Document::from(json!({"api_key": api_key}));
        Configuration::from_input(Provider::Resend, &document).unwrap()
    }

    fn fingerprint(configuration: &Configuration, tenant: &str, byte: u8) -> String {
        let tenant = tenant.parse().unwrap();
        let fingerprint = Fingerprint::of(configuration, &tenant, &key(byte)).unwrap();
        fingerprint.as_str().to_owned()
    }

    #[test]
    fn a_fingerprint_is_the_documented_mac() {
        let mut mac = <::hmac::Hmac<Sha256> as KeyInit>::new_from_slice(&[7; 32]).unwrap();
        for part in [
            "acme",
            "resend",
            r#"{"version":1,"configuration":{"api_key":"re_0123456789abcdef"}}"#,
        ] {
            Mac::update(&mut mac, &(part.len() as u64).to_be_bytes());
            Mac::update(&mut mac, part.as_bytes());
        }
        let expected = URL_SAFE_NO_PAD.encode(&mac.finalize().into_bytes()[..16]);
        let found = fingerprint(&resend("re_0123456789abcdef"), "acme", 7);
        assert_eq!(found, format!("fp_{expected}"));
        assert_eq!(found.len(), 25);
    }

    #[test]
    fn the_same_configuration_has_the_same_fingerprint() {
        let one = resend("re_0123456789abcdef");
        let same = resend("re_0123456789abcdef");
        assert_eq!(fingerprint(&one, "acme", 7), fingerprint(&same, "acme", 7));
    }

    #[test]
    fn another_secret_tenant_provider_or_key_has_another_fingerprint() {
        let configuration = resend("re_0123456789abcdef");
        let same_key_elsewhere = Configuration::from_input(
            Provider::ElevenLabs,
            &Document::from(json!({"api_key": "re_0123456789abcdef"})),
        )
        .unwrap();
        let all = [
            fingerprint(&configuration, "acme", 7),
            fingerprint(&resend("re_0123456789abcdee"), "acme", 7),
            fingerprint(&configuration, "acmf", 7),
            fingerprint(&same_key_elsewhere, "acme", 7),
            fingerprint(&configuration, "acme", 8),
        ];
        for (number, one) in all.iter().enumerate() {
            assert!(!all[..number].contains(one), "{number}");
        }
    }
}
