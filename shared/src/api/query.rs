//! What the query of a request asks for: a page of a list, and its filters.

use std::fmt::Display;
use std::str::FromStr;

use jiff::Timestamp;

use super::call::{Page, limit};
use super::{Code, Problem};
use crate::input::{Faults, shown_name};
use crate::twilio::Parameters;

/// The longest address that is taken, in characters; Twilio's longest, of WhatsApp, have about 150.
const LONGEST_ADDRESS: usize = 1_000;

/// The parameters of a query, read one by one, so that every fault of them is named at once.
pub struct Query<'c> {
    parameters: Parameters<'c>,
    faults: Faults,
}

/// The filters that a query named, for the cursor of its list.
pub type Filters = Vec<(String, String)>;

impl<'c> Query<'c> {
    /// Parameters of which there may be none but `known`, each once.
    pub(super) fn new(parameters: Parameters<'c>, known: &[&str]) -> Self {
        let mut faults = Faults::default();
        let mut seen = Vec::new();
        for (name, _) in parameters.iter() {
            if !known.contains(&name) {
                let fault = match known {
                    [] => "there is no such parameter, and no other".to_owned(),
                    _ => format!("there is no such parameter; there are {}", known.join(", ")),
                };
                faults.add(shown_name(name), fault);
            } else if seen.contains(&name) {
                faults.add(name, "it is there twice");
            }
            seen.push(name);
        }
        Self { parameters, faults }
    }

    /// `limit` and `cursor`.
    pub fn page(&mut self) -> Page {
        let limit = limit(self.parameters.first("limit"));
        Page {
            limit: limit.unwrap_or_else(|fault| {
                self.faults.add("limit", fault);
                1
            }),
            cursor: self.parameters.first("cursor").map(str::to_owned),
        }
    }

    /// One of some words.
    pub fn word<T: Copy>(&mut self, name: &'static str, words: &[(&str, T)]) -> Option<T> {
        self.read(name, |text| {
            let mut words_and_values = words.iter();
            let found = words_and_values.find(|(word, _)| *word == text);
            found.map(|(_, value)| *value).ok_or_else(|| {
                let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
                format!("expected {}", words.join(" or "))
            })
        })
    }

    /// `true` or `false`.
    pub fn flag(&mut self, name: &'static str) -> Option<bool> {
        self.word(name, &[("true", true), ("false", false)])
    }

    /// A status as Twilio names it: any, since Twilio may have new ones.
    pub fn status(&mut self, name: &'static str) -> Option<String> {
        self.read(name, |text| {
            let is_of_names = |byte: u8| byte.is_ascii_lowercase() || matches!(byte, b'-' | b'_');
            if (1..=40).contains(&text.len()) && text.bytes().all(is_of_names) {
                return Ok(text.to_owned());
            }
            Err("expected one of Twilio's statuses: lower-case letters, - and _")
        })
    }

    /// An address as Twilio writes it.
    pub fn address(&mut self, name: &'static str) -> Option<String> {
        self.read(name, |text| address(text).map(str::to_owned))
    }

    /// Whatever reads itself.
    pub fn parsed<T: FromStr<Err: Display>>(&mut self, name: &'static str) -> Option<T> {
        self.read(name, |text| text.parse::<T>())
    }

    /// A moment.
    pub fn moment(&mut self, name: &'static str) -> Option<Timestamp> {
        self.read(name, |text| {
            rfc3339(text).ok_or(
                "expected a time of RFC 3339 such as 2026-11-21T09:15:30Z; a + is written %2B",
            )
        })
    }

    fn read<T, F: Display>(
        &mut self,
        name: &'static str,
        form: impl FnOnce(&str) -> Result<T, F>,
    ) -> Option<T> {
        let read = form(self.parameters.first(name)?);
        read.map_err(|fault| self.faults.add(name, fault.to_string()))
            .ok()
    }

    /// All but the page, which is what selects the items of a list.
    ///
    /// # Errors
    /// [`Code::InvalidParameter`], with every parameter that is wrong.
    pub fn finish(self) -> Result<Filters, Problem> {
        let errors = self.faults.into_list();
        if let Some(first) = errors.first() {
            let detail = match errors.len() {
                1 => format!("{}: {}.", first.field, first.fault),
                _ => "Each entry of errors names a parameter and its form.".to_owned(),
            };
            return Err(Problem {
                errors,
                ..Problem::new(Code::InvalidParameter, detail)
            });
        }
        let filters = self.parameters.iter();
        let filters = filters.filter(|(name, _)| !matches!(*name, "limit" | "cursor"));
        Ok(filters
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect())
    }
}

/// A text that may be an address.
pub(super) fn address(text: &str) -> Result<&str, &'static str> {
    if text.starts_with(' ') {
        // Of `+1500…`, whose + was not escaped and stands for a space.
        return Err("expected an address, whose + is written %2B in a query");
    }
    let is_address = (1..=LONGEST_ADDRESS).contains(&text.chars().count())
        && text.trim() == text
        && !text.chars().any(char::is_control);
    is_address
        .then_some(text)
        .ok_or("expected an address as Twilio writes it, of 1 to 1000 characters")
}

/// Reads a time of RFC 3339, and of that alone.
fn rfc3339(text: &str) -> Option<Timestamp> {
    const FORM: &[u8] = b"0000-00-00T00:00:00";
    let (start, rest) = text.split_at_checked(FORM.len())?;
    let is_of = |byte: u8, form: u8| match form {
        b'0' => byte.is_ascii_digit(),
        form => byte.eq_ignore_ascii_case(&form),
    };
    let is_like = |text: &str, form: &[u8]| {
        text.len() == form.len()
            && text
                .bytes()
                .zip(form)
                .all(|(byte, form)| is_of(byte, *form))
    };
    let zone = match rest.strip_prefix('.') {
        None => rest,
        Some(fraction) => {
            let zone = fraction.trim_start_matches(|digit: char| digit.is_ascii_digit());
            let digits = fraction.len().checked_sub(zone.len())?;
            (1..=9).contains(&digits).then_some(zone)?
        }
    };
    let is_zone = [b"Z".as_slice(), b"+00:00", b"-00:00"];
    let is_zone = is_zone.iter().any(|form| is_like(zone, form));
    (is_like(start, FORM) && is_zone).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[&str] = &["limit", "cursor", "status", "after", "from", "channel"];

    fn query(text: &str) -> Query<'_> {
        Query::new(Parameters::parse(text.as_bytes()).unwrap(), KNOWN)
    }

    fn faulty(query: Query<'_>) -> Vec<String> {
        let problem = query.finish().unwrap_err();
        assert_eq!(problem.code, Code::InvalidParameter);
        problem
            .errors
            .into_iter()
            .map(|fault| fault.field)
            .collect()
    }

    #[test]
    fn every_fault_is_named_at_once() {
        let mut query = query("limit=0&stauts=sent&channel=fax&after=today&from=a&from=b");
        query.page();
        assert_eq!(query.word("channel", &[("sms", 1), ("whatsapp", 2)]), None);
        assert_eq!(query.moment("after"), None);
        assert_eq!(query.address("from").as_deref(), Some("a"));
        assert_eq!(
            faulty(query),
            ["stauts", "from", "limit", "channel", "after"]
        );
    }

    #[test]
    fn a_name_that_may_be_a_secret_is_not_repeated() {
        assert_eq!(faulty(query("sk_live_0123456789=1")), ["(unknown)"]);
        assert_eq!(faulty(query("=1")), ["(unknown)"]);
    }

    #[test]
    fn the_filters_are_all_but_the_page() {
        let mut query = query("limit=7&status=sent&cursor=abc&from=%2B15005550010");
        let page = query.page();
        assert_eq!((page.limit, page.cursor.as_deref()), (7, Some("abc")));
        let filters = query.finish().unwrap();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            filters,
            [pair("status", "sent"), pair("from", "+15005550010")]
        );
    }

    #[test]
    fn a_time_is_taken_as_rfc_3339_has_it_and_no_other() {
        for text in [
            "2026-11-21T09:15:30Z",
            "2026-11-21t09:15:30.125z",
            "2026-11-21T10:15:30.123456789+01:00",
            "2026-11-21T09:15:30-00:00",
        ] {
            assert!(rfc3339(text).is_some(), "{text}");
        }
        for text in [
            "",
            "2026-11-21",
            "2026-11-21T09:15Z",
            "2026-11-21T09:15:30",
            "2026-11-21 09:15:30Z",
            "2026-11-21T09:15:30.Z",
            "2026-11-21T09:15:30.1234567890Z",
            "2026-11-21T09:15:30+0100",
            "2026-11-21T09:15:30Z[Europe/Vienna]",
            "2026-13-21T09:15:30Z",
            "2026-11-21T09:15:30 01:00",
            "+002026-11-21T09:15:30Z",
            "1795252530",
        ] {
            assert!(rfc3339(text).is_none(), "{text}");
        }
    }

    #[test]
    fn an_address_whose_plus_was_not_escaped_is_refused() {
        let query_of = |text| {
            let mut query = query(text);
            query.address("from");
            query.finish()
        };
        for text in [
            "from=%2B15005550010",
            "from=whatsapp:US.123",
            "from=ACME%20Ltd",
        ] {
            assert!(query_of(text).is_ok(), "{text}");
        }
        for text in ["from=+15005550010", "from=", "from=a%00b", "from=a%20"] {
            assert!(query_of(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_status_may_be_one_that_is_not_known_yet() {
        for (text, is_taken) in [
            ("status=in-progress", true),
            ("status=partially_delivered", true),
            ("status=Sent", false),
            ("status=", false),
            ("status=a%20b", false),
        ] {
            let mut query = query(text);
            assert_eq!(query.status("status").is_some(), is_taken, "{text}");
        }
    }
}
