//! API keys.

use jiff::Timestamp;
use serde::Deserialize;

use super::error::TwilioError;
use super::{TwilioClient, VERSION, fields};
use crate::outbound::{Call, Host};
use crate::sid::ApiKeySid;

/// An API key. Twilio tells its secret only when it is made, and here not of which type it is.
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
}
