//! KMS: data keys made and unwrapped under one KMS key.

use std::fmt;
use std::str::FromStr;

use aws_sdk_kms::Client;
use aws_sdk_kms::config::http::HttpResponse;
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::DataKeySpec;

use super::context::EncryptionContext;
use super::keys::DataKey;
use crate::aws::CallFailure;
use crate::environment::Environment;

/// A text that does not name a KMS key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a KMS key's ARN, arn:<partition>:kms:<region>:<account>:key/<id>")]
pub struct InvalidKeyArn;

/// The ARN of a KMS key. An alias will not do: messages hold the key's own ARN, which an alias may
/// cease to mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyArn(Box<str>);

impl KeyArn {
    /// Reads `CREDENTIALS_KEY_ARN`.
    #[must_use]
    pub fn from_environment(environment: &Environment) -> Option<Self> {
        let key = environment.required("CREDENTIALS_KEY_ARN")?.parse();
        key.map_err(|form| environment.fault(format!("CREDENTIALS_KEY_ARN: {form}")))
            .ok()
    }

    /// The ARN.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyArn {
    type Err = InvalidKeyArn;

    fn from_str(text: &str) -> Result<Self, InvalidKeyArn> {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let ["arn", partition, "kms", region, account, resource] = parts.as_slice() else {
            return Err(InvalidKeyArn);
        };
        let plain = |part: &str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        let id = resource.strip_prefix("key/").unwrap_or_default();
        if [partition, region, account, &id]
            .into_iter()
            .all(|part| plain(part))
        {
            Ok(Self(text.into()))
        } else {
            Err(InvalidKeyArn)
        }
    }
}

impl fmt::Display for KeyArn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The KMS keys of a deployment's credentials: one that seals, and all that open.
///
/// While a deployment moves to another key there are messages of both. Nothing is sealed under a key of before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialKeys {
    current: KeyArn,
    previous: Vec<KeyArn>,
}

impl CredentialKeys {
    /// Reads `CREDENTIALS_KEY_ARN`, and `PREVIOUS_CREDENTIALS_KEY_ARNS`, separated by commas, in which the first may be named
    /// again.
    #[must_use]
    pub fn from_environment(environment: &Environment) -> Option<Self> {
        const PREVIOUS: &str = "PREVIOUS_CREDENTIALS_KEY_ARNS";
        let current = KeyArn::from_environment(environment);
        let named = environment.optional(PREVIOUS).unwrap_or_default();
        let named = named.split(',').filter(|name| !name.is_empty());
        let previous: Result<Vec<KeyArn>, InvalidKeyArn> = named.map(str::parse).collect();
        if let Err(form) = &previous {
            environment.fault(format!("{PREVIOUS}: {form}"));
        }
        let (current, mut previous) = (current?, previous.ok()?);
        previous.retain(|key| *key != current);
        Some(Self { current, previous })
    }

    /// The key that seals.
    #[must_use]
    pub fn current(&self) -> &KeyArn {
        &self.current
    }

    /// The keys that only open.
    #[must_use]
    pub fn previous(&self) -> &[KeyArn] {
        &self.previous
    }

    /// The key of this ARN, if it is one of them.
    pub(crate) fn named(&self, arn: &[u8]) -> Option<&KeyArn> {
        let mut all = std::iter::once(&self.current).chain(&self.previous);
        all.find(|key| key.as_str().as_bytes() == arn)
    }
}

impl From<KeyArn> for CredentialKeys {
    fn from(current: KeyArn) -> Self {
        Self {
            current,
            previous: Vec::new(),
        }
    }
}

/// A call to KMS that gave no data key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("KMS {operation}: {detail}")]
pub(crate) struct KmsFailure {
    operation: &'static str,
    /// Whether KMS could not be asked; otherwise it was, and refused.
    pub(crate) is_unavailable: bool,
    /// The code of its answer, if it gave one.
    code: Option<String>,
    detail: String,
}

impl KmsFailure {
    /// Whether KMS refuses the key or the caller, whatever the message: it would refuse any other just so.
    pub(crate) fn is_of_key(&self) -> bool {
        let of_message = ["InvalidCiphertextException", "IncorrectKeyException"];
        let code = self.code.as_deref();
        code.is_some_and(|code| !of_message.contains(&code))
    }
}

/// KMS keys as makers of data keys.
#[derive(Debug, Clone)]
pub(crate) struct DataKeys {
    client: Client,
    keys: CredentialKeys,
}

impl DataKeys {
    pub(crate) fn new(client: Client, keys: CredentialKeys) -> Self {
        Self { client, keys }
    }

    pub(crate) fn keys(&self) -> &CredentialKeys {
        &self.keys
    }

    /// A new data key of the key that seals, in clear and wrapped for this context.
    pub(crate) async fn generate(
        &self,
        context: &EncryptionContext,
    ) -> Result<(DataKey, Vec<u8>), KmsFailure> {
        const OPERATION: &str = "GenerateDataKey";
        let mut request = self
            .client
            .generate_data_key()
            .key_id(self.keys.current.as_str())
            .key_spec(DataKeySpec::Aes256);
        for (key, value) in context.pairs() {
            request = request.encryption_context(key, value);
        }
        let answer = request
            .send()
            .await
            .map_err(|error| failure(OPERATION, &error))?;
        let key = &self.keys.current;
        let data_key = checked(OPERATION, key, answer.key_id.as_deref(), answer.plaintext)?;
        let wrapped = answer
            .ciphertext_blob
            .map(Blob::into_inner)
            .unwrap_or_default();
        if wrapped.is_empty() {
            return Err(unexpected(OPERATION, "the answer holds no wrapped key"));
        }
        Ok((data_key, wrapped))
    }

    /// Unwraps a data key that was wrapped under `key`, one of these, and for this context.
    pub(crate) async fn decrypt(
        &self,
        key: &KeyArn,
        context: &EncryptionContext,
        wrapped: &[u8],
    ) -> Result<DataKey, KmsFailure> {
        const OPERATION: &str = "Decrypt";
        let mut request = self
            .client
            .decrypt()
            .key_id(key.as_str())
            .ciphertext_blob(Blob::new(wrapped));
        for (key, value) in context.pairs() {
            request = request.encryption_context(key, value);
        }
        let answer = request
            .send()
            .await
            .map_err(|error| failure(OPERATION, &error))?;
        checked(OPERATION, key, answer.key_id.as_deref(), answer.plaintext)
    }

    /// Disables a key: nothing is opened under it until somebody enables it again.
    pub(crate) async fn disable(&self, key: &KeyArn) -> Result<(), KmsFailure> {
        let disabled = self.client.disable_key().key_id(key.as_str()).send().await;
        disabled.map_err(|error| failure("DisableKey", &error))?;
        Ok(())
    }
}

/// Takes the data key over from the SDK, which does not zeroise, before anything else is looked
/// at.
fn checked(
    operation: &'static str,
    key: &KeyArn,
    answered_by: Option<&str>,
    plaintext: Option<Blob>,
) -> Result<DataKey, KmsFailure> {
    let data_key = plaintext.map(Blob::into_inner).and_then(DataKey::new);
    if answered_by != Some(key.as_str()) {
        return Err(unexpected(operation, "another key answered"));
    }
    data_key.ok_or_else(|| unexpected(operation, "the data key does not have 32 bytes"))
}

fn unexpected(operation: &'static str, detail: &str) -> KmsFailure {
    KmsFailure {
        operation,
        is_unavailable: false,
        code: None,
        detail: detail.to_owned(),
    }
}

fn failure<E>(operation: &'static str, error: &SdkError<E, HttpResponse>) -> KmsFailure
where
    E: ProvideErrorMetadata,
{
    let failure = CallFailure::of(error);
    KmsFailure {
        operation,
        is_unavailable: failure.is_unavailable,
        detail: failure.to_string(),
        code: failure.code,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_an_arn_of_its_own() {
        for text in [
            "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
            "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/mrk-1234abcd12ab34cd56ef12345678990ab",
        ] {
            assert_eq!(text.parse::<KeyArn>().unwrap().as_str(), text);
        }
    }

    #[test]
    fn aliases_ids_and_other_resources_are_refused() {
        for text in [
            "",
            "1234abcd-12ab-34cd-56ef-1234567890ab",
            "alias/credentials",
            "arn:aws:kms:eu-central-1:123456789012:alias/credentials",
            "arn:aws:kms:eu-central-1:123456789012:key/",
            "arn:aws:kms:eu-central-1::key/1",
            "arn:aws:sqs:eu-central-1:123456789012:key/1",
            "arn:aws:kms:eu-central-1:123456789012:key/1:2",
            "arn:aws:kms:eu-central-1:123456789012:key/1 ",
        ] {
            assert_eq!(text.parse::<KeyArn>(), Err(InvalidKeyArn), "{text}");
        }
    }

    fn keys(current: &str, previous: &str) -> Option<CredentialKeys> {
        let environment = Environment::of([
            ("CREDENTIALS_KEY_ARN", current),
            ("PREVIOUS_CREDENTIALS_KEY_ARNS", previous),
        ]);
        CredentialKeys::from_environment(&environment)
    }

    #[test]
    fn the_key_that_seals_may_be_listed_among_those_that_open() {
        let [one, two] =
            ["1", "2"].map(|id| format!("arn:aws:kms:eu-central-1:123456789012:key/{id}"));
        let read = keys(&one, &format!("{one},{two}")).unwrap();
        assert_eq!(read.current().as_str(), one);
        assert_eq!(read.previous(), [two.parse().unwrap()]);
        assert_eq!(read.named(two.as_bytes()), read.previous().first());
        assert_eq!(
            read.named(b"arn:aws:kms:eu-central-1:123456789012:key/3"),
            None
        );
        assert!(keys(&one, "").unwrap().previous().is_empty());
    }

    #[test]
    fn a_list_of_keys_with_anything_else_in_it_is_a_fault() {
        let one = "arn:aws:kms:eu-central-1:123456789012:key/1";
        assert_eq!(keys(one, "alias/credentials"), None);
        assert_eq!(keys("alias/credentials", one), None);
    }
}
