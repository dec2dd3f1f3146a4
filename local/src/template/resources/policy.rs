//! Policy documents of IAM: of roles, of functions, of keys. Nothing in one is without effect, so nothing is skipped.

use std::collections::BTreeSet;

use crate::iam::{
    self, ActionPattern, ArnPattern, Condition, ConditionKey, Effect, Policy, PrincipalPattern,
    Quantifier, Statement, read_operator,
};
use crate::template::attributes::Attributes;
use crate::template::expression::{Expression, Kind};
use crate::template::fault::{Fault, Faults, Position};
use crate::template::properties::Properties;

/// What a document belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PolicyOf {
    /// A role or a function: it says what, and nobody else is meant.
    Identity,
    /// A role's trust: it says who, and the role is what.
    Trust,
    /// A key: it says who and what.
    Resource,
}

/// A policy document that has been read whole.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyDocument {
    /// Where it stands in the template.
    pub at: Position,
    statements: Vec<Declared>,
}

/// A statement whose texts may still name attributes of resources.
#[derive(Debug, Clone, PartialEq)]
struct Declared {
    name: String,
    effect: Effect,
    principals: Vec<Whom>,
    actions: Vec<ActionPattern>,
    resources: Vec<Expression>,
    conditions: Vec<DeclaredCondition>,
}

#[derive(Debug, Clone, PartialEq)]
enum Whom {
    Anyone,
    Aws(Expression),
    Service(String),
}

#[derive(Debug, Clone, PartialEq)]
struct DeclaredCondition {
    at: Position,
    operator: (Option<Quantifier>, iam::Operator),
    key: ConditionKey,
    values: Vec<Expression>,
}

/// The only version with policy variables.
const VERSION: &str = "2012-10-17";

impl PolicyDocument {
    pub(super) fn read(document: &Expression, of: PolicyOf, faults: &Faults) -> Self {
        let mut properties =
            Properties::new("a policy document", Some(document), document.at, faults);
        properties.require("Version");
        properties.one_of("Version", &[VERSION]);
        properties.accept(&["Id"]);
        properties.require("Statement");
        let statements = properties.take("Statement");
        properties.finish();
        let statements = statements.map(one_or_more).unwrap_or_default();
        let mut names = BTreeSet::new();
        let statements = (1..).zip(statements).map(|(number, statement)| {
            let declared = Declared::read(number, statement, of, faults);
            if !names.insert(declared.name.clone()) {
                let message = format!("`{}` is another statement's Sid already", declared.name);
                faults.add(statement.at, message);
            }
            declared
        });
        Self {
            at: document.at,
            statements: statements.collect(),
        }
    }

    /// The policy, with every attribute filled in.
    ///
    /// # Errors
    ///
    /// Attributes that have no value, and values that are not understood.
    pub fn policy(&self, attributes: &Attributes) -> Result<Policy, Vec<Fault>> {
        let mut faults = Vec::new();
        let statements = self.statements.iter().filter_map(|declared| {
            let statement = declared.statement(attributes);
            statement.map_err(|fault| faults.push(fault)).ok()
        });
        let policy = Policy {
            statements: statements.collect(),
        };
        if faults.is_empty() {
            Ok(policy)
        } else {
            Err(faults)
        }
    }
}

/// The items of a list, or the one thing that stands for a list of it.
fn one_or_more(expression: &Expression) -> Vec<&Expression> {
    match &expression.kind {
        Kind::List(items) => items.iter().collect(),
        Kind::Faulty => Vec::new(),
        _ => vec![expression],
    }
}

/// Values that must not be none.
fn at_least_one<'a>(name: &str, value: &'a Expression, faults: &Faults) -> Vec<&'a Expression> {
    let values = one_or_more(value);
    if values.is_empty() && value.kind != Kind::Faulty {
        faults.add(
            value.at,
            format!("`{name}` of a statement is empty: write one at least"),
        );
    }
    values
}

/// Text that is known without anything running.
fn known<'a>(name: &str, value: &'a Expression, faults: &Faults) -> Option<&'a str> {
    let text = value.known_text();
    if text.is_none() && value.kind != Kind::Faulty {
        faults.add(value.at, format!("`{name}` of a statement must be text"));
    }
    text
}

/// What was read, or its fault.
fn read<T>(read: Result<T, String>, at: Position, faults: &Faults) -> Option<T> {
    read.map_err(|message| faults.add(at, message)).ok()
}

impl Declared {
    fn read(number: usize, statement: &Expression, of: PolicyOf, faults: &Faults) -> Self {
        let mut properties = Properties::new("a statement", Some(statement), statement.at, faults);
        let name = properties.text("Sid").unwrap_or_else(|| number.to_string());
        properties.require("Effect");
        let effect = properties.one_of("Effect", &["Allow", "Deny"]);
        properties.require("Action");
        let actions = properties.take("Action").map(|actions| {
            let actions = at_least_one("Action", actions, faults).into_iter();
            let actions = actions.filter_map(|action| {
                let text = known("Action", action, faults)?;
                read(ActionPattern::read(text), action.at, faults)
            });
            actions.collect()
        });
        let mut resources = Vec::new();
        if of != PolicyOf::Trust {
            properties.require("Resource");
            if let Some(value) = properties.take("Resource") {
                resources.extend(at_least_one("Resource", value, faults).into_iter().cloned());
            }
        }
        let mut principals = Vec::new();
        if of != PolicyOf::Identity {
            properties.require("Principal");
            if let Some(principal) = properties.take("Principal") {
                principals = read_principals(principal, faults);
            }
        }
        let conditions = properties.fields("Condition");
        properties.finish();
        for resource in &resources {
            if let Some(text) = resource.known_text() {
                read(ArnPattern::read(text), resource.at, faults);
            }
        }
        let conditions = conditions.iter().flat_map(|of_operator| {
            let operator = read(read_operator(&of_operator.name), of_operator.at, faults);
            let keys = match &of_operator.value.kind {
                Kind::Map(keys) => keys.as_slice(),
                _ => {
                    let message = format!("`{}` of a statement must be a map", of_operator.name);
                    faults.add(of_operator.value.at, message);
                    &[]
                }
            };
            keys.iter().filter_map(move |of_key| {
                let key = read(ConditionKey::read(&of_key.name), of_key.at, faults)?;
                let values = at_least_one(&of_key.name, &of_key.value, faults);
                let condition = DeclaredCondition {
                    at: of_key.at,
                    operator: operator?,
                    key,
                    values: values.into_iter().cloned().collect(),
                };
                condition.check(faults);
                Some(condition)
            })
        });
        Self {
            name,
            effect: match effect.as_deref() {
                Some("Allow") => Effect::Allow,
                _ => Effect::Deny,
            },
            principals,
            actions: actions.unwrap_or_default(),
            resources,
            conditions: conditions.collect(),
        }
    }

    fn statement(&self, attributes: &Attributes) -> Result<Statement, Fault> {
        let principals = self.principals.iter().map(|whom| match whom {
            Whom::Anyone => Ok(PrincipalPattern::Anyone),
            Whom::Service(name) => Ok(PrincipalPattern::Service(name.clone())),
            Whom::Aws(value) => PrincipalPattern::read(&value.text(attributes)?)
                .map_err(|message| Fault::new(value.at, message)),
        });
        let resources = self.resources.iter().map(|resource| {
            ArnPattern::read(&resource.text(attributes)?)
                .map_err(|message| Fault::new(resource.at, message))
        });
        let conditions = self.conditions.iter();
        let conditions = conditions.map(|declared| declared.condition(attributes));
        Ok(Statement {
            name: self.name.clone(),
            effect: self.effect,
            principals: principals.collect::<Result<_, _>>()?,
            actions: self.actions.clone(),
            resources: resources.collect::<Result<_, _>>()?,
            conditions: conditions.collect::<Result<_, _>>()?,
        })
    }
}

impl DeclaredCondition {
    /// Finds what is wrong with it as far as its values are known.
    fn check(&self, faults: &Faults) {
        let values = self.values.iter();
        let known: Option<Vec<String>> = values
            .map(|value| value.known_text().map(str::to_owned))
            .collect();
        if let Some(values) = known {
            let condition = Condition::new(self.operator, self.key.clone(), &values);
            read(condition, self.at, faults);
        }
    }

    fn condition(&self, attributes: &Attributes) -> Result<Condition, Fault> {
        let values = self.values.iter().map(|value| value.text(attributes));
        let values: Vec<String> = values.collect::<Result<_, _>>()?;
        Condition::new(self.operator, self.key.clone(), &values)
            .map_err(|message| Fault::new(self.at, message))
    }
}

fn read_principals(principal: &Expression, faults: &Faults) -> Vec<Whom> {
    if principal.known_text() == Some("*") {
        return vec![Whom::Anyone];
    }
    let mut properties = Properties::new("a principal", Some(principal), principal.at, faults);
    let mut principals = Vec::new();
    if let Some(accounts) = properties.take("AWS") {
        for value in at_least_one("AWS", accounts, faults) {
            if let Some(text) = value.known_text() {
                read(PrincipalPattern::read(text), value.at, faults);
            }
            principals.push(Whom::Aws(value.clone()));
        }
    }
    if let Some(services) = properties.take("Service") {
        for value in at_least_one("Service", services, faults) {
            let name = known("Service", value, faults);
            principals.extend(name.map(|name| Whom::Service(name.to_owned())));
        }
    }
    properties.finish();
    principals
}
