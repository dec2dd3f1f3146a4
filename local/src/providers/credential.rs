//! Credentials as the doubles keep and record them: by fingerprint, never in clear.

use std::collections::BTreeMap;
use std::fmt::Write;

use aws_lc_rs::digest::{SHA256, digest};

/// The SHA-256 of a credential, in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Fingerprint(String);

impl Fingerprint {
    pub(super) fn of(credential: &str) -> Self {
        let digest = digest(&SHA256, credential.as_bytes());
        let text = digest
            .as_ref()
            .iter()
            .fold(String::new(), |mut text, byte| {
                // Writing to a string cannot fail.
                let _ = write!(text, "{byte:02x}");
                text
            });
        Self(text)
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Registered keys. Lookup by fingerprint tells nothing by its time.
pub(super) type Keys<K> = BTreeMap<Fingerprint, K>;
