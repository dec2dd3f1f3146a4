//! Who a message or call is from and to: phone numbers, browser clients, WhatsApp users, and whatever else Twilio sends.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A text that is not a phone number in E.164.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a phone number in E.164: + and 7 to 15 digits, the first not 0")]
pub struct InvalidPhoneNumber;

/// A phone number in E.164: `+`, then 7 to 15 digits of which the first is not 0.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PhoneNumber(Box<str>);

impl PhoneNumber {
    /// The number with its leading `+`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PhoneNumber {
    type Err = InvalidPhoneNumber;

    fn from_str(text: &str) -> Result<Self, InvalidPhoneNumber> {
        let digits = text.strip_prefix('+').ok_or(InvalidPhoneNumber)?;
        let well_formed = (7..=15).contains(&digits.len())
            && digits.bytes().all(|b| b.is_ascii_digit())
            && !digits.starts_with('0');
        if well_formed {
            Ok(Self(text.into()))
        } else {
            Err(InvalidPhoneNumber)
        }
    }
}

impl TryFrom<String> for PhoneNumber {
    type Error = InvalidPhoneNumber;

    fn try_from(text: String) -> Result<Self, InvalidPhoneNumber> {
        text.parse()
    }
}

impl From<PhoneNumber> for String {
    fn from(number: PhoneNumber) -> Self {
        number.0.into()
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// One end of a message or call, as Twilio names it in `From` and `To`.
///
/// Reading never fails: callers may be `anonymous`, `sip:…` or, on WhatsApp since 2026, users without a visible number.
/// What has no known form is kept as [`Address::Other`], and every form is written back as it came.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// A phone number of the public network.
    Phone(PhoneNumber),
    /// A browser or mobile client, `client:<identity>`; holds the identity.
    Client(Box<str>),
    /// A WhatsApp user or sender, `whatsapp:<number or id>`; holds what follows the colon, which need not be a number.
    WhatsApp(Box<str>),
    /// Anything else, for instance `anonymous` or `sip:…`.
    Other(Box<str>),
}

impl From<&str> for Address {
    fn from(text: &str) -> Self {
        if let Some(identity) = text.strip_prefix("client:") {
            Self::Client(identity.into())
        } else if let Some(user) = text.strip_prefix("whatsapp:") {
            Self::WhatsApp(user.into())
        } else {
            text.parse()
                .map_or_else(|_| Self::Other(text.into()), Self::Phone)
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Phone(number) => number.fmt(formatter),
            Self::Client(identity) => write!(formatter, "client:{identity}"),
            Self::WhatsApp(user) => write!(formatter, "whatsapp:{user}"),
            Self::Other(text) => formatter.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_is_written_back_as_it_came() {
        let addresses = [
            "+15005550006",
            "client:user_1",
            "whatsapp:+15005550010",
            "whatsapp:ID.4566123",
            "sip:someone@example.com",
            "anonymous",
            "+266696687",
            "+0",
            "",
        ];
        for text in addresses {
            assert_eq!(Address::from(text).to_string(), text);
        }
    }

    #[test]
    fn only_e164_is_a_phone_number() {
        assert!(matches!(Address::from("+15005550006"), Address::Phone(_)));
        for text in [
            "15005550006",
            "+05005550006",
            "+1500555",
            "+1234567890123456",
            "+1500555000a",
            "anonymous",
        ] {
            let is_phone = matches!(Address::from(text), Address::Phone(_));
            assert_eq!(is_phone, text == "+1500555", "{text}");
        }
    }
}
