//! Settings as somebody enters them: checked whole, every fault named at once.

use serde_json::Value;

use super::{BusinessHours, Day, Drift, InboundRoute, OpeningHours, Settings, clock_time};
use crate::address::PhoneNumber;
use crate::fault::{FieldFault, InvalidInput};
use crate::input::{Entry, Faults, boolean, each_of, one_of, parsed, text};
use crate::sid::MessagingServiceSid;

/// What an [`InvalidInput`] of settings is of.
const SUBJECT: &str = "settings";

/// The longest greeting, in characters: so much Twilio says.
const LONGEST_GREETING: usize = 4_096;

/// The longest reply, in characters: so much Twilio sends.
const LONGEST_REPLY: usize = 1_600;

/// The most browsers that Twilio rings at once.
const MOST_BROWSERS: usize = 10;

/// More than there are countries.
const MOST_COUNTRIES: usize = 300;

/// Seven spans for each day of the week.
const MOST_SPANS: usize = 49;

const DAYS: [(&str, Day); 7] = [
    ("monday", Day::Monday),
    ("tuesday", Day::Tuesday),
    ("wednesday", Day::Wednesday),
    ("thursday", Day::Thursday),
    ("friday", Day::Friday),
    ("saturday", Day::Saturday),
    ("sunday", Day::Sunday),
];

impl Settings {
    /// Reads settings that somebody entered: what is left out or `null` has its default, what is not known is refused.
    ///
    /// # Errors
    /// Every fault of them.
    pub fn from_input(document: &Value) -> Result<Self, InvalidInput> {
        Self::default().patched(document)
    }

    /// These settings with a part of them entered anew: a field that is not there stays, one that is `null` gets its default.
    /// Lists and `business_hours` are replaced whole.
    ///
    /// # Errors
    /// Every fault of what was entered, and of what becomes of it together with what stays.
    pub fn patched(&self, document: &Value) -> Result<Self, InvalidInput> {
        Entry::document(SUBJECT, document, Self::FIELDS, |entry| {
            Some(self.read(entry))
        })
    }

    /// Refuses settings that cannot work for a tenant with this number of its own: calls forwarded to it would come back, over
    /// and over.
    ///
    /// # Errors
    /// The one fault.
    pub fn check_against(&self, own_number: Option<&PhoneNumber>) -> Result<(), InvalidInput> {
        if own_number.is_none() || self.forward_to.as_ref() != own_number {
            return Ok(());
        }
        let fault = "this is the tenant's own number, which would call itself over and over";
        Err(InvalidInput {
            subject: SUBJECT,
            faults: vec![FieldFault::new("forward_to", fault)],
        })
    }

    fn read(&self, entry: &mut Entry<'_, '_>) -> Self {
        let default = Self::default();
        let settings = Self {
            auto_record_calls: entry.or_default(
                "auto_record_calls",
                &self.auto_record_calls,
                default.auto_record_calls,
                boolean,
            ),
            greeting: entry.optional("greeting", self.greeting.as_ref(), text(LONGEST_GREETING)),
            inbound_route: entry.or_default(
                "inbound_route",
                &self.inbound_route,
                default.inbound_route,
                one_of(&[
                    ("forward", InboundRoute::Forward),
                    ("browser", InboundRoute::Browser),
                    ("voicemail", InboundRoute::Voicemail),
                ]),
            ),
            forward_to: entry.optional("forward_to", self.forward_to.as_ref(), parsed),
            browser_users: entry.or_default(
                "browser_users",
                &self.browser_users,
                default.browser_users,
                each_of(MOST_BROWSERS, identity),
            ),
            voicemail: entry.or_default("voicemail", &self.voicemail, default.voicemail, boolean),
            business_hours: entry.optional(
                "business_hours",
                self.business_hours.as_ref(),
                business_hours,
            ),
            allowed_countries: entry.or_default(
                "allowed_countries",
                &self.allowed_countries,
                default.allowed_countries,
                each_of(MOST_COUNTRIES, parsed),
            ),
            auto_reply: entry.optional("auto_reply", self.auto_reply.as_ref(), text(LONGEST_REPLY)),
            default_sender: entry.optional("default_sender", self.default_sender.as_ref(), sender),
            drift: entry.or_default(
                "drift",
                &self.drift,
                default.drift,
                one_of(&[("repair", Drift::Repair), ("report", Drift::Report)]),
            ),
        };
        let (needed, is_there) = match settings.inbound_route {
            InboundRoute::Forward => ("forward_to", settings.forward_to.is_some()),
            InboundRoute::Browser => ("browser_users", !settings.browser_users.is_empty()),
            InboundRoute::Voicemail => return settings,
        };
        if !is_there && !entry.is_faulty(needed) {
            let fault = match settings.inbound_route {
                InboundRoute::Forward => "needed because inbound_route is forward: names no number",
                _ => "needed because inbound_route is browser: names nobody",
            };
            entry.fault(needed, fault);
        }
        settings
    }
}

/// The name of a browser's user, as the Voice SDK takes it.
fn identity(value: &Value, path: &str, faults: &mut Faults) -> Option<String> {
    let name = value.as_str().unwrap_or_default();
    let is_taken = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if (1..=121).contains(&name.len()) && name.bytes().all(is_taken) {
        return Some(name.to_owned());
    }
    faults.add(path, "expected 1 to 121 letters, digits and underscores");
    None
}

/// What Twilio takes as the sender of a message.
fn sender(value: &Value, path: &str, faults: &mut Faults) -> Option<String> {
    let sender = value.as_str().unwrap_or_default();
    let is_number = |text: &str| text.parse::<PhoneNumber>().is_ok();
    let is_short_code =
        (3..=8).contains(&sender.len()) && sender.bytes().all(|byte| byte.is_ascii_digit());
    let is_name = (1..=11).contains(&sender.len())
        && sender.bytes().any(|byte| byte.is_ascii_alphabetic())
        && sender
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b" +-_&".contains(&byte));
    if is_number(sender)
        || sender.strip_prefix("whatsapp:").is_some_and(is_number)
        || sender.parse::<MessagingServiceSid>().is_ok()
        || is_short_code
        || is_name
    {
        return Some(sender.to_owned());
    }
    faults.add(
        path,
        "expected a phone number in E.164, whatsapp: and such a number, the SID of a messaging service (MG…), a short code, \
         or an alphanumeric sender of at most 11 characters",
    );
    None
}

fn business_hours(value: &Value, path: &str, faults: &mut Faults) -> Option<BusinessHours> {
    Entry::object(value, path, &["time_zone", "weekly"], faults, |entry| {
        let time_zone = entry.required("time_zone", None, time_zone);
        let weekly = entry.required("weekly", None, each_of(MOST_SPANS, opening_hours));
        Some(BusinessHours {
            time_zone: time_zone?,
            weekly: weekly?,
        })
    })
}

fn time_zone(value: &Value, path: &str, faults: &mut Faults) -> Option<String> {
    let name = value.as_str().unwrap_or_default();
    if jiff::tz::TimeZone::get(name).is_ok() {
        return Some(name.to_owned());
    }
    faults.add(
        path,
        "expected an IANA time zone, for instance Europe/Vienna",
    );
    None
}

fn opening_hours(value: &Value, path: &str, faults: &mut Faults) -> Option<OpeningHours> {
    Entry::object(value, path, &["day", "open", "close"], faults, |entry| {
        let day = entry.required("day", None, one_of(&DAYS));
        let open = entry.required("open", None, opening_time);
        let close = entry.required("close", None, time_of_day);
        Some(OpeningHours {
            day: day?,
            open: open?,
            close: close?,
        })
    })
}

/// No day begins at its end.
fn opening_time(value: &Value, path: &str, faults: &mut Faults) -> Option<jiff::civil::Time> {
    if value == clock_time::MIDNIGHT_AT_THE_END {
        faults.add(path, "expected a time of day from 00:00 to 23:59");
        return None;
    }
    time_of_day(value, path, faults)
}

fn time_of_day(value: &Value, path: &str, faults: &mut Faults) -> Option<jiff::civil::Time> {
    let time = value.as_str().and_then(clock_time::read);
    if time.is_none() {
        faults.add(path, clock_time::FORM);
    }
    time
}
