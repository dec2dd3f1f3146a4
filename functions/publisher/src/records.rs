//! Records of the stream: what changed, told as events.

use shared::deferred::BatchOutcome;
use shared::events::{self, Event};
use shared::lambda::Failure;
use shared::stream::{RawRecord, StreamRecord, UnreadableRecord};
use tracing::{error, info, warn};

use crate::handler::{Deadlines, Publisher};

/// A record, and the events that it gives.
struct Told {
    sequence_number: String,
    events: Vec<Event>,
}

impl Told {
    fn of(record: &RawRecord) -> Result<Self, UnreadableRecord> {
        let read = StreamRecord::read(record)?;
        let events = events::of(&read.scope, &read.change)
            .map_err(|error| record.without_use(error.to_string()))?;
        Ok(Self {
            sequence_number: read.sequence_number,
            events,
        })
    }
}

impl Publisher {
    /// Publishes what the records tell. What the bus does not take is put aside, and what nobody can read goes among the dead
    /// letters: neither stands in the way of what follows. Only when a queue does not work either, the stream delivers again,
    /// from the first record that is not done.
    pub(crate) async fn tell_of(
        &self,
        records: &[RawRecord],
        deadlines: Deadlines,
    ) -> Result<BatchOutcome, Failure> {
        let (mut told, mut stuck) = (Vec::new(), None);
        for record in records {
            match Told::of(record) {
                Ok(read) => told.push(read),
                Err(unreadable) if self.is_moved(record, &unreadable).await => {}
                Err(unreadable) => {
                    stuck = Some(unreadable.sequence_number.ok_or_else(nowhere)?);
                    break;
                }
            }
        }
        let (places, events): (Vec<_>, Vec<_>) = told
            .iter()
            .flat_map(|told| {
                told.events
                    .iter()
                    .map(|event| (&told.sequence_number, event))
            })
            .unzip();
        let refused = self
            .bus
            .publish(events.iter().copied(), deadlines.publish)
            .await;
        let refused: Vec<usize> = refused.into_iter().collect();
        let waiting = refused
            .iter()
            .filter_map(|place| events.get(*place).copied());
        let lost = self
            .undelivered
            .put_aside(waiting, deadlines.put_aside)
            .await;
        if !refused.is_empty() {
            let put_aside = refused.len() - lost.len();
            warn!(
                put_aside,
                "events were put aside: the bus did not take them"
            );
        }
        let first_lost = lost.first().and_then(|place| refused.get(*place));
        let first_lost = first_lost.and_then(|place| places.get(*place));
        info!(
            records = records.len(),
            events = events.len(),
            published = events.len() - refused.len(),
            "records told"
        );
        // In the order of the stream: what cannot be put aside comes before what cannot be read, where reading ended.
        let again = first_lost.map(|place| (*place).clone()).or(stuck);
        Ok(BatchOutcome::of(again))
    }

    async fn is_moved(&self, record: &RawRecord, unreadable: &UnreadableRecord) -> bool {
        let sequence_number = unreadable.sequence_number.as_deref();
        let moved = match unreadable.letter(record) {
            Ok(letter) => self.dead_letters.put(&letter).await,
            // Without a letter it would be tried for as long as the stream has it.
            Err(error) => {
                error!(sequence_number, error = %error, "a record cannot even be written among the dead letters");
                return true;
            }
        };
        let reason = &unreadable.reason;
        match moved {
            Ok(dead_letter_id) => {
                error!(
                    sequence_number,
                    dead_letter_id,
                    reason,
                    "nothing can be made of a record: moved to the dead letters"
                );
                true
            }
            Err(error) => {
                error!(
                    sequence_number,
                    reason,
                    error = %error,
                    "nothing can be made of a record, and it is not moved yet"
                );
                false
            }
        }
    }
}

/// A record that has no place in the stream is none of it. All are delivered again.
fn nowhere() -> Failure {
    Failure {
        error_type: "UnreadableRecord".to_owned(),
        error_message: "a record without a sequence number could not be moved to the dead letters"
            .to_owned(),
    }
}
