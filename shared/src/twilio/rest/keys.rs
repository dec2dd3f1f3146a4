//! API keys.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::error::TwilioError;
use super::{TwilioClient, VERSION, fields};
use crate::outbound::{Call, Host};
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
}
