//! What is shown of Twilio credentials.

use serde_json::{Map, Value};

use super::{SharedKey, TwilioCredentials};
use crate::integrations::Summary;

impl TwilioCredentials {
    /// The fields that can be entered: identifiers whole, secrets masked, nothing for what is not set.
    #[must_use]
    pub fn summary(&self) -> Map<String, Value> {
        // Taken apart whole, so that a field about which nothing is decided does not compile.
        let Self {
            account_sid,
            auth_token,
            secondary_auth_token,
            // Rotation's own, not a field of the configuration as it is entered.
            previous_auth_token: _,
            api_key_sid,
            api_key_secret,
            phone_number,
            whatsapp_sender,
            messaging_service_sid,
            shared_keys,
        } = self;
        let shared_keys = shared_keys.iter().map(|SharedKey { id, secret }| {
            Summary::default()
                .identifier("id", Some(id))
                .secret("secret", Some(secret))
        });
        Summary::default()
            .identifier("account_sid", Some(account_sid.as_str()))
            .secret("auth_token", Some(auth_token))
            .secret("secondary_auth_token", secondary_auth_token.as_ref())
            .identifier("api_key_sid", api_key_sid.as_ref().map(|sid| sid.as_str()))
            .secret("api_key_secret", api_key_secret.as_ref())
            .identifier("phone_number", phone_number.as_ref().map(|it| it.as_str()))
            .identifier(
                "whatsapp_sender",
                whatsapp_sender.as_ref().map(|it| it.as_str()),
            )
            .identifier(
                "messaging_service_sid",
                messaging_service_sid.as_ref().map(|sid| sid.as_str()),
            )
            .list("shared_keys", shared_keys)
            .into_members()
    }
}
