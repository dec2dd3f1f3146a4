//! Accounts.

use jiff::Timestamp;
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
    /// When it was opened.
    #[serde(default, deserialize_with = "fields::time")]
    pub date_created: Option<Timestamp>,
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

impl AccountStatus {
    /// As Twilio writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Closed => "closed",
            Self::Other(status) => status,
        }
    }
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

    /// The client's subaccounts of exactly this name, closed ones too. An API key may not: see [`TwilioClient::as_auth_token`].
    ///
    /// # Errors
    /// Why there is no list.
    pub async fn subaccounts_named(&self, name: &str) -> Result<Vec<Account>, TwilioError> {
        let (host, path) = (Host::TwilioApi, [VERSION, "Accounts.json"]);
        let query = [("FriendlyName", name)];
        let mut found: Vec<Account> = self
            .list(host, "accounts.list", &path, &query, "accounts")
            .await?;
        let own = &self.credentials.account_sid;
        found.retain(|account| {
            let is_ours = account.sid != *own && account.owner_account_sid.as_ref() == Some(own);
            is_ours && account.friendly_name.as_deref() == Some(name)
        });
        Ok(found)
    }

    /// A subaccount. An API key may not: see [`TwilioClient::as_auth_token`].
    ///
    /// # Errors
    /// Why there is none.
    pub async fn subaccount(&self, sid: &AccountSid) -> Result<Account, TwilioError> {
        let document = format!("{sid}.json");
        let path = [VERSION, "Accounts", &document];
        let call = Call::get(Host::TwilioApi, "accounts.fetch", &path, self.deadline);
        self.fetch(call).await
    }

    /// Opens a subaccount. It is not opened twice, but may have been opened although an error is returned. An API key may not: see
    /// [`TwilioClient::as_auth_token`].
    ///
    /// # Errors
    /// Why there is none.
    pub async fn create_subaccount(&self, name: &str) -> Result<Account, TwilioError> {
        let path = [VERSION, "Accounts.json"];
        let call = Call::post(Host::TwilioApi, "accounts.create", &path, self.deadline);
        self.fetch(call.form(&[("FriendlyName", name)])).await
    }

    /// Suspends, resumes or closes a subaccount; closed it is for good.
    ///
    /// # Errors
    /// Why it was not done.
    pub async fn set_subaccount_status(
        &self,
        sid: &AccountSid,
        status: &AccountStatus,
    ) -> Result<Account, TwilioError> {
        let document = format!("{sid}.json");
        let path = [VERSION, "Accounts", &document];
        let call = Call::post(Host::TwilioApi, "accounts.update", &path, self.deadline);
        // The same status twice is the same account.
        let call = call.form(&[("Status", status.as_str())]).repeatable();
        self.fetch(call).await
    }
}
