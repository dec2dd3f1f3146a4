//! A record with what is to be told of it, and the contacts that it is news of.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use shared::activity::ResourceChange;
use shared::contacts::Sighting;
use shared::events::{self, Event};
use shared::stream::{Change, RawRecord, StreamRecord, UnreadableRecord};
use shared::tenant::TenantScope;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tracing::{Instrument, Span, warn};

use crate::handler::Publisher;

/// A record that was read.
pub(crate) struct Told {
    /// The record as it came.
    pub(crate) record: RawRecord,
    pub(crate) sequence_number: String,
    /// What is told of it.
    pub(crate) events: Vec<Event>,
    scope: TenantScope,
    /// The message or call that is news of a contact.
    news: Option<ResourceChange>,
}

impl Told {
    /// Reads a record; gives it back with what is wrong, if nothing can be made of it.
    pub(crate) fn of(record: RawRecord) -> Result<Self, (RawRecord, UnreadableRecord)> {
        let read = StreamRecord::read(&record).and_then(|read| {
            let events = events::of(&read.scope, &read.change)
                .map_err(|error| record.without_use(error.to_string()))?;
            Ok((read, events))
        });
        match read {
            Err(unreadable) => Err((record, unreadable)),
            Ok((read, events)) => Ok(Self {
                record,
                sequence_number: read.sequence_number,
                events,
                scope: read.scope,
                news: match read.change {
                    Change::Resource(change) => Some(change),
                    Change::Contact(_) | Change::Event(_) | Change::Nothing => None,
                }
                .filter(|change| Sighting::of(change).is_some()),
            }),
        }
    }
}

impl Publisher {
    /// Keeps the contacts that records are news of, all of a tenant's at once and the tenants side by side, and gives the places of
    /// the records with which it could not be done until `deadline`. What is done of them is not done twice when they come again.
    pub(crate) async fn keep_contacts(&self, told: &[Told], deadline: Instant) -> BTreeSet<usize> {
        let mut news: BTreeMap<&str, (&TenantScope, Vec<usize>, Vec<ResourceChange>)> =
            BTreeMap::new();
        for (place, told) in told.iter().enumerate() {
            if let Some(change) = &told.news {
                let tenant_id = told.scope.tenant_id().as_str();
                let (_, places, changes) = news
                    .entry(tenant_id)
                    .or_insert_with(|| (&told.scope, Vec::new(), Vec::new()));
                places.push(place);
                changes.push(change.clone());
            }
        }
        let mut left: BTreeSet<usize> = BTreeSet::new();
        let mut tasks = JoinSet::new();
        for (scope, places, changes) in news.into_values() {
            left.extend(&places);
            let (contacts, scope) = (Arc::clone(&self.contacts), scope.clone());
            let task = async move {
                let applied = contacts.apply(&scope, &changes).await;
                if let Err(error) = &applied {
                    let tenant_id = scope.tenant_id().as_str();
                    warn!(tenant_id, error = %error, "contacts are not kept yet");
                }
                (places, applied.is_ok())
            };
            tasks.spawn(task.instrument(Span::current()));
        }
        while let Ok(Some(done)) = timeout_at(deadline, tasks.join_next()).await {
            // A panic is logged where it happens, and leaves its records undone.
            if let Ok((places, true)) = done {
                left.retain(|place| !places.contains(place));
            }
        }
        left
    }
}
