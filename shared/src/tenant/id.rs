//! The name of a tenant.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A text that cannot name a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a tenant id is 2 to 63 characters of a-z, 0-9 and -, and does not begin with -")]
pub struct InvalidTenantId;

/// A tenant's slug: `[a-z0-9][a-z0-9-]{1,62}`. Every partition key of the tenant's data begins with it.
///
/// It cannot hold `#`, so that `acme#` is never the beginning of another tenant's key. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TenantId(Arc<str>);

impl TenantId {
    /// The slug that names no tenant: the partitions of what belongs to the platform itself begin with it.
    pub const PLATFORM: &str = "platform";

    /// The same as an id.
    pub(crate) fn platform() -> Self {
        Self(Self::PLATFORM.into())
    }

    /// Whether it is kept from tenants.
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        self.as_str() == Self::PLATFORM
    }

    /// The slug.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TenantId {
    type Err = InvalidTenantId;

    fn from_str(text: &str) -> Result<Self, InvalidTenantId> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if (2..=63).contains(&text.len()) && text.bytes().all(allowed) && !text.starts_with('-') {
            Ok(Self(text.into()))
        } else {
            Err(InvalidTenantId)
        }
    }
}

impl TryFrom<String> for TenantId {
    type Error = InvalidTenantId;

    fn try_from(text: String) -> Result<Self, InvalidTenantId> {
        text.parse()
    }
}

impl From<TenantId> for String {
    fn from(id: TenantId) -> Self {
        id.0.as_ref().into()
    }
}

impl Borrow<str> for TenantId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for TenantId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_of_2_to_63_characters_name_a_tenant() {
        for text in ["acme", "a1", "0-", &"a".repeat(63)] {
            assert_eq!(text.parse::<TenantId>().unwrap().as_str(), text);
        }
    }

    #[test]
    fn the_platforms_own_slug_is_kept_from_tenants() {
        let is_reserved = |text: &str| text.parse::<TenantId>().unwrap().is_reserved();
        assert!(is_reserved("platform"));
        assert!(!is_reserved("platforms") && !is_reserved("acme"));
    }

    #[test]
    fn anything_else_names_none() {
        for text in [
            "",
            "a",
            "-a",
            "Acme",
            "a#b",
            "a b",
            "a_b",
            "ä1",
            &"a".repeat(64),
        ] {
            assert_eq!(text.parse::<TenantId>(), Err(InvalidTenantId), "{text}");
        }
    }
}
