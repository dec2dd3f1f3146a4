//! Accounts.

use serde::Deserialize;

use super::error::TwilioError;
use super::{TwilioClient, VERSION, fields};
use crate::outbound::{Call, Host};
use crate::secret::Secret;
use crate::sid::AccountSid;

/// An account.
#[derive(Debug, Clone, Deserialize)]
pub struct Account {
    /// Its SID.
    pub sid: AccountSid,
    /// Its name.
    #[serde(default, deserialize_with = "fields::text")]
    pub friendly_name: Option<String>,
    /// Whether it works.
    pub status: AccountStatus,
    /// Its parent, or itself.
    #[serde(default, deserialize_with = "fields::sid")]
    pub owner_account_sid: Option<AccountSid>,
    /// Its primary auth token. Twilio leaves it empty for some callers.
    #[serde(default)]
    pub auth_token: Option<Secret>,
}

/// Whether an account works.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub enum AccountStatus {
    /// It does.
    Active,
    /// It does not, until it is made active again.
    Suspended,
    /// It never will again.
    Closed,
    /// A status that Twilio has added.
    Other(String),
}

impl From<String> for AccountStatus {
    fn from(text: String) -> Self {
        match text.as_str() {
            "active" => Self::Active,
            "suspended" => Self::Suspended,
            "closed" => Self::Closed,
            _ => Self::Other(text),
        }
    }
}

impl TwilioClient<'_> {
    /// Fetches the account itself. Standard API keys may not: see [`TwilioClient::as_auth_token`].
    ///
    /// # Errors
    /// Why there is none.
    pub async fn account(&self) -> Result<Account, TwilioError> {
        let document = format!("{}.json", self.credentials.account_sid);
        let path = [VERSION, "Accounts", &document];
        let call = Call::get(Host::TwilioApi, "accounts.fetch", &path, self.deadline);
        self.fetch(call).await
    }
}
