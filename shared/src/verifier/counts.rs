//! What came of tenants, counted.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::tenant::{Findings, Found};
use crate::clock::Clock;
use crate::drift::DriftOutcome;
use crate::telemetry::aws_calls;
use crate::telemetry::metrics::VERIFICATION;
use crate::verification::Outcome;

/// What came of tenants.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Tenants that were verified.
    pub tenants: u64,
    /// Tenants that are not served: suspended, being deleted, or gone.
    pub skipped: u64,
    /// Tenants that were left to the queue, for lack of time or because a store failed.
    pub put_off: u64,
    /// Credentials that do all that they are for.
    pub valid: u64,
    /// Credentials that may do a part of it.
    pub restricted: u64,
    /// Credentials that their provider does not accept.
    pub invalid: u64,
    /// Credentials of which nothing is known: their provider asks for patience.
    pub rate_limited: u64,
    /// Credentials of which nothing is known: their provider does not answer in its own words.
    pub unreachable: u64,
    /// Credentials that do not open.
    pub unreadable: u64,
    /// Credentials that were changed meanwhile, or whose account is another tenant's.
    pub undecided: u64,
    /// Twilio resources that were not as they should be.
    pub drifted: u64,
    /// Those that were set right.
    pub repaired: u64,
    /// Twilio resources that could not be looked at: of a tenant its App, its numbers, or both.
    pub unseen: u64,
    /// Calls of providers, repeated ones too. Those of an invocation that was killed are not known.
    pub calls: u64,
}

impl Counts {
    /// Of one tenant that was left to the queue, after so many calls.
    pub(super) fn put_off(calls: u64) -> Self {
        Self {
            put_off: 1,
            calls,
            ..Self::default()
        }
    }

    /// Of one tenant.
    pub(super) fn of(findings: &Findings, calls: u64) -> Self {
        let mut counts = Self {
            calls,
            ..Self::default()
        };
        let Some(found) = &findings.integrations else {
            counts.skipped = 1;
            return counts;
        };
        counts.tenants = 1;
        counts.unseen = findings.unseen;
        for (_, found) in found {
            let count = match found {
                Found::Outcome(Outcome::Valid) => &mut counts.valid,
                Found::Outcome(Outcome::Restricted) => &mut counts.restricted,
                Found::Outcome(Outcome::Invalid) => &mut counts.invalid,
                Found::Outcome(Outcome::RateLimited) => &mut counts.rate_limited,
                Found::Outcome(Outcome::Unreachable) => &mut counts.unreachable,
                Found::Unreadable => &mut counts.unreadable,
                Found::Undecided => &mut counts.undecided,
            };
            *count = count.saturating_add(1);
        }
        for drift in &findings.drift {
            counts.drifted = counts.drifted.saturating_add(1);
            if drift.outcome == DriftOutcome::Repaired {
                counts.repaired = counts.repaired.saturating_add(1);
            }
        }
        counts
    }

    /// Adds others.
    pub(super) fn add(&mut self, other: &Self) {
        for (count, more) in [
            (&mut self.tenants, other.tenants),
            (&mut self.skipped, other.skipped),
            (&mut self.put_off, other.put_off),
            (&mut self.valid, other.valid),
            (&mut self.restricted, other.restricted),
            (&mut self.invalid, other.invalid),
            (&mut self.rate_limited, other.rate_limited),
            (&mut self.unreachable, other.unreachable),
            (&mut self.unreadable, other.unreadable),
            (&mut self.undecided, other.undecided),
            (&mut self.drifted, other.drifted),
            (&mut self.repaired, other.repaired),
            (&mut self.unseen, other.unseen),
            (&mut self.calls, other.calls),
        ] {
            *count = count.saturating_add(more);
        }
    }

    /// The last line of a run, or of a part of one.
    pub(super) fn log(&self, run: &str, part: &'static str, took: std::time::Duration) {
        let Self {
            tenants,
            skipped,
            put_off,
            valid,
            restricted,
            invalid,
            rate_limited,
            unreachable,
            unreadable,
            undecided,
            drifted,
            repaired,
            unseen,
            calls,
        } = *self;
        let (duration_ms, aws_calls) = (took.as_secs_f64() * 1_000.0, aws_calls());
        tracing::info!(
            target: VERIFICATION,
            run,
            part,
            tenants,
            skipped,
            put_off,
            valid,
            restricted,
            invalid,
            rate_limited,
            unreachable,
            unreadable,
            undecided,
            drifted,
            repaired,
            unseen,
            calls,
            store_calls = aws_calls.store_calls,
            store_failures = aws_calls.store_failures,
            kms_calls = aws_calls.kms_calls,
            kms_failures = aws_calls.kms_failures,
            denied = aws_calls.denied,
            unopened = aws_calls.unopened,
            lag_ms = lag_ms(part, run, Clock::system().now()),
            duration_ms,
            "tenants verified"
        );
    }
}

/// How long after its minute a run of one ends; nothing, of what is no run of a minute.
fn lag_ms(part: &str, run: &str, now: Timestamp) -> Option<u64> {
    if part != "minute" {
        return None;
    }
    let minute: i64 = run.parse().ok()?;
    let began = minute.checked_mul(60_000)?;
    u64::try_from(now.as_millisecond().saturating_sub(began)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_lags_behind_its_minute_and_nothing_else_lags() {
        let now: Timestamp = "2026-03-02T00:03:00.500Z".parse().unwrap();
        let minute = now.as_second() / 60 - 3;
        let minute = minute.to_string();
        assert_eq!(lag_ms("minute", &minute, now), Some(180_500));
        assert_eq!(lag_ms("message", &minute, now), None);
        assert_eq!(lag_ms("tenant", "4711", now), None);
    }
}
