//! The account's auth tokens: the secondary one is made, removed, or promoted to be the primary one. These calls take the account
//! from who asks, and no Standard API key may make them.

use reqwest::Method;
use serde::Deserialize;

use super::TwilioClient;
use super::error::{ErrorKind, TwilioError};
use crate::outbound::{Call, Host};
use crate::secret::Secret;

const SECONDARY: [&str; 3] = ["v1", "AuthTokens", "Secondary"];
const PROMOTE: [&str; 3] = ["v1", "AuthTokens", "Promote"];

#[derive(Deserialize)]
struct Made {
    secondary_auth_token: Secret,
}

#[derive(Deserialize)]
struct Promoted {
    auth_token: Secret,
}

impl TwilioClient<'_> {
    /// Makes a secondary auth token. Webhooks are signed with the primary one until it is promoted. It may have been made although
    /// an error is returned: then nobody knows it.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn create_secondary_auth_token(&self) -> Result<Secret, TwilioError> {
        let host = Host::TwilioAccounts;
        let call = Call::post(host, "auth_tokens.create", &SECONDARY, self.deadline);
        let made: Made = self.as_auth_token().fetch(call).await?;
        usable(made.secondary_auth_token)
    }

    /// Removes the secondary auth token. One that is not there counts as removed.
    ///
    /// # Errors
    /// Why it is not known to be gone.
    pub async fn delete_secondary_auth_token(&self) -> Result<(), TwilioError> {
        let (host, operation) = (Host::TwilioAccounts, "auth_tokens.delete");
        let call = Call::new(host, operation, Method::DELETE, &SECONDARY, self.deadline);
        match self.as_auth_token().send(call).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            sent => sent.map(drop),
        }
    }

    /// Makes the secondary auth token the primary one, and gives it. The primary one before it is invalid at once.
    ///
    /// # Errors
    /// Why it is not known to be promoted: `Authentication` when the token that asks is no longer accepted, as after a promotion;
    /// `NotFound` when there is no secondary one.
    pub async fn promote_secondary_auth_token(&self) -> Result<Secret, TwilioError> {
        let call = Call::post(
            Host::TwilioAccounts,
            "auth_tokens.promote",
            &PROMOTE,
            self.deadline,
        );
        let promoted: Promoted = self.fetch(call).await?;
        usable(promoted.auth_token)
    }
}

/// An empty token would be stored as one that verifies nothing.
fn usable(token: Secret) -> Result<Secret, TwilioError> {
    match token.expose().is_empty() {
        false => Ok(token),
        true => Err(TwilioError::Unintelligible {
            status: 200,
            request_id: None,
        }),
    }
}
