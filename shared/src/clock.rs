//! The one place that reads the wall clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;
use serde::Serializer;

/// A time as answers and events tell it: RFC 3339 in UTC with three digits of a second's fraction, always, so that the order of
/// the texts is that of the times.
#[must_use]
pub fn rfc3339(time: Timestamp) -> String {
    format!("{time:.3}")
}

/// For `serialize_with`: [`rfc3339`].
pub(crate) fn serialize<S: Serializer>(time: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&format_args!("{time:.3}"))
}

/// The same of a time that may not be known.
pub(crate) fn serialize_known<S: Serializer>(
    time: &Option<Timestamp>,
    to: S,
) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => serialize(time, to),
        None => to.serialize_none(),
    }
}

/// Tells the time. Wall-clock time, because a frozen sandbox's monotonic clock may stand still while the world goes on.
///
/// Two implementations: the system's clock, and one that tests set.
#[derive(Debug, Clone, Default)]
pub struct Clock(Option<Arc<AtomicI64>>);

impl Clock {
    /// The system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(None)
    }

    /// A clock that stands at `start` until [`Clock::advance`] moves it.
    #[must_use]
    pub fn fixed(start: Timestamp) -> Self {
        Self(Some(Arc::new(AtomicI64::new(start.as_millisecond()))))
    }

    /// The current time.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            None => Timestamp::now(),
            Some(milliseconds) => Timestamp::from_millisecond(milliseconds.load(Ordering::SeqCst))
                .unwrap_or(Timestamp::MAX),
        }
    }

    /// Moves a fixed clock forward (or back, by a negative number). A system clock does not move.
    pub fn advance(&self, seconds: i64) {
        if let Some(milliseconds) = &self.0 {
            milliseconds.fetch_add(seconds.saturating_mul(1_000), Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_with_three_digits_whatever_they_are() {
        for (time, told) in [
            ("2026-11-21T12:31:11Z", "2026-11-21T12:31:11.000Z"),
            ("2026-11-21T12:31:11.43Z", "2026-11-21T12:31:11.430Z"),
            ("2026-11-21T12:31:11.430999Z", "2026-11-21T12:31:11.430Z"),
        ] {
            assert_eq!(rfc3339(time.parse().unwrap()), told);
        }
    }

    #[test]
    fn a_fixed_clock_moves_only_when_told() {
        let clock = Clock::fixed(Timestamp::UNIX_EPOCH);
        assert_eq!(clock.now(), Timestamp::UNIX_EPOCH);
        clock.advance(90);
        assert_eq!(clock.now().as_second(), 90);
    }
}
