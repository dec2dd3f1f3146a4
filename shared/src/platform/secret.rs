//! One secret of 32 random bytes, made once in the life of a deployment, and the keys that are derived from it.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use tokio::sync::OnceCell;
use zeroize::Zeroizing;

use super::Cursors;
use crate::aws::as_function;
use crate::secret::Secret;
use crate::store::{PlatformItems, StoreError};
use crate::vault::{
    EncryptionContext, InvalidPlaintext, PLATFORM, Purpose, Sealable, Vault, VaultError,
    read_plaintext, write_plaintext,
};

/// The length of the secret and of every key derived from it, in bytes.
pub(super) const KEY_LENGTH: usize = 32;

/// The format version of the sealed plaintext.
const VERSION: u32 = 1;

/// What each derived key is for. A label never changes: what was made under it would be lost.
const CURSORS: &[u8] = b"trunkline/cursor/v1";
const FINGERPRINTS: &[u8] = b"trunkline/fingerprint/v1";

/// What the deployment alone knows. One per deployment and KMS key; it is never rotated, since fingerprints that were stored
/// could no longer be compared.
///
/// Keys are derived by HKDF-SHA256 under a label each, so that one tells nothing of another.
pub struct PlatformSecret {
    bytes: Zeroizing<[u8; KEY_LENGTH]>,
    cursors: Cursors,
    fingerprint_key: Zeroizing<[u8; KEY_LENGTH]>,
}

/// Why there is no platform secret. Its text is for logs, and holds nothing secret.
#[derive(Debug, thiserror::Error)]
pub enum PlatformError {
    /// It could not be read or stored.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It could not be sealed or opened.
    #[error("the platform secret: {0}")]
    Vault(#[source] VaultError),
    /// No random bytes, or no key from them; only a defect leads here.
    #[error("the platform secret could not be made")]
    NotMade,
}

impl PlatformError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Store(error) => error.is_unavailable(),
            Self::Vault(error) => error.is_unavailable(),
            Self::NotMade => false,
        }
    }
}

impl PlatformSecret {
    /// A new one.
    fn random() -> Result<Self, PlatformError> {
        let mut bytes = Zeroizing::new([0; KEY_LENGTH]);
        aws_lc_rs::rand::fill(&mut *bytes).map_err(|_| PlatformError::NotMade)?;
        Self::of(bytes).ok_or(PlatformError::NotMade)
    }

    /// The secret of these bytes, with its keys. `None` when they cannot be derived, which only a wrong length leads to.
    fn of(bytes: Zeroizing<[u8; KEY_LENGTH]>) -> Option<Self> {
        let extracted = Salt::new(HKDF_SHA256, &[]).extract(&*bytes);
        Some(Self {
            cursors: Cursors::new(Prk::new_less_safe(
                HKDF_SHA256,
                &*derived(&extracted, CURSORS)?,
            )),
            fingerprint_key: derived(&extracted, FINGERPRINTS)?,
            bytes,
        })
    }

    /// What seals and opens paging cursors.
    #[must_use]
    pub fn cursors(&self) -> &Cursors {
        &self.cursors
    }

    /// The key of the fingerprints by which people tell secrets apart.
    #[must_use]
    pub fn fingerprint_key(&self) -> Zeroizing<[u8; KEY_LENGTH]> {
        self.fingerprint_key.clone()
    }
}

impl fmt::Debug for PlatformSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PlatformSecret(••••)")
    }
}

/// As many bytes as HKDF is asked for.
struct KeyLength;

impl KeyType for KeyLength {
    fn len(&self) -> usize {
        KEY_LENGTH
    }
}

/// The key under a label.
pub(super) fn derived(from: &Prk, label: &[u8]) -> Option<Zeroizing<[u8; KEY_LENGTH]>> {
    let mut key = Zeroizing::new([0; KEY_LENGTH]);
    let label = [label];
    let output = from.expand(&label, KeyLength).ok()?;
    output.fill(&mut *key).ok()?;
    Some(key)
}

/// The secret in clear; only sealing writes it.
#[derive(Serialize)]
struct Exposed<'a> {
    secret: &'a str,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    secret: Secret,
}

impl Sealable for PlatformSecret {
    const PROVIDER: &'static str = PLATFORM;
    const PURPOSE: Purpose = Purpose::PlatformSecret;

    fn plaintext(&self) -> Result<Zeroizing<Vec<u8>>, InvalidPlaintext> {
        let secret = Zeroizing::new(STANDARD.encode(self.bytes.as_slice()));
        write_plaintext(VERSION, &Exposed { secret: &secret })
    }

    fn from_plaintext(plaintext: &[u8]) -> Result<Self, InvalidPlaintext> {
        // Where a text that is JSON holds no secret of the right length, there is no place to tell.
        const NO_SECRET: InvalidPlaintext = InvalidPlaintext::Invalid { line: 1, column: 0 };
        let configuration = match read_plaintext(plaintext)? {
            (VERSION, configuration) => configuration,
            (version, _) => return Err(InvalidPlaintext::UnknownVersion(version)),
        };
        let read: Read = serde_json::from_str(configuration.get())?;
        // `decode_slice` takes no buffer shorter than its estimate, which is a multiple of 3.
        let mut decoded = Zeroizing::new([0; KEY_LENGTH + 3]);
        let length = STANDARD.decode_slice(read.secret.expose(), &mut *decoded);
        let length = length.map_err(|_| NO_SECRET)?;
        let decoded = decoded.get(..length).ok_or(NO_SECRET)?;
        let bytes = <[u8; KEY_LENGTH]>::try_from(decoded).map_err(|_| NO_SECRET)?;
        Self::of(Zeroizing::new(bytes)).ok_or(NO_SECRET)
    }
}

/// Where the platform secret is had from: made by the first process of a deployment that asks, read by every other, once.
#[derive(Clone)]
pub struct PlatformSecrets {
    items: PlatformItems,
    vault: Vault,
    loaded: Arc<OnceCell<PlatformSecret>>,
}

impl PlatformSecrets {
    /// Makes no call yet.
    #[must_use]
    pub fn new(items: PlatformItems, vault: Vault) -> Self {
        Self {
            items,
            vault,
            loaded: Arc::default(),
        }
    }

    /// The secret. The first call of a process costs one read and one KMS call (one read, two KMS calls and one write in a new
    /// deployment), made once for all who wait; a failure is not remembered: the next call tries again.
    ///
    /// # Errors
    /// [`PlatformError`] of any kind.
    pub async fn get(&self) -> Result<&PlatformSecret, PlatformError> {
        // It is no tenant's: whoever acts for one reads it as the function that it is.
        let load = || as_function(self.load());
        self.loaded.get_or_try_init(load).await
    }

    async fn load(&self) -> Result<PlatformSecret, PlatformError> {
        let context = EncryptionContext::of_platform(Purpose::PlatformSecret);
        let message = match self.items.sealed_secret().await? {
            Some(message) => message,
            None => {
                let sealed = self.vault.seal(&context, &PlatformSecret::random()?).await;
                let sealed = sealed.map_err(PlatformError::Vault)?;
                self.items.store_first_secret(sealed).await?
            }
        };
        // Opened even when it was just made: what cannot be opened again must not be used once.
        let opened = self.vault.open(&context, &message).await;
        opened.map_err(PlatformError::Vault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(byte: u8) -> PlatformSecret {
        PlatformSecret::of(Zeroizing::new([byte; KEY_LENGTH])).unwrap()
    }

    fn refusal(plaintext: &str) -> InvalidPlaintext {
        PlatformSecret::from_plaintext(plaintext.as_bytes()).unwrap_err()
    }

    #[test]
    fn a_secret_is_read_as_it_was_written() {
        let written = secret(7).plaintext().unwrap();
        let expected = format!(
            r#"{{"version":1,"configuration":{{"secret":"{}="}}}}"#,
            "Bwc".to_owned() + &"HBwc".repeat(10)
        );
        assert_eq!(std::str::from_utf8(&written).unwrap(), expected);
        let read = PlatformSecret::from_plaintext(&written).unwrap();
        assert_eq!(*read.bytes, [7; KEY_LENGTH]);
    }

    #[test]
    fn a_secret_of_another_length_or_version_is_refused_and_not_repeated() {
        let of = |secret: &[u8]| {
            let secret = STANDARD.encode(secret);
            format!(r#"{{"version":1,"configuration":{{"secret":"{secret}"}}}}"#)
        };
        for length in [0, 31, 33, 35, 36, 64] {
            let refusal = refusal(&of(&vec![0xAB; length]));
            assert!(
                matches!(refusal, InvalidPlaintext::Invalid { .. }),
                "{length}"
            );
            assert!(
                !format!("{refusal} {refusal:?}").contains("q6ur"),
                "{length}"
            );
        }
        assert!(PlatformSecret::from_plaintext(of(&[0xAB; 32]).as_bytes()).is_ok());
        let later = of(&[0xAB; 32]).replace(r#""version":1"#, r#""version":2"#);
        assert_eq!(refusal(&later), InvalidPlaintext::UnknownVersion(2));
    }

    #[test]
    fn every_derived_key_is_another_and_of_its_secret_alone() {
        let keys = |secret: &PlatformSecret| {
            let extracted = Salt::new(HKDF_SHA256, &[]).extract(&*secret.bytes);
            [CURSORS, FINGERPRINTS].map(|label| derived(&extracted, label).unwrap().to_vec())
        };
        let (one, other) = (keys(&secret(1)), keys(&secret(2)));
        assert_ne!(one[0], one[1]);
        assert_ne!(one[0], other[0]);
        assert_ne!(one[1], other[1]);
        assert_eq!(keys(&secret(1)), one);
        assert_eq!(secret(1).fingerprint_key().to_vec(), one[1]);
    }

    #[test]
    fn a_derived_key_is_what_hkdf_says() {
        // Computed apart, by RFC 5869 over Python's hmac and hashlib: fingerprints that were stored are of this key.
        let expected = "a90deb49910d95bb2d08d406f71b3025f6f47578214633de9ad616ff3be841af";
        let found: String = secret(7)
            .fingerprint_key()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn debug_output_shows_nothing_of_a_secret() {
        assert_eq!(format!("{:?}", secret(7)), "PlatformSecret(••••)");
    }
}
