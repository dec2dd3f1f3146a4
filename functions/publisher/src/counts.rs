//! What an invocation did, counted for the line that ends it.

use shared::events::{Event, EventType};
use shared::telemetry::metrics::{PUBLISHED_BATCH, counted, one_if};
use shared::telemetry::{AwsCalls, aws_calls};
use tracing::info;

/// The counts of one invocation.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Records of the stream.
    pub(crate) records: usize,
    /// Messages of the queue.
    pub(crate) messages: usize,
    /// Events that there were to tell.
    pub(crate) events: usize,
    /// Events that the bus took.
    pub(crate) published: usize,
    /// Messages put in the queue of what waits.
    pub(crate) put_aside: usize,
    /// Records or messages that are to be delivered again.
    pub(crate) again: usize,
    /// Records or messages of tenants that are gone.
    pub(crate) dropped: usize,
    /// Records or messages that were moved to the dead letters.
    pub(crate) dead_letters: usize,
    messages_received: usize,
    calls_started: usize,
    opt_outs_changed: usize,
    credentials_failed: usize,
    credentials_recovered: usize,
}

impl Counts {
    /// Counts an event that the bus took.
    pub(crate) fn published(&mut self, event: &Event) {
        add(&mut self.published, 1);
        for (event_type, count) in [
            (EventType::MessageReceived, &mut self.messages_received),
            (EventType::CallStarted, &mut self.calls_started),
            (EventType::OptOutChanged, &mut self.opt_outs_changed),
            (EventType::CredentialFailed, &mut self.credentials_failed),
            (
                EventType::CredentialRecovered,
                &mut self.credentials_recovered,
            ),
        ] {
            if event.event_type == event_type.as_str() {
                add(count, 1);
            }
        }
    }

    /// Writes the one line of the invocation, with its metrics.
    pub(crate) fn log(&self, source: &str, duration_ms: f64, cold_start: bool) {
        let AwsCalls {
            store_calls,
            store_failures,
            denied,
            ..
        } = aws_calls();
        info!(
            target: PUBLISHED_BATCH,
            source,
            records = counted(self.records),
            messages = counted(self.messages),
            events = self.events,
            published = self.published,
            put_aside = counted(self.put_aside),
            again = self.again,
            dropped = counted(self.dropped),
            dead_letters = counted(self.dead_letters),
            messages_received = counted(self.messages_received),
            calls_started = counted(self.calls_started),
            opt_outs_changed = counted(self.opt_outs_changed),
            credentials_failed = counted(self.credentials_failed),
            credentials_recovered = counted(self.credentials_recovered),
            cold_start,
            cold_starts = one_if(cold_start),
            duration_ms,
            store_calls,
            store_failures,
            denied,
            "batch handled"
        );
    }
}

/// Adds to a count.
pub(crate) fn add(count: &mut usize, more: usize) {
    *count = count.saturating_add(more);
}
