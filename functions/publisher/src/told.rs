//! A record with what is to be told of it, and the contacts that it is news of.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use shared::activity::ResourceChange;
use shared::contacts::Sighting;
use shared::events::{self, Event};
use shared::stream::{Change, RawRecord, StreamRecord, UnreadableRecord};
use shared::tenant::TenantScope;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::{Instrument, Span, warn};

use crate::handler::Publisher;
use crate::presence::{Presence, Presences};

/// A record that was read.
pub(crate) struct Told {
    /// The record as it came.
    pub(crate) record: RawRecord,
    pub(crate) read: Read,
}

/// What is read of a record.
pub(crate) struct Read {
    pub(crate) sequence_number: String,
    pub(crate) scope: TenantScope,
    /// What is told of it.
    pub(crate) events: Vec<Event>,
    /// The message or call that is news of a contact.
    news: Option<ResourceChange>,
}

impl Told {
    /// Reads a record; gives it back with what is wrong, if nothing can be made of it.
    pub(crate) fn of(record: RawRecord) -> Result<Self, (RawRecord, UnreadableRecord)> {
        match survived(&record, read) {
            Err(unreadable) => Err((record, unreadable)),
            Ok(read) => Ok(Self { record, read }),
        }
    }

    /// Leaves out everything that was to be done with it.
    pub(crate) fn forget(&mut self) {
        self.read.events.clear();
        self.read.news = None;
    }
}

fn read(record: &RawRecord) -> Result<Read, UnreadableRecord> {
    let read = StreamRecord::read(record)?;
    let events = events::of(&read.scope, &read.change)
        .map_err(|error| record.without_use(error.to_string()))?;
    let news = match read.change {
        Change::Resource(change) => Some(change),
        Change::Contact(_) | Change::Event(_) | Change::Nothing => None,
    };
    Ok(Read {
        sequence_number: read.sequence_number,
        scope: read.scope,
        events,
        news: news.filter(|change| Sighting::of(change).is_some()),
    })
}

/// Reads a record so that a panic is a reason like any other why nothing can be made of it. Lambda would try the record for hours
/// otherwise, and all tenants of its shard would wait for it.
fn survived<T>(
    record: &RawRecord,
    read: impl FnOnce(&RawRecord) -> Result<T, UnreadableRecord>,
) -> Result<T, UnreadableRecord> {
    // What a panic leaves half done is dropped: the record itself is only read.
    catch_unwind(AssertUnwindSafe(|| read(record)))
        .unwrap_or_else(|_| Err(record.without_use("reading it panicked".to_owned())))
}

impl Publisher {
    /// Keeps the contacts that records are news of, all of a tenant's at once and the tenants side by side. Gives the places of the
    /// records whose contacts are not kept at `deadline`, among them all of tenants that are not known to be there: who was just
    /// looked for in vain is not looked for again. What is done of them is not done twice when they come again.
    pub(crate) async fn keep_contacts(
        &self,
        told: &[Told],
        presences: &Presences,
        deadline: Instant,
    ) -> BTreeSet<usize> {
        let mut news: BTreeMap<&str, (&TenantScope, Vec<usize>, Vec<ResourceChange>)> =
            BTreeMap::new();
        let mut left: BTreeSet<usize> = BTreeSet::new();
        for (place, Told { read, .. }) in told.iter().enumerate() {
            if let Some(change) = &read.news {
                left.insert(place);
                if presences.of(&read.scope) == Presence::Unknown {
                    continue;
                }
                let tenant_id = read.scope.tenant_id().as_str();
                let (_, places, changes) = news
                    .entry(tenant_id)
                    .or_insert_with(|| (&read.scope, Vec::new(), Vec::new()));
                places.push(place);
                changes.push(change.clone());
            }
        }
        let mut tasks = JoinSet::new();
        for (scope, places, changes) in news.into_values() {
            let (contacts, scope) = (Arc::clone(&self.contacts), scope.clone());
            let task = async move {
                let applied = contacts.apply(&scope, &changes, deadline).await;
                let Err(not_kept) = applied else {
                    return places;
                };
                let tenant_id = scope.tenant_id().as_str();
                warn!(tenant_id, error = %not_kept, "contacts are not kept yet");
                let places = places.into_iter().enumerate();
                let kept = places.filter(|(number, _)| !not_kept.places.contains(number));
                kept.map(|(_, place)| place).collect()
            };
            tasks.spawn(task.instrument(Span::current()));
        }
        while let Some(done) = tasks.join_next().await {
            // A panic is logged where it happens, and leaves its records undone.
            for place in done.unwrap_or_default() {
                left.remove(&place);
            }
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_whose_reading_panics_is_one_that_nothing_can_be_made_of() {
        let record = r#"{"dynamodb": {"SequenceNumber": "700000000000000000001"}}"#;
        let record: RawRecord = serde_json::from_str(record).unwrap();
        let read = |_: &RawRecord| -> Result<(), _> { panic!("a defect") };
        let unreadable = survived(&record, read).unwrap_err();
        assert_eq!(
            unreadable.sequence_number.as_deref(),
            Some("700000000000000000001")
        );
        assert_eq!(unreadable.reason, "reading it panicked");
    }
}
