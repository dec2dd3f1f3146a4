//! What must hold between resources.

use std::collections::BTreeSet;

use super::{Event, EventSource, Function, QueueSource, Resource, StreamSource};
use crate::template::fault::Faults;

/// Checks that what refers to a queue, a table, a key or an API does, that a queue waits for its function, and that each route is
/// one function's.
pub(in crate::template) fn check(resources: &[(String, Resource)], faults: &Faults) {
    let find = |logical_id: &str| {
        resources
            .iter()
            .find(|(known, _)| known == logical_id)
            .map(|(_, resource)| resource)
    };
    let (mut routes, mut apis) = (BTreeSet::new(), 0);
    for (_, resource) in resources {
        match resource {
            Resource::Queue(queue) => {
                if let Some(redrive) = &queue.redrive
                    && !matches!(find(&redrive.dead_letter_queue), Some(Resource::Queue(_)))
                {
                    let message = format!("`{}` is not a queue", redrive.dead_letter_queue);
                    faults.add(redrive.at, message);
                }
            }
            Resource::Alias(alias) => {
                if !matches!(find(&alias.target), Some(Resource::Key(_))) {
                    faults.add(
                        alias.at,
                        format!("`{}` is not a key: mend `TargetKeyId`", alias.target),
                    );
                }
            }
            Resource::Function(function) => {
                if let Some(role) = &function.role
                    && !matches!(find(role), Some(Resource::Role(_)))
                {
                    faults.add(function.at, format!("`{role}` is not a role: mend `Role`"));
                }
                for event in &function.events {
                    match &event.source {
                        EventSource::Queue(source) => {
                            check_queue(event, source, function, find(&source.queue), faults);
                        }
                        EventSource::Stream(source) => {
                            let queue = source.on_failure.as_deref().map(find);
                            check_stream(event, source, find(&source.table), queue, faults);
                        }
                        EventSource::Schedule(schedule) => {
                            if let Some(queue) = &schedule.dead_letter_queue
                                && !matches!(find(queue), Some(Resource::Queue(_)))
                            {
                                faults.add(event.at, format!("`{queue}` is not a queue"));
                            }
                        }
                        EventSource::Api(route) => {
                            if !matches!(find(&route.api), Some(Resource::HttpApi(_))) {
                                let message = format!("`{}` is not an HTTP API", route.api);
                                faults.add(event.at, message);
                            }
                            if !routes.insert((&route.method, route.shape())) {
                                let message = format!(
                                    "`{} {}` is a route already: one of the two would never be called",
                                    route.method, route.path
                                );
                                faults.add(event.at, message);
                            }
                        }
                    }
                }
            }
            Resource::HttpApi(api) => {
                apis += 1;
                if apis > 1 {
                    let message = "the local stack has one port for an HTTP API: remove this one";
                    faults.add(api.at, message);
                }
            }
            Resource::RolePolicy(policy) => {
                if !matches!(find(&policy.role), Some(Resource::Role(_))) {
                    let message = format!("`{}` is not a role: mend `RoleName`", policy.role);
                    faults.add(policy.at, message);
                }
            }
            Resource::Role(_)
            | Resource::Table(_)
            | Resource::EventBus(_)
            | Resource::Key(_)
            | Resource::WithoutEffect { .. } => {}
        }
    }
}

fn check_queue(
    event: &Event,
    source: &QueueSource,
    function: &Function,
    queue: Option<&Resource>,
    faults: &Faults,
) {
    let Some(Resource::Queue(queue)) = queue else {
        faults.add(event.at, format!("`{}` is not a queue", source.queue));
        return;
    };
    let timeout = function.timeout.as_secs();
    if u64::from(queue.visibility_timeout) < timeout {
        let message = format!(
            "`{}` hides messages for {} s, less than the function's timeout of {timeout} s, which Lambda refuses: raise its VisibilityTimeout",
            source.queue, queue.visibility_timeout
        );
        faults.add(event.at, message);
    }
}

/// `on_failure` is what its destination's logical id stands for, if it has one.
fn check_stream(
    event: &Event,
    source: &StreamSource,
    table: Option<&Resource>,
    on_failure: Option<Option<&Resource>>,
    faults: &Faults,
) {
    // Of a table without a stream no attribute `StreamArn` is known, which is a fault already.
    if !matches!(table, Some(Resource::Table(_))) {
        faults.add(event.at, format!("`{}` is not a table", source.table));
    }
    if let Some(destination) = on_failure
        && !matches!(destination, Some(Resource::Queue(_)))
    {
        let name = source.on_failure.as_deref().unwrap_or_default();
        faults.add(event.at, format!("`{name}` is not a queue"));
    }
}
