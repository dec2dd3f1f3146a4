//! What is measured, what is told of it, and what watches it: the table of metrics, docs/metrics.md, alarms and dashboard.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use shared::telemetry::metrics::{MetricSet, SETS};

use super::alarms::{alarms, of_metrics};
use super::document::{binary, list, template};
use super::metrics_insights;
use crate::harness::workspace;

/// The namespace of the functions' own metrics.
const OWN: &str = "Trunkline/${AWS::StackName}";

/// The metrics of AWS that are watched, by namespace, as its documentation has them.
const OF_AWS: &[(&str, &[&str])] = &[
    (
        "AWS/DynamoDB",
        &["ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits"],
    ),
    (
        "AWS/Lambda",
        &[
            "ConcurrentExecutions",
            "Duration",
            "Errors",
            "Invocations",
            "IteratorAge",
            "Throttles",
        ],
    ),
    (
        "AWS/SQS",
        &[
            "ApproximateAgeOfOldestMessage",
            "ApproximateNumberOfMessagesDelayed",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesVisible",
            "NumberOfMessagesDeleted",
        ],
    ),
];

/// A metric that something watches.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Watched {
    pub(super) namespace: String,
    pub(super) name: String,
    /// Each dimension, and its values; none, if it has any.
    pub(super) dimensions: BTreeMap<String, BTreeSet<String>>,
}

/// The text of a value, whether it is one, `!Sub`, `!Ref` or `!GetAtt`.
fn text(value: &Value) -> String {
    let of_function = ["Fn::Sub", "Ref", "Fn::GetAtt"].map(|name| value[name].as_str());
    let text = of_function.into_iter().flatten().next();
    let text = text.or(value.as_str());
    text.unwrap_or_else(|| panic!("{value}")).to_owned()
}

/// What a query of Metrics Insights watches, one that `CloudWatch` understands.
fn of_query(query: &str) -> Watched {
    metrics_insights::of_query(query).unwrap_or_else(|why| panic!("{why}: {query}"))
}

/// What an alarm watches by itself or in one of its parts.
fn of_statistic(metric: &Value) -> Watched {
    let dimensions = list(&metric["Dimensions"]).into_iter();
    let dimensions = dimensions.map(|dimension| {
        let value = text(&dimension["Value"]).replace(".Arn", "");
        let name = text(&dimension["Name"]);
        (name, BTreeSet::from([format!("${{{value}}}")]))
    });
    Watched {
        namespace: text(&metric["Namespace"]),
        name: text(&metric["MetricName"]),
        dimensions: dimensions.collect(),
    }
}

/// What an alarm watches.
pub(super) fn of_alarm(alarm: &Value) -> Vec<Watched> {
    let parts = list(&alarm["Metrics"]);
    if parts.is_empty() {
        return vec![of_statistic(alarm)];
    }
    let parts = parts.into_iter().filter_map(|part| {
        if part["MetricStat"].is_null() {
            let expression = text(&part["Expression"]);
            let expression = expression.split_whitespace().collect::<Vec<_>>().join(" ");
            return expression
                .starts_with("SELECT")
                .then(|| of_query(&expression));
        }
        Some(of_statistic(&part["MetricStat"]["Metric"]))
    });
    parts.collect()
}

/// The dashboard, as `CloudWatch` reads it once the names of the resources are filled in.
pub(super) fn dashboard(template: &Value) -> Value {
    let body = &template["Resources"]["Dashboard"]["Properties"]["DashboardBody"];
    serde_json::from_str(&text(body)).unwrap()
}

/// What the dashboard shows.
fn of_dashboard(template: &Value) -> Vec<Watched> {
    let dashboard = dashboard(template);
    let widgets = dashboard["widgets"].as_array().unwrap().iter();
    let rows = widgets.flat_map(|widget| list(&widget["properties"]["metrics"]));
    let watched = rows.map(|row| {
        if let Some(query) = row[0]["expression"].as_str() {
            return of_query(query);
        }
        let row = row.as_array().unwrap();
        let texts: Vec<_> = row.iter().filter_map(Value::as_str).collect();
        let [namespace, name, dimensions @ ..] = texts.as_slice() else {
            panic!("{row:?}");
        };
        let dimensions = dimensions.chunks(2).map(|pair| {
            let value = BTreeSet::from([pair[1].to_owned()]);
            (pair[0].to_owned(), value)
        });
        Watched {
            namespace: (*namespace).to_owned(),
            name: (*name).to_owned(),
            dimensions: dimensions.collect(),
        }
    });
    watched.collect()
}

/// The sets whose lines have a metric with these dimensions, logged by every function that is named.
fn emitters(template: &Value, watched: &Watched) -> Vec<&'static MetricSet> {
    let functions = watched.dimensions.get("function").into_iter().flatten();
    let functions: Vec<_> = functions
        .map(|value| {
            let name = value.trim_start_matches("${").trim_end_matches('}');
            binary(&template["Resources"][name]).to_owned()
        })
        .collect();
    let names: BTreeSet<_> = watched.dimensions.keys().map(String::as_str).collect();
    let sets = SETS.iter().filter(|set| {
        let has_functions = functions
            .iter()
            .all(|function| set.functions.contains(&function.as_str()));
        let has_metric = set.metrics.iter().any(|metric| metric.name == watched.name);
        let dimensions: BTreeSet<_> = set.dimensions.iter().copied().collect();
        has_functions && has_metric && dimensions == names
    });
    sets.collect()
}

#[test]
fn what_an_alarm_or_the_dashboard_watches_somebody_measures_and_all_that_is_measured_is_watched() {
    let template = template();
    let mut watched = of_dashboard(&template);
    let alarms = of_metrics(&template).into_values();
    watched.extend(alarms.flat_map(|alarm| of_alarm(&alarm)));
    let mut unwatched: BTreeSet<(&str, &str)> = SETS
        .iter()
        .flat_map(|set| {
            let metrics = set.metrics.iter();
            metrics.map(|metric| (set.target, metric.name))
        })
        .collect();
    for watched in &watched {
        let of_aws = OF_AWS
            .iter()
            .find(|(namespace, _)| *namespace == watched.namespace);
        if let Some((_, names)) = of_aws {
            assert!(names.contains(&watched.name.as_str()), "{watched:?}");
            continue;
        }
        assert_eq!(watched.namespace, OWN, "{watched:?}");
        let emitters = emitters(&template, watched);
        assert!(!emitters.is_empty(), "nobody measures {watched:?}");
        for set in emitters {
            unwatched.remove(&(set.target, watched.name.as_str()));
        }
    }
    assert_eq!(unwatched, BTreeSet::new());
}

#[test]
fn every_widget_is_of_this_region_and_the_dashboard_shows_every_alarm() {
    let template = template();
    let dashboard = dashboard(&template);
    let widgets = dashboard["widgets"].as_array().unwrap();
    for widget in widgets {
        let (width, height) = (widget["width"].as_u64(), widget["height"].as_u64());
        assert!((1..=24).contains(&width.unwrap()) && height.unwrap() > 0);
        let properties = &widget["properties"];
        if widget["type"] == "metric" {
            assert_eq!(properties["region"], "${AWS::Region}", "{properties}");
            assert!(properties["title"].is_string(), "{properties}");
            let rows = list(&properties["metrics"]);
            let queries = rows.iter().filter(|row| row[0]["expression"].is_string());
            // A widget has room for one query.
            assert!(queries.count() == 0 || rows.len() == 1, "{properties}");
        }
    }
    let shown = widgets.iter().find(|widget| widget["type"] == "alarm");
    let shown = list(&shown.unwrap()["properties"]["alarms"]).into_iter();
    let shown: BTreeSet<_> = shown.map(|arn| arn.as_str().unwrap().to_owned()).collect();
    let alarms = alarms(&template).into_iter();
    assert_eq!(
        shown,
        alarms.map(|name| format!("${{{name}.Arn}}")).collect()
    );
}

/// The words of a text that stand in backticks.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

#[test]
fn the_documentation_has_every_metric_with_its_unit_its_dimensions_and_its_functions() {
    let documentation = std::fs::read_to_string(workspace().join("docs/metrics.md")).unwrap();
    let mut documented = BTreeMap::new();
    for section in documentation.split("\n## ").skip(1) {
        let (heading, body) = section.split_once('\n').unwrap();
        let [target] = quoted(heading)[..] else {
            continue;
        };
        let line = |beginning: &str| {
            let line = body.lines().find(|line| line.starts_with(beginning));
            let line = line.unwrap_or_else(|| panic!("{heading} has no line `{beginning}`"));
            quoted(line).into_iter().collect::<BTreeSet<_>>()
        };
        let rows = body.lines().filter(|line| line.starts_with("| `"));
        let rows = rows.map(|row| {
            let cells: Vec<_> = row.split('|').map(str::trim).collect();
            assert!(!cells[3].is_empty(), "{row}");
            (quoted(cells[1])[0], cells[2])
        });
        let rows: BTreeSet<_> = rows.collect();
        let described = (line("Dimensions:"), line("Logged by"), rows);
        documented.insert(target, described);
    }
    let declared = SETS.iter().map(|set| {
        let target = set.target.rsplit(':').next().unwrap();
        let metrics = set.metrics.iter();
        let metrics = metrics.map(|metric| (metric.name, metric.unit.as_str()));
        let of = |names: &[&'static str]| names.iter().copied().collect::<BTreeSet<_>>();
        let described = (of(set.dimensions), of(set.functions), metrics.collect());
        (target, described)
    });
    assert_eq!(documented, declared.collect());
}
