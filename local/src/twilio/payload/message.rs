//! Inbound SMS and MMS.

use shared::sid::{AccountSid, MessageSid, MessagingServiceSid};

use super::{API_VERSION, resource_url};
use crate::twilio::parameters::Parameters;
use crate::twilio::sids::SidSupply;

/// Something attached to a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    /// Its type, for instance `image/jpeg`.
    pub content_type: String,
    /// Where Twilio keeps it.
    pub url: String,
}

impl Media {
    /// A file of a message, under a made-up SID.
    #[must_use]
    pub fn of(
        account: &AccountSid,
        message: &MessageSid,
        content_type: &str,
        sids: &SidSupply,
    ) -> Self {
        let message_url = resource_url(account, "Messages", message.as_str());
        Self {
            content_type: content_type.to_owned(),
            url: format!("{message_url}/Media/{}", sids.sid("ME")),
        }
    }
}

/// What Advanced Opt-Out made of a message to a messaging service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptOut {
    /// Wants no more messages.
    Stop,
    /// Wants messages again.
    Start,
    /// Asks for help.
    Help,
}

impl OptOut {
    /// The value of `OptOutType`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "STOP",
            Self::Start => "START",
            Self::Help => "HELP",
        }
    }
}

/// An SMS, or with media an MMS.
#[derive(Debug, Clone)]
pub struct InboundMessage {
    /// Whose message it is.
    pub account: AccountSid,
    /// Its SID.
    pub sid: MessageSid,
    /// Who wrote.
    pub from: String,
    /// To which number.
    pub to: String,
    /// The text; may be empty when there are media.
    pub body: String,
    /// What is attached.
    pub media: Vec<Media>,
    /// The messaging service that the number belongs to.
    pub messaging_service: Option<MessagingServiceSid>,
    /// What Advanced Opt-Out made of it.
    pub opt_out: Option<OptOut>,
}

impl InboundMessage {
    /// A plain SMS.
    #[must_use]
    pub fn text(account: AccountSid, sid: MessageSid, from: &str, to: &str, body: &str) -> Self {
        Self {
            account,
            sid,
            from: from.to_owned(),
            to: to.to_owned(),
            body: body.to_owned(),
            media: Vec::new(),
            messaging_service: None,
            opt_out: None,
        }
    }

    /// What Twilio sends.
    #[must_use]
    pub fn parameters(&self) -> Parameters {
        Parameters::new()
            .and(&place("To", &self.to))
            .and(&message_sids(&self.sid))
            .with("NumMedia", self.media.len().to_string())
            .and(&place("From", &self.from))
            .with("SmsStatus", "received")
            .with("Body", &self.body)
            .with("To", &self.to)
            .with_optional(
                "MessagingServiceSid",
                self.messaging_service
                    .as_ref()
                    .map(MessagingServiceSid::as_str),
            )
            .with("NumSegments", segments(&self.body).to_string())
            .with("AccountSid", self.account.as_str())
            .with("From", &self.from)
            .with("ApiVersion", API_VERSION)
            .with_optional("OptOutType", self.opt_out.map(OptOut::as_str))
            .and(&attached(&self.media))
    }
}

/// The message's SID under its three names.
pub(crate) fn message_sids(sid: &MessageSid) -> Parameters {
    Parameters::new()
        .with("MessageSid", sid.as_str())
        .with("SmsSid", sid.as_str())
        .with("SmsMessageSid", sid.as_str())
}

/// `MediaUrl0`, `MediaContentType0` and so on.
pub(crate) fn attached(media: &[Media]) -> Parameters {
    media
        .iter()
        .enumerate()
        .fold(Parameters::new(), |parameters, (index, media)| {
            parameters
                .with(&format!("MediaContentType{index}"), &media.content_type)
                .with(&format!("MediaUrl{index}"), &media.url)
        })
}

/// Where a number is registered, as far as Twilio tells: the country of North American numbers, and empty names.
pub(crate) fn place(end: &str, address: &str) -> Parameters {
    let country = if address.starts_with("+1") { "US" } else { "" };
    Parameters::new()
        .with(&format!("{end}City"), "")
        .with(&format!("{end}Country"), country)
        .with(&format!("{end}State"), "")
        .with(&format!("{end}Zip"), "")
}

/// How many SMS a text takes: 160 characters (153 when there are several), or 70 (67) if one is outside of ASCII.
pub(crate) fn segments(body: &str) -> usize {
    let (alone, several) = if body.is_ascii() {
        (160, 153)
    } else {
        (70, 67)
    };
    let length = body.encode_utf16().count();
    if length <= alone {
        1
    } else {
        length.div_ceil(several)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(body: &str) -> InboundMessage {
        let sids = SidSupply::seeded(1);
        let account = sids.sid("AC").parse().unwrap();
        InboundMessage::text(
            account,
            sids.message(false),
            "+15005550010",
            "+15005550006",
            body,
        )
    }

    #[test]
    fn an_sms_has_the_parameters_that_twilio_documents() {
        let parameters = message("Hello").parameters();
        let mut names: Vec<&str> = parameters.iter().map(|(name, _)| name).collect();
        names.sort_unstable();
        assert_eq!(
            names.join(" "),
            "AccountSid ApiVersion Body From FromCity FromCountry FromState FromZip MessageSid NumMedia NumSegments \
             SmsMessageSid SmsSid SmsStatus To ToCity ToCountry ToState ToZip"
        );
        assert_eq!(parameters.get("NumMedia"), Some("0"));
        assert_eq!(parameters.get("SmsSid"), parameters.get("MessageSid"));
    }

    #[test]
    fn media_are_numbered_from_zero() {
        let mut mms = message("");
        let sids = SidSupply::seeded(2);
        mms.media = vec![
            Media::of(&mms.account, &mms.sid, "image/jpeg", &sids),
            Media::of(&mms.account, &mms.sid, "image/png", &sids),
        ];
        let parameters = mms.parameters();
        assert_eq!(parameters.get("NumMedia"), Some("2"));
        assert_eq!(parameters.get("MediaContentType1"), Some("image/png"));
        assert!(parameters.get("MediaUrl0").unwrap().contains("/Media/ME"));
        assert_eq!(parameters.get("Body"), Some(""));
    }

    #[test]
    fn a_messaging_service_and_its_opt_out_are_named() {
        let mut stop = message("stop");
        stop.messaging_service = Some(SidSupply::seeded(3).sid("MG").parse().unwrap());
        stop.opt_out = Some(OptOut::Stop);
        let parameters = stop.parameters();
        assert_eq!(parameters.get("OptOutType"), Some("STOP"));
        assert!(parameters.get("MessagingServiceSid").is_some());
    }

    #[test]
    fn long_texts_take_several_segments() {
        assert_eq!(segments(""), 1);
        assert_eq!(segments(&"a".repeat(160)), 1);
        assert_eq!(segments(&"a".repeat(161)), 2);
        assert_eq!(segments(&"ж".repeat(71)), 2);
    }
}
