//! The section `Conditions`, evaluated once, before anything else is read.

use std::collections::BTreeMap;

use super::fault::Position;
use super::scope::Scope;
use super::yaml::{Entry, Node};

/// Evaluates every condition of `section`; faulty ones are false.
pub(super) fn read(section: Option<&Node>, scope: &Scope<'_>) -> BTreeMap<String, bool> {
    let Some(section) = section else {
        return BTreeMap::new();
    };
    let Some(entries) = section.entries() else {
        scope
            .faults
            .add(section.at, "`Conditions` must be a map of names");
        return BTreeMap::new();
    };
    let mut conditions = Conditions {
        entries,
        scope,
        known: BTreeMap::new(),
        open: Vec::new(),
    };
    for entry in entries {
        conditions.named(&entry.key, entry.at);
    }
    conditions.known
}

struct Conditions<'template> {
    entries: &'template [Entry],
    scope: &'template Scope<'template>,
    known: BTreeMap<String, bool>,
    /// The conditions being evaluated, outermost first.
    open: Vec<String>,
}

impl Conditions<'_> {
    fn named(&mut self, name: &str, at: Position) -> bool {
        if let Some(known) = self.known.get(name) {
            return *known;
        }
        let entries = self.entries;
        let Some(entry) = entries.iter().find(|entry| entry.key == name) else {
            return self.fault(
                at,
                format!("there is no condition `{name}`: add it or mend the name"),
            );
        };
        if self.open.iter().any(|open| open == name) {
            return self.fault(
                at,
                format!("the condition `{name}` depends on itself: break the circle"),
            );
        }
        self.open.push(name.to_owned());
        let value = self.value(&entry.node);
        self.open.pop();
        self.known.insert(name.to_owned(), value);
        value
    }

    fn value(&mut self, node: &Node) -> bool {
        match node.intrinsic() {
            Some(("Condition", name)) => self.named(name.text().unwrap_or_default(), node.at),
            Some(("Fn::Equals", argument)) => match argument.items() {
                Some([left, right]) => self.text(left) == self.text(right),
                _ => self.fault(node.at, "!Equals takes two values".to_owned()),
            },
            Some(("Fn::Not", argument)) => match argument.items() {
                Some([inner]) => !self.value(inner),
                _ => self.fault(node.at, "!Not takes a list of one condition".to_owned()),
            },
            Some((function @ ("Fn::And" | "Fn::Or"), argument)) => match argument.items() {
                // Each is evaluated, so that each fault is found.
                Some(items) if (2..=10).contains(&items.len()) => {
                    let values: Vec<bool> = items.iter().map(|item| self.value(item)).collect();
                    if function == "Fn::And" {
                        values.iter().all(|value| *value)
                    } else {
                        values.iter().any(|value| *value)
                    }
                }
                _ => self.fault(
                    node.at,
                    format!("`{function}` takes a list of 2 to 10 conditions"),
                ),
            },
            _ => self.fault(
                node.at,
                "a condition is made of !Equals, !And, !Or, !Not and !Condition: use these"
                    .to_owned(),
            ),
        }
    }

    fn text(&mut self, node: &Node) -> Option<String> {
        let text = self.scope.resolve(node)?;
        text.known_text().map(str::to_owned)
    }

    fn fault(&self, at: Position, message: String) -> bool {
        self.scope.faults.add(at, message);
        false
    }
}

/// The condition under which a resource or output exists: its name if it is false.
pub(super) fn left_out_by(node: &Node, scope: &Scope<'_>) -> Option<String> {
    let condition = node.get("Condition")?;
    let Some(name) = condition.text() else {
        scope
            .faults
            .add(condition.at, "`Condition` takes the name of a condition");
        return None;
    };
    (!scope.condition(name, condition.at)).then(|| name.to_owned())
}
