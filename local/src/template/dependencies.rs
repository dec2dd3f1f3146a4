//! Circles among resources, which `CloudFormation` refuses at deployment and no linter finds.

use std::collections::{BTreeMap, BTreeSet};

use super::expression::{Expression, Kind};
use super::fault::{Faults, Position};
use super::resources::{EventSource, Resource};

/// What each resource, generated ones included, needs to exist first.
#[derive(Debug, Default)]
pub(super) struct Dependencies(BTreeMap<String, BTreeSet<String>>);

impl Dependencies {
    /// Adds what one resource refers to. A function's role, URL and event sources are resources of their own.
    pub(super) fn add(
        &mut self,
        logical_id: &str,
        resource: &Resource,
        properties: Option<&Expression>,
        depends_on: &[(Position, String)],
    ) {
        let mut own: BTreeSet<String> = depends_on.iter().map(|(_, name)| name.clone()).collect();
        if let Resource::Function(function) = resource {
            for event in &function.events {
                // An API's description names the functions of all its routes, a rule its target.
                let needing = match &event.source {
                    EventSource::Api(route) => route.api.clone(),
                    EventSource::Schedule(_) => format!("{logical_id}{}", event.name),
                    EventSource::Queue(_) | EventSource::Stream(_) => continue,
                };
                let needed = self.0.entry(needing).or_default();
                needed.insert(logical_id.to_owned());
            }
            let mut of_role = BTreeSet::new();
            let mut own_role = true;
            if let Some(Kind::Map(fields)) = properties.map(|properties| &properties.kind) {
                for field in fields {
                    match field.name.as_str() {
                        "Events" | "FunctionUrlConfig" => {}
                        "Policies" => collect(&field.value, &mut of_role),
                        name => {
                            own_role &= name != "Role";
                            collect(&field.value, &mut own);
                        }
                    }
                }
            }
            if own_role {
                let role = format!("{logical_id}Role");
                own.insert(role.clone());
                self.0.insert(role, of_role);
            }
            self.0.insert(
                format!("{logical_id}Url"),
                BTreeSet::from([logical_id.to_owned()]),
            );
        } else if let Some(properties) = properties {
            collect(properties, &mut own);
        }
        self.0.entry(logical_id.to_owned()).or_default().extend(own);
    }

    /// Reports each circle once, at the first of its resources that the template names.
    pub(super) fn check(&self, places: &BTreeMap<String, Position>, faults: &Faults) {
        let mut done = BTreeSet::new();
        for name in self.0.keys() {
            self.walk(name, &mut Vec::new(), &mut done, places, faults);
        }
    }

    fn walk<'graph>(
        &'graph self,
        name: &'graph str,
        path: &mut Vec<&'graph str>,
        done: &mut BTreeSet<&'graph str>,
        places: &BTreeMap<String, Position>,
        faults: &Faults,
    ) {
        if let Some(start) = path.iter().position(|open| *open == name) {
            let circle: Vec<&str> = path
                .iter()
                .skip(start)
                .copied()
                .chain(std::iter::once(name))
                .collect();
            let at = circle.iter().find_map(|name| places.get(*name)).copied();
            let message = format!(
                "these need each other, which CloudFormation refuses: {}; break the circle",
                circle.join(" → ")
            );
            faults.add(at.unwrap_or(Position::START), message);
            return;
        }
        if done.contains(name) {
            return;
        }
        path.push(name);
        for needed in self.0.get(name).into_iter().flatten() {
            self.walk(needed, path, done, places, faults);
        }
        path.pop();
        done.insert(name);
    }
}

fn collect(expression: &Expression, names: &mut BTreeSet<String>) {
    expression.for_each_attribute(&mut |_, logical_id, _| {
        names.insert(logical_id.to_owned());
    });
}
