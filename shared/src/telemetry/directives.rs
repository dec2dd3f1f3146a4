//! How a line says which of its fields are metrics: the embedded metric format of `CloudWatch`.

use std::fmt::{self, Write};

use tracing::field::{Field, Visit};

use super::metrics::{Metric, MetricSet, SETS, TARGETS};

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
    use serde_json::{Value, json};
    use tracing::{error, info};

    use crate::telemetry::captured;
    use crate::telemetry::metrics::{WEBHOOK, counted, one_if};

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
}
