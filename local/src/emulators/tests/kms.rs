//! KMS: contexts bind, and keys survive.

use std::os::unix::fs::PermissionsExt;

use aws_sdk_kms::primitives::Blob;
use tempfile::TempDir;

use super::{kept, kms, memory};

#[tokio::test]
async fn a_data_key_opens_under_its_context_only() {
    let emulators = memory().await;
    let client = kms(&emulators);
    let make = client
        .generate_data_key()
        .key_id("alias/secret")
        .number_of_bytes(32);
    let key = make
        .encryption_context("tenant", "acme")
        .send()
        .await
        .unwrap();
    assert_eq!(
        key.key_id.as_deref(),
        emulators.attributes().get("Secret", "Arn")
    );

    let open = |tenant: &str| {
        let open = client
            .decrypt()
            .ciphertext_blob(key.ciphertext_blob.clone().unwrap());
        open.encryption_context("tenant", tenant).send()
    };
    assert_eq!(open("acme").await.unwrap().plaintext, key.plaintext);
    let error = open("globex").await.unwrap_err().into_service_error();
    assert!(error.is_invalid_ciphertext_exception(), "{error:?}");
    assert_eq!(emulators.kms().wire().count("Decrypt"), 2);
}

#[tokio::test]
async fn the_key_survives_a_restart_and_is_nobody_elses() {
    let parent = TempDir::new().unwrap();
    let directory = parent.path().join("state");
    let emulators = kept(&directory).await;
    let arn = emulators
        .attributes()
        .get("Secret", "Arn")
        .unwrap()
        .to_owned();
    let sealed = kms(&emulators)
        .encrypt()
        .key_id(&arn)
        .plaintext(Blob::new("a secret"))
        .send();
    let sealed = sealed.await.unwrap().ciphertext_blob.unwrap();
    // Not stopped: the key must be on disk as soon as it exists.
    drop(emulators);

    let emulators = kept(&directory).await;
    assert_eq!(emulators.attributes().get("Secret", "Arn"), Some(&*arn));
    let client = kms(&emulators);
    let opened = client
        .decrypt()
        .key_id("alias/secret")
        .ciphertext_blob(sealed)
        .send()
        .await
        .unwrap();
    assert_eq!(opened.plaintext.unwrap().as_ref(), b"a secret");
    assert!(
        client
            .get_key_rotation_status()
            .key_id(&arn)
            .send()
            .await
            .unwrap()
            .key_rotation_enabled
    );

    let mode = |path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(directory.clone()), 0o700);
    let files: Vec<_> = std::fs::read_dir(&directory)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    assert!(files.len() >= 3, "{files:?}");
    for file in files {
        assert_eq!(mode(file.clone()), 0o600, "{file:?}");
    }
}

#[tokio::test]
async fn a_key_says_nothing_of_itself_in_debug_output() {
    let emulators = memory().await;
    assert!(!format!("{emulators:?}").contains("key_material"));
}
