//! The names of subaccounts, by which they are found again.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::tenant::TenantId;

/// What the names of subaccounts begin with.
const NAME_PREFIX: &str = "Trunkline_Tenant_";

/// The most characters of a subaccount's name that Twilio takes.
const NAME_LIMIT: usize = 64;

/// The name of a tenant's subaccount, by which it is found again. An id that does not fit into Twilio's 64 characters is cut, and
/// `_` and 16 hexadecimal digits of its SHA-256 follow: ids have no `_`.
#[must_use]
pub fn subaccount_name(tenant: &TenantId) -> String {
    const HASH_DIGITS: usize = 16;
    let id = tenant.as_str();
    let room = NAME_LIMIT - NAME_PREFIX.len();
    if id.len() <= room {
        return format!("{NAME_PREFIX}{id}");
    }
    // Ids are ASCII, so characters are bytes.
    let kept: String = id.chars().take(room - 1 - HASH_DIGITS).collect();
    let mut name = format!("{NAME_PREFIX}{kept}_");
    for byte in Sha256::digest(id.as_bytes()).iter().take(HASH_DIGITS / 2) {
        // Writing to a text does not fail.
        let _ = write!(name, "{byte:02x}");
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tenant_has_a_name_of_its_own_that_fits() {
        let name = |id: &str| subaccount_name(&id.parse().unwrap());
        assert_eq!(name("acme"), "Trunkline_Tenant_acme");
        let (one, other) = (
            format!("{}1", "a".repeat(62)),
            format!("{}2", "a".repeat(62)),
        );
        assert_ne!(name(&one), name(&other));
        assert_eq!(name(&one).len(), NAME_LIMIT);
    }
}
