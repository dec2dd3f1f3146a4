//! The events that were put, as the targets of a bus see them.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use serde_json::{Value, json};
use shared::clock::Clock;
use tokio::sync::watch;
use winterbaume_core::default_account_id;

use super::put::Entry;
use crate::lambda::request_id;
use crate::template::REGION;

/// Events kept; older ones are forgotten, so that a stack left running does not grow.
const KEPT: usize = 10_000;

/// An event on a bus.
#[derive(Clone, PartialEq)]
pub struct BusEvent {
    /// Its place among all events since the start, from 0.
    pub number: u64,
    /// The bus.
    pub bus: String,
    /// The id that EventBridge gave it.
    pub id: String,
    /// Who put it.
    pub source: String,
    /// Its type.
    pub detail_type: String,
    /// When it happened, to the second.
    pub time: Timestamp,
    /// What it is about.
    pub resources: Vec<String>,
    /// What it says: an object.
    pub detail: Value,
}

impl fmt::Debug for BusEvent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the detail, which may hold what people write each other.
        formatter
            .debug_struct("BusEvent")
            .field("number", &self.number)
            .field("bus", &self.bus)
            .field("detail_type", &self.detail_type)
            .field("tenant", &self.tenant())
            .finish_non_exhaustive()
    }
}

impl BusEvent {
    /// The tenant that the detail names.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.detail.get("tenant_id").and_then(Value::as_str)
    }

    /// The event as a target of the bus gets it.
    /// Source: "Event structure reference", EventBridge User Guide.
    #[must_use]
    pub fn document(&self) -> Value {
        json!({
            "version": "0",
            "id": self.id,
            "detail-type": self.detail_type,
            "source": self.source,
            "account": default_account_id(),
            "time": self.time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "region": REGION,
            "resources": self.resources,
            "detail": self.detail,
        })
    }
}

/// A moment in the life of the buses, for [`EventBus::since`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventMark(pub u64);

/// The events of all buses. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct EventLog {
    kept: Arc<Mutex<Kept>>,
    changes: watch::Sender<u64>,
    clock: Clock,
}

#[derive(Debug, Default)]
struct Kept {
    next: u64,
    events: VecDeque<BusEvent>,
}

impl Default for EventLog {
    fn default() -> Self {
        Self {
            kept: Arc::default(),
            changes: watch::Sender::new(0),
            clock: Clock::system(),
        }
    }
}

impl EventLog {
    /// Adds an event, and returns the id that it gets.
    pub(super) fn append(&self, entry: Entry) -> String {
        let id = request_id();
        let mut kept = self.lock();
        if kept.events.len() == KEPT {
            kept.events.pop_front();
        }
        let event = BusEvent {
            number: kept.next,
            bus: entry.bus,
            id: id.clone(),
            source: entry.source,
            detail_type: entry.detail_type,
            time: entry.time.unwrap_or_else(|| self.clock.now()),
            resources: entry.resources,
            detail: entry.detail,
        };
        kept.next += 1;
        kept.events.push_back(event);
        let next = kept.next;
        drop(kept);
        self.changes.send_replace(next);
        id
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A bus as somebody sees it who gets all of its events. Clones see the same.
#[derive(Debug, Clone)]
pub struct EventBus {
    log: EventLog,
    /// All buses, if there is none.
    name: Option<String>,
}

impl EventBus {
    /// No bus at all, on which nothing ever comes.
    #[cfg(test)]
    pub(crate) fn empty() -> Self {
        Self::of(EventLog::default(), None)
    }

    pub(super) fn of(log: EventLog, name: Option<String>) -> Self {
        Self { log, name }
    }

    /// This moment, for [`EventBus::since`].
    #[must_use]
    pub fn mark(&self) -> EventMark {
        EventMark(self.log.lock().next)
    }

    /// The events that are kept, the last 10,000 of all buses, in the order of their arrival.
    #[must_use]
    pub fn events(&self) -> Vec<BusEvent> {
        self.since(EventMark(0))
    }

    /// Those that came after `mark`.
    #[must_use]
    pub fn since(&self, mark: EventMark) -> Vec<BusEvent> {
        let kept = self.log.lock();
        let events = kept.events.iter();
        let events = events.filter(|event| {
            event.number >= mark.0 && self.name.as_ref().is_none_or(|name| event.bus == *name)
        });
        events.cloned().collect()
    }

    /// Waits until `condition` holds for the events after `mark`. Put a time limit around it.
    pub async fn wait_until(
        &self,
        mark: EventMark,
        condition: impl Fn(&[BusEvent]) -> bool,
    ) -> Vec<BusEvent> {
        let mut changes = self.log.changes.subscribe();
        loop {
            changes.mark_unchanged();
            let events = self.since(mark);
            if condition(&events) {
                return events;
            }
            // The sender lives as long as `self`.
            let _ = changes.changed().await;
        }
    }

    /// Waits for the first event after `mark` for which `wanted` holds. Put a time limit around it.
    pub async fn wait_for(&self, mark: EventMark, wanted: impl Fn(&BusEvent) -> bool) -> BusEvent {
        loop {
            let events = self.wait_until(mark, |events| events.iter().any(&wanted));
            if let Some(event) = events.await.into_iter().find(&wanted) {
                return event;
            }
        }
    }
}
