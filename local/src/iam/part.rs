//! Policies with something taken away: how it is told what a permission is for.

use std::fmt;

use super::policy::{Effect, Policy};

/// One permission of a policy: an action of a statement, with one of its resources or of its conditions' values if there are
/// several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    statement: usize,
    action: usize,
    limit: Limit,
    /// The statement's name.
    pub name: String,
    /// The action, as the policy writes it.
    pub action_text: String,
    /// The resource or the condition's value, as the policy writes it.
    pub limit_text: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Limit {
    None,
    Resource(usize),
    Value(usize, usize),
}

impl fmt::Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.name, self.action_text)?;
        match &self.limit_text {
            Some(limit) => write!(formatter, ", {limit}"),
            None => Ok(()),
        }
    }
}

impl Policy {
    /// Every permission in it. Of statements that deny there is none.
    #[must_use]
    pub fn parts(&self) -> Vec<Part> {
        let mut parts = Vec::new();
        for (place, statement) in self.statements.iter().enumerate() {
            if statement.effect == Effect::Deny {
                continue;
            }
            let mut limits = vec![(Limit::None, None)];
            if statement.resources.len() > 1 {
                let resources = statement.resources.iter().enumerate();
                limits.extend(resources.map(|(index, resource)| {
                    (Limit::Resource(index), Some(resource.text().to_owned()))
                }));
            }
            for (condition, of_condition) in statement.conditions.iter().enumerate() {
                let values = of_condition.widening();
                if values.len() > 1 {
                    let values = values.into_iter().enumerate();
                    limits.extend(values.map(|(value, text)| {
                        (Limit::Value(condition, value), Some(text.to_owned()))
                    }));
                }
            }
            for (action, pattern) in statement.actions.iter().enumerate() {
                parts.extend(limits.iter().map(|(limit, text)| Part {
                    statement: place,
                    action,
                    limit: *limit,
                    name: statement.name.clone(),
                    action_text: pattern.text().to_owned(),
                    limit_text: text.clone(),
                }));
            }
        }
        parts
    }

    /// Every condition of its statements that allow, by name, each with the policy that is left without it.
    #[must_use]
    pub fn unconditioned(&self) -> Vec<(String, Self)> {
        let mut wider = Vec::new();
        for (place, statement) in self.statements.iter().enumerate() {
            if statement.effect == Effect::Deny {
                continue;
            }
            for (index, condition) in statement.conditions.iter().enumerate() {
                let mut policy = self.clone();
                if let Some(statement) = policy.statements.get_mut(place) {
                    drop(statement.conditions.remove(index));
                }
                wider.push((format!("{}: {condition}", statement.name), policy));
            }
        }
        wider
    }

    /// The same policy without one permission: the statement's other actions keep what they had.
    #[must_use]
    pub fn without(&self, part: &Part) -> Self {
        let mut less = self.clone();
        let Some(statement) = less.statements.get_mut(part.statement) else {
            return less;
        };
        if part.action >= statement.actions.len() {
            return less;
        }
        let mut rest = statement.clone();
        rest.actions = vec![statement.actions.remove(part.action)];
        match part.limit {
            Limit::None => return less,
            Limit::Resource(index) if index < rest.resources.len() => {
                drop(rest.resources.remove(index));
            }
            Limit::Value(condition, value) => {
                if let Some(condition) = rest.conditions.get_mut(condition) {
                    *condition = condition.without(value);
                }
            }
            Limit::Resource(_) => {}
        }
        less.statements.push(rest);
        less
    }
}
