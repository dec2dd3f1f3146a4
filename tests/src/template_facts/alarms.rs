//! What the template promises of alarms, and what the runbook says of each.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::FUNCTION;
use super::document::{list, of_type, template};
use super::metrics::of_alarm;
use crate::harness::workspace;

const ALARM: &str = "AWS::CloudWatch::Alarm";
const COMPOSITE: &str = "AWS::CloudWatch::CompositeAlarm";

/// The properties of every alarm but the composite ones, which watch others, by logical id.
pub(super) fn of_metrics(template: &Value) -> BTreeMap<String, Value> {
    let alarms = of_type(template, ALARM).into_iter();
    alarms
        .map(|(name, alarm)| (name.to_owned(), alarm["Properties"].clone()))
        .collect()
}

/// The names of all alarms.
pub(super) fn alarms(template: &Value) -> BTreeSet<String> {
    let alarms = [of_type(template, ALARM), of_type(template, COMPOSITE)].concat();
    alarms
        .into_iter()
        .map(|(name, _)| name.to_owned())
        .collect()
}

/// The functions whose metric of Lambda's some alarm watches.
fn watched(template: &Value, metric: &str) -> BTreeSet<String> {
    let alarms = of_metrics(template).into_values();
    let watched = alarms.flat_map(|alarm| of_alarm(&alarm));
    let watched = watched.filter(|it| it.namespace == "AWS/Lambda" && it.name == metric);
    let functions = watched.flat_map(|it| it.dimensions["FunctionName"].clone());
    functions
        .map(|name| {
            name.trim_start_matches("${")
                .trim_end_matches('}')
                .to_owned()
        })
        .collect()
}

#[test]
fn every_functions_errors_and_throttles_raise_an_alarm_and_those_that_are_waited_for_when_they_are_slow()
 {
    let template = template();
    let functions = of_type(&template, FUNCTION).into_iter();
    let functions: BTreeSet<_> = functions.map(|(name, _)| name.to_owned()).collect();
    assert_eq!(watched(&template, "Errors"), functions);
    assert_eq!(watched(&template, "Throttles"), functions);
    let mut slow = functions;
    // They work for as long as they have time.
    assert!(slow.remove("ReEncryptorFunction") && slow.remove("VerifierFunction"));
    assert_eq!(watched(&template, "Duration"), slow);
}

#[test]
fn a_rule_over_several_metrics_is_over_no_more_than_an_alarm_may_have_and_counts_each() {
    let mut sums = 0;
    for (name, alarm) in of_metrics(&template()) {
        let parts = list(&alarm["Metrics"]);
        let metrics = parts.iter().filter(|part| part["MetricStat"].is_object());
        let metrics: Vec<_> = metrics.collect();
        // CloudWatch takes ten.
        assert!(metrics.len() <= 10, "{name}");
        let told = parts.iter().filter(|part| part["ReturnData"] != "false");
        assert!(parts.is_empty() || told.count() == 1, "{name}");
        let expressions = parts.iter().filter_map(|part| part["Expression"].as_str());
        for expression in expressions.filter(|it| it.contains("METRICS()")) {
            // A function that was not called has no data, and must not take those of the others away.
            let aggregates = ["SUM(FILL(METRICS(), 0))", "MAX(FILL(METRICS(), 0))"];
            assert!(aggregates.contains(&expression), "{name}");
            let stat = ["Sum", "Maximum"][usize::from(expression.starts_with("MAX"))];
            for metric in &metrics {
                assert_eq!(metric["MetricStat"]["Stat"], stat, "{name}");
                let period = &metrics[0]["MetricStat"]["Period"];
                assert_eq!(&metric["MetricStat"]["Period"], period, "{name}");
            }
            sums += 1;
        }
    }
    assert!(sums > 0);
}

#[test]
fn who_is_to_hear_of_alarms_hears_of_all_of_them() {
    let template = template();
    let parameter = &template["Parameters"]["AlarmTopicArn"];
    assert_eq!(parameter["Default"], "");
    let tells = json!({"Fn::Not": [{"Fn::Equals": [{"Ref": "AlarmTopicArn"}, ""]}]});
    assert_eq!(template["Conditions"]["TellsOfAlarms"], tells);
    let topic =
        json!({"Fn::If": ["TellsOfAlarms", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]});
    for (name, alarm) in [of_type(&template, ALARM), of_type(&template, COMPOSITE)].concat() {
        let properties = &alarm["Properties"];
        assert_eq!(properties["AlarmActions"], topic, "{name}");
        assert_eq!(properties["OKActions"], topic, "{name}");
        assert!(properties["AlarmDescription"].is_string(), "{name}");
    }
}

#[test]
fn an_alarm_about_what_seldom_happens_is_quiet_while_there_is_nothing_to_say() {
    for (name, alarm) in of_metrics(&template()) {
        // A schedule that starts nothing has nothing to say either.
        let is_about_silence = name == "VerificationStoppedAlarm";
        let without_data = match is_about_silence {
            true => "breaching",
            false => "notBreaching",
        };
        assert_eq!(alarm["TreatMissingData"], without_data, "{name}");
        let queries = list(&alarm["Metrics"]).into_iter();
        let queries = queries.filter(|part| part["MetricStat"].is_null());
        let queries: Vec<_> = queries
            .filter(|part| part["Expression"]["Fn::Sub"].is_string())
            .collect();
        // CloudWatch takes one query an alarm, and its period from the query itself.
        assert!(queries.len() <= 1, "{name}");
        assert!(
            queries.iter().all(|part| part["Period"].is_string()),
            "{name}"
        );
    }
}

#[test]
fn webhooks_that_are_lost_or_will_be_raise_one_alarm() {
    let template = template();
    let [(_, alarm)] = of_type(&template, COMPOSITE)[..] else {
        panic!("one composite alarm");
    };
    let rule = alarm["Properties"]["AlarmRule"]["Fn::Sub"]
        .as_str()
        .unwrap();
    let parts = rule.split("OR").map(str::trim);
    let parts = parts.map(|part| {
        let name = part.strip_prefix(r#"ALARM("${"#);
        name.and_then(|name| name.strip_suffix(r#"}")"#))
            .unwrap()
            .to_owned()
    });
    let parts: BTreeSet<_> = parts.collect();
    let expected = [
        "DeferredAgeAlarm",
        "DeferredDeadLetterAlarm",
        "DeferredRetryAlarm",
        "TenantsServedStaleAlarm",
        "WebhookErrorsAlarm",
        "WebhookThrottlesAlarm",
        "WebhooksUnavailableAlarm",
    ];
    assert_eq!(parts, expected.map(str::to_owned).into());
}

#[test]
fn the_runbook_has_an_entry_for_every_alarm_and_for_no_other_with_something_to_look_at() {
    let runbook = std::fs::read_to_string(workspace().join("docs/runbook.md")).unwrap();
    let mut entries = BTreeSet::new();
    for entry in runbook.split("\n### ").skip(1) {
        let (heading, body) = entry.split_once('\n').unwrap();
        let body = body.split("\n## ").next().unwrap();
        let names = heading.split('`').skip(1).step_by(2);
        let names: Vec<_> = names.filter(|name| name.ends_with("Alarm")).collect();
        if names.is_empty() {
            continue;
        }
        assert!(
            body.contains("```"),
            "{heading} has no query and no command"
        );
        assert!(body.contains("\n- "), "{heading} says nothing to do");
        for name in names {
            assert!(entries.insert(name.to_owned()), "{name} has two entries");
        }
    }
    let alarms = alarms(&template());
    assert_eq!(entries, alarms);
    for file in ["docs/runbook.md", "docs/deploy.md", "docs/metrics.md"] {
        let text = std::fs::read_to_string(workspace().join(file)).unwrap();
        let words = text.split('`').skip(1).step_by(2);
        for name in words.filter(|word| word.ends_with("Alarm")) {
            assert!(alarms.contains(name), "{file}: {name}");
        }
    }
}
