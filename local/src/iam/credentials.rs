//! Credentials that are made here.

use std::collections::BTreeMap;
use std::fmt;

use aws_lc_rs::rand;

/// Temporary credentials of AWS.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// `AWS_ACCESS_KEY_ID`
    pub access_key_id: String,
    /// `AWS_SECRET_ACCESS_KEY`
    pub secret_access_key: String,
    /// `AWS_SESSION_TOKEN`
    pub session_token: String,
}

/// The alphabet of access key ids.
const BASE_32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The alphabet of secrets.
const BASE_64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

impl Credentials {
    /// Those that the variables of an environment tell, as the SDK reads them.
    #[must_use]
    pub fn of(environment: &BTreeMap<String, String>) -> Option<Self> {
        let variable = |name| environment.get(name).cloned();
        Some(Self {
            access_key_id: variable("AWS_ACCESS_KEY_ID")?,
            secret_access_key: variable("AWS_SECRET_ACCESS_KEY")?,
            session_token: variable("AWS_SESSION_TOKEN")?,
        })
    }

    /// New random ones, in the form of AWS's. Nobody has them until they are told to somebody.
    #[must_use]
    pub fn random() -> Self {
        Self {
            access_key_id: format!("ASIA{}", random(BASE_32, 16)),
            secret_access_key: random(BASE_64, 40),
            session_token: random(BASE_64, 200),
        }
    }
}

/// Random characters of an alphabet, each as likely as the others: the size of both alphabets divides 256.
pub(super) fn random(alphabet: &[u8], length: usize) -> String {
    let mut bytes = vec![0; length];
    // The generator of this process: it cannot fail once it has started, and a zero would only make a name less random.
    if rand::fill(&mut bytes).is_err() {
        tracing::error!("there is no randomness");
    }
    let characters = bytes.into_iter();
    characters
        .filter_map(|byte| alphabet.get(usize::from(byte) % alphabet.len().max(1)))
        .map(|character| char::from(*character))
        .collect()
}

/// Random characters as in the id of a role.
pub(super) fn random_id() -> String {
    random(BASE_32, 17)
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Credentials")
            .field("access_key_id", &self.access_key_id)
            .finish_non_exhaustive()
    }
}
