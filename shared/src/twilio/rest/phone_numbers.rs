//! The phone numbers of an account.

use serde::{Deserialize, Serialize};

use super::error::TwilioError;
use super::{TwilioClient, fields};
use crate::outbound::{Call, Host};
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
    /// Where a call is sent when that fails.
    #[serde(default, deserialize_with = "fields::text")]
    pub voice_fallback_url: Option<String>,
    /// How.
    #[serde(default, deserialize_with = "fields::text")]
    pub voice_fallback_method: Option<String>,
    /// Where the end of a call is reported.
    #[serde(default, deserialize_with = "fields::text")]
    pub status_callback: Option<String>,
    /// How.
    #[serde(default, deserialize_with = "fields::text")]
    pub status_callback_method: Option<String>,
    /// The TwiML App that takes its messages.
    #[serde(default, deserialize_with = "fields::sid")]
    pub sms_application_sid: Option<ApplicationSid>,
    /// Where a message is sent.
    #[serde(default, deserialize_with = "fields::text")]
    pub sms_url: Option<String>,
    /// How: `GET` or `POST`.
    #[serde(default, deserialize_with = "fields::text")]
    pub sms_method: Option<String>,
    /// Where a message is sent when that fails.
    #[serde(default, deserialize_with = "fields::text")]
    pub sms_fallback_url: Option<String>,
    /// How.
    #[serde(default, deserialize_with = "fields::text")]
    pub sms_fallback_method: Option<String>,
}

/// What a number can do. A capability that Twilio does not mention counts as there, so that it is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumberCapabilities {
    /// Calls.
    #[serde(default = "yes")]
    pub voice: bool,
    /// Texts.
    #[serde(default = "yes")]
    pub sms: bool,
    /// Texts with pictures.
    #[serde(default = "yes")]
    pub mms: bool,
}

impl NumberCapabilities {
    /// What a number counts as able to do of which Twilio says nothing.
    pub const ALL: Self = Self {
        voice: true,
        sms: true,
        mms: true,
    };
}

impl IncomingPhoneNumber {
    /// What it can do.
    #[must_use]
    pub fn abilities(&self) -> NumberCapabilities {
        self.capabilities.unwrap_or(NumberCapabilities::ALL)
    }
}

/// Where a number's own settings should lead. Every URL is called by POST, and neither a trunk nor a TwiML App stands before one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberConfig {
    /// Where a call is sent.
    pub voice_url: String,
    /// Where a call is sent when that fails.
    pub voice_fallback_url: String,
    /// Where the end of a call is reported.
    pub status_callback: String,
    /// Where a message is sent.
    pub sms_url: String,
    /// Where a message is sent when that fails.
    pub sms_fallback_url: String,
}

impl NumberConfig {
    /// The names of what a number has differently, as Twilio names them; none when it is right. What it has for calls or messages
    /// does not count where it can have none. URLs are compared as texts, with their fragments.
    #[must_use]
    pub fn differences(&self, number: &IncomingPhoneNumber) -> Vec<&'static str> {
        // POST is the default.
        let is_post = |method: &Option<String>| method.as_deref().is_none_or(|it| it == "POST");
        let is = |url: &Option<String>, expected: &String| url.as_ref() == Some(expected);
        let of_calls = [
            ("trunk_sid", number.trunk_sid.is_none()),
            (
                "voice_application_sid",
                number.voice_application_sid.is_none(),
            ),
            ("voice_url", is(&number.voice_url, &self.voice_url)),
            ("voice_method", is_post(&number.voice_method)),
            (
                "voice_fallback_url",
                is(&number.voice_fallback_url, &self.voice_fallback_url),
            ),
            (
                "voice_fallback_method",
                is_post(&number.voice_fallback_method),
            ),
            (
                "status_callback",
                is(&number.status_callback, &self.status_callback),
            ),
            (
                "status_callback_method",
                is_post(&number.status_callback_method),
            ),
        ];
        let of_messages = [
            ("sms_application_sid", number.sms_application_sid.is_none()),
            ("sms_url", is(&number.sms_url, &self.sms_url)),
            ("sms_method", is_post(&number.sms_method)),
            (
                "sms_fallback_url",
                is(&number.sms_fallback_url, &self.sms_fallback_url),
            ),
            ("sms_fallback_method", is_post(&number.sms_fallback_method)),
        ];
        let abilities = number.abilities();
        let of_calls = of_calls.into_iter().filter(|_| abilities.voice);
        let of_messages = of_messages.into_iter().filter(|_| abilities.sms);
        of_calls
            .chain(of_messages)
            .filter_map(|(name, is_right)| (!is_right).then_some(name))
            .collect()
    }

    /// What is sent for a number of these abilities: an empty SID takes a trunk or an App away.
    fn form(&self, abilities: NumberCapabilities) -> Vec<(&str, &str)> {
        let of_calls = [
            ("TrunkSid", ""),
            ("VoiceApplicationSid", ""),
            ("VoiceUrl", self.voice_url.as_str()),
            ("VoiceMethod", "POST"),
            ("VoiceFallbackUrl", &self.voice_fallback_url),
            ("VoiceFallbackMethod", "POST"),
            ("StatusCallback", &self.status_callback),
            ("StatusCallbackMethod", "POST"),
        ];
        let of_messages = [
            ("SmsApplicationSid", ""),
            ("SmsUrl", self.sms_url.as_str()),
            ("SmsMethod", "POST"),
            ("SmsFallbackUrl", &self.sms_fallback_url),
            ("SmsFallbackMethod", "POST"),
        ];
        let of_calls = of_calls.into_iter().filter(|_| abilities.voice);
        let of_messages = of_messages.into_iter().filter(|_| abilities.sms);
        of_calls.chain(of_messages).collect()
    }
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

    /// Fetches a phone number of the account.
    ///
    /// # Errors
    /// Why there is none; of the kind `NotFound` when it is not (or no longer) the account's.
    pub async fn incoming_phone_number(
        &self,
        sid: &PhoneNumberSid,
    ) -> Result<IncomingPhoneNumber, TwilioError> {
        let document = format!("{sid}.json");
        let path = self.account_path(&["IncomingPhoneNumbers", &document]);
        let (host, operation) = (Host::TwilioApi, "incoming_phone_numbers.fetch");
        self.fetch(Call::get(host, operation, &path, self.deadline))
            .await
    }

    /// Gives a phone number its URLs, as far as it can take calls and messages, and takes away what would count before them. Its
    /// name and whatever else it has stay.
    ///
    /// # Errors
    /// Why it was not changed.
    pub async fn update_incoming_phone_number(
        &self,
        number: &IncomingPhoneNumber,
        config: &NumberConfig,
    ) -> Result<IncomingPhoneNumber, TwilioError> {
        let document = format!("{}.json", number.sid);
        let path = self.account_path(&["IncomingPhoneNumbers", &document]);
        let (host, operation) = (Host::TwilioApi, "incoming_phone_numbers.update");
        let call = Call::post(host, operation, &path, self.deadline);
        let form = config.form(number.abilities());
        // The same values twice are the same number.
        self.fetch(call.form(&form).repeatable()).await
    }
}
