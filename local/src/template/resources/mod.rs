//! The resources of a template: those that run here, and those without a local effect.

mod asynchronous;
mod check;
mod event;
mod event_bus;
mod function;
mod http_api;
mod key;
mod names;
mod pattern;
mod policy;
mod queue;
mod role;
mod schedule;
mod stream_source;
mod table;

use std::collections::BTreeMap;

pub use asynchronous::AsynchronousInvocation;
pub(super) use check::check;
pub use event::{ApiRoute, Event, EventSource, QueueSource};
pub use event_bus::EventBus;
pub use function::Function;
pub use http_api::{Cors, HttpApi, JwtAuthorizer};
pub use key::{Alias, Key};
pub(super) use names::known;
pub use pattern::Pattern;
pub use policy::PolicyDocument;
pub use queue::{Queue, Redrive};
pub use role::{Role, RolePolicy};
pub use schedule::{Schedule, ScheduleExpression, ScheduleService};
pub use stream_source::{StartingPosition, StreamSource};
pub use table::{AttributeType, Index, KeyElement, Table};

use super::STACK_NAME;
use super::conditions::left_out_by;
use super::expression::Expression;
use super::fault::{Faults, Position};
use super::globals;
use super::properties::Properties;
use super::scope::{Declared, Scope};
use super::yaml::{Entry, Node, Value};

/// What a resource is here.
#[derive(Debug, Clone, PartialEq)]
pub enum Resource {
    /// A Lambda function.
    Function(Box<Function>),
    /// An HTTP API.
    HttpApi(HttpApi),
    /// A DynamoDB table.
    Table(Table),
    /// An SQS queue.
    Queue(Queue),
    /// An EventBridge bus.
    EventBus(EventBus),
    /// A KMS key.
    Key(Key),
    /// A KMS key's second name.
    Alias(Alias),
    /// A role, whose policies are enforced.
    Role(Role),
    /// A policy beside its role.
    RolePolicy(RolePolicy),
    /// A resource that does nothing here: its type, and its name if the template gives it one.
    WithoutEffect {
        /// Its `CloudFormation` type.
        kind: String,
        /// The physical name, as far as the template says it.
        name: Option<String>,
    },
}

const FUNCTION: &str = "AWS::Serverless::Function";
const HTTP_API: &str = "AWS::Serverless::HttpApi";
const TABLE: &str = "AWS::DynamoDB::Table";
const QUEUE: &str = "AWS::SQS::Queue";
const EVENT_BUS: &str = "AWS::Events::EventBus";
const KEY: &str = "AWS::KMS::Key";
const ALIAS: &str = "AWS::KMS::Alias";
const ROLE: &str = "AWS::IAM::Role";
const ROLE_POLICY: &str = "AWS::IAM::RolePolicy";

/// Types that do nothing here, with the attributes that `!GetAtt` knows.
const WITHOUT_EFFECT: [(&str, &[&str]); 8] = [
    ("AWS::CloudWatch::Alarm", &["Arn"]),
    ("AWS::CloudWatch::CompositeAlarm", &["Arn"]),
    ("AWS::CloudWatch::Dashboard", &[]),
    ("AWS::Events::Archive", &["ArchiveName", "Arn"]),
    ("AWS::Lambda::Permission", &["Id"]),
    ("AWS::Logs::LogGroup", &["Arn"]),
    ("AWS::Logs::MetricFilter", &[]),
    ("AWS::SNS::Topic", &["TopicArn", "TopicName"]),
];

/// What a resource may hold beside its properties.
const BESIDE: [&str; 7] = [
    "Type",
    "Properties",
    "Metadata",
    "Condition",
    "DependsOn",
    "DeletionPolicy",
    "UpdateReplacePolicy",
];

/// One entry of the section `Resources` that is part of this run.
pub(super) struct Declaration {
    pub(super) logical_id: String,
    pub(super) at: Position,
    kind: String,
    metadata: Option<Node>,
    /// With `Globals` merged into it.
    properties: Option<Node>,
    depends_on: Vec<(Position, String)>,
}

/// A resource that has been read, with everything it refers to.
pub(super) struct Read {
    pub(super) resource: Option<Resource>,
    pub(super) properties: Option<Expression>,
    pub(super) depends_on: Vec<(Position, String)>,
}

/// First pass: which resources there are, so that any can refer to any.
pub(super) fn declare(
    section: Option<&Node>,
    globals: Option<&Node>,
    scope: &Scope<'_>,
) -> (Vec<Declaration>, BTreeMap<String, Declared>) {
    let (mut declarations, mut names) = (Vec::new(), BTreeMap::new());
    let Some(entries) = section.and_then(Node::entries) else {
        let at = section.map_or(Position::START, |section| section.at);
        scope.faults.add(
            at,
            "the template has no resources: write them under `Resources`",
        );
        return (declarations, names);
    };
    for entry in entries {
        let Some((declaration, left_out_by)) = declaration(entry, globals, scope) else {
            continue;
        };
        for (name, attributes) in declaration.names(scope.faults) {
            names.insert(
                name,
                Declared {
                    attributes,
                    left_out_by: left_out_by.clone(),
                },
            );
        }
        if left_out_by.is_none() {
            declarations.push(declaration);
        }
    }
    (declarations, names)
}

fn declaration(
    entry: &Entry,
    globals: Option<&Node>,
    scope: &Scope<'_>,
) -> Option<(Declaration, Option<String>)> {
    let (logical_id, at, node) = (&entry.key, entry.at, &entry.node);
    if logical_id.is_empty()
        || !logical_id
            .chars()
            .all(|character| character.is_ascii_alphanumeric())
    {
        let message = format!("`{logical_id}` is no logical id: it takes letters and digits only");
        scope.faults.add(at, message);
    }
    for field in node.entries().unwrap_or_default() {
        if !BESIDE.contains(&field.key.as_str()) {
            let message = format!(
                "the local stack does not understand `{}` of a resource: remove it",
                field.key
            );
            scope.faults.add(field.at, message);
        }
    }
    let Some(kind) = node.get("Type").and_then(Node::text) else {
        scope.faults.add(
            at,
            format!("`{logical_id}` has no type: add `Type: AWS::…`"),
        );
        return None;
    };
    let properties = node.get("Properties").cloned();
    let properties = match globals {
        Some(globals) if kind == FUNCTION => {
            let local = properties.unwrap_or(Node {
                at,
                value: Value::Mapping(Vec::new()),
            });
            Some(globals::merged(globals, &local))
        }
        _ => properties,
    };
    let depends_on = node.get("DependsOn").map(|node| match node.items() {
        Some(items) => items.iter().collect(),
        None => vec![node],
    });
    let depends_on = depends_on.unwrap_or_default().into_iter();
    let depends_on = depends_on
        .filter_map(|node| Some((node.at, node.text()?.to_owned())))
        .collect();
    let declaration = Declaration {
        logical_id: logical_id.clone(),
        at,
        kind: kind.to_owned(),
        metadata: node.get("Metadata").cloned(),
        properties,
        depends_on,
    };
    Some((declaration, left_out_by(node, scope)))
}

impl Declaration {
    /// The names it can be referred to by, with their attributes: SAM makes more than one of a function.
    fn names(&self, faults: &Faults) -> Vec<(String, Vec<&'static str>)> {
        let property = |name: &str| self.properties.as_ref().and_then(|node| node.get(name));
        let own: &[&'static str] = match self.kind.as_str() {
            FUNCTION => &["Arn"],
            HTTP_API => &["ApiEndpoint", "ApiId"],
            TABLE if property("StreamSpecification").is_some() => &["Arn", "StreamArn"],
            TABLE => &["Arn"],
            QUEUE => &["Arn", "QueueName", "QueueUrl"],
            EVENT_BUS => &["Arn", "Name"],
            KEY => &["Arn", "KeyId"],
            ALIAS => &[],
            ROLE => &["Arn"],
            ROLE_POLICY => &[],
            kind => match WITHOUT_EFFECT.iter().find(|(known, _)| *known == kind) {
                Some((_, attributes)) => attributes,
                None => {
                    let message = format!(
                        "the local stack does not understand the type `{kind}`: remove `{}`, or teach it to local/src/template/resources",
                        self.logical_id
                    );
                    faults.add(self.at, message);
                    &[]
                }
            },
        };
        let mut names = vec![(self.logical_id.clone(), own.to_vec())];
        if self.kind == FUNCTION {
            if property("FunctionUrlConfig").is_some() {
                names.push((
                    format!("{}Url", self.logical_id),
                    vec!["FunctionArn", "FunctionUrl"],
                ));
            }
            if property("Role").is_none() {
                names.push((format!("{}Role", self.logical_id), vec!["Arn"]));
            }
            let events = property("Events").and_then(Node::entries);
            for event in events.unwrap_or_default() {
                if matches!(
                    event.node.get("Type").and_then(Node::text),
                    Some("Schedule" | "ScheduleV2")
                ) {
                    names.push((format!("{}{}", self.logical_id, event.key), vec!["Arn"]));
                }
            }
        }
        names
    }

    /// Second pass: reads its properties, which may refer to any resource of `scope`.
    pub(super) fn read(&self, scope: &Scope<'_>) -> Read {
        for (at, name) in &self.depends_on {
            if !scope.resources.contains_key(name) {
                let message = format!("there is no resource `{name}`: mend `DependsOn`");
                scope.faults.add(*at, message);
            }
        }
        let expression = self
            .properties
            .as_ref()
            .and_then(|node| scope.resolve(node));
        let owner = format!("an {}", self.kind);
        let properties = Properties::new(owner, expression.as_ref(), self.at, scope.faults);
        let name = format!("{STACK_NAME}-{}", self.logical_id);
        let at = self.at;
        let resource = match self.kind.as_str() {
            FUNCTION => Some(Resource::Function(Box::new(Function::read(
                name,
                at,
                self.metadata.as_ref(),
                properties,
            )))),
            HTTP_API => Some(Resource::HttpApi(HttpApi::read(name, at, properties))),
            TABLE => Some(Resource::Table(Table::read(name, at, properties))),
            QUEUE => Some(Resource::Queue(Queue::read(name, at, properties))),
            EVENT_BUS => EventBus::read(at, properties).map(Resource::EventBus),
            KEY => Some(Resource::Key(Key::read(at, properties))),
            ROLE => Some(Resource::Role(Role::read(name, at, properties))),
            ROLE_POLICY => RolePolicy::read(at, properties).map(Resource::RolePolicy),
            ALIAS => Alias::read(at, properties).map(Resource::Alias),
            kind if WITHOUT_EFFECT.iter().any(|(known, _)| *known == kind) => {
                Some(Resource::WithoutEffect {
                    kind: kind.to_owned(),
                    name: given_name(expression.as_ref()),
                })
            }
            _ => None,
        };
        Read {
            resource,
            properties: expression,
            depends_on: self.depends_on.clone(),
        }
    }
}

/// The name that the template gives a resource that is not modelled.
fn given_name(properties: Option<&Expression>) -> Option<String> {
    let super::expression::Kind::Map(fields) = &properties?.kind else {
        return None;
    };
    let names = [
        "AlarmName",
        "ArchiveName",
        "DashboardName",
        "LogGroupName",
        "TopicName",
    ];
    let field = fields
        .iter()
        .find(|field| names.contains(&field.name.as_str()))?;
    field.value.known_text().map(str::to_owned)
}
