//! What went over the wire to an emulator or a double: every call, in order, to be counted by tests and shown to people.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::iam::Caller;

/// Calls kept; older ones are forgotten, so that a stack left running does not grow.
const KEPT: usize = 100_000;

/// What a call was about: a table and the partition that it touches, a queue, or a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The table's or queue's name, or the key as the caller named it.
    pub resource: String,
    /// The value of the partition key, if the call is about an item or a query of one partition.
    pub partition: Option<String>,
    /// The index that a query reads, if it does not read the table itself; the partition is then one of the index.
    pub index: Option<String>,
    /// What a transaction does to the item: `ConditionCheck`, `Delete`, `Put` or `Update`. Any other call does what it is called.
    pub action: Option<String>,
}

/// One call of an AWS operation.
#[derive(Debug, Clone)]
pub struct Call {
    /// The operation, for example `UpdateItem`. A request that names none is no call.
    pub operation: String,
    /// Method, path and query as they came; empty for an emulator, whose calls all have the same.
    pub asked: String,
    /// What it was about. Batches and transactions touch more than one thing.
    pub targets: Vec<Target>,
    /// When it arrived.
    pub at: Instant,
    /// How long the answer took; `None` while there is none.
    pub took: Option<Duration>,
    /// The HTTP status of the answer; `None` while there is none, or if the connection was dropped.
    pub status: Option<u16>,
    /// Whether a fault was injected into it.
    pub disturbed: bool,
    /// Who made it, if an emulator knows the caller.
    pub by: Option<Caller>,
    /// The media type of the answer, if the answer repeated the secret that the request came with.
    pub echoed: Option<String>,
}

impl Call {
    /// Whether it is one of DynamoDB's operations that read items.
    #[must_use]
    pub fn is_read(&self) -> bool {
        matches!(
            self.operation.as_str(),
            "GetItem" | "BatchGetItem" | "Query" | "Scan" | "TransactGetItems"
        )
    }

    /// Whether it is one of DynamoDB's operations that write items.
    #[must_use]
    pub fn is_write(&self) -> bool {
        matches!(
            self.operation.as_str(),
            "PutItem" | "UpdateItem" | "DeleteItem" | "BatchWriteItem" | "TransactWriteItems"
        )
    }
}

/// Calls to be narrowed down and counted.
#[derive(Debug, Clone, Default)]
pub struct Calls(Vec<Call>);

impl Calls {
    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The calls, in the order of their arrival.
    pub fn iter(&self) -> impl Iterator<Item = &Call> {
        self.0.iter()
    }

    /// Those for which `keep` holds.
    #[must_use]
    pub fn filter(mut self, keep: impl Fn(&Call) -> bool) -> Self {
        self.0.retain(keep);
        self
    }

    /// Those of one operation.
    #[must_use]
    pub fn operation(self, operation: &str) -> Self {
        self.filter(|call| call.operation == operation)
    }

    /// Those about one table, queue or key.
    #[must_use]
    pub fn resource(self, resource: &str) -> Self {
        self.filter(|call| {
            call.targets
                .iter()
                .any(|target| target.resource == resource)
        })
    }

    /// Those that touch a partition whose key begins with `prefix`, for example `acme#`.
    #[must_use]
    pub fn partition(self, prefix: &str) -> Self {
        self.filter(|call| {
            let mut partitions = call
                .targets
                .iter()
                .filter_map(|target| target.partition.as_ref());
            partitions.any(|partition| partition.starts_with(prefix))
        })
    }

    /// Those that read items.
    #[must_use]
    pub fn reads(self) -> Self {
        self.filter(Call::is_read)
    }

    /// Those that write items.
    #[must_use]
    pub fn writes(self) -> Self {
        self.filter(Call::is_write)
    }
}

/// A moment in a [`WireLog`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(u64);

/// The log of one emulator's calls. Clones share it.
#[derive(Debug, Clone)]
pub struct WireLog {
    kept: Arc<Mutex<Kept>>,
    changes: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Kept {
    /// The number of the first call in `calls`.
    first: u64,
    calls: VecDeque<Call>,
}

impl Default for WireLog {
    fn default() -> Self {
        Self {
            kept: Arc::default(),
            changes: watch::Sender::new(0),
        }
    }
}

impl WireLog {
    /// This moment, for [`WireLog::since`].
    #[must_use]
    pub fn mark(&self) -> Mark {
        let kept = self.lock();
        Mark(
            kept.first
                .saturating_add(u64::try_from(kept.calls.len()).unwrap_or(u64::MAX)),
        )
    }

    /// The calls that arrived after `mark`, those still in work included.
    #[must_use]
    pub fn since(&self, mark: Mark) -> Calls {
        let kept = self.lock();
        let skip = usize::try_from(mark.0.saturating_sub(kept.first)).unwrap_or(usize::MAX);
        Calls(kept.calls.iter().skip(skip).cloned().collect())
    }

    /// All calls that are kept.
    #[must_use]
    pub fn calls(&self) -> Calls {
        self.since(Mark(0))
    }

    /// How many calls of `operation` are kept.
    #[must_use]
    pub fn count(&self, operation: &str) -> usize {
        self.lock()
            .calls
            .iter()
            .filter(|call| call.operation == operation)
            .count()
    }

    /// Waits until `condition` holds for the calls after `mark`. Put a time limit around it.
    pub async fn wait_until(&self, mark: Mark, condition: impl Fn(&Calls) -> bool) -> Calls {
        let mut changes = self.changes.subscribe();
        loop {
            changes.mark_unchanged();
            let calls = self.since(mark);
            if condition(&calls) {
                return calls;
            }
            // The sender lives as long as `self`.
            let _ = changes.changed().await;
        }
    }

    /// Notes a call that has arrived; the number is for [`WireLog::finish`].
    pub(crate) fn begin(&self, operation: &str, targets: Vec<Target>, disturbed: bool) -> u64 {
        self.begin_request(operation, "", targets, disturbed)
    }

    /// The same of a request that `asked` for something by its path and query.
    pub(crate) fn begin_request(
        &self,
        operation: &str,
        asked: &str,
        targets: Vec<Target>,
        disturbed: bool,
    ) -> u64 {
        let mut kept = self.lock();
        if kept.calls.len() == KEPT {
            kept.calls.pop_front();
            kept.first = kept.first.saturating_add(1);
        }
        kept.calls.push_back(Call {
            operation: operation.to_owned(),
            asked: asked.to_owned(),
            targets,
            at: Instant::now(),
            took: None,
            status: None,
            disturbed,
            by: None,
            echoed: None,
        });
        let number = kept
            .first
            .saturating_add(u64::try_from(kept.calls.len()).unwrap_or(u64::MAX))
            - 1;
        drop(kept);
        self.changed();
        number
    }

    /// Notes the answer of a call; `None` if the connection was dropped instead.
    pub(crate) fn finish(&self, number: u64, status: Option<u16>) {
        self.note(number, |call| {
            call.took = Some(call.at.elapsed());
            call.status = status;
        });
    }

    /// Notes who made a call.
    pub(crate) fn made_by(&self, number: u64, caller: &Caller) {
        self.note(number, |call| call.by = Some(caller.clone()));
    }

    /// Notes that the answer of a call, which is of this media type, repeats the secret that the call came with.
    pub(crate) fn echoed(&self, number: u64, media_type: &str) {
        self.note(number, |call| call.echoed = Some(media_type.to_owned()));
    }

    fn note(&self, number: u64, change: impl FnOnce(&mut Call)) {
        let mut kept = self.lock();
        let index = number
            .checked_sub(kept.first)
            .and_then(|index| usize::try_from(index).ok());
        if let Some(call) = index.and_then(|index| kept.calls.get_mut(index)) {
            change(call);
        }
        drop(kept);
        self.changed();
    }

    fn changed(&self) {
        self.changes
            .send_modify(|changes| *changes = changes.wrapping_add(1));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(partition: &str) -> Vec<Target> {
        vec![Target {
            resource: "activity".to_owned(),
            partition: Some(partition.to_owned()),
            index: None,
            action: None,
        }]
    }

    #[test]
    fn calls_are_counted_by_operation_resource_and_tenant() {
        let log = WireLog::default();
        log.begin("GetItem", target("acme#tenant"), false);
        let mark = log.mark();
        log.begin("UpdateItem", target("acme#message#SM1"), false);
        log.begin("UpdateItem", target("globex#message#SM2"), false);

        assert_eq!(log.count("UpdateItem"), 2);
        assert_eq!(log.calls().partition("acme#").count(), 2);
        assert_eq!(log.since(mark).partition("acme#").count(), 1);
        assert_eq!(
            (log.calls().reads().count(), log.calls().writes().count()),
            (1, 2)
        );
        assert_eq!(log.calls().resource("tenants").count(), 0);
    }

    #[test]
    fn old_calls_are_forgotten_and_marks_stay_right() {
        let log = WireLog::default();
        for _ in 0..KEPT {
            log.begin("GetItem", Vec::new(), false);
        }
        let mark = log.mark();
        let number = log.begin("PutItem", Vec::new(), false);
        log.finish(number, Some(200));
        assert_eq!(log.calls().count(), KEPT);
        assert_eq!(
            log.since(mark)
                .iter()
                .map(|call| call.status)
                .collect::<Vec<_>>(),
            [Some(200)]
        );
    }

    #[tokio::test]
    async fn a_test_can_wait_for_a_call() {
        let log = WireLog::default();
        let waiting = tokio::spawn({
            let log = log.clone();
            async move {
                log.wait_until(Mark(0), |calls| calls.count() == 2)
                    .await
                    .count()
            }
        });
        log.begin("GetItem", Vec::new(), false);
        log.begin("GetItem", Vec::new(), false);
        assert_eq!(waiting.await.unwrap(), 2);
    }
}
