//! Twilio's REST API, as far as this bundle needs it.
//!
//! Credentials are always an argument: a [`TwilioClient`] is made for one tenant's work and dropped after it.

mod accounts;
mod applications;
mod auth_tokens;
mod error;
mod fields;
mod keys;
mod media;
mod messaging_services;
mod paging;
mod phone_numbers;
mod recordings;
#[cfg(test)]
mod tests;
mod usage;

use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::TwilioCredentials;
use crate::outbound::{Answer, Call, CallError, Outbound};
pub use accounts::{Account, AccountStatus};
pub use applications::{Application, ApplicationConfig};
pub use error::{ErrorKind, Refusal, TwilioError};
pub use keys::{Key, KeyPolicy, NewKey};
pub use media::{MediaError, media_of_url};
pub use messaging_services::{MessagingService, ServiceNumber};
pub use phone_numbers::{IncomingPhoneNumber, NumberCapabilities, NumberConfig};
pub use recordings::{RecordingFormat, account_of_url};
pub use usage::{Granularity, UsageQuery, UsageRecord};

/// The version of the core API, which begins its paths.
const VERSION: &str = "2010-04-01";

/// Twilio's REST API in the name of one account, until a deadline. Cheap to copy.
#[derive(Clone, Copy)]
pub struct TwilioClient<'a> {
    outbound: &'a Outbound,
    credentials: &'a TwilioCredentials,
    login: Login,
    deadline: Instant,
}

/// What a call is authenticated by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Login {
    /// The API key where there is one: it can be revoked alone, and webhooks do not depend on it. Else the auth token that works.
    Preferred,
    AuthToken,
    Secondary,
}

impl<'a> TwilioClient<'a> {
    /// A client that calls by the API key if there is one, else by the auth token. No call is made later than `deadline`,
    /// the remaining time of the function.
    #[must_use]
    pub fn new(
        outbound: &'a Outbound,
        credentials: &'a TwilioCredentials,
        deadline: Instant,
    ) -> Self {
        Self {
            outbound,
            credentials,
            login: Login::Preferred,
            deadline,
        }
    }

    /// The same client calling by the auth token, for what Twilio refuses to Standard keys: accounts and keys.
    #[must_use]
    pub fn as_auth_token(self) -> Self {
        Self {
            login: Login::AuthToken,
            ..self
        }
    }

    /// The same client calling by the secondary auth token, or the primary one if there is none. To check it, and to rotate
    /// to it; nothing else should depend on it.
    pub(crate) fn as_secondary_auth_token(self) -> Self {
        Self {
            login: Login::Secondary,
            ..self
        }
    }

    /// The same client with no call later than `deadline`, for what is not worth all of the remaining time.
    #[must_use]
    pub(in crate::twilio) fn until(self, deadline: Instant) -> Self {
        Self {
            deadline: self.deadline.min(deadline),
            ..self
        }
    }

    /// The account that is acted for.
    #[must_use]
    pub fn credentials(&self) -> &'a TwilioCredentials {
        self.credentials
    }

    /// The path of a resource of the account in the core API.
    fn account_path(&self, rest: &[&'a str]) -> Vec<&'a str> {
        let account = self.credentials.account_sid.as_str();
        [&[VERSION, "Accounts", account], rest].concat()
    }

    async fn fetch<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T, TwilioError> {
        let answer = self.send(call).await?;
        answer
            .json()
            .map_err(|_| TwilioError::unintelligible(&answer))
    }

    /// Sends a call with the client's credentials; the answer is a success.
    async fn send(&self, call: Call<'_>) -> Result<Answer, TwilioError> {
        let answer = self.answered(call).await?;
        match answer.is_success() {
            true => Ok(answer),
            false => Err(TwilioError::of_answer(&answer)),
        }
    }

    /// Sends a call with the client's credentials, whatever is answered. Where it asks by the auth token for want of a key, and Twilio
    /// does not accept that, it asks once more by the secondary one: in the middle of a rotation that may be the primary one.
    async fn answered(&self, call: Call<'_>) -> Result<Answer, CallError> {
        let TwilioCredentials {
            secondary_auth_token,
            api_key_sid,
            api_key_secret,
            ..
        } = self.credentials;
        let has_key = api_key_sid.is_some() && api_key_secret.is_some();
        let has_other =
            self.login == Login::Preferred && !has_key && secondary_auth_token.is_some();
        let again = has_other.then(|| call.clone());
        let answer = self.outbound.send(self.authenticated(call)).await?;
        match again {
            Some(call)
                if !answer.is_success()
                    && TwilioError::of_answer(&answer).kind() == ErrorKind::Authentication =>
            {
                let by_secondary = self.as_secondary_auth_token();
                self.outbound.send(by_secondary.authenticated(call)).await
            }
            _ => Ok(answer),
        }
    }

    /// A call with the client's credentials.
    fn authenticated<'c>(&self, call: Call<'c>) -> Call<'c> {
        let TwilioCredentials {
            account_sid,
            auth_token,
            secondary_auth_token,
            api_key_sid,
            api_key_secret,
            ..
        } = self.credentials;
        let key = api_key_sid.as_ref().zip(api_key_secret.as_ref());
        let (user, password) = match self.login {
            Login::Preferred => match key {
                Some((sid, secret)) => (sid.as_str(), secret),
                None => (account_sid.as_str(), auth_token),
            },
            Login::AuthToken => (account_sid.as_str(), auth_token),
            Login::Secondary => {
                let token = secondary_auth_token.as_ref().unwrap_or(auth_token);
                (account_sid.as_str(), token)
            }
        };
        call.basic(user, password)
    }
}
