//! Records of the stream: contacts are kept, then what changed is told as events.

use std::collections::BTreeSet;

use shared::deferred::BatchOutcome;
use shared::events::Event;
use shared::lambda::Failure;
use shared::stream::RawRecord;
use shared::tenant::TenantScope;
use tokio::time::{Instant, timeout_at};
use tracing::{Instrument, error, info_span, warn};

use crate::counts::{Counts, add};
use crate::handler::{Deadlines, Publisher};
use crate::presence::{Presence, Presences};
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
        let until = deadlines.put_aside();
        let (mut told, stuck) = self.read(records, until, counts).await;
        let scopes = told.iter().map(|told| &told.read.scope);
        let presences = self.look_for(scopes, deadlines.look()).await;
        let is_gone = |told: &&mut Told| presences.of(&told.read.scope) == Presence::Gone;
        for told in told.iter_mut().filter(is_gone) {
            told.forget();
            add(&mut counts.dropped, 1);
        }
        let until = deadlines.contacts;
        let not_kept = self.keep_contacts(&told, &presences, until).await;

        let events: Vec<_> = (told.iter().enumerate())
            .flat_map(|(place, Told { read, .. })| {
                let events = read.events.iter();
                events.map(move |event| (place, &read.scope, event))
            })
            .collect();
        let until = deadlines.publish();
        let untold = self.publish(events, &presences, until, counts).await;
        let until = deadlines.put_aside();
        let undone = self.put_aside(&told, &untold, &not_kept, until, counts);
        let undone = undone.await?;
        let first = undone.first().and_then(|place| told.get(*place));
        // In the order of the stream: where reading ended comes last.
        match (first, stuck) {
            (Some(told), _) => Ok(BatchOutcome::of([told.read.sequence_number.clone()])),
            (None, Some(Stuck { from })) => Ok(BatchOutcome::of([from.ok_or_else(nowhere)?])),
            (None, None) => Ok(BatchOutcome::default()),
        }
    }

    /// Publishes events of tenants that are there until `deadline`, and gives all that are not told, each with what it came with:
    /// what the bus refused, and what is of the other tenants.
    pub(crate) async fn publish<'e, K>(
        &self,
        events: Vec<(K, &'e TenantScope, &'e Event)>,
        presences: &Presences,
        deadline: Instant,
        counts: &mut Counts,
    ) -> Vec<(K, &'e Event)> {
        counts.events = events.len();
        let (offered, withheld): (Vec<_>, Vec<_>) =
            (events.into_iter()).partition(|(_, scope, _)| presences.of(scope) == Presence::There);
        let offer = offered.iter().map(|(_, _, event)| *event);
        let refused = self.bus.publish(offer, deadline).await;
        for (number, (_, _, event)) in offered.iter().enumerate() {
            if !refused.contains(&number) {
                counts.published(event);
            }
        }
        let offered = offered.into_iter().enumerate();
        let refused =
            offered.filter_map(|(number, event)| refused.contains(&number).then_some(event));
        let untold = refused.chain(withheld);
        untold
            .map(|(came_with, _, event)| (came_with, event))
            .collect()
    }

    /// Puts in the queue events that are not told, each with its record's place, and records whose contacts are not kept; those
    /// that are too large for it go among the dead letters. Gives the places of records of which something is in no queue.
    ///
    /// # Errors
    /// None in practice: all of it is JSON already.
    async fn put_aside(
        &self,
        told: &[Told],
        untold: &[(usize, &Event)],
        not_kept: &BTreeSet<usize>,
        deadline: Instant,
        counts: &mut Counts,
    ) -> Result<BTreeSet<usize>, Failure> {
        let (mut places, mut messages, mut undone) = (Vec::new(), Vec::new(), BTreeSet::new());
        for (place, event) in untold {
            places.push(*place);
            messages.push(event.to_message().map_err(unwritable)?);
        }
        for place in not_kept {
            let Some(Told { record, read }) = told.get(*place) else {
                continue;
            };
            let letter = record.letter(NO_CONTACTS, true).map_err(unwritable)?;
            if letter.is_whole {
                places.push(*place);
                messages.push(letter.body);
                continue;
            }
            let sequence_number = Some(read.sequence_number.as_str());
            let taken = self.bury(&letter.body, sequence_number, NO_CONTACTS, deadline);
            if !taken.await {
                undone.insert(*place);
                // What follows is delivered again with it.
                break;
            }
            add(&mut counts.dead_letters, 1);
        }
        let put_aside = messages.len();
        let lost = self.undelivered.put_aside(messages, deadline).await;
        if put_aside > 0 {
            warn!(
                put_aside,
                events = untold.len(),
                contacts = not_kept.len(),
                lost = lost.len(),
                "not done at once: put aside"
            );
        }
        counts.put_aside = put_aside.saturating_sub(lost.len());
        undone.extend(lost.iter().filter_map(|lost| places.get(*lost)));
        Ok(undone)
    }

    /// Reads records until one can neither be read nor moved to the dead letters by `deadline`: what follows it in the stream would
    /// wait for it otherwise.
    async fn read(
        &self,
        records: Vec<RawRecord>,
        deadline: Instant,
        counts: &mut Counts,
    ) -> (Vec<Told>, Option<Stuck>) {
        let (mut told, mut last) = (Vec::new(), None);
        for record in records {
            match Told::of(record) {
                Ok(known) => {
                    last = Some(known.read.sequence_number.clone());
                    told.push(known);
                }
                Err((record, unreadable)) => {
                    let (place, reason) = (unreadable.sequence_number, &unreadable.reason);
                    let is_buried = match record.letter(reason, false) {
                        Ok(letter) => {
                            self.bury(&letter.body, place.as_deref(), reason, deadline)
                                .await
                        }
                        Err(error) => {
                            error!(sequence_number = place, error = %error, "a record cannot be written as a letter");
                            false
                        }
                    };
                    last = place.or(last);
                    if !is_buried {
                        return (told, Some(Stuck { from: last }));
                    }
                    add(&mut counts.dead_letters, 1);
                }
            }
        }
        (told, None)
    }

    /// Moves a record's letter to the dead letters, and says whether it is there at `deadline`.
    async fn bury(
        &self,
        letter: &str,
        sequence_number: Option<&str>,
        reason: &str,
        deadline: Instant,
    ) -> bool {
        let taken = self.dead_letters.take(letter, reason);
        let taken = taken.instrument(info_span!("record", sequence_number));
        timeout_at(deadline, taken).await.unwrap_or(false)
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
