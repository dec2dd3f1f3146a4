//! Inbound WhatsApp messages. Many of these parameters are not documented by Twilio, but seen in real payloads.

use serde_json::json;
use shared::sid::{AccountSid, MessageSid};

use super::API_VERSION;
use super::message::{Media, attached, message_sids};
use crate::twilio::parameters::Parameters;

/// Who wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WhatsappUser {
    /// Somebody whose number is visible, in E.164.
    Number(String),
    /// Somebody with a user name and no visible number (since 2026); holds the id, for instance `ID.4566123`.
    Hidden(String),
}

impl WhatsappUser {
    /// The value of `From`.
    #[must_use]
    pub fn address(&self) -> String {
        match self {
            Self::Number(number) | Self::Hidden(number) => format!("whatsapp:{number}"),
        }
    }
}

/// What the message is.
#[derive(Debug, Clone, PartialEq)]
pub enum WhatsappContent {
    /// Text.
    Text(String),
    /// A file with a caption, which may be empty; WhatsApp attaches one at most.
    Media {
        /// The file.
        media: Media,
        /// What is written below.
        caption: String,
    },
    /// A tap on a quick reply.
    Button {
        /// What the button says.
        text: String,
        /// What the button means.
        payload: String,
    },
    /// A choice from a list.
    List {
        /// What the entry says.
        title: String,
        /// What the entry means.
        id: String,
    },
    /// A place.
    Location {
        /// Degrees north.
        latitude: f64,
        /// Degrees east.
        longitude: f64,
        /// The address, if it has one.
        address: Option<String>,
        /// The name, if it has one.
        label: Option<String>,
    },
    /// An emoji on the message that is replied to.
    Reaction(String),
}

/// The message that is replied or reacted to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepliedMessage {
    /// Its SID.
    pub sid: MessageSid,
    /// Who sent it, `whatsapp:…`.
    pub sender: String,
}

/// The advertisement through which somebody began to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referral {
    /// Its headline.
    pub headline: String,
    /// Its text.
    pub body: String,
    /// Its id at Meta.
    pub source_id: String,
    /// Where it is.
    pub source_url: String,
    /// Meta's click id.
    pub click_id: String,
    /// Its picture.
    pub media: Option<Media>,
}

/// A message to a WhatsApp sender.
#[derive(Debug, Clone, PartialEq)]
pub struct InboundWhatsapp {
    /// Whose message it is.
    pub account: AccountSid,
    /// Its SID.
    pub sid: MessageSid,
    /// Who wrote.
    pub from: WhatsappUser,
    /// What the user is called.
    pub profile_name: String,
    /// To which sender, in E.164 without `whatsapp:`.
    pub to: String,
    /// What the message is.
    pub content: WhatsappContent,
    /// What it replies or reacts to.
    pub replied_to: Option<RepliedMessage>,
    /// Which advertisement it came through.
    pub referral: Option<Referral>,
    /// Whether it was forwarded.
    pub is_forwarded: bool,
}

impl InboundWhatsapp {
    /// A message that replies to nothing.
    #[must_use]
    pub fn new(
        account: AccountSid,
        sid: MessageSid,
        from: WhatsappUser,
        to: &str,
        content: WhatsappContent,
    ) -> Self {
        Self {
            account,
            sid,
            from,
            profile_name: "Ana María".to_owned(),
            to: to.to_owned(),
            content,
            replied_to: None,
            referral: None,
            is_forwarded: false,
        }
    }

    /// What Twilio sends.
    #[must_use]
    pub fn parameters(&self) -> Parameters {
        let is_file = matches!(self.content, WhatsappContent::Media { .. });
        let number = match &self.from {
            WhatsappUser::Number(number) => Some(number.trim_start_matches('+')),
            WhatsappUser::Hidden(_) => None,
        };
        let hidden = match &self.from {
            WhatsappUser::Hidden(_) => Some(self.from.address()),
            WhatsappUser::Number(_) => None,
        };
        let forwarded = self.is_forwarded.then_some("true");
        let mut context = json!({ "ProfileName": self.profile_name });
        if let (Some(number), Some(context)) = (number, context.as_object_mut()) {
            context.insert("WaId".to_owned(), json!(number));
        }
        Parameters::new()
            .and(&message_sids(&self.sid))
            .with("NumMedia", if is_file { "1" } else { "0" })
            .with("ProfileName", &self.profile_name)
            .and(&self.content_parameters())
            .with_optional("WaId", number)
            .with_optional("ExternalUserId", hidden)
            .with("SmsStatus", "received")
            .with("To", format!("whatsapp:{}", self.to))
            .with("NumSegments", "1")
            .and(&self.referral_parameters())
            .with("AccountSid", self.account.as_str())
            .with(
                "ChannelMetadata",
                json!({ "type": "whatsapp", "data": { "context": context } }).to_string(),
            )
            .with_optional("Forwarded", forwarded)
            .with_optional("FrequentlyForwarded", forwarded.map(|_| "false"))
            .with_optional(
                "OriginalRepliedMessageSender",
                self.replied_to.as_ref().map(|message| &message.sender),
            )
            .with_optional(
                "OriginalRepliedMessageSid",
                self.replied_to.as_ref().map(|message| message.sid.as_str()),
            )
            .with("From", self.from.address())
            .with("ApiVersion", API_VERSION)
    }

    fn content_parameters(&self) -> Parameters {
        let of = |kind: &str, body: &str| {
            Parameters::new()
                .with("MessageType", kind)
                .with("Body", body)
        };
        match &self.content {
            WhatsappContent::Text(text) => of("text", text),
            WhatsappContent::Media { media, caption } => {
                let kind = media.content_type.split('/').next();
                let kind = kind
                    .filter(|kind| ["image", "audio", "video"].contains(kind))
                    .unwrap_or("document");
                of(kind, caption).and(&attached(std::slice::from_ref(media)))
            }
            WhatsappContent::Button { text, payload } => of("button", text)
                .with("ButtonText", text)
                .with("ButtonPayload", payload),
            WhatsappContent::List { title, id } => of("interactive", title)
                .with("ListTitle", title)
                .with("ListId", id),
            WhatsappContent::Location {
                latitude,
                longitude,
                address,
                label,
            } => of("location", "")
                .with("Latitude", latitude.to_string())
                .with("Longitude", longitude.to_string())
                .with_optional("Address", address.as_ref())
                .with_optional("Label", label.as_ref()),
            WhatsappContent::Reaction(emoji) => of("reaction", emoji),
        }
    }

    fn referral_parameters(&self) -> Parameters {
        let Some(referral) = &self.referral else {
            return Parameters::new().with("ReferralNumMedia", "0");
        };
        let media = referral.media.as_ref();
        Parameters::new()
            .with("ReferralNumMedia", if media.is_some() { "1" } else { "0" })
            .with("ReferralHeadline", &referral.headline)
            .with("ReferralBody", &referral.body)
            .with("ReferralSourceId", &referral.source_id)
            .with("ReferralSourceType", "ad")
            .with("ReferralSourceUrl", &referral.source_url)
            .with("ReferralCtwaClid", &referral.click_id)
            .with_optional(
                "ReferralMediaContentType",
                media.map(|media| &media.content_type),
            )
            .with_optional("ReferralMediaUrl", media.map(|media| &media.url))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::twilio::sids::SidSupply;

    fn message(from: WhatsappUser, content: WhatsappContent) -> InboundWhatsapp {
        let sids = SidSupply::seeded(1);
        let account = sids.sid("AC").parse().unwrap();
        InboundWhatsapp::new(account, sids.message(false), from, "+15005550006", content)
    }

    fn visible() -> WhatsappUser {
        WhatsappUser::Number("+15005550010".to_owned())
    }

    #[test]
    fn a_user_with_a_number_has_a_wa_id() {
        let parameters = message(visible(), WhatsappContent::Text("hola".to_owned())).parameters();
        assert_eq!(parameters.get("From"), Some("whatsapp:+15005550010"));
        assert_eq!(parameters.get("WaId"), Some("15005550010"));
        assert_eq!(parameters.get("MessageType"), Some("text"));
        let metadata: serde_json::Value =
            serde_json::from_str(parameters.get("ChannelMetadata").unwrap()).unwrap();
        assert_eq!(metadata["data"]["context"]["WaId"], "15005550010");
    }

    #[test]
    fn a_user_without_a_visible_number_has_an_external_id_instead() {
        let from = WhatsappUser::Hidden("ID.4566123".to_owned());
        let parameters = message(from, WhatsappContent::Text("hola".to_owned())).parameters();
        assert_eq!(parameters.get("From"), Some("whatsapp:ID.4566123"));
        assert_eq!(
            parameters.get("ExternalUserId"),
            Some("whatsapp:ID.4566123")
        );
        assert_eq!(parameters.get("WaId"), None);
    }

    #[test]
    fn every_kind_of_content_has_its_own_parameters() {
        let media = Media {
            content_type: "application/pdf".to_owned(),
            url: "https://host/ME1".to_owned(),
        };
        let location = WhatsappContent::Location {
            latitude: 48.2,
            longitude: -16.37,
            address: None,
            label: None,
        };
        let cases = [
            (
                WhatsappContent::Media {
                    media,
                    caption: String::new(),
                },
                "document",
                "MediaUrl0",
                "https://host/ME1",
            ),
            (
                WhatsappContent::Button {
                    text: "Yes".to_owned(),
                    payload: "yes_1".to_owned(),
                },
                "button",
                "ButtonPayload",
                "yes_1",
            ),
            (
                WhatsappContent::List {
                    title: "Red".to_owned(),
                    id: "red".to_owned(),
                },
                "interactive",
                "ListId",
                "red",
            ),
            (location, "location", "Longitude", "-16.37"),
            (
                WhatsappContent::Reaction("👍".to_owned()),
                "reaction",
                "Body",
                "👍",
            ),
        ];
        for (content, kind, name, value) in cases {
            let parameters = message(visible(), content).parameters();
            assert_eq!(parameters.get("MessageType"), Some(kind));
            assert_eq!(parameters.get(name), Some(value));
        }
    }

    #[test]
    fn replies_and_advertisements_are_named() {
        let mut inbound = message(visible(), WhatsappContent::Text("hola".to_owned()));
        let sid = SidSupply::seeded(2).message(true);
        inbound.replied_to = Some(RepliedMessage {
            sid: sid.clone(),
            sender: "whatsapp:+15005550006".to_owned(),
        });
        inbound.referral = Some(Referral {
            headline: "Summer sale".to_owned(),
            body: "Write to us".to_owned(),
            source_id: "120".to_owned(),
            source_url: "https://fb.me/1".to_owned(),
            click_id: "ARA".to_owned(),
            media: None,
        });
        let parameters = inbound.parameters();
        assert_eq!(
            parameters.get("OriginalRepliedMessageSid"),
            Some(sid.as_str())
        );
        assert_eq!(parameters.get("ReferralCtwaClid"), Some("ARA"));
        assert_eq!(parameters.get("ReferralSourceType"), Some("ad"));
    }
}
