//! What waits in the queue: events that the bus did not take, and records whose contacts could not be kept.

use std::collections::BTreeSet;

use shared::deferred::{Batch, BatchMessage, BatchOutcome};
use shared::events::Event;
use shared::stream::RawRecord;
use tracing::{error, info};

use crate::handler::{Deadlines, Publisher};
use crate::told::Told;

impl Publisher {
    /// Handles the messages of a batch. What still does not succeed is delivered again by the queue.
    pub(crate) async fn tell_late(&self, batch: Batch, deadlines: Deadlines) -> BatchOutcome {
        let mut again = BTreeSet::new();
        let (mut events, mut records) = (Vec::new(), Vec::new());
        let count = batch.messages.len();
        for message in batch.messages {
            if let Ok(event) = Event::from_message(&message.body) {
                events.push((message.id, event));
                continue;
            }
            let letter = RawRecord::of_letter(&message.body);
            let read = letter.map(|(record, is_told)| (Told::of(record), is_told));
            match read {
                Some((Ok(told), is_told)) => {
                    let untold = told.events.iter().filter(|_| !is_told);
                    events.extend(untold.map(|event| (message.id.clone(), event.clone())));
                    records.push((message.id, told));
                }
                Some((Err(_), _)) | None => {
                    if !self.is_dead(&message).await {
                        again.insert(message.id);
                    }
                }
            }
        }
        let (ids, told): (Vec<_>, Vec<_>) = records.into_iter().unzip();
        let without_contacts = self.keep_contacts(&told, deadlines.contacts).await;
        let undone = without_contacts.iter().filter_map(|place| ids.get(*place));
        again.extend(undone.cloned());

        let offered = events.iter().map(|(_, event)| event);
        let refused = self.bus.publish(offered, deadlines.publish()).await;
        let undone = refused.iter().filter_map(|place| events.get(*place));
        again.extend(undone.map(|(id, _)| id.clone()));
        info!(
            messages = count,
            events = events.len(),
            published = events.len() - refused.len(),
            "waiting messages told"
        );
        BatchOutcome::of(again)
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
