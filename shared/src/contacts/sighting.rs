//! What one message or call says of the address at its other end.

use jiff::Timestamp;

use super::OptOutChange;
use crate::activity::{Call, Direction, Fact, Group, History, Resource, ResourceChange, Route};

/// A message or call with an address, as far as it tells of the address. It is of the write by which the address became known:
/// later facts about the same message or call say nothing new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// The message or call.
    pub resource: Resource,
    /// The address at the other end, as Twilio writes it.
    pub address: String,
    /// Whether it came from there.
    pub is_inbound: bool,
    /// When it was first heard of.
    pub at: Timestamp,
    /// How somebody calls themselves on WhatsApp.
    pub profile_name: Option<String>,
    /// What it says about being written to.
    pub opt_out: Option<OptOutChange>,
}

/// How Twilio names a caller who has no number to show: in words, or as the digits on which a telephone spells them (ANONYMOUS,
/// RESTRICTED, BLOCKED, UNKNOWN, UNAVAILABLE).
const NOBODY: &[&str] = &[
    "anonymous",
    "unknown",
    "restricted",
    "blocked",
    "private",
    "unavailable",
    "+266696687",
    "+7378742833",
    "+2562533",
    "+8656696",
    "+86282452253",
];

impl Sighting {
    /// Reads it from a write; nothing, when the write does not make an address known.
    ///
    /// A message is of the address that it is listed with; a call only of a caller: neither one who withholds the number nor a
    /// browser of the tenant is anybody, and a leg that was dialled comes from nobody.
    #[must_use]
    pub fn of(change: &ResourceChange) -> Option<Self> {
        let address = address(&change.after)?;
        if self::address(&change.before).is_some() {
            return None;
        }
        let inbound = change
            .after
            .iter()
            .find(|fact| matches!(fact.route, Route::Sms | Route::Whatsapp));
        let is_call = matches!(change.resource, Resource::Call(_));
        Some(Self {
            resource: change.resource.clone(),
            address,
            is_inbound: is_call || inbound.is_some(),
            at: change.after.created_at()?,
            profile_name: inbound
                .and_then(|fact| fact.parameter("ProfileName"))
                .map(str::to_owned),
            opt_out: inbound.and_then(OptOutChange::of),
        })
    }

    /// Whether it is one of the messages that are counted.
    pub(crate) fn is_message(&self) -> bool {
        matches!(self.resource, Resource::Message(_))
    }
}

/// The address that a resource tells of.
fn address(history: &History) -> Option<String> {
    match &history.iter().next()?.resource {
        Resource::Message(_) => history.iter().filter_map(conversation).min(),
        Resource::Call(_) => caller(history),
        Resource::Recording(_) => None,
    }
}

fn conversation(fact: &Fact) -> Option<String> {
    match fact.group()? {
        Group::Conversation(contact) => Some(contact),
        Group::Call(_) => None,
    }
}

fn caller(history: &History) -> Option<String> {
    let call = Call::of(history)?;
    let is_ours = call.direction == Direction::Outbound || call.parent_sid.is_some();
    (!is_ours && is_somebody(&call.from)).then_some(call.from)
}

/// Whether an address is somebody who can be told from others: no caller who withholds the number, and no browser.
#[must_use]
pub fn is_somebody(address: &str) -> bool {
    let user = address.strip_prefix("sip:").unwrap_or(address);
    let user = user.split('@').next().unwrap_or(user);
    let is_nobody = NOBODY.iter().any(|name| user.eq_ignore_ascii_case(name));
    !(user.is_empty() || is_nobody || address.starts_with("client:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(facts: &[(Route, &[(&str, &str)])]) -> History {
        History::new(facts.iter().zip(1..).map(|((route, parameters), second)| {
            let sids = [
                ("MessageSid", "SM00000000000000000000000000000001"),
                ("CallSid", "CA00000000000000000000000000000001"),
            ];
            let parameters = parameters.iter().copied().chain(sids).collect();
            let at = Timestamp::from_second(second).unwrap();
            Fact::new(*route, &parameters, at).unwrap()
        }))
    }

    fn change(before: History, after: History) -> ResourceChange {
        let resource = after.iter().next().unwrap().resource.clone();
        ResourceChange {
            resource,
            before,
            after,
        }
    }

    fn new(facts: &[(Route, &[(&str, &str)])]) -> Option<Sighting> {
        Sighting::of(&change(History::default(), history(facts)))
    }

    fn seen(from: &str) -> Option<String> {
        let parameters = [
            ("From", from),
            ("To", "+15005550006"),
            ("Direction", "inbound"),
        ];
        new(&[(Route::Voice, &parameters)]).map(|sighting| sighting.address)
    }

    #[test]
    fn a_caller_is_a_contact_unless_nobody_knows_who_it_is() {
        for from in ["+15005550010", "sip:ana@example.com", "whatsapp:+1500"] {
            assert_eq!(seen(from).as_deref(), Some(from));
        }
        let nobody = [
            "anonymous",
            "Anonymous",
            "unknown",
            "Restricted",
            "+266696687",
            "",
            "client:alice",
            "sip:anonymous@anonymous.invalid",
        ];
        for from in nobody {
            assert_eq!(seen(from), None, "{from:?}");
        }
    }

    #[test]
    fn a_leg_that_was_dialled_is_of_no_contact() {
        let leg: &[(&str, &str)] = &[
            ("From", "+15005550006"),
            ("To", "+15005550010"),
            ("Direction", "outbound-dial"),
            ("ParentCallSid", "CA00000000000000000000000000000002"),
        ];
        assert_eq!(new(&[(Route::VoiceStatus, leg)]), None);
        let by_us: &[(&str, &str)] = &[
            ("From", "+15005550006"),
            ("To", "+15005550010"),
            ("Direction", "outbound-api"),
        ];
        assert_eq!(new(&[(Route::VoiceStatus, by_us)]), None);
    }

    #[test]
    fn a_message_that_went_is_of_whom_it_went_to_and_did_not_come_from_there() {
        let sent: &[(&str, &str)] = &[("From", "+15005550006"), ("To", "+15005550010")];
        let sighting = new(&[(Route::SmsStatus, sent)]).unwrap();
        assert_eq!(
            (sighting.address.as_str(), sighting.is_inbound),
            ("+15005550010", false)
        );
        // Our own end alone is no conversation.
        assert_eq!(
            new(&[(Route::SmsStatus, &[("From", "+15005550006")])]),
            None
        );
    }

    #[test]
    fn only_the_write_that_makes_the_address_known_tells_of_it() {
        let unnamed: &[(&str, &str)] = &[("MessageStatus", "sent")];
        let named: &[(&str, &str)] = &[("To", "+15005550010"), ("MessageStatus", "delivered")];
        let first = history(&[(Route::SmsStatus, unnamed)]);
        let second = history(&[(Route::SmsStatus, unnamed), (Route::SmsStatus, named)]);
        assert_eq!(
            Sighting::of(&change(History::default(), first.clone())),
            None
        );
        let sighting = Sighting::of(&change(first, second.clone())).unwrap();
        assert_eq!(sighting.at, Timestamp::from_second(1).unwrap());
        assert_eq!(Sighting::of(&change(second.clone(), second)), None);
    }

    #[test]
    fn an_inbound_message_tells_the_name_and_the_opt_out() {
        let stop: &[(&str, &str)] = &[
            ("From", "whatsapp:+15005550010"),
            ("To", "whatsapp:+15005550006"),
            ("ProfileName", "Ana"),
            ("Body", "Stop"),
        ];
        let sighting = new(&[(Route::Whatsapp, stop)]).unwrap();
        assert!(sighting.is_inbound && sighting.is_message());
        assert_eq!(sighting.profile_name.as_deref(), Some("Ana"));
        assert!(sighting.opt_out.is_some_and(|change| change.stopped));
    }
}
