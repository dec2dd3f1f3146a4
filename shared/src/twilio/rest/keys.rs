//! API keys.

use jiff::Timestamp;
use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;

use super::error::{ErrorKind, TwilioError};
use super::{TwilioClient, VERSION, fields};
use crate::outbound::{Call, Host};
use crate::secret::Secret;
use crate::sid::ApiKeySid;

/// An API key. Twilio tells its secret only when it is made, and here not of which type it is: see [`KeyPolicy`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Key {
    /// Its SID.
    pub sid: ApiKeySid,
    /// Its name.
    #[serde(default, deserialize_with = "fields::text")]
    pub friendly_name: Option<String>,
    /// When it was made.
    #[serde(default, deserialize_with = "fields::time")]
    pub date_created: Option<Timestamp>,
}

/// An API key that was just made, with the secret that Twilio tells only then.
#[derive(Debug, Clone, Deserialize)]
pub struct NewKey {
    /// Its SID.
    pub sid: ApiKeySid,
    /// Its secret.
    pub secret: Secret,
}

/// What the newer API tells of an API key: what it may do.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct KeyPolicy {
    /// The key's SID.
    pub sid: ApiKeySid,
    /// What a restricted key is allowed; `null` of a Standard one.
    #[serde(default)]
    policy: Option<Value>,
}

impl KeyPolicy {
    /// Whether the key is a restricted one, which cannot sign access tokens whatever it may do.
    #[must_use]
    pub fn is_restricted(&self) -> bool {
        self.policy.as_ref().is_some_and(|policy| policy != "")
    }
}

impl TwilioClient<'_> {
    /// Fetches a key. Standard API keys may not: see [`TwilioClient::as_auth_token`].
    ///
    /// # Errors
    /// Why there is none; of the kind `NotFound` when it was deleted or is another account's.
    pub async fn key(&self, sid: &ApiKeySid) -> Result<Key, TwilioError> {
        let document = format!("{sid}.json");
        let account = self.credentials.account_sid.as_str();
        let path = [VERSION, "Accounts", account, "Keys", &document];
        let call = Call::get(Host::TwilioApi, "keys.fetch", &path, self.deadline);
        self.fetch(call).await
    }

    /// Fetches what a key may do, from the newer API, which takes the account from who asks. Standard API keys may not: see
    /// [`TwilioClient::as_auth_token`].
    ///
    /// # Errors
    /// Why there is none. `NotFound` does not tell much: Twilio says of this API that it manages Standard and restricted keys, and
    /// nothing of Main ones.
    pub async fn key_policy(&self, sid: &ApiKeySid) -> Result<KeyPolicy, TwilioError> {
        let path = ["v1", "Keys", sid.as_str()];
        let call = Call::get(Host::TwilioIam, "keys.policy", &path, self.deadline);
        self.fetch(call).await
    }

    /// The account's keys of exactly this name. Standard API keys may not: see [`TwilioClient::as_auth_token`].
    ///
    /// # Errors
    /// Why there is no list.
    pub async fn keys_named(&self, name: &str) -> Result<Vec<Key>, TwilioError> {
        let path = self.account_path(&["Keys.json"]);
        let mut found: Vec<Key> = self
            .list(Host::TwilioApi, "keys.list", &path, &[], "keys")
            .await?;
        found.retain(|key| key.friendly_name.as_deref() == Some(name));
        Ok(found)
    }

    /// Makes a Standard key. It is not made twice, but may have been made although an error is returned; its secret is lost then.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn create_key(&self, name: &str) -> Result<NewKey, TwilioError> {
        let path = self.account_path(&["Keys.json"]);
        let call = Call::post(Host::TwilioApi, "keys.create", &path, self.deadline);
        self.fetch(call.form(&[("FriendlyName", name)])).await
    }

    /// Deletes a key. One that is not there (any more) counts as deleted.
    ///
    /// # Errors
    /// Why it is not known to be gone.
    pub async fn delete_key(&self, sid: &ApiKeySid) -> Result<(), TwilioError> {
        let document = format!("{sid}.json");
        let path = self.account_path(&["Keys", &document]);
        let (host, operation) = (Host::TwilioApi, "keys.delete");
        let call = Call::new(host, operation, Method::DELETE, &path, self.deadline);
        match self.send(call).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            sent => sent.map(drop),
        }
    }
}
