//! A Twilio account as the double plays it.

use shared::secret::Secret;
use shared::sid::AccountSid;
use shared::twilio::TwilioCredentials;

/// An account (or subaccount) whose webhooks the double sends.
#[derive(Debug, Clone)]
pub struct Account {
    /// The account's SID, `AccountSid` in every webhook.
    pub sid: AccountSid,
    /// The token that signs: the primary one. Promotion of a secondary token is a change of this field.
    pub auth_token: Secret,
}

impl Account {
    /// An account with its primary auth token.
    #[must_use]
    pub fn new(sid: AccountSid, auth_token: Secret) -> Self {
        Self { sid, auth_token }
    }
}

impl From<&TwilioCredentials> for Account {
    fn from(credentials: &TwilioCredentials) -> Self {
        Self::new(
            credentials.account_sid.clone(),
            credentials.auth_token.clone(),
        )
    }
}
