//! The names of subaccounts, by which they are found again.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::tenant::TenantId;

/// What the names of subaccounts begin with.
const NAME_PREFIX: &str = "Trunkline_";

/// How many hexadecimal digits name a deployment.
const DEPLOYMENT_DIGITS: usize = 8;

/// The most characters of a subaccount's name that Twilio takes.
const NAME_LIMIT: usize = 64;

/// What tells the subaccounts of a deployment from those of another that has the same account of the platform at Twilio.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment(String);

impl Deployment {
    /// The one that has this table of tenants, whose name `CloudFormation` makes up and no other has.
    #[must_use]
    pub fn of_table(tenants: &str) -> Self {
        Self(digits(tenants, DEPLOYMENT_DIGITS))
    }
}

/// The name of a tenant's subaccount, by which it is found again: `Trunkline_`, 8 hexadecimal digits of the deployment, `_` and the id. An id that does not fit into Twilio's 64 characters is cut, and
/// `_` and 16 hexadecimal digits of its SHA-256 follow: ids have no `_`.
#[must_use]
pub fn subaccount_name(deployment: &Deployment, tenant: &TenantId) -> String {
    const HASH_DIGITS: usize = 16;
    const ROOM: usize = NAME_LIMIT - NAME_PREFIX.len() - DEPLOYMENT_DIGITS - 1;
    let (Deployment(deployment), id) = (deployment, tenant.as_str());
    if id.len() <= ROOM {
        return format!("{NAME_PREFIX}{deployment}_{id}");
    }
    // Ids are ASCII, so characters are bytes.
    let kept: String = id.chars().take(ROOM - 1 - HASH_DIGITS).collect();
    let hash = digits(id, HASH_DIGITS);
    format!("{NAME_PREFIX}{deployment}_{kept}_{hash}")
}

/// An even number of hexadecimal digits of the SHA-256 of a text.
fn digits(text: &str, count: usize) -> String {
    let mut digits = String::with_capacity(count);
    for byte in Sha256::digest(text.as_bytes()).iter().take(count / 2) {
        // Writing to a text does not fail.
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tenant_has_a_name_of_its_own_that_fits() {
        let deployment = Deployment::of_table("trunkline-TenantsTable-1ABC");
        let name = |id: &str| subaccount_name(&deployment, &id.parse().unwrap());
        let acme = name("acme");
        assert!(acme.starts_with("Trunkline_") && acme.ends_with("_acme"));
        assert_eq!(acme.len(), "Trunkline_01234567_acme".len());
        let other = Deployment::of_table("staging-TenantsTable-2DEF");
        assert_ne!(acme, subaccount_name(&other, &"acme".parse().unwrap()));
        let (one, other) = (
            format!("{}1", "a".repeat(62)),
            format!("{}2", "a".repeat(62)),
        );
        assert_ne!(name(&one), name(&other));
        assert_eq!(name(&one).len(), NAME_LIMIT);
    }
}
