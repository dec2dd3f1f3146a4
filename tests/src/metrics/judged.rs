//! A line, judged by the rules of the embedded metric format.

use std::collections::BTreeSet;

use local::logs::Line;
use local::template::STACK_NAME;
use serde_json::Value;
use shared::telemetry::metrics::{MetricSet, SETS};

/// What `CloudWatch` has metrics measured in.
const UNITS: [&str; 27] = [
    "Seconds",
    "Microseconds",
    "Milliseconds",
    "Bytes",
    "Kilobytes",
    "Megabytes",
    "Gigabytes",
    "Terabytes",
    "Bits",
    "Kilobits",
    "Megabits",
    "Gigabits",
    "Terabits",
    "Percent",
    "Count",
    "Bytes/Second",
    "Kilobytes/Second",
    "Megabytes/Second",
    "Gigabytes/Second",
    "Terabytes/Second",
    "Bits/Second",
    "Kilobits/Second",
    "Megabits/Second",
    "Gigabits/Second",
    "Terabits/Second",
    "Count/Second",
    "None",
];

/// A line that carries metrics.
pub(super) struct Judged {
    /// The set that they are of.
    pub(super) set: &'static MetricSet,
    /// The line.
    pub(super) line: Value,
    /// The names of the metrics.
    pub(super) metrics: BTreeSet<String>,
}

impl Judged {
    /// Reads a line. Panics at the first rule of the format that it breaks, and the first of this platform.
    pub(super) fn of(line: &Line) -> Self {
        let (function, text) = (&*line.function, &line.text);
        let line: Value = serde_json::from_str(text).unwrap();
        // Of two members of one name, who reads it takes the one or the other: here the second would be all that is left.
        assert_eq!(line.to_string().len(), text.len(), "{text}");
        let metadata = &line["_aws"];
        let logged: jiff::Timestamp = line["timestamp"].as_str().unwrap().parse().unwrap();
        assert_eq!(metadata["Timestamp"], logged.as_millisecond(), "{text}");
        let [directive] = metadata["CloudWatchMetrics"].as_array().unwrap().as_slice() else {
            panic!("{text}");
        };
        let namespace = directive["Namespace"].as_str().unwrap();
        assert_eq!(namespace, format!("Trunkline/{STACK_NAME}"));
        let dimensions = dimensions(&line, directive);
        let metrics = metrics(&line, directive);

        // Sets of one function have no metric in common but those that every line may have.
        let mut sets = SETS.iter().filter(|set| {
            let declared: BTreeSet<_> = set.metrics.iter().map(|it| it.name.to_owned()).collect();
            let is_logged_by = set.functions.contains(&function);
            is_logged_by && dimensions == set.dimensions && metrics.is_subset(&declared)
        });
        let set = sets
            .next()
            .unwrap_or_else(|| panic!("{function} has no such set: {text}"));
        assert!(sets.next().is_none(), "{text}");
        Self { set, line, metrics }
    }
}

/// The dimensions of a directive, which has one set of them.
fn dimensions<'l>(line: &'l Value, directive: &'l Value) -> Vec<&'l str> {
    let [dimensions] = directive["Dimensions"].as_array().unwrap().as_slice() else {
        panic!("{line}");
    };
    let dimensions = dimensions.as_array().unwrap().iter();
    let dimensions: Vec<_> = dimensions.map(|name| name.as_str().unwrap()).collect();
    assert!((1..=30).contains(&dimensions.len()), "{line}");
    for name in &dimensions {
        assert!((1..=250).contains(&name.len()) && !name.starts_with(':'));
        let value = line[*name].as_str();
        let value = value.unwrap_or_else(|| panic!("{name} is no text: {line}"));
        assert!(
            (1..=1_024).contains(&value.len()) && value.is_ascii(),
            "{line}"
        );
        assert!(!value.trim().is_empty() && !value.starts_with(':'));
        // Each value of a dimension is a metric of its own, which is paid for: there is no end of tenants.
        assert!(!name.contains("tenant"), "{line}");
        assert_ne!(line["tenant_id"], value, "{line}");
    }
    dimensions
}

/// The names of a directive's metrics, each of which the line has as a number.
fn metrics(line: &Value, directive: &Value) -> BTreeSet<String> {
    let definitions = directive["Metrics"].as_array().unwrap();
    assert!((1..=100).contains(&definitions.len()), "{line}");
    let names = definitions.iter().map(|definition| {
        let name = definition["Name"].as_str().unwrap();
        assert!(
            (1..=1_024).contains(&name.len()) && name.is_ascii(),
            "{line}"
        );
        let unit = definition["Unit"].as_str().unwrap();
        assert!(UNITS.contains(&unit), "{unit}");
        let value = line[name].as_f64();
        let value = value.unwrap_or_else(|| panic!("{name} is no number: {line}"));
        assert!((0.0..1e12).contains(&value), "{name}: {line}");
        name.to_owned()
    });
    let names: BTreeSet<_> = names.collect();
    assert_eq!(names.len(), definitions.len(), "{line}");
    names
}
