//! Records of the stream: contacts are kept, then what changed is told as events.

use std::collections::BTreeSet;

use shared::deferred::BatchOutcome;
use shared::lambda::Failure;
use shared::stream::{RawRecord, UnreadableRecord};
use tracing::{error, info, warn};

use crate::handler::{Deadlines, Publisher};
use crate::told::Told;

/// Why a record is put aside.
const NO_CONTACTS: &str = "its contact could not be kept";

impl Publisher {
    /// Keeps contacts and publishes what the records tell. What does not succeed is put aside, and what nobody can read goes among
    /// the dead letters: neither stands in the way of what follows. Only when a queue does not work either, the stream delivers
    /// again, from the first record that is not done.
    pub(crate) async fn tell(
        &self,
        records: Vec<RawRecord>,
        deadlines: Deadlines,
    ) -> Result<BatchOutcome, Failure> {
        let (mut told, mut stuck, count) = (Vec::new(), None, records.len());
        for record in records {
            match Told::of(record) {
                Ok(read) => told.push(read),
                Err((record, unreadable)) => {
                    if !self.is_letter(&record, &unreadable).await {
                        stuck = Some(unreadable.sequence_number.ok_or_else(nowhere)?);
                        break;
                    }
                }
            }
        }
        let without_contacts = self.keep_contacts(&told, deadlines.contacts).await;

        let with_place = |(place, told): (usize, &Told)| {
            let events = told.events.iter().cloned();
            events.map(|event| (place, event)).collect::<Vec<_>>()
        };
        let events: Vec<_> = told.iter().enumerate().flat_map(with_place).collect();
        let offered = events.iter().map(|(_, event)| event);
        let refused = self.bus.publish(offered, deadlines.publish()).await;

        let (mut places, mut messages, mut undone) = (Vec::new(), Vec::new(), BTreeSet::new());
        for (place, event) in refused.iter().filter_map(|refused| events.get(*refused)) {
            places.push(*place);
            messages.push(event.to_message().map_err(unwritable)?);
        }
        for place in &without_contacts {
            let Some(told) = told.get(*place) else {
                continue;
            };
            let letter = told.record.letter(NO_CONTACTS, true).map_err(unwritable)?;
            if letter.is_whole {
                places.push(*place);
                messages.push(letter.body);
                continue;
            }
            let sequence_number = Some(told.sequence_number.as_str());
            if !self
                .is_sent(&letter.body, sequence_number, NO_CONTACTS)
                .await
            {
                undone.insert(*place);
            }
        }
        let put_aside = messages.len();
        let deadline = deadlines.put_aside();
        let lost = self.undelivered.put_aside(messages, deadline).await;
        if put_aside > 0 {
            warn!(
                put_aside,
                events = refused.len(),
                contacts = without_contacts.len(),
                lost = lost.len(),
                "not done at once: put aside"
            );
        }
        info!(
            records = count,
            events = events.len(),
            published = events.len() - refused.len(),
            "records told"
        );
        undone.extend(lost.iter().filter_map(|lost| places.get(*lost)));
        let first = undone.first().and_then(|place| told.get(*place));
        // In the order of the stream: where reading ended comes last.
        let again = first.map(|told| told.sequence_number.clone()).or(stuck);
        Ok(BatchOutcome::of(again))
    }

    /// Moves a record that nothing can be made of. What follows it in the stream would wait for it otherwise.
    pub(crate) async fn is_letter(
        &self,
        record: &RawRecord,
        unreadable: &UnreadableRecord,
    ) -> bool {
        let (sequence_number, reason) = (unreadable.sequence_number.as_deref(), &unreadable.reason);
        match record.letter(reason, false) {
            Ok(letter) => self.is_sent(&letter.body, sequence_number, reason).await,
            Err(error) => {
                error!(sequence_number, error = %error, "a record cannot be written as a letter");
                false
            }
        }
    }

    async fn is_sent(&self, letter: &str, sequence_number: Option<&str>, reason: &str) -> bool {
        match self.dead_letters.put(letter).await {
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

#[expect(clippy::needless_pass_by_value, reason = "map_err hands it over")]
fn unwritable(error: serde_json::Error) -> Failure {
    Failure {
        error_type: "UnwritableMessage".to_owned(),
        error_message: error.to_string(),
    }
}
