//! The section `Outputs`.

use super::conditions;
use super::expression::Expression;
use super::scope::Scope;
use super::yaml::{Entry, Node};

/// One entry of `Outputs`, evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Its name.
    pub name: String,
    /// What it is, if the template says.
    pub description: Option<String>,
    /// Its value.
    pub value: String,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct DeclaredOutput {
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) value: Expression,
}

pub(super) fn outputs(section: Option<&Node>, scope: &Scope<'_>) -> Vec<DeclaredOutput> {
    let entries = section.and_then(Node::entries).unwrap_or_default();
    entries
        .iter()
        .filter_map(|entry| output(entry, scope))
        .collect()
}

fn output(entry: &Entry, scope: &Scope<'_>) -> Option<DeclaredOutput> {
    if conditions::left_out_by(&entry.node, scope).is_some() {
        return None;
    }
    for field in entry.node.entries().unwrap_or_default() {
        if !["Condition", "Description", "Export", "Value"].contains(&field.key.as_str()) {
            let message = format!("an output has no `{}`: remove it", field.key);
            scope.faults.add(field.at, message);
        }
    }
    let Some(value) = entry.node.get("Value") else {
        scope.faults.add(
            entry.at,
            format!("the output `{}` needs a `Value`", entry.key),
        );
        return None;
    };
    Some(DeclaredOutput {
        name: entry.key.clone(),
        description: entry
            .node
            .get("Description")
            .and_then(Node::text)
            .map(str::to_owned),
        value: scope.resolve(value)?,
    })
}
