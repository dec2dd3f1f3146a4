//! The phone numbers of an account.

use serde::Deserialize;

use super::error::TwilioError;
use super::{TwilioClient, fields};
use crate::outbound::Host;
use crate::sid::{ApplicationSid, PhoneNumberSid, TrunkSid};

/// A phone number and where it leads. Which of its fields counts, [`crate::twilio::health`] tells.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct IncomingPhoneNumber {
    /// Its SID.
    pub sid: PhoneNumberSid,
    /// The number in E.164.
    pub phone_number: String,
    /// Its name.
    #[serde(default, deserialize_with = "fields::text")]
    pub friendly_name: Option<String>,
    /// What it can do.
    #[serde(default)]
    pub capabilities: Option<NumberCapabilities>,
    /// The SIP trunk that takes its calls.
    #[serde(default, deserialize_with = "fields::sid")]
    pub trunk_sid: Option<TrunkSid>,
    /// The TwiML App that takes its calls.
    #[serde(default, deserialize_with = "fields::sid")]
    pub voice_application_sid: Option<ApplicationSid>,
    /// Where a call is sent.
    #[serde(default, deserialize_with = "fields::text")]
    pub voice_url: Option<String>,
    /// How: `GET` or `POST`.
    #[serde(default, deserialize_with = "fields::text")]
    pub voice_method: Option<String>,
    /// The TwiML App that takes its messages.
    #[serde(default, deserialize_with = "fields::sid")]
    pub sms_application_sid: Option<ApplicationSid>,
    /// Where a message is sent.
    #[serde(default, deserialize_with = "fields::text")]
    pub sms_url: Option<String>,
    /// How: `GET` or `POST`.
    #[serde(default, deserialize_with = "fields::text")]
    pub sms_method: Option<String>,
}

/// What a number can do. A capability that Twilio does not mention counts as there, so that it is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct NumberCapabilities {
    /// Calls.
    #[serde(default = "yes")]
    pub voice: bool,
    /// Texts.
    #[serde(default = "yes")]
    pub sms: bool,
}

fn yes() -> bool {
    true
}

impl TwilioClient<'_> {
    /// All phone numbers of the account.
    ///
    /// # Errors
    /// Why there is no list.
    pub async fn incoming_phone_numbers(&self) -> Result<Vec<IncomingPhoneNumber>, TwilioError> {
        let path = self.account_path(&["IncomingPhoneNumbers.json"]);
        self.list(
            Host::TwilioApi,
            "incoming_phone_numbers.list",
            &path,
            &[],
            "incoming_phone_numbers",
        )
        .await
    }
}
