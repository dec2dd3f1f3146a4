//! Where a tenant's webhooks go, and which numbers it has.

use shared::sid::MessagingServiceSid;
use shared::twilio::TwilioCredentials;

use super::account::Account;

/// What status URLs carry as their fragment: a callback that fails is tried three more times. Documents have Twilio's
/// defaults, because a caller does not wait.
const STATUS_OVERRIDES: &str = "#rc=3&rp=5xx,ct,rt";

/// The addresses of the webhook functions, each with a slash at its end, as function URLs have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionUrls {
    /// Of `voice-webhook`.
    pub voice: String,
    /// Of `sms-webhook`.
    pub sms: String,
    /// Of `whatsapp-webhook`.
    pub whatsapp: String,
}

/// A tenant as Twilio sees it: an account, its numbers, and the URLs that are configured for them.
#[derive(Debug, Clone)]
pub struct Target {
    /// Whose webhooks are simulated.
    pub account: Account,
    /// Where they go.
    pub urls: FunctionUrls,
    /// The number that is called and texted.
    pub phone_number: String,
    /// The WhatsApp sender, without `whatsapp:`.
    pub whatsapp_sender: String,
    /// The messaging service that the number belongs to.
    pub messaging_service: Option<MessagingServiceSid>,
    /// Where the double of the REST API is, which then has what simulated webhooks tell of.
    pub rest_double: Option<String>,
}

impl Target {
    /// A tenant with the numbers that its credentials name, or a number of Twilio's test range where they name none.
    #[must_use]
    pub fn new(credentials: &TwilioCredentials, urls: FunctionUrls) -> Self {
        let phone_number = credentials
            .phone_number
            .as_ref()
            .map_or("+15005550006", |number| number.as_str());
        let whatsapp_sender = credentials
            .whatsapp_sender
            .as_ref()
            .map_or(phone_number, |number| number.as_str());
        Self {
            account: Account::from(credentials),
            urls,
            phone_number: phone_number.to_owned(),
            whatsapp_sender: whatsapp_sender.to_owned(),
            messaging_service: credentials.messaging_service_sid.clone(),
            rest_double: None,
        }
    }

    /// The voice URL of the number and of the TwiML App.
    #[must_use]
    pub fn voice_url(&self) -> String {
        self.url(&self.urls.voice, "voice")
    }

    /// What Twilio calls when a voice document fails.
    #[must_use]
    pub fn voice_fallback_url(&self) -> String {
        self.url(&self.urls.voice, "voice/fallback")
    }

    /// What hears of the end of a call.
    #[must_use]
    pub fn voice_status_url(&self) -> String {
        self.url(&self.urls.voice, "voice/status") + STATUS_OVERRIDES
    }

    /// Where inbound SMS go.
    #[must_use]
    pub fn sms_url(&self) -> String {
        self.url(&self.urls.sms, "sms")
    }

    /// What Twilio calls when the answer to an SMS fails.
    #[must_use]
    pub fn sms_fallback_url(&self) -> String {
        self.url(&self.urls.sms, "sms/fallback")
    }

    /// What hears of sent SMS.
    #[must_use]
    pub fn sms_status_url(&self) -> String {
        self.url(&self.urls.sms, "sms/status") + STATUS_OVERRIDES
    }

    /// Where inbound WhatsApp messages go.
    #[must_use]
    pub fn whatsapp_url(&self) -> String {
        self.url(&self.urls.whatsapp, "whatsapp")
    }

    /// What Twilio calls when the answer to a WhatsApp message fails.
    #[must_use]
    pub fn whatsapp_fallback_url(&self) -> String {
        self.url(&self.urls.whatsapp, "whatsapp/fallback")
    }

    /// What hears of sent WhatsApp messages.
    #[must_use]
    pub fn whatsapp_status_url(&self) -> String {
        self.url(&self.urls.whatsapp, "whatsapp/status") + STATUS_OVERRIDES
    }

    fn url(&self, base: &str, path: &str) -> String {
        format!("{base}{path}?account={}", self.account.sid)
    }
}
