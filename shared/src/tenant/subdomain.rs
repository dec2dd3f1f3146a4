//! The host label that selects a tenant.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Labels that a platform needs for itself.
const RESERVED: &[&str] = &[
    "admin", "api", "app", "auth", "console", "docs", "ftp", "help", "mail", "platform", "static",
    "status", "support", "webhook", "webhooks", "www",
];

/// A text that cannot be a tenant's subdomain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected 1 to 63 characters of a-z, 0-9 and -, without - at the ends, and none of the platform's own names such as www or api")]
pub struct InvalidSubdomain;

/// A DNS label in lower case that is not the platform's own (RFC 1123, 2.1).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Subdomain(String);

impl Subdomain {
    /// The label.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Subdomain {
    type Err = InvalidSubdomain;

    fn from_str(text: &str) -> Result<Self, InvalidSubdomain> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let is_label = (1..=63).contains(&text.len())
            && text.bytes().all(allowed)
            && !text.starts_with('-')
            && !text.ends_with('-');
        // `xn--` and the like: labels with hyphens in third and fourth place mean something (RFC 5891, 4.2.3.1).
        let is_special = text.get(2..4) == Some("--");
        if is_label && !is_special && !RESERVED.contains(&text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidSubdomain)
        }
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
    fn a_subdomain_is_a_dns_label_that_the_platform_does_not_need() {
        let longest = "a".repeat(63);
        for label in ["a", "acme", "acme-eu", "4ever", longest.as_str()] {
            assert_eq!(label.parse::<Subdomain>().unwrap().as_str(), label);
        }
        let too_long = "a".repeat(64);
        for label in [
            "", "-a", "a-", "Acme", "a.b", "a_b", "www", "api", "xn--acme", "ümlaut", too_long.as_str(),
        ] {
            assert_eq!(label.parse::<Subdomain>(), Err(InvalidSubdomain), "{label}");
        }
    }
}
