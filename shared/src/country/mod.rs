//! Countries, and which of them a phone number belongs to.
//!
//! This decides where a tenant's browser users may call. It guards against toll fraud, so whatever
//! it does not know, and whatever is priced by the called party, belongs to no country.

mod prefixes;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

use self::prefixes::{COUNTRIES, PREFIXES};
use crate::address::PhoneNumber;

/// No entry of [`PREFIXES`] is longer, in digits.
const LONGEST_PREFIX: usize = 9;

/// A text that is not the code of a country.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected the ISO 3166-1 alpha-2 code of a country, in upper case")]
pub struct InvalidCountry;

/// A country or territory: its ISO 3166-1 alpha-2 code, in upper case.
///
/// Besides the codes in the standard, AC (Ascension Island), TA (Tristan da Cunha) and XK (Kosovo)
/// are countries, because calls there are numbered and priced apart.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Country(&'static str);

// Written out: the derive would ask for input that lives as long as the table of codes.
impl<'de> Deserialize<'de> for Country {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = String::deserialize(deserializer)?;
        code.parse().map_err(serde::de::Error::custom)
    }
}

impl Country {
    /// The country that a number belongs to by its prefix, or `None` when that is unknown.
    ///
    /// `None` covers unassigned prefixes, international networks (satellites, +800 and the
    /// like), and premium, shared-cost, personal and pager numbers. North American toll-free
    /// numbers are the United States', whichever country they ring in. Neither the length nor the
    /// digits after the prefix are checked: the number need not exist.
    #[must_use]
    pub fn of(number: &PhoneNumber) -> Option<Self> {
        let digits = number.as_str().trim_start_matches('+');
        if is_information_line(digits) {
            return None;
        }
        (1..=LONGEST_PREFIX)
            .rev()
            .filter_map(|length| digits.get(..length))
            .find_map(country_of_prefix)?
    }

    /// The two letters.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

impl FromStr for Country {
    type Err = InvalidCountry;

    fn from_str(text: &str) -> Result<Self, InvalidCountry> {
        let at = COUNTRIES.binary_search(&text).map_err(|_| InvalidCountry)?;
        COUNTRIES
            .get(at)
            .map(|code| Self(code))
            .ok_or(InvalidCountry)
    }
}

impl TryFrom<String> for Country {
    type Error = InvalidCountry;

    fn try_from(text: String) -> Result<Self, InvalidCountry> {
        text.parse()
    }
}

impl From<Country> for String {
    fn from(country: Country) -> Self {
        country.0.into()
    }
}

impl fmt::Display for Country {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

/// What the table says of exactly this prefix: nothing, `Some(None)` that its numbers belong to no
/// country, or which country they belong to.
fn country_of_prefix(prefix: &str) -> Option<Option<Country>> {
    let at = PREFIXES
        .binary_search_by(|entry| split(entry).0.cmp(prefix))
        .ok()?;
    let (_, country) = split(PREFIXES.get(at)?);
    // `--` is no country's code, so it does not parse.
    Some(country.parse().ok())
}

/// An entry of [`PREFIXES`] as its prefix and its country.
fn split(entry: &str) -> (&str, &str) {
    entry.split_at(entry.len().saturating_sub(2))
}

/// Whether this is a number of the North American exchange 976, which is premium in every area
/// code: `1`, the area code, `976`.
fn is_information_line(digits: &str) -> bool {
    digits.starts_with('1') && digits.get(4..7) == Some("976")
}

#[cfg(test)]
mod tests;
