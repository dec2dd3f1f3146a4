//! What somebody says about being written to: STOP, START and HELP, in Twilio's word or in the message's own.

use jiff::Timestamp;
use serde::Serialize;

use crate::activity::{Fact, Resource, Route};
use crate::sid::MessageSid;

/// What an inbound message says about being written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OptOut {
    /// Nothing more is to be sent.
    Stop,
    /// Messages are welcome again.
    Start,
    /// What this is about; it changes nothing.
    Help,
}

/// Twilio's default keywords for long codes, which Twilio or the carrier answers.
/// Source: "Advanced Opt-Out", Twilio documentation.
const SMS_STOPS: &[&str] = &[
    "STOP",
    "UNSUBSCRIBE",
    "END",
    "QUIT",
    "STOPALL",
    "REVOKE",
    "OPTOUT",
    "CANCEL",
];
const SMS_STARTS: &[&str] = &["START", "YES", "UNSTOP"];
const SMS_HELPS: &[&str] = &["HELP", "INFO"];

/// The words that cannot mean anything but an opt-out, on any channel. On WhatsApp nobody acts on the others for us, and `Yes`
/// or `Cancel` may be the button that was asked for.
const STOPS: &[&str] = &[
    "STOP",
    "STOPALL",
    "UNSUBSCRIBE",
    "OPTOUT",
    "OPT-OUT",
    "OPT OUT",
];
/// The words that take one back, on any channel.
const STARTS: &[&str] = &["START", "UNSTOP"];

impl OptOut {
    /// Reads it from an inbound message: Twilio's `OptOutType` before the words. A message says something by its words when it
    /// is nothing but one of them, in any case.
    #[must_use]
    pub fn of(fact: &Fact) -> Option<Self> {
        let is_sms = match fact.route {
            Route::Sms => true,
            Route::Whatsapp => false,
            _ => return None,
        };
        if let Some(told) = fact.parameter("OptOutType") {
            return Self::named(told);
        }
        let body = fact.parameter("Body")?.trim();
        let is_one_of = |lists: [&[&str]; 2]| {
            let mut words = lists.into_iter().flatten();
            words.any(|word| body.eq_ignore_ascii_case(word))
        };
        let on_sms = |words: &'static [&'static str]| if is_sms { words } else { &[] };
        if is_one_of([STOPS, on_sms(SMS_STOPS)]) {
            Some(Self::Stop)
        } else if is_one_of([STARTS, on_sms(SMS_STARTS)]) {
            Some(Self::Start)
        } else {
            is_one_of([on_sms(SMS_HELPS), &[]]).then_some(Self::Help)
        }
    }

    /// Reads Twilio's `OptOutType`.
    fn named(opt_out_type: &str) -> Option<Self> {
        let named = [
            ("STOP", Self::Stop),
            ("START", Self::Start),
            ("HELP", Self::Help),
        ];
        let mut named = named.into_iter();
        let found = named.find(|(name, _)| opt_out_type.eq_ignore_ascii_case(name))?;
        Some(found.1)
    }
}

/// That somebody stopped or resumed what one of the tenant's senders writes. Of several the newest counts; of those of one moment
/// one that stops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptOutChange {
    /// The Messaging Service that they wrote to, or else the address.
    pub sender: String,
    /// Whether nothing more is to be sent.
    pub stopped: bool,
    /// When the message that says so was first received.
    pub at: Timestamp,
    /// That message.
    pub sid: MessageSid,
}

impl OptOutChange {
    /// Reads it from an inbound message; nothing, when it does not change anything.
    #[must_use]
    pub fn of(fact: &Fact) -> Option<Self> {
        let Resource::Message(sid) = &fact.resource else {
            return None;
        };
        let stopped = match OptOut::of(fact)? {
            OptOut::Stop => true,
            OptOut::Start => false,
            OptOut::Help => return None,
        };
        Some(Self {
            sender: sender(fact)?,
            stopped,
            at: fact.received_at,
            sid: sid.clone(),
        })
    }
}

/// Whom of the tenant somebody wrote to, and so who answers: the messaging service if there is one, else the address. Twilio's own
/// block is of one of them too.
pub(crate) fn sender(inbound: &Fact) -> Option<String> {
    let service = inbound.parameter("MessagingServiceSid");
    service.or(inbound.parameter("To")).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(route: Route, parameters: &[(&str, &str)]) -> Fact {
        let sid = ("MessageSid", "SM00000000000000000000000000000001");
        let parameters = parameters.iter().copied().chain([sid]).collect();
        Fact::new(route, &parameters, Timestamp::UNIX_EPOCH).unwrap()
    }

    fn told(route: Route, parameters: &[(&str, &str)]) -> Option<OptOut> {
        OptOut::of(&fact(route, parameters))
    }

    #[test]
    fn twilios_word_counts_more_than_the_messages_own() {
        for route in [Route::Sms, Route::Whatsapp] {
            let read = |named, body| told(route, &[("OptOutType", named), ("Body", body)]);
            assert_eq!(read("STOP", "START"), Some(OptOut::Stop));
            assert_eq!(read("START", "no more"), Some(OptOut::Start));
            assert_eq!(read("help", "STOP"), Some(OptOut::Help));
            assert_eq!(read("UNHEARD-OF", "STOP"), None);
        }
    }

    #[test]
    fn words_that_are_ambiguous_on_whatsapp_count_on_sms_alone() {
        let words = [
            ("End", OptOut::Stop),
            ("cancel", OptOut::Stop),
            ("YES", OptOut::Start),
            (" info\n", OptOut::Help),
        ];
        for (word, meaning) in words {
            assert_eq!(told(Route::Sms, &[("Body", word)]), Some(meaning), "{word}");
            assert_eq!(told(Route::Whatsapp, &[("Body", word)]), None, "{word}");
        }
    }

    #[test]
    fn words_that_are_not_ambiguous_count_on_both() {
        for route in [Route::Sms, Route::Whatsapp] {
            for word in [" stop ", "StopAll", "Unsubscribe", "opt-out", "Opt out"] {
                assert_eq!(told(route, &[("Body", word)]), Some(OptOut::Stop), "{word}");
            }
            for word in ["Start", "UNSTOP"] {
                assert_eq!(
                    told(route, &[("Body", word)]),
                    Some(OptOut::Start),
                    "{word}"
                );
            }
            for body in ["Stop by tomorrow", "stop.", "", "👍"] {
                assert_eq!(told(route, &[("Body", body)]), None, "{body}");
            }
        }
    }

    #[test]
    fn a_status_says_nothing_about_being_written_to() {
        assert_eq!(told(Route::SmsStatus, &[("OptOutType", "STOP")]), None);
    }

    #[test]
    fn what_changes_is_of_the_messaging_service_if_there_is_one() {
        let to = ("To", "+15005550006");
        let change = |parameters: &[(&str, &str)]| {
            let change = OptOutChange::of(&fact(Route::Sms, parameters));
            change.map(|change| (change.sender, change.stopped))
        };
        let stop = ("Body", "STOP");
        assert_eq!(change(&[to, stop]), Some((to.1.to_owned(), true)));
        let service = ("MessagingServiceSid", "MG1");
        let expected = Some(("MG1".to_owned(), false));
        assert_eq!(change(&[to, ("Body", "START"), service]), expected);
        assert_eq!(change(&[to, ("Body", "HELP")]), None);
        assert_eq!(change(&[stop]), None);
    }
}
