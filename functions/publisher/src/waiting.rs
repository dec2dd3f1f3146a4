//! What waits in the queue: events that the bus did not take, and records whose contacts could not be kept.

use std::collections::BTreeSet;

use shared::deferred::{Batch, BatchOutcome};
use shared::events::{Event, UndeliveredEvent};
use shared::stream::RawRecord;
use shared::tenant::TenantScope;
use tracing::{Instrument, info_span};

use crate::counts::{Counts, add};
use crate::handler::{Deadlines, Publisher};
use crate::presence::Presence;
use crate::told::Told;

/// Why a message is moved to the dead letters: it is neither an event nor a record.
const UNREADABLE: &str = "nothing that this version can read";

/// The messages of a batch, as far as they can be read, by their ids.
#[derive(Default)]
struct Waiting {
    /// Events that are still to be told.
    events: Vec<(String, TenantScope, Event)>,
    /// Records whose contacts are still to be kept.
    records: Vec<(String, Told)>,
    /// Messages that could neither be read nor moved.
    unreadable: BTreeSet<String>,
}

impl Publisher {
    /// Handles the messages of a batch. What still does not succeed is delivered again by the queue; what waits for a tenant that
    /// is deleted is dropped.
    pub(crate) async fn tell_late(
        &self,
        batch: Batch,
        deadlines: Deadlines,
        counts: &mut Counts,
    ) -> BatchOutcome {
        counts.messages = batch.messages.len();
        let mut waiting = self.read_waiting(batch, counts).await;
        let of_events = waiting.events.iter().map(|(_, scope, _)| scope);
        let of_records = waiting.records.iter().map(|(_, told)| &told.read.scope);
        let scopes = of_events.chain(of_records);
        let presences = self.look_for(scopes, deadlines.contacts).await;
        let is_gone = |scope: &TenantScope| presences.of(scope) == Presence::Gone;
        // Messages are counted: a record whose events wait with it is one.
        let of_events = waiting.events.iter().map(|(id, scope, _)| (id, scope));
        let of_records = waiting.records.iter();
        let of_records = of_records.map(|(id, told)| (id, &told.read.scope));
        let of_gone = of_events.chain(of_records);
        let of_gone = of_gone.filter(|(_, scope)| is_gone(scope));
        let dropped: BTreeSet<String> = of_gone.map(|(id, _)| id.clone()).collect();
        waiting.events.retain(|(id, _, _)| !dropped.contains(id));
        waiting.records.retain(|(id, _)| !dropped.contains(id));

        let mut again = waiting.unreadable;
        let (ids, told): (Vec<_>, Vec<_>) = waiting.records.into_iter().unzip();
        let until = deadlines.contacts;
        let not_kept = self.keep_contacts(&told, &presences, until).await;
        again.extend(not_kept.iter().filter_map(|place| ids.get(*place)).cloned());

        let events = waiting.events.iter();
        let events: Vec<_> = events
            .map(|(id, scope, event)| (id, scope, event))
            .collect();
        let until = deadlines.publish();
        let untold = self.publish(events, &presences, until, counts).await;
        again.extend(untold.iter().map(|(id, _)| (*id).clone()));
        counts.dropped = dropped.len();
        BatchOutcome::of(again)
    }

    async fn read_waiting(&self, batch: Batch, counts: &mut Counts) -> Waiting {
        let mut waiting = Waiting::default();
        for message in batch.messages {
            if let Ok(UndeliveredEvent { scope, event }) =
                UndeliveredEvent::from_message(&message.body)
            {
                waiting.events.push((message.id, scope, event));
                continue;
            }
            let letter = RawRecord::of_letter(&message.body);
            let read = letter.map(|(record, is_told)| (Told::of(record), is_told));
            match read {
                Some((Ok(told), is_told)) => {
                    let untold = told.read.events.iter().filter(|_| !is_told);
                    waiting.events.extend(untold.map(|event| {
                        let scope = told.read.scope.clone();
                        (message.id.clone(), scope, event.clone())
                    }));
                    waiting.records.push((message.id, told));
                }
                Some((Err(_), _)) | None => {
                    // It would be tried for as long as the queue tries it.
                    let span = info_span!("message", message_id = message.id);
                    let moved = self.dead_letters.take(&message.body, UNREADABLE);
                    if moved.instrument(span).await {
                        add(&mut counts.dead_letters, 1);
                    } else {
                        waiting.unreadable.insert(message.id);
                    }
                }
            }
        }
        waiting
    }
}
