//! The whole vault, with the SDK's own client against an embedded KMS.

use aws_sdk_kms::Client;
use std::error::Error as _;

use super::super::{EncryptionContext, Purpose, Vault, VaultError};
use super::embedded_kms::{Behaviour, EmbeddedKms};
use crate::tenant::Provider;
use crate::twilio::TwilioCredentials;
use crate::vault::{InvalidPlaintext, Sealable};

fn twilio_of(tenant: &str) -> EncryptionContext {
    EncryptionContext::new(
        &tenant.parse().unwrap(),
        Provider::Twilio,
        Purpose::Credentials,
    )
}

fn credentials() -> TwilioCredentials {
    let configuration =
        r#"{"account_sid":"AC00112233445566778899aabbccddeeff","auth_token":"5ecret-t0ken"}"#;
    serde_json::from_str(configuration).unwrap()
}

async fn sealed(kms: &EmbeddedKms) -> Vec<u8> {
    let message = kms
        .vault
        .seal(&twilio_of("acme"), &credentials())
        .await
        .unwrap();
    kms.calls();
    message
}

async fn refusal(kms: &EmbeddedKms, context: &EncryptionContext, message: &[u8]) -> VaultError {
    kms.vault
        .open::<TwilioCredentials>(context, message)
        .await
        .unwrap_err()
}

/// What a caller may see of an error, and what a log holds of it.
fn texts(error: &VaultError) -> (String, String) {
    (
        error.to_string(),
        format!("{error:?} {}", error.source().unwrap()),
    )
}

#[tokio::test]
async fn what_is_sealed_opens_with_one_call_to_kms_each() {
    let kms = EmbeddedKms::new().await;
    let context = twilio_of("acme");
    let message = kms.vault.seal(&context, &credentials()).await.unwrap();
    assert_eq!(kms.calls(), ["GenerateDataKey"]);
    let opened: TwilioCredentials = kms.vault.open(&context, &message).await.unwrap();
    assert_eq!(kms.calls(), ["Decrypt"]);
    assert_eq!(
        opened.plaintext().unwrap(),
        credentials().plaintext().unwrap()
    );
}

#[tokio::test]
async fn sealing_twice_gives_two_messages() {
    let kms = EmbeddedKms::new().await;
    let (one, other) = (sealed(&kms).await, sealed(&kms).await);
    let differing = one
        .iter()
        .zip(&other)
        .filter(|(one, other)| one != other)
        .count();
    assert_eq!(one.len(), other.len());
    assert!(
        differing > 200,
        "message id, wrapped key, commitment, tags and ciphertext differ: {differing}"
    );
}

#[tokio::test]
async fn nothing_of_the_plaintext_stands_in_the_message() {
    let message = sealed(&EmbeddedKms::new().await).await;
    assert!(!message.windows(6).any(|bytes| bytes == b"5ecret"));
}

#[tokio::test]
async fn another_tenants_message_is_unreadable_without_a_call() {
    let kms = EmbeddedKms::new().await;
    let message = sealed(&kms).await;
    let error = refusal(&kms, &twilio_of("bolt"), &message).await;
    assert!(matches!(error, VaultError::Unreadable(_)));
    assert!(kms.calls().is_empty());
}

#[tokio::test]
async fn a_message_relabelled_for_another_tenant_is_refused_by_kms() {
    let kms = EmbeddedKms::new().await;
    let mut message = sealed(&kms).await;
    let place = message
        .windows(4)
        .position(|bytes| bytes == b"acme")
        .unwrap();
    message[place..place + 4].copy_from_slice(b"bolt");
    let error = refusal(&kms, &twilio_of("bolt"), &message).await;
    assert!(matches!(error, VaultError::Unreadable(_)));
    assert_eq!(kms.calls(), ["Decrypt"]);
    assert!(texts(&error).1.contains("InvalidCiphertext"), "{error:?}");
}

/// Another provider's configuration, which could be read from the same plaintext.
struct VapiCredentials(TwilioCredentials);

impl Sealable for VapiCredentials {
    const PROVIDER: &'static str = Provider::Vapi.as_str();
    const PURPOSE: Purpose = Purpose::Credentials;

    fn plaintext(&self) -> Result<zeroize::Zeroizing<Vec<u8>>, InvalidPlaintext> {
        self.0.plaintext()
    }

    fn from_plaintext(plaintext: &[u8]) -> Result<Self, InvalidPlaintext> {
        TwilioCredentials::from_plaintext(plaintext).map(Self)
    }
}

#[tokio::test]
async fn another_providers_message_is_unreadable() {
    let kms = EmbeddedKms::new().await;
    let message = sealed(&kms).await;
    let vapi = EncryptionContext::new(
        &"acme".parse().unwrap(),
        Provider::Vapi,
        Purpose::Credentials,
    );
    for context in [&vapi, &twilio_of("acme")] {
        let refusal = kms
            .vault
            .open::<VapiCredentials>(context, &message)
            .await
            .err()
            .unwrap();
        assert!(matches!(refusal, VaultError::Unreadable(_)));
    }
    assert!(kms.calls().is_empty());
}

#[tokio::test]
async fn a_value_is_not_sealed_under_another_providers_context() {
    let kms = EmbeddedKms::new().await;
    let value = VapiCredentials(credentials());
    let refusal = kms
        .vault
        .seal(&twilio_of("acme"), &value)
        .await
        .unwrap_err();
    assert!(matches!(refusal, VaultError::Unsealable(_)));
    assert!(kms.calls().is_empty());
}

#[tokio::test]
async fn a_message_of_another_kms_key_is_unreadable_without_a_call() {
    let kms = EmbeddedKms::new().await;
    let message = sealed(&kms).await;
    let other = Vault::new(kms.client.clone(), kms.new_key().await);
    kms.calls();
    let opened = other
        .open::<TwilioCredentials>(&twilio_of("acme"), &message)
        .await;
    assert!(matches!(opened, Err(VaultError::Unreadable(_))));
    assert!(kms.calls().is_empty());
}

#[tokio::test]
async fn a_disabled_key_makes_messages_unreadable() {
    let kms = EmbeddedKms::new().await;
    let message = sealed(&kms).await;
    let key = kms.vault.keys().current().as_str();
    kms.client.disable_key().key_id(key).send().await.unwrap();
    let error = refusal(&kms, &twilio_of("acme"), &message).await;
    assert!(matches!(error, VaultError::Unreadable(_)), "{error:?}");
    let error = kms
        .vault
        .seal(&twilio_of("acme"), &credentials())
        .await
        .unwrap_err();
    assert!(matches!(error, VaultError::Unsealable(_)), "{error:?}");
}

#[tokio::test]
async fn every_unreadable_message_gives_the_same_error() {
    let kms = EmbeddedKms::new().await;
    let message = sealed(&kms).await;
    let mut content_changed = message.clone();
    *content_changed.last_mut().unwrap() ^= 1;
    let mut key_changed = message.clone();
    let place = message
        .windows(5)
        .position(|bytes| bytes == b":key/")
        .unwrap()
        + 41
        + 2
        + 60;
    key_changed[place] ^= 1;
    let cases = [
        Vec::new(),
        message[..message.len() - 1].to_vec(),
        content_changed,
        key_changed,
    ];
    for case in &cases {
        let error = refusal(&kms, &twilio_of("acme"), case).await;
        assert!(matches!(error, VaultError::Unreadable(_)));
        assert_eq!(texts(&error).0, "the sealed message cannot be opened");
        assert!(!texts(&error).1.contains("5ecret"));
    }
}

#[tokio::test]
async fn kms_that_cannot_answer_now_is_unavailable() {
    let kms = EmbeddedKms::new().await;
    let message = sealed(&kms).await;
    for (status, code) in [
        (400, "ThrottlingException"),
        (400, "LimitExceededException"),
        (429, "Unknown"),
        (500, "KMSInternalException"),
        (500, "KeyUnavailableException"),
        (503, "DependencyTimeoutException"),
        (502, "not even an error code"),
    ] {
        kms.set(Behaviour::Fail(status, code));
        let error = refusal(&kms, &twilio_of("acme"), &message).await;
        assert!(
            matches!(error, VaultError::Unavailable(_)),
            "{code}: {error:?}"
        );
        let error = kms
            .vault
            .seal(&twilio_of("acme"), &credentials())
            .await
            .unwrap_err();
        assert!(
            matches!(error, VaultError::Unavailable(_)),
            "{code}: {error:?}"
        );
    }
}

#[tokio::test]
async fn kms_that_does_not_answer_in_time_is_unavailable() {
    let kms = EmbeddedKms::new().await;
    let message = sealed(&kms).await;
    kms.set(Behaviour::Hang);
    let error = refusal(&kms, &twilio_of("acme"), &message).await;
    assert!(matches!(error, VaultError::Unavailable(_)), "{error:?}");
}

#[tokio::test]
async fn kms_that_cannot_be_reached_is_unavailable() {
    let kms = EmbeddedKms::new().await;
    let message = sealed(&kms).await;
    let nobody_listens = kms
        .client
        .config()
        .to_builder()
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url("http://127.0.0.1:1")
        .build();
    let key = kms.vault.keys().current().clone();
    let vault = Vault::new(Client::from_conf(nobody_listens), key);
    let opened = vault
        .open::<TwilioCredentials>(&twilio_of("acme"), &message)
        .await;
    assert!(
        matches!(opened, Err(VaultError::Unavailable(_))),
        "{opened:?}"
    );
}

#[tokio::test]
async fn kms_that_refuses_makes_a_message_unreadable() {
    let kms = EmbeddedKms::new().await;
    let message = sealed(&kms).await;
    for code in [
        "AccessDeniedException",
        "DisabledException",
        "IncorrectKeyException",
        "InvalidCiphertextException",
        "KMSInvalidStateException",
        "NotFoundException",
        "AnythingElse",
    ] {
        kms.set(Behaviour::Fail(400, code));
        let error = refusal(&kms, &twilio_of("acme"), &message).await;
        assert!(
            matches!(error, VaultError::Unreadable(_)),
            "{code}: {error:?}"
        );
        assert!(texts(&error).1.contains(code), "{error:?}");
    }
}

#[tokio::test]
async fn a_data_key_that_another_key_answers_with_is_not_used() {
    let kms = EmbeddedKms::new().await;
    let message = sealed(&kms).await;
    kms.set(Behaviour::AnswerAs(kms.new_key().await));
    let error = refusal(&kms, &twilio_of("acme"), &message).await;
    assert!(matches!(error, VaultError::Unreadable(_)), "{error:?}");
    let error = kms
        .vault
        .seal(&twilio_of("acme"), &credentials())
        .await
        .unwrap_err();
    assert!(matches!(error, VaultError::Unsealable(_)), "{error:?}");
}
