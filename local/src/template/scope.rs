//! Fills in what is known when a template is read: parameters, conditions and intrinsic functions.

use std::collections::BTreeMap;

use winterbaume_core::default_account_id;

use super::attributes::Attributes;
use super::expression::{Expression, Field, Kind};
use super::fault::{Faults, Position};
use super::parameters::{ParameterValue, listed};
use super::yaml::{Node, Value};
use super::{REGION, STACK_NAME};

/// A resource that can be referred to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Declared {
    /// The names that `!GetAtt` knows; `!Ref` always works.
    pub(super) attributes: Vec<&'static str>,
    /// The condition that leaves it out of this run.
    pub(super) left_out_by: Option<String>,
}

/// Everything that names in the template can stand for.
pub(super) struct Scope<'template> {
    pub(super) parameters: BTreeMap<String, ParameterValue>,
    pub(super) conditions: BTreeMap<String, bool>,
    pub(super) mappings: Option<&'template Node>,
    pub(super) resources: BTreeMap<String, Declared>,
    pub(super) faults: &'template Faults,
}

impl Scope<'_> {
    /// The expression that `node` stands for; `None` for `AWS::NoValue`, which removes what holds it.
    pub(super) fn resolve(&self, node: &Node) -> Option<Expression> {
        let at = node.at;
        if let Some((function, argument)) = node.intrinsic() {
            return self.call(function, argument, at);
        }
        let kind = match &node.value {
            Value::Scalar { text, plain } => Kind::Scalar {
                text: text.clone(),
                plain: *plain,
            },
            Value::Sequence(items) => {
                Kind::List(items.iter().filter_map(|item| self.resolve(item)).collect())
            }
            Value::Mapping(entries) => {
                if let Some(call) = entries.iter().find(|entry| entry.key.starts_with("Fn::")) {
                    let message = format!("`{}` must stand alone: remove its neighbours", call.key);
                    self.faults.add(call.at, message);
                }
                Kind::Map(
                    entries
                        .iter()
                        .filter_map(|entry| {
                            let value = self.resolve(&entry.node)?;
                            Some(Field {
                                name: entry.key.clone(),
                                at: entry.at,
                                value,
                            })
                        })
                        .collect(),
                )
            }
        };
        Some(Expression::new(at, kind))
    }

    /// The value of the condition `name`; a missing one is a fault.
    pub(super) fn condition(&self, name: &str, at: Position) -> bool {
        self.conditions.get(name).copied().unwrap_or_else(|| {
            let message = format!("there is no condition `{name}`: add it under `Conditions`");
            self.faults.add(at, message);
            false
        })
    }

    pub(super) fn faulty(&self, at: Position, message: impl Into<String>) -> Expression {
        self.faults.add(at, message);
        Expression::new(at, Kind::Faulty)
    }

    fn call(&self, function: &str, argument: &Node, at: Position) -> Option<Expression> {
        Some(match function {
            "Ref" => match argument.text() {
                Some("AWS::NoValue") => return None,
                Some(name) => self.reference(name, at),
                None => self.faulty(at, "!Ref takes the name of a parameter or resource"),
            },
            "Fn::GetAtt" => self.get_att(argument, at),
            "Fn::Sub" => self.substitute(argument, at),
            "Fn::If" => return self.choose(argument, at),
            "Fn::Join" => self.join(argument, at),
            "Fn::Select" => self.select(argument, at),
            "Fn::Split" => self.split(argument, at),
            "Fn::FindInMap" => self.find_in_map(argument, at),
            "Fn::Equals" | "Fn::And" | "Fn::Or" | "Fn::Not" | "Condition" => self.faulty(
                at,
                format!("`{function}` works under `Conditions` only: name a condition there and use !If"),
            ),
            _ => self.faulty(
                at,
                format!(
                    "the local stack does not understand `{function}`: use Ref, GetAtt, Sub, Join, If, Select, Split or FindInMap"
                ),
            ),
        })
    }

    /// What `!Ref name` stands for.
    fn reference(&self, name: &str, at: Position) -> Expression {
        match self.parameters.get(name) {
            Some(ParameterValue::Text(text)) => return Expression::literal(at, text),
            Some(ParameterValue::List(items)) => {
                let items = items
                    .iter()
                    .map(|item| Expression::literal(at, item))
                    .collect();
                return Expression::new(at, Kind::List(items));
            }
            Some(ParameterValue::Faulty) => return Expression::new(at, Kind::Faulty),
            None => {}
        }
        match name {
            "AWS::Region" => Expression::literal(at, REGION),
            "AWS::AccountId" => Expression::literal(at, default_account_id()),
            "AWS::Partition" => Expression::literal(at, "aws"),
            "AWS::StackName" => Expression::literal(at, STACK_NAME),
            "AWS::URLSuffix" => Expression::literal(at, "amazonaws.com"),
            _ if name.starts_with("AWS::") => self.faulty(
                at,
                format!("the local stack has no `{name}`: use AWS::Region, AccountId, Partition, StackName, URLSuffix or NoValue"),
            ),
            _ => self.attribute(name, super::REF, at),
        }
    }

    fn attribute(&self, logical_id: &str, attribute: &str, at: Position) -> Expression {
        let Some(declared) = self.resources.get(logical_id) else {
            let message = format!(
                "`{logical_id}` is neither a parameter nor a resource of this template: declare it or mend the name"
            );
            return self.faulty(at, message);
        };
        if let Some(condition) = &declared.left_out_by {
            let message = format!(
                "`{logical_id}` is left out because its condition `{condition}` is false: use !If here too"
            );
            return self.faulty(at, message);
        }
        if attribute != super::REF && !declared.attributes.contains(&attribute) {
            let message = format!(
                "`{logical_id}` has no attribute `{attribute}`; it has {}",
                listed(&declared.attributes)
            );
            return self.faulty(at, message);
        }
        let (logical_id, attribute) = (logical_id.to_owned(), attribute.to_owned());
        Expression::new(
            at,
            Kind::Attribute {
                logical_id,
                attribute,
            },
        )
    }

    fn get_att(&self, argument: &Node, at: Position) -> Expression {
        let parts: Option<Vec<&str>> = match argument.items() {
            Some(items) => items.iter().map(Node::text).collect(),
            None => argument
                .text()
                .and_then(|text| text.split_once('.'))
                .map(|(logical_id, attribute)| vec![logical_id, attribute]),
        };
        match parts.as_deref() {
            Some([logical_id, attribute]) => self.attribute(logical_id, attribute, at),
            _ => self.faulty(
                at,
                "!GetAtt takes a resource and an attribute: `Resource.Attribute`",
            ),
        }
    }

    fn substitute(&self, argument: &Node, at: Position) -> Expression {
        let (template, variables) = match argument.items() {
            Some([template, variables]) => {
                (template.text(), variables.entries().unwrap_or_default())
            }
            Some(_) => (None, [].as_slice()),
            None => (argument.text(), [].as_slice()),
        };
        let Some(template) = template else {
            return self.faulty(
                at,
                "!Sub takes text, or a list of text and a map of its names",
            );
        };
        let mut parts = Vec::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once("${") {
            parts.push(Expression::literal(at, before));
            let Some((name, after)) = after.split_once('}') else {
                return self.faulty(at, "this !Sub opens `${` and never closes it: add `}`");
            };
            rest = after;
            let name = name.trim();
            if let Some(literal) = name.strip_prefix('!') {
                parts.push(Expression::literal(at, format!("${{{literal}}}")));
            } else if let Some(variable) = variables.iter().find(|entry| entry.key == name) {
                parts.extend(self.resolve(&variable.node));
            } else if let Some((logical_id, attribute)) = name.split_once('.') {
                parts.push(self.attribute(logical_id, attribute, at));
            } else {
                parts.push(self.reference(name, at));
            }
        }
        parts.push(Expression::literal(at, rest));
        self.joined(String::new(), Expression::new(at, Kind::List(parts)), at)
    }

    fn choose(&self, argument: &Node, at: Position) -> Option<Expression> {
        match argument.items() {
            Some([condition, yes, no]) if condition.text().is_some() => {
                let name = condition.text().unwrap_or_default();
                self.resolve(if self.condition(name, condition.at) {
                    yes
                } else {
                    no
                })
            }
            _ => Some(self.faulty(at, "!If takes a condition's name and two values")),
        }
    }

    fn join(&self, argument: &Node, at: Position) -> Expression {
        match argument.items() {
            Some([separator, list]) if separator.text().is_some() => {
                let separator = separator.text().unwrap_or_default().to_owned();
                match self.resolve(list) {
                    Some(list) => self.joined(separator, list, at),
                    None => Expression::literal(at, ""),
                }
            }
            _ => self.faulty(at, "!Join takes a separator and a list"),
        }
    }

    /// Joins now if all parts are known, and later if some are not.
    fn joined(&self, separator: String, list: Expression, at: Position) -> Expression {
        let expression = Expression::new(
            at,
            Kind::Join {
                separator,
                list: Box::new(list),
            },
        );
        let mut open = false;
        expression.for_each_attribute(&mut |_, _, _| open = true);
        if open {
            return expression;
        }
        match expression.text(&Attributes::new()) {
            Ok(text) => Expression::literal(at, text),
            Err(fault) => self.faulty(at, fault.message),
        }
    }

    fn select(&self, argument: &Node, at: Position) -> Expression {
        let Some([index, list]) = argument.items() else {
            return self.faulty(at, "!Select takes an index and a list");
        };
        let index = self.resolve(index);
        let index = index
            .as_ref()
            .and_then(Expression::known_text)
            .and_then(|text| text.parse().ok());
        let (Some(index), Some(mut list)) = (index, self.resolve(list)) else {
            return self.faulty(at, "!Select takes an index from 0 and a list");
        };
        if let Kind::List(items) = &mut list.kind {
            if index < items.len() {
                return items.swap_remove(index);
            }
            let message = format!("!Select wants item {index} of a list of {}", items.len());
            return self.faulty(at, message);
        }
        Expression::new(
            at,
            Kind::Select {
                index,
                list: Box::new(list),
            },
        )
    }

    fn split(&self, argument: &Node, at: Position) -> Expression {
        match argument.items() {
            Some([separator, text]) if separator.text().is_some_and(|text| !text.is_empty()) => {
                let separator = separator.text().unwrap_or_default().to_owned();
                let Some(text) = self.resolve(text) else {
                    return self.faulty(at, "!Split needs text to split");
                };
                if let Some(known) = text.known_text() {
                    let parts = known.split(separator.as_str());
                    let parts = parts.map(|part| Expression::literal(at, part)).collect();
                    return Expression::new(at, Kind::List(parts));
                }
                Expression::new(
                    at,
                    Kind::Split {
                        separator,
                        text: Box::new(text),
                    },
                )
            }
            _ => self.faulty(at, "!Split takes a separator and text"),
        }
    }

    fn find_in_map(&self, argument: &Node, at: Position) -> Expression {
        let names: Option<Vec<Expression>> = argument
            .items()
            .filter(|items| items.len() == 3)
            .map(|items| items.iter().filter_map(|item| self.resolve(item)).collect());
        let names: Option<Vec<&str>> = names
            .as_ref()
            .and_then(|names| names.iter().map(Expression::known_text).collect());
        let Some([map, first, second]) = names.as_deref() else {
            return self.faulty(
                at,
                "!FindInMap takes a map and two keys that are known at read time",
            );
        };
        let found = self
            .mappings
            .and_then(|mappings| mappings.get(map)?.get(first)?.get(second))
            .and_then(|node| self.resolve(node));
        found.unwrap_or_else(|| {
            let message = format!("`Mappings` has no `{map}`.`{first}`.`{second}`: add it");
            self.faulty(at, message)
        })
    }
}
