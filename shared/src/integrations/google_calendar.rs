//! Google Calendar: appointments.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::Summary;
use crate::fault::InvalidInput;
use crate::input::{Entry, Faults, secret, text, visible_secret};
use crate::secret::Secret;
use crate::tenant::Provider;
use crate::vault::{InvalidPlaintext, Purpose, Sealable, read_plaintext, write_plaintext};

const FIELDS: &[&str] = &["client_id", "client_secret", "refresh_token"];

/// The format version that is written.
const VERSION: u32 = 1;

/// What Google's client ids end in.
const CLIENT_ID_END: &str = ".apps.googleusercontent.com";

/// A tenant's OAuth client at Google, and the grant that a Google account gave it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoogleCalendarCredentials {
    /// The client's id, no secret: `….apps.googleusercontent.com`, though no form is asked of it.
    pub client_id: String,
    /// The client's secret.
    pub client_secret: Secret,
    /// What access tokens are asked for with.
    pub refresh_token: Secret,
}

/// [`GoogleCalendarCredentials`] in clear.
#[derive(Serialize)]
struct Exposed<'a> {
    client_id: &'a str,
    client_secret: &'a str,
    refresh_token: &'a str,
}

impl GoogleCalendarCredentials {
    /// Reads what somebody entered. A field that is `null` counts as left out.
    ///
    /// # Errors
    /// Every fault of it.
    pub fn from_input(document: &Value) -> Result<Self, InvalidInput> {
        Self::read(document, None)
    }

    /// These credentials with a part of them entered anew; what is not there stays. Neither the secret nor the grant is taken
    /// along to another client.
    ///
    /// # Errors
    /// Every fault of what was entered.
    pub fn patched(&self, document: &Value) -> Result<Self, InvalidInput> {
        Self::read(document, Some(self))
    }

    fn read(document: &Value, stored: Option<&Self>) -> Result<Self, InvalidInput> {
        Entry::document("google_calendar", document, FIELDS, |entry| {
            let client_id = entry.required("client_id", stored.map(|it| &it.client_id), client_id);
            let client_secret = entry.required(
                "client_secret",
                stored.map(|it| &it.client_secret),
                secret(client_secret_fault),
            );
            let refresh_token = entry.required(
                "refresh_token",
                stored.map(|it| &it.refresh_token),
                secret(refresh_token_fault),
            );
            let client_id = client_id?;
            let is_secret = |secret: &Option<Secret>| {
                secret.as_ref().is_some_and(|it| it.expose() == client_id)
            };
            if is_secret(&client_secret) || is_secret(&refresh_token) {
                // It is shown whole.
                entry.fault(
                    "client_id",
                    "this is a secret, expected the id of the OAuth client",
                );
            }
            if stored.is_some_and(|it| it.client_id != client_id) {
                for field in ["client_secret", "refresh_token"] {
                    if !entry.names(field) {
                        entry.fault(field, "needed because client_id changes");
                    }
                }
            }
            Some(Self {
                client_id,
                client_secret: client_secret?,
                refresh_token: refresh_token?,
            })
        })
    }

    /// What is shown of it.
    #[must_use]
    pub fn summary(&self) -> Map<String, Value> {
        let Self {
            client_id,
            client_secret,
            refresh_token,
        } = self;
        Summary::default()
            .identifier("client_id", Some(client_id))
            .secret("client_secret", Some(client_secret))
            .secret("refresh_token", Some(refresh_token))
            .into_members()
    }
}

fn client_id(value: &Value, path: &str, faults: &mut Faults) -> Option<String> {
    let id = text(256)(value, path, faults)?;
    // It is shown whole: a secret in its place must not be.
    let fault = if ["GOCSPX-", "1//", "ya29."]
        .iter()
        .any(|start| id.starts_with(start))
    {
        "this is a secret, expected the id of the OAuth client"
    } else if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
        "expected 1 to 256 visible characters without spaces"
    } else {
        return Some(id);
    };
    faults.add(path, fault);
    None
}

fn client_secret_fault(text: &str) -> Option<String> {
    if text.ends_with(CLIENT_ID_END) {
        return Some("this is the client's id, expected its secret".to_owned());
    }
    visible_secret(text, 16..=512)
}

fn refresh_token_fault(text: &str) -> Option<String> {
    if text.starts_with("ya29.") {
        let fault = "this is an access token, which lasts an hour; expected the refresh token";
        return Some(fault.to_owned());
    }
    visible_secret(text, 16..=2_048)
}

impl Sealable for GoogleCalendarCredentials {
    const PROVIDER: &'static str = Provider::GoogleCalendar.as_str();
    const PURPOSE: Purpose = Purpose::Credentials;

    fn plaintext(&self) -> Result<Zeroizing<Vec<u8>>, InvalidPlaintext> {
        // Taken apart whole, so that a field that is not sealed does not compile.
        let Self {
            client_id,
            client_secret,
            refresh_token,
        } = self;
        let exposed = Exposed {
            client_id,
            client_secret: client_secret.expose(),
            refresh_token: refresh_token.expose(),
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
