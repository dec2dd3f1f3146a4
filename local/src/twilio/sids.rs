//! Where the double's SIDs, tokens and choices come from.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use shared::sid::{CallSid, MessageSid, RecordingSid};

/// Odd, so that the counter visits every value (`SplitMix64`'s increment).
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// An endless supply of SIDs: the same ones for the same seed, or fresh ones.
///
/// Anybody can guess them: good for a double, not for secrets.
#[derive(Debug)]
pub struct SidSupply(AtomicU64);

impl SidSupply {
    /// Different SIDs in every process and for every supply.
    #[must_use]
    pub fn random() -> Self {
        // The standard library seeds its hash maps from the operating system: no dependency for a random number.
        Self::seeded(RandomState::new().build_hasher().finish())
    }

    /// The same SIDs for the same seed, in the order in which they are asked for.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// The next 64 bits (`SplitMix64`).
    #[must_use]
    pub fn number(&self) -> u64 {
        let mut bits = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    /// A number below `bound`; 0 when the bound is 0.
    #[must_use]
    pub fn below(&self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap_or(u64::MAX);
        self.number()
            .checked_rem(bound)
            .and_then(|number| usize::try_from(number).ok())
            .unwrap_or(0)
    }

    /// 32 hexadecimal digits behind two letters.
    #[must_use]
    pub fn sid(&self, prefix: &str) -> String {
        format!("{prefix}{:016x}{:016x}", self.number(), self.number())
    }

    /// A call leg.
    #[must_use]
    pub fn call(&self) -> CallSid {
        self.parsed("CA")
    }

    /// A message: `MM…` with media, `SM…` without.
    #[must_use]
    pub fn message(&self, has_media: bool) -> MessageSid {
        self.parsed(if has_media { "MM" } else { "SM" })
    }

    /// A recording.
    #[must_use]
    pub fn recording(&self) -> RecordingSid {
        self.parsed("RE")
    }

    /// A value of `I-Twilio-Idempotency-Token`, in the form of a UUID.
    #[must_use]
    pub fn idempotency_token(&self) -> String {
        let (high, low) = (self.number(), self.number());
        format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xFFFF,
            high & 0xFFFF,
            low >> 48,
            low & 0xFFFF_FFFF_FFFF,
        )
    }

    #[expect(
        clippy::expect_used,
        reason = "the text is made of the prefix and 32 hexadecimal digits"
    )]
    fn parsed<S: FromStr>(&self, prefix: &str) -> S
    where
        S::Err: std::fmt::Debug,
    {
        self.sid(prefix).parse().expect("a made SID is well formed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_determines_the_sids() {
        let (one, other) = (SidSupply::seeded(7), SidSupply::seeded(7));
        assert_eq!(one.call(), other.call());
        assert_eq!(one.message(true), other.message(true));
        assert_ne!(one.call(), one.call());
    }

    #[test]
    fn random_supplies_differ() {
        assert_ne!(SidSupply::random().call(), SidSupply::random().call());
    }

    #[test]
    fn media_shows_in_the_prefix_of_a_message() {
        let sids = SidSupply::seeded(1);
        assert!(sids.message(true).as_str().starts_with("MM"));
        assert!(sids.message(false).as_str().starts_with("SM"));
    }

    #[test]
    fn a_number_is_below_its_bound() {
        let sids = SidSupply::seeded(3);
        assert!((0..200).all(|_| sids.below(5) < 5));
        assert_eq!(sids.below(0), 0);
    }
}
