//! Schedules: EventBridge's look at the clock, and Lambda's queue of events that nobody waits for.

mod delivery;
mod event;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use shared::clock::Clock;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::invoke::Invoke;
use crate::template::{AsynchronousInvocation, ScheduleExpression};
use delivery::Delivery;
pub use event::ScheduledEvent;

/// How often the clock is looked at: it may be set, and it goes on while the machine sleeps.
const LOOK: Duration = Duration::from_millis(200);

/// How many events of a schedule are in work or wait for another try. One that comes due beyond is left out, while Lambda would keep
/// it for hours.
const IN_WORK: usize = 10;

/// When a schedule invokes a function, and what becomes of its events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleSourceOptions {
    /// Its times.
    pub expression: ScheduleExpression,
    /// How an event that fails is tried again.
    pub asynchronous: AsynchronousInvocation,
}

/// A running schedule.
#[derive(Debug)]
pub struct ScheduleSource {
    stopping: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl ScheduleSource {
    /// Starts to invoke the function with this logical id with `event` at its times, as `clock` tells them. Times that pass while nobody
    /// looks, because the machine sleeps, are made up for by one event, that of the last of them.
    pub fn start(
        event: ScheduledEvent,
        function: impl Into<String>,
        options: ScheduleSourceOptions,
        clock: Clock,
        invoke: Arc<impl Invoke>,
    ) -> Self {
        let stopping = watch::Sender::new(false);
        let timer = Timer {
            started: clock.now(),
            delivery: Arc::new(Delivery {
                function: function.into(),
                policy: options.asynchronous,
                clock,
                stopping: stopping.subscribe(),
                invoke,
            }),
            expression: options.expression,
            event,
        };
        let task = tokio::spawn(timer.run());
        Self { stopping, task }
    }

    /// Lets nothing more come due, gives up what waits for another try, and waits for the invocations in work. Stop the functions after
    /// this, not before.
    pub async fn stop(mut self) {
        self.stopping.send_replace(true);
        let _ = (&mut self.task).await;
    }
}

impl Drop for ScheduleSource {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Waits for the times of a schedule.
struct Timer<I> {
    started: Timestamp,
    event: ScheduledEvent,
    expression: ScheduleExpression,
    delivery: Arc<Delivery<I>>,
}

impl<I: Invoke> Timer<I> {
    async fn run(self) {
        let Delivery {
            clock, function, ..
        } = &*self.delivery;
        let mut deliveries = JoinSet::new();
        let mut next = self.next(self.started);
        while let Some(due) = next
            && self.delivery.until(due).await.is_ok()
        {
            let (due, after) = self.latest(due, clock.now());
            next = after;
            while deliveries.try_join_next().is_some() {}
            if deliveries.len() >= IN_WORK {
                tracing::warn!(
                    function,
                    %due,
                    "an event of the schedule is left out: {IN_WORK} before it are not done"
                );
                continue;
            }
            let event = self.event.at(due);
            let delivery = Arc::clone(&self.delivery);
            deliveries.spawn(async move { delivery.deliver(event).await });
        }
        while deliveries.join_next().await.is_some() {}
    }

    fn next(&self, after: Timestamp) -> Option<Timestamp> {
        self.expression.next(self.started, after)
    }

    /// The last time up to `now`, of which `due` is one, and the one after it.
    fn latest(&self, mut due: Timestamp, now: Timestamp) -> (Timestamp, Option<Timestamp>) {
        loop {
            match self.next(due) {
                Some(next) if next <= now => due = next,
                next => return (due, next),
            }
        }
    }
}
