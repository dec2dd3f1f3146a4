//! The key that tokens are signed with.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::running::{DataFolder, RunningError};

/// The key's name in the data folder.
const FILE: &str = "issuer-key.pk8";

/// Why there is no key, as a sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The system's cryptography refuses.
    #[error("no key for tokens can be made: {0}")]
    NotMade(#[from] aws_lc_rs::error::Unspecified),
    /// The kept one is none.
    #[error("{0} in the data folder is no key ({1}): delete it, and take new tokens")]
    Unreadable(&'static str, aws_lc_rs::error::KeyRejected),
    /// It cannot be read or kept.
    #[error(transparent)]
    Folder(#[from] RunningError),
}

/// An RSA key of 2,048 bits.
pub struct SigningKey {
    pair: KeyPair,
    id: String,
}

impl SigningKey {
    /// A fresh key, kept nowhere.
    pub fn generate() -> Result<Self, KeyError> {
        Ok(Self::of(KeyPair::generate(KeySize::Rsa2048)?))
    }

    /// The key of a data folder, made and kept there if there is none: tokens outlive a restart of the stack.
    pub fn kept(folder: &DataFolder) -> Result<Self, KeyError> {
        if let Some(kept) = folder.read(FILE)? {
            let pair =
                KeyPair::from_pkcs8(&kept).map_err(|error| KeyError::Unreadable(FILE, error))?;
            return Ok(Self::of(pair));
        }
        let key = Self::generate()?;
        let document: Pkcs8V1Der<'_> = key.pair.as_der()?;
        folder.write(FILE, document.as_ref())?;
        Ok(key)
    }

    fn of(pair: KeyPair) -> Self {
        let digest = aws_lc_rs::digest::digest(
            &aws_lc_rs::digest::SHA256,
            pair.public_key()
                .modulus()
                .big_endian_without_leading_zero(),
        );
        let id = BASE64_URL_SAFE_NO_PAD.encode(digest.as_ref().get(..12).unwrap_or_default());
        Self { pair, id }
    }

    /// What tokens name it by: derived of the key, so that a new key has a new name.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The public half as a JSON Web Key (RFC 7517).
    #[must_use]
    pub fn public(&self) -> Value {
        let public = self.pair.public_key();
        let encoded = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        json!({
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": self.id,
            "n": encoded(public.modulus().big_endian_without_leading_zero()),
            "e": encoded(public.exponent().big_endian_without_leading_zero()),
        })
    }

    /// A signature by RS256 (RFC 7518, 3.3).
    #[expect(clippy::expect_used, reason = "a whole key signs whatever it is given")]
    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        let random = SystemRandom::new();
        self.pair
            .sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
            .expect("a whole key signs");
        signature
    }
}
