//! What the platform's own code hears of: one event for each fact that changed the state of something, with its tenant.
//!
//! `docs/events.md` describes them, `schemas/` has the JSON Schema of each. Events are derived by comparing what was known
//! before a write with what is known after it, so that a repeated or late callback that changes nothing gives none. The id of
//! an event is made of what it tells: whoever derives it again derives the same id.

mod bus;
mod call;
mod contact;
mod credential;
mod envelope;
mod message;
mod recording;
#[cfg(test)]
mod tests;
mod undelivered;

pub use bus::EventBus;
pub(crate) use credential::CredentialNews;
pub use credential::{CredentialFailure, CredentialRecovery, FailureReason};
pub use envelope::{Event, EventType, Unpublishable};
pub use undelivered::{UndeliveredEvent, UndeliveredEvents, UnreadableEvent};

use crate::activity::{Resource, ResourceChange};
use crate::stream::Change;
use crate::tenant::TenantScope;

/// The events that a write to a tenant's activity gives, in the order in which they came about; none, when it changed no state.
///
/// # Errors
/// When one could never be published.
pub fn of(scope: &TenantScope, change: &Change) -> Result<Vec<Event>, Unpublishable> {
    let events = match change {
        Change::Resource(change) => of_resource(scope, change)?,
        Change::Contact(change) => contact::events(scope, change)?,
        Change::Event(event) => vec![event.clone()],
        Change::Nothing => Vec::new(),
    };
    for event in &events {
        if event.to_json()?.len() > Event::MOST_BYTES {
            return Err(Unpublishable::TooLarge);
        }
    }
    Ok(events)
}

fn of_resource(
    scope: &TenantScope,
    change: &ResourceChange,
) -> Result<Vec<Event>, serde_json::Error> {
    let (before, after) = (&change.before, &change.after);
    match &change.resource {
        Resource::Message(_) => message::events(scope, before, after),
        Resource::Call(_) => call::events(scope, before, after),
        Resource::Recording(_) => recording::events(scope, before, after),
    }
}
