//! Messaging services, on their own host.

use serde::Deserialize;

use super::error::TwilioError;
use super::{TwilioClient, fields};
use crate::outbound::{Call, Host};
use crate::sid::{MessagingServiceSid, PhoneNumberSid};

/// A messaging service: a pool of senders with common URLs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct MessagingService {
    /// Its SID.
    pub sid: MessagingServiceSid,
    /// Its name.
    #[serde(default, deserialize_with = "fields::text")]
    pub friendly_name: Option<String>,
    /// Where a message to one of its numbers is sent. Without it the message is dropped.
    #[serde(default, deserialize_with = "fields::text")]
    pub inbound_request_url: Option<String>,
    /// How: `GET` or `POST`.
    #[serde(default, deserialize_with = "fields::text")]
    pub inbound_method: Option<String>,
    /// Where statuses of its messages are reported.
    #[serde(default, deserialize_with = "fields::text")]
    pub status_callback: Option<String>,
    /// Whether its numbers' own URLs count instead of its own.
    #[serde(default)]
    pub use_inbound_webhook_on_number: Option<bool>,
}

/// A number in a messaging service.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ServiceNumber {
    /// The number's SID, the same as in the account's list.
    pub sid: PhoneNumberSid,
    /// The number in E.164.
    pub phone_number: String,
}

impl TwilioClient<'_> {
    /// All messaging services of the account.
    ///
    /// # Errors
    /// Why there is no list.
    pub async fn messaging_services(&self) -> Result<Vec<MessagingService>, TwilioError> {
        self.list(
            Host::TwilioMessaging,
            "messaging_services.list",
            &["v1", "Services"],
            &[],
            "services",
        )
        .await
    }

    /// Fetches a messaging service.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn messaging_service(
        &self,
        sid: &MessagingServiceSid,
    ) -> Result<MessagingService, TwilioError> {
        let path = ["v1", "Services", sid.as_str()];
        let call = Call::get(
            Host::TwilioMessaging,
            "messaging_services.fetch",
            &path,
            self.deadline,
        );
        self.fetch(call).await
    }

    /// The numbers in a messaging service.
    ///
    /// # Errors
    /// Why there is no list.
    pub async fn messaging_service_numbers(
        &self,
        sid: &MessagingServiceSid,
    ) -> Result<Vec<ServiceNumber>, TwilioError> {
        self.list(
            Host::TwilioMessaging,
            "messaging_services.numbers",
            &["v1", "Services", sid.as_str(), "PhoneNumbers"],
            &[],
            "phone_numbers",
        )
        .await
    }
}
