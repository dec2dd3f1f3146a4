//! What is measured: a static table, and how a line of the log carries it.
//!
//! No metric has a line of its own. The line that ends an invocation, or a call to a provider, is logged under the target of a
//! [`MetricSet`]; its fields that the set names are the metrics, and the formatter adds what makes CloudWatch take them
//! (the embedded metric format). What is counted and is nothing on a line is left out of it ([`counted`], [`one_if`]), but
//! where an average over all lines is wanted.
//! docs/metrics.md says of each what it is for; a test compares it, the template's alarms and dashboard with this table.
//!
//! A new line with metrics takes two things here: a target, and an entry of [`SETS`]. It is then logged as
//! `info!(target: metrics::NAME, duration_ms, …)`, and described in docs/metrics.md.

use std::fmt::{self, Write};

use tracing::field::{Field, Visit};

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
        ],
    },
    MetricSet {
        target: PROVIDER_CALL,
        functions: &["credentials", "messaging", "tenants", "token"],
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

/// The sets as a line carries them, written once in a process.
pub(super) struct Directives {
    directives: Vec<Directive>,
}

struct Directive {
    set: &'static MetricSet,
    /// What stands between the time and the metrics.
    opening: String,
    /// Each metric's definition.
    definitions: Vec<String>,
}

impl Directives {
    /// Those of a namespace; none without one, and no line carries a metric.
    pub(super) fn of(namespace: Option<&str>) -> Self {
        let directives = namespace.map(|namespace| {
            let sets = SETS.iter();
            sets.map(|set| Directive::of(namespace, set)).collect()
        });
        Self {
            directives: directives.unwrap_or_default(),
        }
    }

    /// Appends to an unfinished object what makes metrics of its fields, if the event is of a set.
    pub(super) fn write(
        &self,
        writer: &mut impl Write,
        event: &tracing::Event<'_>,
        unix_milliseconds: i64,
    ) -> fmt::Result {
        let target = event.metadata().target();
        if !target.starts_with(TARGETS) {
            return Ok(());
        }
        let mut directives = self.directives.iter();
        match directives.find(|directive| directive.set.target == target) {
            Some(directive) => directive.write(writer, event, unix_milliseconds),
            None => Ok(()),
        }
    }
}

impl Directive {
    fn of(namespace: &str, set: &'static MetricSet) -> Self {
        let namespace = serde_json::Value::from(namespace);
        let dimensions = serde_json::Value::from(vec![set.dimensions.to_vec()]);
        let definition = |metric: &Metric| {
            let (name, unit) = (metric.name, metric.unit.as_str());
            format!(r#"{{"Name":"{name}","Unit":"{unit}"}}"#)
        };
        Self {
            set,
            opening: format!(
                r#","CloudWatchMetrics":[{{"Namespace":{namespace},"Dimensions":{dimensions},"Metrics":["#
            ),
            definitions: set.metrics.iter().map(definition).collect(),
        }
    }

    /// Names the metrics that the event has, and no others: one that is not there would spoil the line.
    fn write(
        &self,
        writer: &mut impl Write,
        event: &tracing::Event<'_>,
        unix_milliseconds: i64,
    ) -> fmt::Result {
        let mut present = Present {
            metrics: self.set.metrics,
            places: 0,
        };
        event.record(&mut present);
        if present.places == 0 {
            return Ok(());
        }
        write!(writer, r#","_aws":{{"Timestamp":{unix_milliseconds}"#)?;
        writer.write_str(&self.opening)?;
        let mut is_first = true;
        for (place, definition) in self.definitions.iter().enumerate() {
            if present.places & bit(place) != 0 {
                if !is_first {
                    writer.write_char(',')?;
                }
                is_first = false;
                writer.write_str(definition)?;
            }
        }
        writer.write_str("]}]}")
    }
}

/// Which metrics of a set an event has: its fields of these names that are numbers.
struct Present {
    metrics: &'static [Metric],
    /// A bit each.
    places: u64,
}

fn bit(place: usize) -> u64 {
    let place = u32::try_from(place).ok();
    place
        .and_then(|place| 1_u64.checked_shl(place))
        .unwrap_or(0)
}

impl Present {
    fn has(&mut self, field: &Field) {
        let mut metrics = self.metrics.iter();
        if let Some(place) = metrics.position(|metric| metric.name == field.name()) {
            self.places |= bit(place);
        }
    }
}

impl Visit for Present {
    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no other numbers.
        if value.is_finite() {
            self.has(field);
        }
    }

    fn record_i64(&mut self, field: &Field, _: i64) {
        self.has(field);
    }

    fn record_u64(&mut self, field: &Field, _: u64) {
        self.has(field);
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};
    use tracing::{error, info};

    use super::*;
    use crate::telemetry::captured;

    fn line_of(log: impl FnOnce()) -> Value {
        captured::begin();
        log();
        let lines = captured::lines();
        let [line] = lines.as_slice() else {
            panic!("{lines:?}");
        };
        line.clone()
    }

    #[test]
    fn a_line_of_a_set_carries_the_metrics_that_it_has_and_its_time() {
        let line = line_of(|| {
            info!(
                target: WEBHOOK,
                tenant_id = "acme",
                duration_ms = 1.5,
                answered = one_if(true),
                refused = one_if(false),
                store_calls = counted(2),
                kms_calls = counted(0),
                "webhook answered"
            );
        });
        let directive = &line["_aws"]["CloudWatchMetrics"];
        let expected = json!([{
            "Namespace": captured::NAMESPACE,
            "Dimensions": [["function"]],
            "Metrics": [
                {"Name": "duration_ms", "Unit": "Milliseconds"},
                {"Name": "answered", "Unit": "Count"},
                {"Name": "store_calls", "Unit": "Count"},
            ],
        }]);
        assert_eq!(*directive, expected);
        let logged: jiff::Timestamp = line["timestamp"].as_str().unwrap().parse().unwrap();
        assert_eq!(line["_aws"]["Timestamp"], logged.as_millisecond());
        assert_eq!(
            (&line["answered"], &line["store_calls"], &line["refused"]),
            (&json!(1), &json!(2), &Value::Null)
        );
    }

    #[test]
    fn a_field_that_is_no_number_is_no_metric() {
        let line = line_of(|| {
            error!(target: WEBHOOK, duration_ms = f64::NAN, answered = true, refused = "1", unavailable = 1);
        });
        let metrics = &line["_aws"]["CloudWatchMetrics"][0]["Metrics"];
        assert_eq!(*metrics, json!([{"Name": "unavailable", "Unit": "Count"}]));
    }

    #[test]
    fn a_line_without_a_metric_or_of_no_set_carries_nothing() {
        let line = line_of(|| info!(target: WEBHOOK, answered = one_if(false), "nothing counted"));
        assert_eq!(line["_aws"], Value::Null);
        let line = line_of(|| info!(answered = 1, duration_ms = 1.0, "of no set"));
        assert_eq!(line["_aws"], Value::Null);
    }

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
