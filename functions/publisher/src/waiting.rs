//! What waits in the queue: events that the bus did not take, and records whose contacts could not be kept.

use std::collections::BTreeSet;

use shared::deferred::{Batch, BatchMessage, BatchOutcome};
use shared::events::{Event, UndeliveredEvent};
use shared::stream::RawRecord;
use shared::tenant::TenantScope;
use tracing::error;

use crate::counts::{Counts, add};
use crate::handler::{Deadlines, Publisher};
use crate::presence::Presence;
use crate::told::Told;

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
        let of_records = waiting.records.iter().map(|(_, told)| &told.scope);
        let scopes = of_events.chain(of_records);
        let presences = self.look_for(scopes, deadlines.contacts).await;
        let is_gone = |scope: &TenantScope| presences.of(scope) == Presence::Gone;
        // Messages are counted: a record whose events wait with it is one.
        let of_events = waiting.events.iter().map(|(id, scope, _)| (id, scope));
        let of_records = waiting.records.iter();
        let of_records = of_records.map(|(id, told)| (id, &told.scope));
        let of_gone = of_events.chain(of_records);
        let of_gone = of_gone.filter(|(_, scope)| is_gone(scope));
        let dropped: BTreeSet<String> = of_gone.map(|(id, _)| id.clone()).collect();
        waiting.events.retain(|(id, _, _)| !dropped.contains(id));
        waiting.records.retain(|(id, _)| !dropped.contains(id));

        let mut again = waiting.unreadable;
        let (ids, told): (Vec<_>, Vec<_>) = waiting.records.into_iter().unzip();
        let without_contacts = self
            .keep_contacts(&told, &presences, deadlines.contacts)
            .await;
        let undone = without_contacts.iter().filter_map(|place| ids.get(*place));
        again.extend(undone.cloned());

        let events = waiting.events.into_iter();
        let (offered, withheld): (Vec<_>, Vec<_>) =
            events.partition(|(_, scope, _)| presences.of(scope) == Presence::There);
        again.extend(withheld.into_iter().map(|(id, _, _)| id));
        let events = offered.iter().map(|(_, _, event)| event);
        let refused = self.bus.publish(events, deadlines.publish()).await;
        for (place, (_, _, event)) in offered.iter().enumerate() {
            if !refused.contains(&place) {
                counts.published(event);
            }
        }
        let undone = refused.iter().filter_map(|place| offered.get(*place));
        again.extend(undone.map(|(id, _, _)| id.clone()));
        (counts.events, counts.dropped) = (offered.len(), dropped.len());
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
                    let untold = told.events.iter().filter(|_| !is_told);
                    waiting.events.extend(untold.map(|event| {
                        let scope = told.scope.clone();
                        (message.id.clone(), scope, event.clone())
                    }));
                    waiting.records.push((message.id, told));
                }
                Some((Err(_), _)) | None => {
                    if self.is_dead(&message).await {
                        add(&mut counts.dead_letters, 1);
                    } else {
                        waiting.unreadable.insert(message.id);
                    }
                }
            }
        }
        waiting
    }

    /// Moves what is neither an event nor a record. It would be tried for as long as the queue tries them.
    async fn is_dead(&self, message: &BatchMessage) -> bool {
        let message_id = &message.id;
        match self.dead_letters.put(&message.body).await {
            Ok(dead_letter_id) => {
                error!(
                    message_id,
                    dead_letter_id, "nothing that this version can read: moved to the dead letters"
                );
                true
            }
            Err(error) => {
                error!(
                    message_id,
                    error = %error,
                    "nothing that this version can read, and not moved yet"
                );
                false
            }
        }
    }
}
