//! The schedules of the running functions, to be fired by hand.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use shared::clock::Clock;

use crate::deployment::Deployment;
use crate::lambda::{Function, InvocationError};
use crate::sources::ScheduledEvent;
use crate::template::{EventSource, Template};

/// Why firing a schedule brought no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FireError {
    /// The template has no such function, or none of its events is of a schedule.
    #[error(
        "there is no schedule of a function {0}: give it an event of type Schedule in the template"
    )]
    NoSchedule(String),
    /// The function failed.
    #[error("{0}")]
    Failed(#[from] InvocationError),
}

/// The schedules of a stack. Clones share them.
#[derive(Clone, Default)]
pub struct Schedules {
    armed: Arc<[Armed]>,
    clock: Clock,
}

struct Armed {
    function: Function,
    event: ScheduledEvent,
}

impl Schedules {
    /// Those that the template declares, whether or not they are switched on.
    #[must_use]
    pub fn new(template: &Template, deployment: &Deployment, clock: Clock) -> Self {
        let armed = template.functions().flat_map(|(logical_id, declared)| {
            let function = deployment.function(&declared.binary);
            let events = declared.events.iter().filter_map(move |event| {
                let EventSource::Schedule(schedule) = &event.source else {
                    return None;
                };
                let generated = format!("{logical_id}{}", event.name);
                Some(Armed {
                    function: function?.clone(),
                    event: ScheduledEvent::new(schedule, &generated),
                })
            });
            events.collect::<Vec<_>>()
        });
        Self {
            armed: armed.collect(),
            clock,
        }
    }

    /// Invokes the function with this binary or logical id as its first schedule does, at `time` or now, and waits for its answer. It is
    /// tried once.
    ///
    /// # Errors
    ///
    /// A function without a schedule, or one that failed.
    pub async fn fire(&self, function: &str, time: Option<Timestamp>) -> Result<Bytes, FireError> {
        let armed = self.armed.iter().find(|armed| {
            let spec = armed.function.spec();
            spec.binary == function || spec.logical_id == function
        });
        let armed = armed.ok_or_else(|| FireError::NoSchedule(function.to_owned()))?;
        let event = armed.event.at(time.unwrap_or_else(|| self.clock.now()));
        Ok(armed.function.invoke(event).await?)
    }
}
