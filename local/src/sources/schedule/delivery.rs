//! Lambda's queue of events that nobody waits for: each is tried until it is handled, or given up.

use std::sync::Arc;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use shared::clock::Clock;
use tokio::sync::watch;

use super::LOOK;
use crate::sources::{Invoke, InvokeError};
use crate::template::AsynchronousInvocation;

/// The waits before an event that failed is tried again.
/// Source: "How Lambda handles errors and retries with asynchronous invocation", AWS Lambda Developer Guide.
const PAUSES: [SignedDuration; 2] = [SignedDuration::from_mins(1), SignedDuration::from_mins(2)];

/// The schedule is being stopped.
#[derive(Debug)]
pub(super) struct Stopping;

/// How events reach a function.
pub(super) struct Delivery<I> {
    pub(super) function: String,
    pub(super) policy: AsynchronousInvocation,
    pub(super) clock: Clock,
    pub(super) stopping: watch::Receiver<bool>,
    pub(super) invoke: Arc<I>,
}

impl<I: Invoke> Delivery<I> {
    /// Invokes the function with an event, and again if it fails.
    pub(super) async fn deliver(&self, event: Bytes) {
        let function = &self.function;
        let queued = self.clock.now();
        let retries = usize::try_from(self.policy.maximum_retry_attempts).unwrap_or(PAUSES.len());
        let mut pauses = PAUSES.into_iter().take(retries);
        loop {
            let reason = match self.invoke.invoke(function, event.clone()).await {
                Ok(_) => return,
                // No process may be started for it, or the stack is stopping.
                Err(InvokeError::NotInvoked(reason)) => {
                    tracing::warn!(function, reason, "an event of the schedule is given up");
                    return;
                }
                Err(InvokeError::Failed(reason)) => reason,
            };
            let Some(pause) = pauses.next() else {
                tracing::error!(function, reason, "an event of the schedule is given up");
                return;
            };
            tracing::warn!(
                function,
                reason,
                "an event of the schedule failed and will be tried again in {} s",
                pause.as_secs()
            );
            let now = self.clock.now();
            let again = now.saturating_add(pause).unwrap_or(now);
            if self.until(again).await.is_err() {
                return;
            }
            let age = self.clock.now().duration_since(queued);
            if age.unsigned_abs() > self.policy.maximum_event_age {
                tracing::error!(function, reason, "an event of the schedule is too old");
                return;
            }
        }
    }
}

impl<I> Delivery<I> {
    /// Waits until it is `time`.
    pub(super) async fn until(&self, time: Timestamp) -> Result<(), Stopping> {
        let mut stopping = self.stopping.clone();
        loop {
            if *stopping.borrow_and_update() {
                return Err(Stopping);
            }
            let left = time.duration_since(self.clock.now());
            // What is left is negative or nothing once it is time.
            let left = match std::time::Duration::try_from(left) {
                Ok(left) if !left.is_zero() => left,
                _ => return Ok(()),
            };
            let wait = tokio::time::sleep(left.min(LOOK));
            tokio::select! {
                () = wait => {}
                changed = stopping.changed() => changed.map_err(|_| Stopping)?,
            }
        }
    }
}
