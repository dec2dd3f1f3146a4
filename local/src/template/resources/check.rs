//! What must hold between resources.

use super::{EventSource, Resource};
use crate::template::fault::Faults;

/// Checks that what refers to a queue or key does, and that a queue waits for its function.
pub(in crate::template) fn check(resources: &[(String, Resource)], faults: &Faults) {
    let find = |logical_id: &str| {
        resources
            .iter()
            .find(|(known, _)| known == logical_id)
            .map(|(_, resource)| resource)
    };
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
                    let EventSource::Queue(source) = &event.source;
                    match find(&source.queue) {
                        Some(Resource::Queue(queue)) => {
                            let timeout = function.timeout.as_secs();
                            if u64::from(queue.visibility_timeout) < timeout {
                                let message = format!(
                                    "`{}` hides messages for {} s, less than the function's timeout of {timeout} s, which Lambda refuses: raise its VisibilityTimeout",
                                    source.queue, queue.visibility_timeout
                                );
                                faults.add(event.at, message);
                            }
                        }
                        _ => faults.add(event.at, format!("`{}` is not a queue", source.queue)),
                    }
                }
            }
            Resource::Role(_)
            | Resource::Table(_)
            | Resource::Key(_)
            | Resource::WithoutEffect { .. } => {}
        }
    }
}
