//! The template's parameters: defaults, overrides and what the template allows them to be.

use std::collections::BTreeMap;

use regex_lite::Regex;

use super::fault::{Faults, Position};
use super::yaml::{Entry, Node};

/// What a parameter stands for in this run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ParameterValue {
    Text(String),
    List(Vec<String>),
    /// A fault has been reported; whatever uses it stays silent.
    Faulty,
}

const KEYS: [&str; 11] = [
    "Type",
    "Default",
    "AllowedValues",
    "AllowedPattern",
    "ConstraintDescription",
    "Description",
    "MaxLength",
    "MinLength",
    "MaxValue",
    "MinValue",
    "NoEcho",
];

/// Where values come from besides the template.
pub(super) struct Values<'a> {
    /// What was asked for: each must be a parameter of the template.
    pub(super) given: &'a BTreeMap<String, String>,
    /// What stands in the place of the template's own defaults.
    pub(super) defaults: &'a BTreeMap<String, String>,
}

/// Reads the section `Parameters` and gives each its value or its default.
pub(super) fn read(
    section: Option<&Node>,
    values: &Values<'_>,
    faults: &Faults,
) -> BTreeMap<String, ParameterValue> {
    let entries = section.and_then(Node::entries).unwrap_or_default();
    if let Some(section) = section
        && section.entries().is_none()
    {
        faults.add(section.at, "`Parameters` must be a map of names");
    }
    let at = section.map_or(Position::START, |section| section.at);
    for name in values
        .given
        .keys()
        .filter(|name| !entries.iter().any(|entry| entry.key == **name))
    {
        let known: Vec<&str> = entries.iter().map(|entry| entry.key.as_str()).collect();
        let message = format!(
            "a value is given for the parameter `{name}`, which the template does not have; it has {}",
            listed(&known)
        );
        faults.add(at, message);
    }
    entries
        .iter()
        .map(|entry| {
            let given = values.given.get(&entry.key);
            let given = given.or_else(|| values.defaults.get(&entry.key));
            let value = value(entry, given.map(String::as_str), faults);
            (entry.key.clone(), value)
        })
        .collect()
}

fn value(entry: &Entry, given: Option<&str>, faults: &Faults) -> ParameterValue {
    let (name, at) = (&entry.key, entry.at);
    for unknown in entry
        .node
        .entries()
        .unwrap_or_default()
        .iter()
        .filter(|field| !KEYS.contains(&field.key.as_str()))
    {
        let message = format!("a parameter has no `{}`: remove it", unknown.key);
        faults.add(unknown.at, message);
    }
    let field = |key: &str| entry.node.get(key);
    let kind = field("Type").and_then(Node::text).unwrap_or_default();
    if !matches!(kind, "String" | "Number" | "CommaDelimitedList") {
        let at = field("Type").map_or(at, |node| node.at);
        let message = format!(
            "the local stack cannot look up a parameter of type `{kind}`: make `{name}` a String, Number or CommaDelimitedList"
        );
        faults.add(at, message);
        return ParameterValue::Faulty;
    }
    let Some(text) = given.or_else(|| field("Default").and_then(Node::text)) else {
        let message = format!(
            "the parameter `{name}` has no default: give it one, or give its value at start"
        );
        faults.add(at, message);
        return ParameterValue::Faulty;
    };
    let values: Vec<&str> = match kind {
        "CommaDelimitedList" => text.split(',').map(str::trim).collect(),
        _ => vec![text],
    };
    for value in &values {
        check(entry, kind, value, faults);
    }
    if kind == "CommaDelimitedList" {
        ParameterValue::List(values.into_iter().map(str::to_owned).collect())
    } else {
        ParameterValue::Text(text.to_owned())
    }
}

/// Checks one value against what the template allows.
fn check(entry: &Entry, kind: &str, value: &str, faults: &Faults) {
    let (name, at) = (&entry.key, entry.at);
    let field = |key: &str| entry.node.get(key);
    if kind == "Number" && value.parse::<f64>().is_err() {
        faults.add(
            at,
            format!("the parameter `{name}` must be a number, not `{value}`"),
        );
    }
    if let Some(allowed) = field("AllowedValues") {
        let allowed: Vec<&str> = allowed
            .items()
            .unwrap_or_default()
            .iter()
            .filter_map(Node::text)
            .collect();
        if !allowed.contains(&value) {
            let message = format!(
                "the parameter `{name}` must be one of {}, not `{value}`",
                listed(&allowed)
            );
            faults.add(at, message);
        }
    }
    if let Some(node) = field("AllowedPattern")
        && let Some(pattern) = node.text()
    {
        match Regex::new(&format!("^(?:{pattern})$")) {
            Ok(regex) if !regex.is_match(value) => {
                let why = field("ConstraintDescription")
                    .and_then(Node::text)
                    .unwrap_or(pattern);
                let message =
                    format!("the parameter `{name}` cannot be `{value}`: it must match {why}");
                faults.add(at, message);
            }
            Ok(_) => {}
            Err(error) => {
                let message = format!("this pattern cannot be checked here: {error}; simplify it");
                faults.add(node.at, message);
            }
        }
    }
    let bounds = [
        ("MinValue", false, value.parse::<f64>().ok()),
        ("MaxValue", true, value.parse::<f64>().ok()),
        (
            "MinLength",
            false,
            u32::try_from(value.chars().count()).ok().map(f64::from),
        ),
        (
            "MaxLength",
            true,
            u32::try_from(value.chars().count()).ok().map(f64::from),
        ),
    ];
    for (key, upper, measured) in bounds {
        let Some(node) = field(key) else { continue };
        let Some(limit) = node.text().and_then(|text| text.parse::<f64>().ok()) else {
            faults.add(node.at, format!("`{key}` must be a number"));
            continue;
        };
        if measured.is_some_and(|measured| {
            if upper {
                measured > limit
            } else {
                measured < limit
            }
        }) {
            let message =
                format!("the parameter `{name}` cannot be `{value}`: its {key} is {limit}");
            faults.add(at, message);
        }
    }
}

/// Names for a sentence: `a`, `b`, or "nothing".
pub(super) fn listed(names: &[&str]) -> String {
    if names.is_empty() {
        return "nothing".to_owned();
    }
    names
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}
