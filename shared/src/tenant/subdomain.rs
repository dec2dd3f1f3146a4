//! The host label that selects a tenant.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A text that cannot select a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSubdomain {
    /// It is no label of a host.
    #[error(
        "a subdomain is one label of a host: 1 to 63 characters of a-z, 0-9 and -, with - neither first nor last nor both \
         third and fourth"
    )]
    Malformed,
    /// The platform keeps it for itself.
    #[error("the platform keeps this subdomain for itself")]
    Reserved,
}

/// One label below the platform's base domain, in lower case. The most that DNS takes is 63 characters (RFC 1035 2.3.4);
/// `--` in third and fourth place is kept for encodings such as `xn--` (RFC 5891 4.2.3.1), which would let one name look like
/// another.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Subdomain(String);

/// Names that people take for the platform's own.
const RESERVED: [&str; 26] = [
    "account",
    "accounts",
    "admin",
    "api",
    "app",
    "assets",
    "auth",
    "autodiscover",
    "billing",
    "cdn",
    "console",
    "dashboard",
    "docs",
    "ftp",
    "help",
    "hooks",
    "login",
    "mail",
    "platform",
    "smtp",
    "static",
    "status",
    "support",
    "webhooks",
    "ws",
    "www",
];

impl Subdomain {
    /// Reads a subdomain that somebody asks for.
    ///
    /// # Errors
    /// When it is malformed or reserved.
    pub fn from_input(text: &str) -> Result<Self, InvalidSubdomain> {
        let subdomain: Self = text.parse()?;
        if subdomain.is_reserved() {
            return Err(InvalidSubdomain::Reserved);
        }
        Ok(subdomain)
    }

    /// Whether the platform keeps it for itself. A tenant may have it all the same, from before it was kept.
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        RESERVED.contains(&self.as_str())
    }

    /// The label.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Reads a label as it stands in a host or in a store: one that was given away before it was reserved is still one.
impl FromStr for Subdomain {
    type Err = InvalidSubdomain;

    fn from_str(text: &str) -> Result<Self, InvalidSubdomain> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let is_label = (1..=63).contains(&text.len())
            && text.bytes().all(allowed)
            && !text.starts_with('-')
            && !text.ends_with('-')
            && text.get(2..4) != Some("--");
        is_label
            .then(|| Self(text.to_owned()))
            .ok_or(InvalidSubdomain::Malformed)
    }
}

impl TryFrom<String> for Subdomain {
    type Error = InvalidSubdomain;

    fn try_from(text: String) -> Result<Self, InvalidSubdomain> {
        text.parse()
    }
}

impl From<Subdomain> for String {
    fn from(subdomain: Subdomain) -> Self {
        subdomain.0
    }
}

impl fmt::Display for Subdomain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_1_to_63_characters_select_a_tenant() {
        for text in ["a", "acme", "a-1", "0", "a--b", &"a".repeat(63)] {
            assert_eq!(Subdomain::from_input(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn what_is_no_label_selects_none() {
        let too_long = "a".repeat(64);
        for text in [
            "", "-a", "a-", "Acme", "a.b", "a_b", "a b", "ä", "xn--4ca", &too_long,
        ] {
            let refused = Subdomain::from_input(text);
            assert_eq!(refused, Err(InvalidSubdomain::Malformed), "{text}");
        }
    }

    #[test]
    fn the_platforms_own_names_are_not_given_away_and_are_labels_of_hosts_nevertheless() {
        for text in RESERVED {
            let refused = Subdomain::from_input(text);
            assert_eq!(refused, Err(InvalidSubdomain::Reserved), "{text}");
            assert_eq!(text.parse::<Subdomain>().unwrap().as_str(), text);
        }
    }
}
