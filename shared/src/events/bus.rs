//! The bus that events are published on.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use aws_smithy_types::DateTime;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::{Instrument, Span, warn};

use super::Event;
use crate::aws::CallFailure;
use crate::environment::Environment;

/// What stands for this system on the bus.
const SOURCE: &str = "trunkline";

/// The most entries of one call.
/// Source: "`PutEvents`", Amazon EventBridge API Reference.
const MOST_ENTRIES: usize = 10;
/// The most bytes of the entries of one call together: fewer than 256 KB.
/// Source: "Calculating `PutEvents` event entry size", Amazon EventBridge User Guide.
const MOST_BYTES: usize = 255 * 1024;
/// How many calls are made at once: a batch of the stream makes ten and more, each of some tens of milliseconds.
const AT_ONCE: usize = 4;
/// What an entry's time counts as.
const BYTES_OF_A_TIME: usize = 14;

/// The longest pause before the second round; each later one may take twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause of all.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The platform's event bus.
#[derive(Clone)]
pub struct EventBus {
    client: aws_sdk_eventbridge::Client,
    name: String,
}

/// An event as one entry of a call, and which of those that were given it is.
struct Entry {
    place: usize,
    event_type: String,
    detail: String,
    time: DateTime,
}

impl EventBus {
    /// Opens the bus of this name.
    #[must_use]
    pub fn new(client: aws_sdk_eventbridge::Client, name: String) -> Self {
        Self { client, name }
    }

    /// Reads `EVENT_BUS_NAME`. A name that EventBridge would refuse is a fault: it would only show with the first event.
    /// Source: "`CreateEventBus`", Amazon EventBridge API Reference.
    #[must_use]
    pub fn name(environment: &Environment) -> Option<String> {
        let variable = "EVENT_BUS_NAME";
        let name = environment.required(variable)?;
        let is_allowed =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        if (1..=256).contains(&name.len()) && name.bytes().all(is_allowed) {
            return Some(name.to_owned());
        }
        environment.fault(format!(
            "{variable} must be the name of an event bus: 1 to 256 letters, digits and .-_"
        ));
        None
    }

    /// Publishes events, in no order, and gives the places of those that the bus did not take. What it refuses is offered again
    /// until `deadline`, after pauses of chance, and everything at least once.
    ///
    /// An event whose call was not answered may have been taken: published again, it has the same id.
    pub async fn publish<'e>(
        &self,
        events: impl IntoIterator<Item = &'e Event>,
        deadline: Instant,
    ) -> BTreeSet<usize> {
        let (mut left, mut never) = (Vec::new(), BTreeSet::new());
        for (place, event) in events.into_iter().enumerate() {
            match Entry::of(place, event) {
                Some(entry) => left.push(Arc::new(entry)),
                None => {
                    never.insert(place);
                }
            }
        }
        let mut longest = FIRST_PAUSE;
        loop {
            left = self.offer(left, deadline).await;
            let pause = longest.mul_f64(chance());
            if left.is_empty() || Instant::now() + pause >= deadline {
                break;
            }
            sleep(pause).await;
            longest = longest.saturating_mul(2).min(LONGEST_PAUSE);
        }
        never.extend(left.iter().map(|entry| entry.place));
        never
    }

    /// Offers every entry once, and gives those that were not taken. Once the bus cannot be asked at all, no more is offered.
    async fn offer(&self, mut entries: Vec<Arc<Entry>>, deadline: Instant) -> Vec<Arc<Entry>> {
        let (mut chunks, mut calls) = (chunks(&entries).into_iter(), JoinSet::new());
        let (mut taken, mut is_reached) = (BTreeSet::new(), true);
        loop {
            while is_reached
                && calls.len() < AT_ONCE
                && let Some(chunk) = chunks.next()
            {
                let bus = self.clone();
                let call = async move { bus.call(&chunk, deadline).await };
                calls.spawn(call.instrument(Span::current()));
            }
            match calls.join_next().await {
                None => break,
                Some(Ok(Some(places))) => taken.extend(places),
                // A panic is logged where it happens.
                Some(Ok(None) | Err(_)) => is_reached = false,
            }
        }
        entries.retain(|entry| !taken.contains(&entry.place));
        entries
    }

    /// Makes one call, and gives the places of the entries that were taken; nothing, when the bus could not be asked.
    async fn call(&self, chunk: &[Arc<Entry>], deadline: Instant) -> Option<BTreeSet<usize>> {
        let puts = chunk.iter().map(|entry| entry.put(&self.name)).collect();
        let call = self.client.put_events().set_entries(Some(puts)).send();
        let answer = match timeout_at(deadline, call).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                warn!(error = %CallFailure::of(&error), "the event bus took none of a call's events");
                return None;
            }
            Err(_) => {
                warn!("the event bus did not answer in time");
                return None;
            }
        };
        // One result an entry, in order; an entry without one is not known to be taken.
        let mut results = answer.entries.unwrap_or_default().into_iter();
        let mut taken = BTreeSet::new();
        for entry in chunk {
            let result = results.next();
            let code = result.as_ref().and_then(|result| result.error_code());
            match result.as_ref().and_then(|result| result.event_id()) {
                Some(_) if code.is_none() => {
                    taken.insert(entry.place);
                }
                _ => {
                    warn!(
                        code,
                        event_type = entry.event_type,
                        "the event bus refused an event"
                    );
                }
            }
        }
        Some(taken)
    }
}

impl Entry {
    /// Nothing for an event that no call has room for.
    fn of(place: usize, event: &Event) -> Option<Self> {
        let detail = event.to_json().ok()?;
        let entry = Self {
            place,
            event_type: event.event_type.clone(),
            detail,
            time: DateTime::from_millis(event.time.as_millisecond()),
        };
        (entry.size() <= MOST_BYTES).then_some(entry)
    }

    fn size(&self) -> usize {
        BYTES_OF_A_TIME + SOURCE.len() + self.event_type.len() + self.detail.len()
    }

    fn put(&self, bus: &str) -> PutEventsRequestEntry {
        PutEventsRequestEntry::builder()
            .event_bus_name(bus)
            .source(SOURCE)
            .detail_type(&self.event_type)
            .detail(&self.detail)
            .time(self.time)
            .build()
    }
}

/// The entries of each call: as many as there may be, in their order.
fn chunks(entries: &[Arc<Entry>]) -> Vec<Vec<Arc<Entry>>> {
    let (mut chunks, mut bytes) = (Vec::<Vec<Arc<Entry>>>::new(), 0_usize);
    for entry in entries {
        let (size, entry) = (entry.size(), Arc::clone(entry));
        match chunks.last_mut() {
            Some(chunk) if chunk.len() < MOST_ENTRIES && bytes + size <= MOST_BYTES => {
                bytes += size;
                chunk.push(entry);
            }
            _ => {
                bytes = size;
                chunks.push(vec![entry]);
            }
        }
    }
    chunks
}

/// Anything from 0 to 1. Without chance everybody would come back at the same moment, and work all the same.
fn chance() -> f64 {
    let mut drawn = [0_u8; 4];
    let _ = aws_lc_rs::rand::fill(&mut drawn);
    f64::from(u32::from_ne_bytes(drawn)) / f64::from(u32::MAX)
}
