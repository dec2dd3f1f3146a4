//! What a tenant stores to work with its own Twilio account.

use serde::Deserialize;

use crate::address::PhoneNumber;
use crate::secret::Secret;
use crate::sid::{AccountSid, ApiKeySid, MessagingServiceSid};

/// A tenant's Twilio credentials, which the vault seals whole.
///
/// What is read from under seal is taken as it is; [`TwilioCredentials::from_input`] is the way in for what people enter.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TwilioCredentials {
    /// The account that is billed and whose webhooks arrive.
    pub account_sid: AccountSid,
    /// The account's primary auth token, which signs its webhooks.
    pub auth_token: Secret,
    /// The token that is being rotated to; it signs once it is promoted.
    #[serde(default)]
    pub secondary_auth_token: Option<Secret>,
    /// The token that was primary before the last promotion, accepted for a grace period.
    #[serde(default)]
    pub previous_auth_token: Option<Secret>,
    /// The API key that REST calls prefer and access tokens need.
    #[serde(default)]
    pub api_key_sid: Option<ApiKeySid>,
    /// The secret of that key.
    #[serde(default)]
    pub api_key_secret: Option<Secret>,
    /// The number that calls and texts come from.
    #[serde(default)]
    pub phone_number: Option<PhoneNumber>,
    /// The WhatsApp sender, a number without `whatsapp:`.
    #[serde(default)]
    pub whatsapp_sender: Option<PhoneNumber>,
    /// The messaging service that texts go through.
    #[serde(default)]
    pub messaging_service_sid: Option<MessagingServiceSid>,
    /// Keys that Twilio signs with instead of the auth token.
    #[serde(default)]
    pub shared_keys: Vec<SharedKey>,
}

/// A webhook signing key that the tenant created at Twilio.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SharedKey {
    /// Its id, as `X-Twilio-Webhooks-Signature-Settings` names it.
    pub id: String,
    /// Its secret.
    pub secret: Secret,
}
