//! What is measured: a static table, and how a line of the log carries it.
//!
//! No metric has a line of its own. The line that ends an invocation, or a call to a provider, is logged under the target of a
//! [`MetricSet`]; its fields that the set names are the metrics, and the formatter adds what makes `CloudWatch` take them
//! (the embedded metric format). What is counted and is nothing on a line is left out of it ([`counted`], [`one_if`]), but
//! where an average over all lines is wanted.
//! docs/metrics.md says of each what it is for; a test compares it, the template's alarms and dashboard with this table.
//!
//! A new line with metrics takes two things here: a target, and an entry of [`SETS`]. It is then logged as
//! `info!(target: metrics::NAME, duration_ms, …)`, and described in docs/metrics.md.

/// What every target of a set begins with.
pub(super) const TARGETS: &str = "trunkline::metrics";

/// The line that ends a webhook.
pub const WEBHOOK: &str = "trunkline::metrics::webhook";
/// The line that ends a call of the client API.
pub const CALL: &str = "trunkline::metrics::call";
/// The line that ends a call to a provider.
pub const PROVIDER_CALL: &str = "trunkline::metrics::provider_call";
/// The line that ends a batch of webhooks that were put aside.
pub const DEFERRED_BATCH: &str = "trunkline::metrics::deferred_batch";
/// The line that ends a batch of the stream, or of what waits to be told.
pub const PUBLISHED_BATCH: &str = "trunkline::metrics::published_batch";
/// The line that ends a run of the verifier, or a part of one.
pub const VERIFICATION: &str = "trunkline::metrics::verification";

/// The line that ends a minute's work of the verifier on what is due.
pub const DUE_WORK: &str = "trunkline::metrics::due_work";
/// The line that ends an invocation of the re-encryption.
pub const RE_ENCRYPTION: &str = "trunkline::metrics::re_encryption";

/// The metrics of one kind of line.
#[derive(Debug)]
pub struct MetricSet {
    /// The target of the line's event.
    pub target: &'static str,
    /// The functions that log it.
    pub functions: &'static [&'static str],
    /// The fields by whose values the metrics are told apart: bounded ones, each of which every such line has. Never a tenant.
    pub dimensions: &'static [&'static str],
    /// The fields that are metrics: 64 at most.
    pub metrics: &'static [Metric],
}

/// A metric.
#[derive(Debug)]
pub struct Metric {
    /// Its name: the field's.
    pub name: &'static str,
    /// What it is measured in.
    pub unit: Unit,
}

/// What a metric is measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// How many.
    Count,
    /// How long.
    Milliseconds,
}

impl Unit {
    /// `CloudWatch`'s word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Milliseconds => "Milliseconds",
        }
    }
}

const fn count(name: &'static str) -> Metric {
    Metric {
        name,
        unit: Unit::Count,
    }
}

const fn milliseconds(name: &'static str) -> Metric {
    Metric {
        name,
        unit: Unit::Milliseconds,
    }
}

/// Every set.
pub static SETS: &[MetricSet] = &[
    MetricSet {
        target: WEBHOOK,
        functions: &["sms-webhook", "voice-webhook", "whatsapp-webhook"],
        dimensions: &["function"],
        metrics: &[
            milliseconds("duration_ms"),
            count("answered"),
            count("refused"),
            count("unverified"),
            count("wrongly_signed"),
            count("unavailable"),
            count("put_aside_at_limit"),
            count("put_aside_in_outage"),
            count("cache_hits"),
            count("served_stale"),
            count("auto_replies"),
            count("cold_starts"),
            count("store_calls"),
            count("store_failures"),
            count("kms_calls"),
            count("kms_failures"),
            count("denied"),
            count("unopened"),
        ],
    },
    MetricSet {
        target: CALL,
        functions: &["credentials", "messaging", "tenants", "token"],
        dimensions: &["function"],
        metrics: &[
            milliseconds("duration_ms"),
            count("answered"),
            count("refused"),
            count("failed"),
            count("rate_limited"),
            count("tokens_issued"),
            count("cold_starts"),
            count("store_calls"),
            count("store_failures"),
            count("kms_calls"),
            count("kms_failures"),
            count("denied"),
            count("unopened"),
        ],
    },
    MetricSet {
        target: PROVIDER_CALL,
        functions: &["credentials", "messaging", "tenants", "token", "verifier"],
        dimensions: &["function", "provider"],
        metrics: &[
            milliseconds("ms"),
            count("errors"),
            count("throttled"),
            count("unauthorized"),
            count("retries"),
        ],
    },
    MetricSet {
        target: DEFERRED_BATCH,
        functions: &["deferred-writer"],
        dimensions: &["function"],
        metrics: &[
            milliseconds("duration_ms"),
            count("messages"),
            count("kept"),
            count("again"),
            count("put_off"),
            count("dropped"),
            count("dead_letters"),
            count("cold_starts"),
            count("store_calls"),
            count("store_failures"),
            count("denied"),
        ],
    },
    MetricSet {
        target: PUBLISHED_BATCH,
        functions: &["publisher"],
        dimensions: &["function"],
        metrics: &[
            milliseconds("duration_ms"),
            count("records"),
            count("messages"),
            count("events"),
            count("published"),
            count("put_aside"),
            count("again"),
            count("dropped"),
            count("dead_letters"),
            count("messages_received"),
            count("calls_started"),
            count("opt_outs_changed"),
            count("credentials_failed"),
            count("credentials_recovered"),
            count("cold_starts"),
            count("store_calls"),
            count("store_failures"),
            count("denied"),
        ],
    },
    MetricSet {
        target: VERIFICATION,
        functions: &["verifier"],
        dimensions: &["function"],
        metrics: &[
            milliseconds("duration_ms"),
            count("tenants"),
            count("skipped"),
            count("put_off"),
            count("valid"),
            count("restricted"),
            count("invalid"),
            count("rate_limited"),
            count("unreachable"),
            count("unreadable"),
            count("undecided"),
            count("drifted"),
            count("repaired"),
            count("unseen"),
            count("calls"),
            milliseconds("lag_ms"),
            count("store_calls"),
            count("store_failures"),
            count("kms_calls"),
            count("kms_failures"),
            count("denied"),
            count("unopened"),
        ],
    },
    MetricSet {
        target: RE_ENCRYPTION,
        functions: &["re-encryptor"],
        dimensions: &["function"],
        metrics: &[
            milliseconds("duration_ms"),
            count("looked_at"),
            count("sealed_anew"),
            count("quarantined"),
            count("released"),
            count("stopped"),
            count("store_calls"),
            count("store_failures"),
            count("kms_calls"),
            count("kms_failures"),
            count("denied"),
            count("unopened"),
        ],
    },
    MetricSet {
        target: DUE_WORK,
        functions: &["verifier"],
        dimensions: &["function"],
        metrics: &[
            milliseconds("due_oldest_ms"),
            count("due"),
            count("due_failed"),
            count("due_stuck"),
        ],
    },
];

/// A count as a field: nothing, if it is none. A line has room for what happened, and is paid for by its length.
#[must_use]
pub fn counted(count: usize) -> Option<u64> {
    u64::try_from(count).ok().filter(|count| *count > 0)
}

/// A count as a field of what happens once in an invocation or not at all.
#[must_use]
pub fn one_if(happened: bool) -> Option<u64> {
    happened.then_some(1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_sets_targets_and_names_are_its_own_and_fit_a_line() {
        let mut targets = BTreeSet::new();
        for set in SETS {
            assert!(set.target.starts_with(TARGETS), "{}", set.target);
            assert!(targets.insert(set.target), "{}", set.target);
            assert!(set.metrics.len() <= 64, "{}", set.target);
            let names: BTreeSet<_> = set.metrics.iter().map(|metric| metric.name).collect();
            assert_eq!(names.len(), set.metrics.len(), "{}", set.target);
            assert!(set.dimensions.iter().all(|name| !names.contains(name)));
            assert!(set.dimensions.iter().all(|name| !name.contains("tenant")));
        }
    }
}
