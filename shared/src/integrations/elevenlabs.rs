//! ElevenLabs: voices.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::Summary;
use crate::fault::InvalidInput;
use crate::input::{Entry, secret, visible_secret};
use crate::secret::Secret;
use crate::tenant::Provider;
use crate::vault::{InvalidPlaintext, Purpose, Sealable, read_plaintext, write_plaintext};

const FIELDS: &[&str] = &["api_key"];

/// The format version that is written.
const VERSION: u32 = 1;

/// A tenant's credentials of `ElevenLabs`.
///
/// Keys of accounts with data residency belong to hosts of their own. There is no field for them: a key is always used at the
/// host of `ELEVENLABS_API_BASE_URL`, and one of another region is judged as that host answers.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ElevenLabsCredentials {
    /// An API key; newer ones begin with `sk_`, older ones are 32 hexadecimal digits.
    pub api_key: Secret,
}

/// [`ElevenLabsCredentials`] in clear.
#[derive(Serialize)]
struct Exposed<'a> {
    api_key: &'a str,
}

impl ElevenLabsCredentials {
    /// Reads what somebody entered. A field that is `null` counts as left out.
    ///
    /// # Errors
    /// Every fault of it.
    pub fn from_input(document: &Value) -> Result<Self, InvalidInput> {
        Self::read(document, None)
    }

    /// These credentials with a part of them entered anew; what is not there stays.
    ///
    /// # Errors
    /// Every fault of what was entered.
    pub fn patched(&self, document: &Value) -> Result<Self, InvalidInput> {
        Self::read(document, Some(self))
    }

    fn read(document: &Value, stored: Option<&Self>) -> Result<Self, InvalidInput> {
        Entry::document("elevenlabs", document, FIELDS, |entry| {
            let stored = stored.map(|it| &it.api_key);
            let api_key = entry.required(
                "api_key",
                stored,
                secret(|text| visible_secret(text, 16..=256)),
            )?;
            Some(Self { api_key })
        })
    }

    /// What is shown of it.
    #[must_use]
    pub fn summary(&self) -> Map<String, Value> {
        let Self { api_key } = self;
        Summary::default()
            .secret("api_key", Some(api_key))
            .into_members()
    }
}

impl Sealable for ElevenLabsCredentials {
    const PROVIDER: &'static str = Provider::ElevenLabs.as_str();
    const PURPOSE: Purpose = Purpose::Credentials;

    fn plaintext(&self) -> Result<Zeroizing<Vec<u8>>, InvalidPlaintext> {
        // Taken apart whole, so that a field that is not sealed does not compile.
        let Self { api_key } = self;
        let exposed = Exposed {
            api_key: api_key.expose(),
        };
        write_plaintext(VERSION, &exposed)
    }

    fn from_plaintext(plaintext: &[u8]) -> Result<Self, InvalidPlaintext> {
        match read_plaintext(plaintext)? {
            (VERSION, configuration) => Ok(serde_json::from_str(configuration.get())?),
            (version, _) => Err(InvalidPlaintext::UnknownVersion(version)),
        }
    }
}
