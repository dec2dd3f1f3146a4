//! Events that wait in the queue, because the bus did not take them.

use shared::deferred::{Batch, BatchMessage, BatchOutcome};
use shared::events::{Event, UnreadableEvent};
use tracing::{error, info};

use crate::handler::{Deadlines, Publisher};

impl Publisher {
    /// Publishes the events of a batch. Those that the bus still does not take are delivered again by the queue.
    pub(crate) async fn tell_late(&self, batch: Batch, deadlines: Deadlines) -> BatchOutcome {
        let (mut waiting, mut again) = (Vec::new(), Vec::new());
        for message in batch.messages {
            match Event::from_message(&message.body) {
                Ok(event) => waiting.push((message.id, event)),
                Err(UnreadableEvent) => {
                    if !self.is_letter(&message).await {
                        again.push(message.id);
                    }
                }
            }
        }
        let events = waiting.iter().map(|(_, event)| event);
        let refused = self.bus.publish(events, deadlines.publish).await;
        info!(
            events = waiting.len(),
            published = waiting.len() - refused.len(),
            "waiting events told"
        );
        let refused = refused.iter().filter_map(|place| waiting.get(*place));
        again.extend(refused.map(|(id, _)| id.clone()));
        BatchOutcome::of(again)
    }

    /// Moves what is no event. It would be tried for as long as the queue tries events.
    async fn is_letter(&self, message: &BatchMessage) -> bool {
        let message_id = &message.id;
        match self.dead_letters.put(&message.body).await {
            Ok(dead_letter_id) => {
                error!(
                    message_id,
                    dead_letter_id,
                    "not an event that this version can read: moved to the dead letters"
                );
                true
            }
            Err(error) => {
                error!(
                    message_id,
                    error = %error,
                    "not an event that this version can read, and not moved yet"
                );
                false
            }
        }
    }
}
