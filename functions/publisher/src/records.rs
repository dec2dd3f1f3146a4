//! Records of the stream: contacts are kept, then what changed is told as events.

use std::collections::BTreeSet;

use shared::deferred::BatchOutcome;
use shared::lambda::Failure;
use shared::stream::{RawRecord, UnreadableRecord};
use tracing::{error, warn};

use crate::counts::{Counts, add};
use crate::handler::{Deadlines, Publisher};
use crate::presence::Presence;
use crate::told::Told;

/// Why a record is put aside.
const NO_CONTACTS: &str = "its contact could not be kept";

/// Reading ended at a record that could neither be read nor moved.
struct Stuck {
    /// Where the stream is to go on: with that record or, if it has no place, with the last before it that has one.
    from: Option<String>,
}

impl Publisher {
    /// Keeps contacts and publishes what the records tell. What does not succeed is put aside, and what nobody can read goes among
    /// the dead letters: neither stands in the way of what follows. Only when a queue does not work either, the stream delivers
    /// again, from the first record that is not done.
    ///
    /// # Errors
    /// When all that can be done is done, and no record has a place from which the stream could deliver again.
    pub(crate) async fn tell(
        &self,
        records: Vec<RawRecord>,
        deadlines: Deadlines,
        counts: &mut Counts,
    ) -> Result<BatchOutcome, Failure> {
        counts.records = records.len();
        let (mut told, stuck) = self.read(records, counts).await;
        let scopes = told.iter().map(|told| &told.scope);
        let presences = self.look_for(scopes, deadlines.look()).await;
        let is_gone = |told: &&mut Told| presences.of(&told.scope) == Presence::Gone;
        for told in told.iter_mut().filter(is_gone) {
            told.forget();
            add(&mut counts.dropped, 1);
        }
        let until = deadlines.contacts;
        let without_contacts = self.keep_contacts(&told, &presences, until).await;

        let with_place = |(place, told): (usize, &Told)| {
            let is_offered = presences.of(&told.scope) == Presence::There;
            let events = told.events.iter().cloned();
            events
                .map(|event| (place, is_offered, event))
                .collect::<Vec<_>>()
        };
        let events: Vec<_> = told.iter().enumerate().flat_map(with_place).collect();
        counts.events = events.len();
        let (offered, mut untold): (Vec<_>, Vec<_>) = events
            .into_iter()
            .partition(|(_, is_offered, _)| *is_offered);
        let refused = self
            .bus
            .publish(
                offered.iter().map(|(_, _, event)| event),
                deadlines.publish(),
            )
            .await;
        for (place, (_, _, event)) in offered.iter().enumerate() {
            if !refused.contains(&place) {
                counts.published(event);
            }
        }
        let refused = refused.iter().filter_map(|place| offered.get(*place));
        untold.extend(refused.cloned());

        let (mut places, mut messages, mut undone) = (Vec::new(), Vec::new(), BTreeSet::new());
        for (place, _, event) in &untold {
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
            let is_sent = self.is_sent(&letter.body, sequence_number, NO_CONTACTS);
            match is_sent.await {
                true => add(&mut counts.dead_letters, 1),
                false => {
                    undone.insert(*place);
                }
            }
        }
        let put_aside = messages.len();
        let deadline = deadlines.put_aside();
        let lost = self.undelivered.put_aside(messages, deadline).await;
        if put_aside > 0 {
            warn!(
                put_aside,
                events = untold.len(),
                contacts = without_contacts.len(),
                lost = lost.len(),
                "not done at once: put aside"
            );
        }
        counts.put_aside = put_aside.saturating_sub(lost.len());
        undone.extend(lost.iter().filter_map(|lost| places.get(*lost)));
        let first = undone.first().and_then(|place| told.get(*place));
        // In the order of the stream: where reading ended comes last.
        match (first, stuck) {
            (Some(told), _) => Ok(BatchOutcome::of([told.sequence_number.clone()])),
            (None, Some(Stuck { from })) => Ok(BatchOutcome::of([from.ok_or_else(nowhere)?])),
            (None, None) => Ok(BatchOutcome::default()),
        }
    }

    /// Reads records until one can neither be read nor moved to the dead letters.
    async fn read(
        &self,
        records: Vec<RawRecord>,
        counts: &mut Counts,
    ) -> (Vec<Told>, Option<Stuck>) {
        let (mut told, mut last) = (Vec::new(), None);
        for record in records {
            match Told::of(record) {
                Ok(read) => {
                    last = Some(read.sequence_number.clone());
                    told.push(read);
                }
                Err((record, unreadable)) => {
                    let is_moved = self.is_letter(&record, &unreadable).await;
                    last = unreadable.sequence_number.or(last);
                    if !is_moved {
                        return (told, Some(Stuck { from: last }));
                    }
                    add(&mut counts.dead_letters, 1);
                }
            }
        }
        (told, None)
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

/// A record that has no place in the stream is none of it, and none before it has one. All are delivered again.
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
