//! The vault: a tenant's secrets, sealed under KMS.
//!
//! What is stored is an AWS Encryption SDK message that every AWS Encryption SDK opens
//! (`docs/decisions/0001-credential-format.md`). Tenant, provider and purpose are bound into KMS's
//! encryption context and into the message; on reading they are what the request says, never what
//! the message says. Nothing is decrypted outside this module.

mod context;
mod envelope;
mod error;
mod keys;
mod kms;
mod message;
mod plaintext;
#[cfg(test)]
mod tests;

use std::sync::atomic::Ordering::Relaxed;

use aws_sdk_kms::Client;
use zeroize::Zeroizing;

pub(crate) use self::context::PLATFORM;
pub use self::context::{EncryptionContext, Purpose};
use self::envelope::Envelope;
pub use self::error::{Cause, VaultError};
use self::kms::DataKeys;
pub use self::kms::{CredentialKeys, InvalidKeyArn, KeyArn};
use self::message::{FRAME_LENGTH, MESSAGE_ID_LENGTH, Message};
pub use self::plaintext::{InvalidPlaintext, Sealable};
pub(crate) use self::plaintext::{read as read_plaintext, write as write_plaintext};
use crate::telemetry::TALLY;

/// Seals and opens tenants' secrets. Each call makes one call to KMS; what is opened often is kept
/// in a [`Cache`](crate::cache::Cache).
#[derive(Debug, Clone)]
pub struct Vault {
    data_keys: DataKeys,
}

impl Vault {
    /// A vault whose data keys are made under the current of `keys`, and which opens only what was sealed under one of them.
    ///
    /// Timeouts and retries are the client's.
    #[must_use]
    pub fn new(client: Client, keys: impl Into<CredentialKeys>) -> Self {
        Self {
            data_keys: DataKeys::new(client, keys.into()),
        }
    }

    /// The keys that it seals and opens under.
    #[must_use]
    pub fn keys(&self) -> &CredentialKeys {
        self.data_keys.keys()
    }

    /// Seals a tenant's value under a data key of its own. Twice the same value gives two different
    /// messages.
    ///
    /// # Errors
    /// [`VaultError::Unavailable`] when KMS cannot be asked, [`VaultError::Unsealable`] when it
    /// refuses or when the message would be longer than 200 KiB.
    pub async fn seal<T: Sealable>(
        &self,
        context: &EncryptionContext,
        value: &T,
    ) -> Result<Vec<u8>, VaultError> {
        if !context.is_of::<T>() {
            return Err(VaultError::unsealable(Mismatch::Type));
        }
        let plaintext = value.plaintext().map_err(VaultError::unsealable)?;
        self.seal_bytes(context, &plaintext).await
    }

    async fn seal_bytes(
        &self,
        context: &EncryptionContext,
        plaintext: &[u8],
    ) -> Result<Vec<u8>, VaultError> {
        let context_bytes = context.to_bytes().map_err(VaultError::unsealable)?;
        let mut message_id = [0; MESSAGE_ID_LENGTH];
        aws_lc_rs::rand::fill(&mut message_id).map_err(VaultError::unsealable)?;
        let (data_key, wrapped_key) =
            self.data_keys.generate(context).await.map_err(|failure| {
                if failure.is_unavailable {
                    VaultError::unavailable(failure)
                } else {
                    VaultError::unsealable(failure)
                }
            })?;
        let envelope = Envelope {
            message_id: &message_id,
            context: &context_bytes,
            key_arn: self.keys().current().as_str(),
            wrapped_key: &wrapped_key,
            frame_length: FRAME_LENGTH,
        };
        envelope::seal(&envelope, &data_key, plaintext).map_err(VaultError::unsealable)
    }

    /// Opens a message as the tenant's value. KMS is asked only about a message that names this
    /// very context, `T`'s provider and purpose in it, and a key of this vault.
    ///
    /// # Errors
    /// [`VaultError::Unavailable`] when KMS cannot be asked; [`VaultError::Unreadable`] for
    /// everything else, alike: no message, another tenant's or provider's, one that was changed,
    /// one that KMS refuses.
    pub async fn open<T: Sealable>(
        &self,
        context: &EncryptionContext,
        message: &[u8],
    ) -> Result<T, VaultError> {
        if !context.is_of::<T>() {
            return Err(VaultError::unreadable(Mismatch::Type));
        }
        let plaintext = self.open_bytes(context, message).await?;
        let value = T::from_plaintext(&plaintext);
        value.map_err(|error| counted(VaultError::unreadable(error)))
    }

    /// Looks whether a message opens, whatever is in it.
    ///
    /// # Errors
    /// Those of [`Vault::open`].
    pub async fn try_open(
        &self,
        context: &EncryptionContext,
        message: &[u8],
    ) -> Result<(), VaultError> {
        self.open_bytes(context, message).await.map(drop)
    }

    /// Opens a message and seals what is in it anew, under the current key. What it says stays the same byte for byte, so that it
    /// need not be of a form that this version reads.
    ///
    /// # Errors
    /// Those of [`Vault::open`] and [`Vault::seal`].
    pub async fn seal_anew(
        &self,
        context: &EncryptionContext,
        message: &[u8],
    ) -> Result<Vec<u8>, VaultError> {
        let plaintext = self.open_bytes(context, message).await?;
        self.seal_bytes(context, &plaintext).await
    }

    /// Disables a KMS key: nothing that was sealed under it opens until somebody enables it again.
    ///
    /// # Errors
    /// [`VaultError::Unavailable`] when KMS cannot be asked, [`VaultError::Unsealable`] when it refuses.
    pub async fn disable(&self, key: &KeyArn) -> Result<(), VaultError> {
        let disabled = self.data_keys.disable(key).await;
        disabled.map_err(|failure| match failure.is_unavailable {
            true => VaultError::unavailable(failure),
            false => VaultError::unsealable(failure),
        })
    }

    async fn open_bytes(
        &self,
        context: &EncryptionContext,
        message: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        self.opened(context, message).await.map_err(counted)
    }

    async fn opened(
        &self,
        context: &EncryptionContext,
        message: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let context_bytes = context.to_bytes().map_err(VaultError::unreadable)?;
        let message = Message::parse(message).map_err(VaultError::unreadable)?;
        if message.header.context != context_bytes {
            return Err(VaultError::unreadable(Mismatch::Context));
        }
        let Some(key) = self.keys().named(message.header.key_arn) else {
            return Err(VaultError::unreadable(Mismatch::Key));
        };
        let unwrapped = self
            .data_keys
            .decrypt(key, context, message.header.wrapped_key)
            .await;
        let data_key = unwrapped.map_err(|failure| {
            if failure.is_unavailable {
                VaultError::unavailable(failure)
            } else {
                VaultError::unreadable(failure)
            }
        })?;
        envelope::open(&message, &data_key).map_err(VaultError::unreadable)
    }
}

/// The same error; of a message that does not open, the next line of the log has the count.
fn counted(error: VaultError) -> VaultError {
    if matches!(error, VaultError::Unreadable(_)) && !error.is_of_key() {
        TALLY.unopened.fetch_add(1, Relaxed);
    }
    error
}

/// The KMS key that a message names as the one that it was sealed under. Nothing of it is authenticated; `None` for what is no
/// message.
#[must_use]
pub fn key_of(message: &[u8]) -> Option<KeyArn> {
    let message = Message::parse(message).ok()?;
    std::str::from_utf8(message.header.key_arn)
        .ok()?
        .parse()
        .ok()
}

/// A message or a value that is not the one that the context asks for.
#[derive(Debug, Clone, Copy, thiserror::Error)]
enum Mismatch {
    #[error("the context is of another provider or purpose than the value's type")]
    Type,
    #[error("its encryption context is not that of the request")]
    Context,
    #[error("it was sealed under another KMS key")]
    Key,
}
