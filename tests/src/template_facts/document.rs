//! The template as plain data, read by nothing that the local stack reads it with.

use std::borrow::Cow;

use saphyr_parser::{Event, Parser, StrInput, Tag};
use serde_json::{Map, Value, json};

use crate::harness::workspace;

/// The template. Every scalar is a string; `!Ref X` is `{"Ref": "X"}`, and so on.
pub(super) fn template() -> Value {
    let source = std::fs::read_to_string(workspace().join("template.yaml")).unwrap();
    let mut parser = Parser::new_from_str(&source);
    loop {
        match next(&mut parser) {
            Event::StreamStart | Event::DocumentStart(_) => {}
            event => return value(&mut parser, event),
        }
    }
}

fn next<'source>(parser: &mut Parser<'source, StrInput<'source>>) -> Event<'source> {
    parser.next().unwrap().unwrap().0
}

fn value<'source>(parser: &mut Parser<'source, StrInput<'source>>, event: Event<'source>) -> Value {
    let (value, tag) = match event {
        Event::Scalar(text, _, _, tag) => (Value::String(text.into_owned()), tag),
        Event::SequenceStart(_, tag) => {
            let mut items = Vec::new();
            loop {
                match next(parser) {
                    Event::SequenceEnd => break,
                    event => items.push(value(parser, event)),
                }
            }
            (Value::Array(items), tag)
        }
        Event::MappingStart(_, tag) => {
            let mut members = Map::new();
            loop {
                match next(parser) {
                    Event::MappingEnd => break,
                    event => {
                        let name = value(parser, event).as_str().unwrap().to_owned();
                        let event = next(parser);
                        members.insert(name, value(parser, event));
                    }
                }
            }
            (Value::Object(members), tag)
        }
        event => panic!("{event:?}"),
    };
    tagged(value, tag.as_ref().map(Cow::as_ref))
}

fn tagged(value: Value, tag: Option<&Tag>) -> Value {
    match tag.map(|tag| tag.suffix.as_str()) {
        None => value,
        Some("Ref") => json!({ "Ref": value }),
        Some(name) => json!({ format!("Fn::{name}"): value }),
    }
}

/// What is there, if anything, as a list: `CloudFormation` takes one thing for a list of one.
pub(super) fn list(value: &Value) -> Vec<&Value> {
    match value {
        Value::Null => vec![],
        Value::Array(items) => items.iter().collect(),
        one => vec![one],
    }
}

/// A statement that there is on a condition counts as one that is there.
fn of_condition(statement: &Value) -> &Value {
    match &statement["Fn::If"] {
        Value::Array(choices) => &choices[1],
        _ => statement,
    }
}

/// The statements of all policies of roles, with the logical id of the role: of its own policies, and of those that stand beside it.
pub(super) fn permissions(template: &Value) -> Vec<(&str, &Value)> {
    let mut permissions = Vec::new();
    for (name, role) in of_type(template, "AWS::IAM::Role") {
        let policies = list(&role["Properties"]["Policies"]).into_iter();
        let statements = policies.flat_map(|policy| list(&policy["PolicyDocument"]["Statement"]));
        permissions.extend(statements.map(|statement| (name, of_condition(statement))));
    }
    for (_, beside) in of_type(template, "AWS::IAM::RolePolicy") {
        let properties = &beside["Properties"];
        let name = properties["RoleName"]["Ref"].as_str().unwrap();
        let statements = list(&properties["PolicyDocument"]["Statement"]).into_iter();
        permissions.extend(statements.map(|statement| (name, statement)));
    }
    permissions
}

/// The name of a statement.
pub(super) fn sid(statement: &Value) -> &str {
    statement["Sid"].as_str().unwrap()
}

/// The actions of a statement.
pub(super) fn actions(statement: &Value) -> Vec<&str> {
    let actions = list(&statement["Action"]).into_iter();
    actions.map(|action| action.as_str().unwrap()).collect()
}

/// The resources of a type, by logical id.
pub(super) fn of_type<'a>(template: &'a Value, kind: &str) -> Vec<(&'a str, &'a Value)> {
    let resources = template["Resources"].as_object().unwrap().iter();
    let resources = resources.map(|(name, resource)| (name.as_str(), resource));
    let resources: Vec<_> = resources
        .filter(|(_, resource)| resource["Type"] == kind)
        .collect();
    assert!(!resources.is_empty(), "no {kind}");
    resources
}

/// The name of a function's binary.
pub(super) fn binary(function: &Value) -> &str {
    let binary = &function["Metadata"]["BuildProperties"]["Binary"];
    binary.as_str().unwrap()
}
