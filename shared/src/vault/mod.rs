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

use aws_sdk_kms::Client;

pub(crate) use self::context::PLATFORM;
pub use self::context::{EncryptionContext, Purpose};
use self::envelope::Envelope;
pub use self::error::{Cause, VaultError};
use self::kms::DataKeys;
pub use self::kms::{InvalidKeyArn, KeyArn};
use self::message::{FRAME_LENGTH, MESSAGE_ID_LENGTH, Message};
pub use self::plaintext::{InvalidPlaintext, Sealable};
pub(crate) use self::plaintext::{read as read_plaintext, write as write_plaintext};

/// Seals and opens tenants' secrets. Each call makes one call to KMS; what is opened often is kept
/// in a [`Cache`](crate::cache::Cache).
#[derive(Debug, Clone)]
pub struct Vault {
    data_keys: DataKeys,
}

impl Vault {
    /// A vault whose data keys are made under `key`, and which opens only what was sealed under it.
    ///
    /// Timeouts and retries are the client's.
    #[must_use]
    pub fn new(client: Client, key: KeyArn) -> Self {
        Self {
            data_keys: DataKeys::new(client, key),
        }
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
        let context_bytes = context.to_bytes().map_err(VaultError::unsealable)?;
        let plaintext = value.plaintext().map_err(VaultError::unsealable)?;
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
            key_arn: self.data_keys.key().as_str(),
            wrapped_key: &wrapped_key,
            frame_length: FRAME_LENGTH,
        };
        envelope::seal(&envelope, &data_key, &plaintext).map_err(VaultError::unsealable)
    }

    /// Opens a message as the tenant's value. KMS is asked only about a message that names this
    /// very context, `T`'s provider and purpose in it, and this vault's key.
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
        let context_bytes = context.to_bytes().map_err(VaultError::unreadable)?;
        let message = Message::parse(message).map_err(VaultError::unreadable)?;
        if message.header.context != context_bytes {
            return Err(VaultError::unreadable(Mismatch::Context));
        }
        if message.header.key_arn != self.data_keys.key().as_str().as_bytes() {
            return Err(VaultError::unreadable(Mismatch::Key));
        }
        let unwrapped = self
            .data_keys
            .decrypt(context, message.header.wrapped_key)
            .await;
        let data_key = unwrapped.map_err(|failure| {
            if failure.is_unavailable {
                VaultError::unavailable(failure)
            } else {
                VaultError::unreadable(failure)
            }
        })?;
        let plaintext = envelope::open(&message, &data_key).map_err(VaultError::unreadable)?;
        T::from_plaintext(&plaintext).map_err(VaultError::unreadable)
    }
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
