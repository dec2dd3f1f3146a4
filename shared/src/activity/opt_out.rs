//! What a message says about being written to.

use serde::Serialize;

use super::{Fact, Route};

/// What somebody wants of further messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OptOut {
    /// No more of them.
    Stop,
    /// Messages again.
    Start,
    /// To know how it works.
    Help,
}

/// Twilio's default words for long codes. A message is one when it is nothing else, in any case.
const SMS_WORDS: &[(&str, OptOut)] = &[
    ("STOP", OptOut::Stop),
    ("STOPALL", OptOut::Stop),
    ("UNSUBSCRIBE", OptOut::Stop),
    ("END", OptOut::Stop),
    ("QUIT", OptOut::Stop),
    ("REVOKE", OptOut::Stop),
    ("OPTOUT", OptOut::Stop),
    ("OPT-OUT", OptOut::Stop),
    ("OPT OUT", OptOut::Stop),
    ("CANCEL", OptOut::Stop),
    ("START", OptOut::Start),
    ("YES", OptOut::Start),
    ("UNSTOP", OptOut::Start),
    ("HELP", OptOut::Help),
    ("INFO", OptOut::Help),
];

/// The words that mean nothing else. On WhatsApp nobody reads keywords for us, and `Yes` may be the button that was asked for.
const WHATSAPP_WORDS: &[(&str, OptOut)] = &[
    ("STOP", OptOut::Stop),
    ("STOPALL", OptOut::Stop),
    ("UNSUBSCRIBE", OptOut::Stop),
    ("OPTOUT", OptOut::Stop),
    ("OPT-OUT", OptOut::Stop),
    ("OPT OUT", OptOut::Stop),
    ("START", OptOut::Start),
    ("UNSTOP", OptOut::Start),
];

impl OptOut {
    /// Reads the message itself: `OptOutType` (Advanced Opt-Out) before the words. Nothing of any other fact.
    #[must_use]
    pub fn of(fact: &Fact) -> Option<Self> {
        let words = match fact.route {
            Route::Sms => SMS_WORDS,
            Route::Whatsapp => WHATSAPP_WORDS,
            _ => return None,
        };
        let kinds = [
            ("STOP", Self::Stop),
            ("START", Self::Start),
            ("HELP", Self::Help),
        ];
        let (text, words) = match fact.parameter("OptOutType") {
            Some(kind) => (kind, &kinds[..]),
            None => (fact.parameter("Body")?, words),
        };
        let text = text.trim();
        let found = words
            .iter()
            .find(|(word, _)| text.eq_ignore_ascii_case(word));
        found.map(|(_, meant)| *meant)
    }
}
