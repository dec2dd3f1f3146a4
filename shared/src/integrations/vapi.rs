//! Vapi: voice assistants.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::Summary;
use crate::fault::InvalidInput;
use crate::input::{Entry, secret, visible_secret};
use crate::secret::Secret;
use crate::tenant::Provider;
use crate::vault::{InvalidPlaintext, Purpose, Sealable, read_plaintext, write_plaintext};

const FIELDS: &[&str] = &["api_key", "webhook_secret"];

/// The format version that is written.
const VERSION: u32 = 1;

/// A tenant's credentials of Vapi, both of them needed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VapiCredentials {
    /// The private API key. The public one has the same form and cannot be told from it.
    pub api_key: Secret,
    /// What Vapi proves its webhooks with; made by the tenant.
    pub webhook_secret: Secret,
}

/// [`VapiCredentials`] in clear.
#[derive(Serialize)]
struct Exposed<'a> {
    api_key: &'a str,
    webhook_secret: &'a str,
}

impl VapiCredentials {
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
        Entry::document("vapi", document, FIELDS, |entry| {
            let form = || secret(|text| visible_secret(text, 16..=512));
            let api_key = entry.required("api_key", stored.map(|it| &it.api_key), form());
            let webhook_secret = entry.required(
                "webhook_secret",
                stored.map(|it| &it.webhook_secret),
                form(),
            );
            let (api_key, webhook_secret) = (api_key?, webhook_secret?);
            if api_key.expose() == webhook_secret.expose() {
                // It travels with every webhook.
                entry.fault("webhook_secret", "expected another secret than api_key");
            }
            Some(Self {
                api_key,
                webhook_secret,
            })
        })
    }

    /// What is shown of it.
    #[must_use]
    pub fn summary(&self) -> Map<String, Value> {
        let Self {
            api_key,
            webhook_secret,
        } = self;
        Summary::default()
            .secret("api_key", Some(api_key))
            .secret("webhook_secret", Some(webhook_secret))
            .into_members()
    }
}

impl Sealable for VapiCredentials {
    const PROVIDER: &'static str = Provider::Vapi.as_str();
    const PURPOSE: Purpose = Purpose::Credentials;

    fn plaintext(&self) -> Result<Zeroizing<Vec<u8>>, InvalidPlaintext> {
        // Taken apart whole, so that a field that is not sealed does not compile.
        let Self {
            api_key,
            webhook_secret,
        } = self;
        let exposed = Exposed {
            api_key: api_key.expose(),
            webhook_secret: webhook_secret.expose(),
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
