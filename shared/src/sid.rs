//! Twilio's identifiers: two letters that name the kind, then 32 hexadecimal digits.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A text that is not a SID of the expected kind. It does not repeat the text, which may be a misplaced secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected} followed by 32 hexadecimal digits")]
pub struct InvalidSid {
    expected: &'static str,
}

macro_rules! sids {
    ($($(#[$doc:meta])* $name:ident: $($prefix:literal)|+;)+) => {$(
        $(#[$doc])*
        ///
        /// Hexadecimal digits may be of either case and are compared as given.
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Box<str>);

        impl $name {
            /// The SID as Twilio writes it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidSid;

            fn from_str(text: &str) -> Result<Self, InvalidSid> {
                let prefixes: &[&str] = &[$($prefix),+];
                let hexadecimal = |digits: &str| digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_hexdigit());
                if prefixes.iter().any(|prefix| text.strip_prefix(prefix).is_some_and(hexadecimal)) {
                    Ok(Self(text.into()))
                } else {
                    Err(InvalidSid { expected: sids!(@expected $($prefix)|+) })
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidSid;

            fn try_from(text: String) -> Result<Self, InvalidSid> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(sid: $name) -> Self {
                sid.0.into()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    )+};
    (@expected $first:literal) => { $first };
    (@expected $first:literal | $second:literal) => { concat!($first, " or ", $second) };
}

sids! {
    /// An account or subaccount, `AC…`.
    AccountSid: "AC";
    /// An API key, `SK…`.
    ApiKeySid: "SK";
    /// A TwiML App, `AP…`.
    ApplicationSid: "AP";
    /// A call leg, `CA…`.
    CallSid: "CA";
    /// A file of a message, `ME…`.
    MediaSid: "ME";
    /// A message, `SM…` (text) or `MM…` (media).
    MessageSid: "SM" | "MM";
    /// A messaging service, `MG…`.
    MessagingServiceSid: "MG";
    /// A phone number of an account, `PN…`.
    PhoneNumberSid: "PN";
    /// A push credential, `CR…`.
    PushCredentialSid: "CR";
    /// A recording, `RE…`.
    RecordingSid: "RE";
    /// A role of Conversations, `RL…`.
    RoleSid: "RL";
    /// A service of Conversations or Sync, `IS…`.
    ServiceSid: "IS";
    /// A transcription of a recording, `TR…`.
    TranscriptionSid: "TR";
    /// A SIP trunk, `TK…`.
    TrunkSid: "TK";
    /// A TaskRouter worker, `WK…`.
    WorkerSid: "WK";
    /// A TaskRouter workspace, `WS…`.
    WorkspaceSid: "WS";
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGITS: &str = "00112233445566778899aAbBcCdDeEfF";

    #[test]
    fn a_sid_is_kept_as_written() {
        let text = format!("AC{DIGITS}");
        assert_eq!(text.parse::<AccountSid>().unwrap().as_str(), text);
    }

    #[test]
    fn messages_have_two_prefixes() {
        assert!(format!("SM{DIGITS}").parse::<MessageSid>().is_ok());
        assert!(format!("MM{DIGITS}").parse::<MessageSid>().is_ok());
        let refusal = format!("CA{DIGITS}").parse::<MessageSid>().unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "expected SM or MM followed by 32 hexadecimal digits"
        );
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "AC",
            &format!("AC{DIGITS}0"),
            &format!("ac{DIGITS}"),
            &format!("AC{}g", &DIGITS[1..]),
        ] {
            assert!(text.parse::<AccountSid>().is_err(), "{text}");
        }
    }
}
