//! The minute of the day in which a tenant is verified.

use std::fmt;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::TenantId;

/// How many minutes a day has.
const A_DAY: u16 = 1440;

/// A minute of the day in UTC, from 0 to 1439. Each tenant has one, in which it is verified: a hash of its id, so that tenants are
/// spread over the day and it never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Minute(u16);

impl Minute {
    /// The minute of a tenant: the first 8 bytes of the SHA-256 of its id, as a big-endian number, modulo 1440.
    #[must_use]
    pub fn of(tenant_id: &TenantId) -> Self {
        let digest = Sha256::digest(tenant_id.as_str().as_bytes());
        let first = digest
            .iter()
            .take(8)
            .fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        Self(u16::try_from(first % u64::from(A_DAY)).unwrap_or_default())
    }

    /// The minute that a moment is in.
    #[must_use]
    pub fn at(moment: Timestamp) -> Self {
        let minutes = moment.as_second().div_euclid(60);
        let minute = minutes.rem_euclid(i64::from(A_DAY));
        Self(u16::try_from(minute).unwrap_or_default())
    }
}

impl fmt::Display for Minute {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_has_the_minute_that_its_hash_says_for_ever() {
        // `printf acme | sha256sum` begins with 822b33ad87c148a0, which is 1152 modulo 1440; that of globex with 5bc1a08d28e40fe7.
        for (id, minute) in [("acme", 1152), ("globex", 199)] {
            assert_eq!(Minute::of(&id.parse().unwrap()), Minute(minute), "{id}");
        }
    }

    #[test]
    fn tenants_are_spread_over_the_day() {
        let mut counts = vec![0_u32; usize::from(A_DAY)];
        for number in 0..14_400 {
            let Minute(minute) = Minute::of(&format!("tenant-{number}").parse().unwrap());
            counts[usize::from(minute)] += 1;
        }
        // Ten each on average; a minute without any, or with three times as many, would be a hash that does not spread.
        assert!(counts.iter().all(|count| *count <= 30), "{counts:?}");
        assert!(counts.iter().filter(|count| **count == 0).count() < 5);
    }

    #[test]
    fn a_moment_is_in_a_minute_of_its_day() {
        let at = |moment: &str| Minute::at(moment.parse().unwrap());
        assert_eq!(at("2026-11-01T00:00:59.999Z"), Minute(0));
        assert_eq!(at("2026-11-01T23:59:00Z"), Minute(1439));
        assert_eq!(at("1969-12-31T23:59:59Z"), Minute(1439));
    }
}
