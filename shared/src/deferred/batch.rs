//! A batch of messages of the queue, and which of them are to be delivered again.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tracing::{Instrument, Span, warn};

/// How many messages of a batch are handled at once. As many as an event of the template holds, so that none waits for
/// another's slow write.
const AT_ONCE: usize = 10;

/// A batch of messages, as Lambda's SQS event source delivers it.
#[derive(Debug, Deserialize)]
pub struct Batch {
    /// The messages, in no order.
    #[serde(rename = "Records")]
    pub messages: Vec<BatchMessage>,
}

/// One message of a [`Batch`].
#[derive(Debug, Deserialize)]
pub struct BatchMessage {
    /// SQS's id of it.
    #[serde(rename = "messageId")]
    pub id: String,
    /// What was put aside.
    pub body: String,
}

/// Which messages of a batch are to be delivered again. The others are done.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct BatchOutcome {
    #[serde(rename = "batchItemFailures")]
    failures: Vec<BatchItemFailure>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct BatchItemFailure {
    #[serde(rename = "itemIdentifier")]
    id: String,
}

impl BatchOutcome {
    /// An outcome in which these are to be delivered again.
    #[must_use]
    pub fn of(ids: impl IntoIterator<Item = String>) -> Self {
        let failures = ids.into_iter().map(|id| BatchItemFailure { id });
        Self {
            failures: failures.collect(),
        }
    }

    /// How many messages are to be delivered again.
    #[must_use]
    pub fn to_be_tried_again(&self) -> usize {
        self.failures.len()
    }
}

impl Batch {
    /// Handles every message on its own, ten at a time. To be delivered again is what `handle` does not say to be done, and
    /// what it is not done with at `deadline`: an answer that came later would be none, and have all of them delivered again.
    pub async fn handle_each<H, Handled>(self, deadline: Instant, handle: H) -> BatchOutcome
    where
        H: Fn(BatchMessage) -> Handled,
        Handled: Future<Output = bool> + Send + 'static,
    {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        let mut tasks = JoinSet::new();
        let (mut left, mut unfinished) = (Vec::new(), BTreeSet::new());
        for (number, message) in self.messages.into_iter().enumerate() {
            left.push(Some(message.id.clone()));
            unfinished.insert(number);
            let (places, handled) = (Arc::clone(&places), handle(message));
            let task = async move {
                // Nobody closes it.
                let _place = places.acquire().await;
                (number, handled.await)
            };
            tasks.spawn(task.instrument(Span::current()));
        }
        loop {
            match timeout_at(deadline, tasks.join_next()).await {
                Ok(Some(Ok((number, is_done)))) => {
                    unfinished.remove(&number);
                    if let Some(id) = left.get_mut(number).filter(|_| is_done) {
                        *id = None;
                    }
                }
                // A panic, which is logged where it happened.
                Ok(Some(Err(_))) => {}
                Ok(None) => break,
                Err(_) => {
                    for message_id in unfinished.iter().filter_map(|number| left.get(*number)) {
                        let message_id = message_id.as_deref();
                        warn!(message_id, "out of time, to be tried again");
                    }
                    break;
                }
            }
        }
        let left = left.into_iter().flatten();
        BatchOutcome::of(left)
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use std::time::Duration;

    use super::*;

    fn batch(ids: impl IntoIterator<Item = &'static str>) -> Batch {
        let message = |id: &str| BatchMessage {
            id: id.to_owned(),
            body: id.to_owned(),
        };
        Batch {
            messages: ids.into_iter().map(message).collect(),
        }
    }

    fn again(outcome: &BatchOutcome) -> Vec<&str> {
        let failures = outcome.failures.iter();
        failures.map(|failure| failure.id.as_str()).collect()
    }

    fn in_good_time() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[tokio::test]
    async fn what_is_not_done_is_delivered_again_and_nothing_else() {
        let handle = |message: BatchMessage| async move { message.body != "bad" };
        let outcome = batch(["good", "bad", "fine"]).handle_each(in_good_time(), handle);
        assert_eq!(again(&outcome.await), ["bad"]);
        let outcome = batch([]).handle_each(in_good_time(), handle);
        assert_eq!(outcome.await, BatchOutcome::default());
    }

    #[tokio::test]
    async fn what_is_not_finished_at_the_deadline_is_delivered_again() {
        let handle = |message: BatchMessage| async move {
            if message.body == "slow" {
                pending::<()>().await;
            }
            true
        };
        let soon = Instant::now() + Duration::from_millis(200);
        let outcome = batch(["slow", "good", "slow", "fine"]).handle_each(soon, handle);
        assert_eq!(again(&outcome.await), ["slow", "slow"]);
    }

    #[tokio::test]
    async fn ten_messages_are_handled_at_once_and_no_more() {
        let begun = Arc::new(AtomicUsize::new(0));
        let handle = |_| {
            let begun = Arc::clone(&begun);
            async move {
                begun.fetch_add(1, SeqCst);
                pending().await
            }
        };
        let soon = Instant::now() + Duration::from_millis(200);
        let outcome = batch(["slow"; 12]).handle_each(soon, handle).await;
        assert_eq!((begun.load(SeqCst), again(&outcome).len()), (10, 12));
    }

    #[tokio::test]
    async fn a_panic_over_one_message_is_not_the_end_of_the_others() {
        let handle = |message: BatchMessage| async move {
            assert!(message.body != "bad", "as told");
            true
        };
        let outcome = batch(["bad", "good"]).handle_each(in_good_time(), handle);
        assert_eq!(again(&outcome.await), ["bad"]);
    }
}
