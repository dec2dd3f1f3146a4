//! Reads `template.yaml`, from which the local stack takes all it runs.
//!
//! What the reader does not understand it refuses, with the line and what to do, and never skips: a template that runs
//! here is one that this code has read whole. Values are filled in twice: parameters, conditions and pseudo parameters
//! when the template is read, attributes such as a function's URL when the thing they belong to runs.

mod attributes;
mod conditions;
mod dependencies;
mod expression;
mod fault;
mod globals;
mod outputs;
mod parameters;
mod properties;
mod resources;
mod scope;
mod yaml;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use attributes::{Attributes, REF};
pub use expression::Expression;
pub use fault::{Fault, Position};
pub use outputs::Output;
pub use resources::{
    Alias, ApiRoute, AsynchronousInvocation, AttributeType, Cors, Event, EventBus, EventSource,
    Function, HttpApi, Index, JwtAuthorizer, Key, KeyElement, Pattern, PolicyDocument, Queue,
    QueueSource, Redrive, Resource, Role, RolePolicy, Schedule, ScheduleExpression,
    ScheduleService, StartingPosition, StreamSource, Table,
};

use dependencies::Dependencies;
use fault::Faults;
use outputs::DeclaredOutput;
use parameters::Values;
use scope::Scope;
use yaml::Node;

/// The region that the local stack says it is in (`AWS::Region`).
pub const REGION: &str = "us-east-1";

/// The name of the local stack (`AWS::StackName`), and the first part of physical names.
pub const STACK_NAME: &str = "trunkline-local";

const SECTIONS: [&str; 10] = [
    "AWSTemplateFormatVersion",
    "Transform",
    "Description",
    "Metadata",
    "Parameters",
    "Mappings",
    "Conditions",
    "Globals",
    "Resources",
    "Outputs",
];

/// A template that has been read whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    /// By logical id, in the order of the file.
    resources: Vec<(String, Resource)>,
    left_out: Vec<(String, String)>,
    outputs: Vec<DeclaredOutput>,
    known: Attributes,
}

impl Template {
    /// Reads a template; `parameters` override the defaults of its parameters.
    ///
    /// # Errors
    ///
    /// All faults of the template, in the order of the file.
    pub fn read(source: &str, parameters: &BTreeMap<String, String>) -> Result<Self, Vec<Fault>> {
        Self::read_with_defaults(source, parameters, &BTreeMap::new())
    }

    /// Like [`Template::read`], with `defaults` in the place of the template's own, for those of its parameters that
    /// they name.
    ///
    /// # Errors
    ///
    /// As [`Template::read`].
    pub fn read_with_defaults(
        source: &str,
        parameters: &BTreeMap<String, String>,
        defaults: &BTreeMap<String, String>,
    ) -> Result<Self, Vec<Fault>> {
        let faults = Faults::default();
        let values = Values {
            given: parameters,
            defaults,
        };
        let template = yaml::read(source, &faults).map(|root| interpret(&root, &values, &faults));
        match (template, faults.into_sorted()) {
            (Some(template), faults) if faults.is_empty() => Ok(template),
            (_, faults) => Err(faults),
        }
    }

    /// The resource with this logical id.
    #[must_use]
    pub fn resource(&self, logical_id: &str) -> Option<&Resource> {
        self.resources()
            .find(|(known, _)| *known == logical_id)
            .map(|(_, resource)| resource)
    }

    /// All resources with their logical ids, in the order of the file.
    pub fn resources(&self) -> impl Iterator<Item = (&str, &Resource)> {
        self.resources
            .iter()
            .map(|(logical_id, resource)| (logical_id.as_str(), resource))
    }

    /// The functions.
    pub fn functions(&self) -> impl Iterator<Item = (&str, &Function)> {
        self.resources()
            .filter_map(|(logical_id, resource)| match resource {
                Resource::Function(function) => Some((logical_id, function.as_ref())),
                _ => None,
            })
    }

    /// The HTTP API, if there is one: there is one port for it.
    #[must_use]
    pub fn http_api(&self) -> Option<(&str, &HttpApi)> {
        self.resources()
            .find_map(|(logical_id, resource)| match resource {
                Resource::HttpApi(api) => Some((logical_id, api)),
                _ => None,
            })
    }

    /// The routes of HTTP APIs, each with the logical id of its function.
    pub fn routes(&self) -> impl Iterator<Item = (&str, &ApiRoute)> {
        self.functions().flat_map(|(logical_id, function)| {
            let routes = function
                .events
                .iter()
                .filter_map(|event| match &event.source {
                    EventSource::Api(route) => Some(route),
                    EventSource::Queue(_) | EventSource::Stream(_) | EventSource::Schedule(_) => {
                        None
                    }
                });
            routes.map(move |route| (logical_id, route))
        })
    }

    /// The tables.
    pub fn tables(&self) -> impl Iterator<Item = (&str, &Table)> {
        self.resources()
            .filter_map(|(logical_id, resource)| match resource {
                Resource::Table(table) => Some((logical_id, table)),
                _ => None,
            })
    }

    /// The queues.
    pub fn queues(&self) -> impl Iterator<Item = (&str, &Queue)> {
        self.resources()
            .filter_map(|(logical_id, resource)| match resource {
                Resource::Queue(queue) => Some((logical_id, queue)),
                _ => None,
            })
    }

    /// The event buses.
    pub fn event_buses(&self) -> impl Iterator<Item = (&str, &EventBus)> {
        self.resources()
            .filter_map(|(logical_id, resource)| match resource {
                Resource::EventBus(bus) => Some((logical_id, bus)),
                _ => None,
            })
    }

    /// The keys.
    pub fn keys(&self) -> impl Iterator<Item = (&str, &Key)> {
        self.resources()
            .filter_map(|(logical_id, resource)| match resource {
                Resource::Key(key) => Some((logical_id, key)),
                _ => None,
            })
    }

    /// The roles.
    pub fn roles(&self) -> impl Iterator<Item = (&str, &Role)> {
        self.resources()
            .filter_map(|(logical_id, resource)| match resource {
                Resource::Role(role) => Some((logical_id, role)),
                _ => None,
            })
    }

    /// The policies that stand beside their roles.
    pub fn role_policies(&self) -> impl Iterator<Item = &RolePolicy> {
        self.resources().filter_map(|(_, resource)| match resource {
            Resource::RolePolicy(policy) => Some(policy),
            _ => None,
        })
    }

    /// The keys' aliases.
    pub fn aliases(&self) -> impl Iterator<Item = (&str, &Alias)> {
        self.resources()
            .filter_map(|(logical_id, resource)| match resource {
                Resource::Alias(alias) => Some((logical_id, alias)),
                _ => None,
            })
    }

    /// The resources that do nothing here: logical id and type.
    pub fn without_effect(&self) -> impl Iterator<Item = (&str, &str)> {
        self.resources()
            .filter_map(|(logical_id, resource)| match resource {
                Resource::WithoutEffect { kind, .. } => Some((logical_id, kind.as_str())),
                _ => None,
            })
    }

    /// The resources that a false condition leaves out: logical id and condition.
    pub fn left_out(&self) -> impl Iterator<Item = (&str, &str)> {
        self.left_out
            .iter()
            .map(|(logical_id, condition)| (logical_id.as_str(), condition.as_str()))
    }

    /// The names and ARNs that follow from the template alone, and `running` over them.
    #[must_use]
    pub fn attributes(&self, running: &Attributes) -> Attributes {
        let mut attributes = self.known.clone();
        attributes.extend(running.clone());
        attributes
    }

    /// The environment variables that the template gives the function `logical_id`.
    ///
    /// # Errors
    ///
    /// The variables whose values need an attribute that `running` does not have.
    pub fn environment(
        &self,
        logical_id: &str,
        running: &Attributes,
    ) -> Result<BTreeMap<String, String>, Vec<Fault>> {
        let attributes = self.attributes(running);
        let variables = match self.resource(logical_id) {
            Some(Resource::Function(function)) => function.environment.as_slice(),
            _ => &[],
        };
        all(variables
            .iter()
            .map(|variable| Ok((variable.name.clone(), variable.value.text(&attributes)?))))
    }

    /// The outputs, in the order of the file.
    ///
    /// # Errors
    ///
    /// The outputs that need an attribute that `running` does not have.
    pub fn outputs(&self, running: &Attributes) -> Result<Vec<Output>, Vec<Fault>> {
        let attributes = self.attributes(running);
        all(self.outputs.iter().map(|output| {
            Ok(Output {
                name: output.name.clone(),
                description: output.description.clone(),
                value: output.value.text(&attributes)?,
            })
        }))
    }
}

/// All results, or all faults.
fn all<T, C: FromIterator<T>>(
    results: impl Iterator<Item = Result<T, Fault>>,
) -> Result<C, Vec<Fault>> {
    let mut faults = Vec::new();
    let values: C = results
        .filter_map(|result| result.map_err(|fault| faults.push(fault)).ok())
        .collect();
    if faults.is_empty() {
        Ok(values)
    } else {
        Err(faults)
    }
}

fn interpret(root: &Node, values: &Values<'_>, faults: &Faults) -> Template {
    check_sections(root, faults);
    let mut scope = Scope {
        parameters: parameters::read(root.get("Parameters"), values, faults),
        conditions: BTreeMap::new(),
        mappings: root.get("Mappings"),
        resources: BTreeMap::new(),
        faults,
    };
    scope.conditions = conditions::read(root.get("Conditions"), &scope);
    let globals = globals::function(root.get("Globals"), faults);
    let (declarations, names) = resources::declare(root.get("Resources"), globals, &scope);
    let left_out = names
        .iter()
        .filter_map(|(name, declared)| Some((name.clone(), declared.left_out_by.clone()?)))
        .collect();
    scope.resources = names;

    let (mut resources, mut known) = (Vec::new(), Attributes::new());
    let (mut dependencies, mut places) = (Dependencies::default(), BTreeMap::new());
    for declaration in declarations {
        let read = declaration.read(&scope);
        let Some(resource) = read.resource else {
            continue;
        };
        resources::known(&declaration.logical_id, &resource, &mut known);
        dependencies.add(
            &declaration.logical_id,
            &resource,
            read.properties.as_ref(),
            &read.depends_on,
        );
        places.insert(declaration.logical_id.clone(), declaration.at);
        resources.push((declaration.logical_id, resource));
    }
    dependencies.check(&places, faults);
    resources::check(&resources, faults);
    let outputs = outputs::outputs(root.get("Outputs"), &scope);
    Template {
        resources,
        left_out,
        outputs,
        known,
    }
}

fn check_sections(root: &Node, faults: &Faults) {
    let Some(sections) = root.entries() else {
        faults.add(
            root.at,
            "a template is a map: write `Resources:` and the rest under their names",
        );
        return;
    };
    for section in sections {
        if !SECTIONS.contains(&section.key.as_str()) {
            let message = format!(
                "the local stack does not understand the section `{}`: remove it",
                section.key
            );
            faults.add(section.at, message);
        }
    }
    match root.get("Transform").map(|node| (node.text(), node.at)) {
        Some((Some("AWS::Serverless-2016-10-31"), _)) => {}
        Some((_, at)) => faults.add(at, "the only transform here is AWS::Serverless-2016-10-31"),
        None => faults.add(
            root.at,
            "a SAM template needs `Transform: AWS::Serverless-2016-10-31`",
        ),
    }
    if let Some(version) = root.get("AWSTemplateFormatVersion")
        && version.text() != Some("2010-09-09")
    {
        faults.add(version.at, "AWSTemplateFormatVersion must be 2010-09-09");
    }
}
