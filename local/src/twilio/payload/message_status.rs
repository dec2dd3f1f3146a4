//! What becomes of a sent message.

use shared::sid::{AccountSid, MessageSid};

use super::API_VERSION;
use crate::twilio::parameters::Parameters;

/// How the message travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// SMS or MMS.
    Sms,
    /// WhatsApp.
    Whatsapp,
}

/// A message's new status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageStatusCallback {
    /// Whose message it is.
    pub account: AccountSid,
    /// Its SID.
    pub sid: MessageSid,
    /// How it travels.
    pub channel: Channel,
    /// From which number, without `whatsapp:`.
    pub from: String,
    /// To whom, without `whatsapp:`.
    pub to: String,
    /// The status in Twilio's words, for instance `delivered`.
    pub status: String,
    /// Twilio's error code and message, when it failed.
    pub error: Option<(u32, String)>,
}

impl MessageStatusCallback {
    /// A status without an error.
    #[must_use]
    pub fn new(
        account: AccountSid,
        sid: MessageSid,
        channel: Channel,
        from: &str,
        to: &str,
        status: &str,
    ) -> Self {
        Self {
            account,
            sid,
            channel,
            from: from.to_owned(),
            to: to.to_owned(),
            status: status.to_owned(),
            error: None,
        }
    }

    /// The same with an error; Twilio sends the code, and for some failures a sentence.
    #[must_use]
    pub fn with_error(mut self, code: u32, message: &str) -> Self {
        self.error = Some((code, message.to_owned()));
        self
    }

    /// A WhatsApp message that was accepted and fails later, because the user wrote longer than 24 hours ago.
    #[must_use]
    pub fn outside_window(account: AccountSid, sid: MessageSid, from: &str, to: &str) -> Self {
        let sentence =
            "Failed to send freeform message because you are outside the allowed window.";
        Self::new(account, sid, Channel::Whatsapp, from, to, "failed").with_error(63_016, sentence)
    }

    /// The callbacks of an ordinary delivery, in order: `sent`, `delivered`, and on WhatsApp `read`. The first status of a
    /// message has none.
    #[must_use]
    pub fn delivery(
        account: &AccountSid,
        sid: &MessageSid,
        channel: Channel,
        from: &str,
        to: &str,
    ) -> Vec<Self> {
        let statuses: &[&str] = match channel {
            Channel::Sms => &["sent", "delivered"],
            Channel::Whatsapp => &["sent", "delivered", "read"],
        };
        let callback =
            |status: &&str| Self::new(account.clone(), sid.clone(), channel, from, to, status);
        statuses.iter().map(callback).collect()
    }

    /// What Twilio sends. `time` is when the carrier says the message was delivered.
    #[must_use]
    pub fn parameters(&self, time: jiff::Timestamp) -> Parameters {
        let is_whatsapp = self.channel == Channel::Whatsapp;
        let address = |number: &str| {
            if is_whatsapp {
                format!("whatsapp:{number}")
            } else {
                number.to_owned()
            }
        };
        let has_receipt =
            !is_whatsapp && matches!(self.status.as_str(), "delivered" | "undelivered");
        let parameters = Parameters::new()
            .with_optional(
                "ErrorCode",
                self.error.as_ref().map(|(code, _)| code.to_string()),
            )
            .with_optional(
                "ErrorMessage",
                self.error.as_ref().map(|(_, message)| message),
            )
            .with_optional(
                "RawDlrDoneDate",
                has_receipt.then(|| time.strftime("%y%m%d%H%M").to_string()),
            )
            .with("SmsSid", self.sid.as_str())
            .with("SmsStatus", &self.status)
            .with("MessageStatus", &self.status)
            .with("To", address(&self.to))
            .with("MessageSid", self.sid.as_str())
            .with("AccountSid", self.account.as_str())
            .with("From", address(&self.from))
            .with("ApiVersion", API_VERSION);
        if !is_whatsapp {
            return parameters;
        }
        parameters
            // Every WhatsApp sender is an installed channel; one made-up SID stands for it.
            .with("ChannelInstallSid", "XE00000000000000000000000000000001")
            .with("ChannelPrefix", "whatsapp")
            .with("ChannelToAddress", &self.to)
            .with_optional(
                "ChannelStatusMessage",
                self.error.as_ref().map(|(_, message)| message),
            )
            .with_optional("EventType", (self.status == "read").then_some("READ"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::twilio::sids::SidSupply;

    fn ends() -> (AccountSid, MessageSid, &'static str, &'static str) {
        let sids = SidSupply::seeded(1);
        (
            sids.sid("AC").parse().unwrap(),
            sids.message(false),
            "+15005550006",
            "+15005550010",
        )
    }

    #[test]
    fn a_delivered_sms_has_the_carriers_date() {
        let (account, sid, from, to) = ends();
        let callback =
            MessageStatusCallback::new(account, sid, Channel::Sms, from, to, "delivered");
        let parameters = callback.parameters("2021-08-20T01:13:42Z".parse().unwrap());
        assert_eq!(parameters.get("RawDlrDoneDate"), Some("2108200113"));
        assert_eq!(parameters.get("MessageStatus"), parameters.get("SmsStatus"));
        assert_eq!(parameters.get("ChannelPrefix"), None);
    }

    #[test]
    fn a_read_whatsapp_message_is_an_event() {
        let (account, sid, from, to) = ends();
        let callbacks =
            MessageStatusCallback::delivery(&account, &sid, Channel::Whatsapp, from, to);
        let parameters = callbacks
            .last()
            .unwrap()
            .parameters(jiff::Timestamp::UNIX_EPOCH);
        assert_eq!(parameters.get("EventType"), Some("READ"));
        assert_eq!(parameters.get("To"), Some("whatsapp:+15005550010"));
        assert_eq!(parameters.get("ChannelToAddress"), Some("+15005550010"));
    }

    #[test]
    fn the_closed_window_is_reported_late_as_a_failure() {
        let (account, sid, from, to) = ends();
        let parameters = MessageStatusCallback::outside_window(account, sid, from, to)
            .parameters(jiff::Timestamp::UNIX_EPOCH);
        assert_eq!(parameters.get("ErrorCode"), Some("63016"));
        assert_eq!(parameters.get("MessageStatus"), Some("failed"));
    }
}
