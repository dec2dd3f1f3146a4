//! The verifier's queue: tenants that a run had no time for, and the walk through all tenants.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::{Instrument, Span, error, info, info_span};

use super::counts::Counts;
use super::request::VerifierError;
use super::{Time, Verifier};
use crate::deferred::{Batch, BatchMessage, BatchOutcome, confirmed, queue_url};
use crate::environment::Environment;
use crate::outbound::Tally;
use crate::tenant::{TenantId, TenantScope};

/// How many tenants a message names at most.
const A_MESSAGE: usize = 50;

/// How many messages of tenants one message of the walk makes.
const MESSAGES_OF_A_WALK: usize = 20;

/// How many messages are sent at once.
const SENT_AT_ONCE: usize = 10;

/// The queue of tenants that are to be verified.
#[derive(Clone)]
pub(super) struct VerificationQueue {
    client: aws_sdk_sqs::Client,
    url: String,
}

/// A message of the queue. Only fields are ever added to it: a deployment drains what the one before it sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Message {
    /// The run that it is a part of.
    run: String,
    /// The tenants, if there are any.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    tenants: Vec<TenantId>,
    /// Else: the walk through the directory goes on.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    walk: Option<WalkOn>,
}

/// Where the walk through the directory is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct WalkOn {
    /// The position in the directory; none at its beginning.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    after: Option<String>,
}

impl VerificationQueue {
    pub(super) fn new(client: aws_sdk_sqs::Client, url: String) -> Self {
        Self { client, url }
    }

    /// Reads `VERIFICATION_QUEUE_URL`. What is no URL of a queue is a fault.
    pub(super) fn url(environment: &Environment) -> Option<String> {
        queue_url(environment, "VERIFICATION_QUEUE_URL")
    }

    /// Leaves tenants of a run to the queue, 50 a message; whether it took all of them. It may hold some if not, which is harmless:
    /// of one run a tenant is verified once.
    pub(super) async fn put(&self, run: &str, tenants: &[TenantId]) -> bool {
        let places = Arc::new(Semaphore::new(SENT_AT_ONCE));
        let mut tasks = JoinSet::new();
        for tenants in tenants.chunks(A_MESSAGE) {
            let message = Message {
                run: run.to_owned(),
                tenants: tenants.to_vec(),
                walk: None,
            };
            let (queue, places) = (self.clone(), Arc::clone(&places));
            let task = async move {
                // Nobody closes it.
                let _place = places.acquire().await;
                queue.send(&message).await
            };
            tasks.spawn(task.instrument(Span::current()));
        }
        let mut is_sent = true;
        while let Some(sent) = tasks.join_next().await {
            is_sent &= sent.unwrap_or_default();
        }
        is_sent
    }

    /// Lets a walk through the directory go on behind a position, or begin.
    pub(super) async fn walk(&self, run: &str, after: Option<String>) -> bool {
        let message = Message {
            run: run.to_owned(),
            tenants: Vec::new(),
            walk: Some(WalkOn { after }),
        };
        self.send(&message).await
    }

    async fn send(&self, message: &Message) -> bool {
        let Ok(body) = serde_json::to_string(message) else {
            return false;
        };
        let sent = self.client.send_message().queue_url(&self.url);
        let sent = confirmed("leave tenants to the queue", sent.message_body(body)).await;
        if let Err(error) = &sent {
            error!(%error, "the queue of tenants to be verified did not take a message");
        }
        sent.is_ok()
    }
}

impl Verifier {
    /// Does what the messages say; those that are not done are delivered again.
    pub(super) async fn batch(self: &Arc<Self>, batch: Batch, time: &Time) -> BatchOutcome {
        let time = *time;
        let handle = |message| {
            let verifier = Arc::clone(self);
            async move { verifier.message(message, &time).await }
        };
        batch.handle_each(time.end_at, handle).await
    }

    async fn message(self: &Arc<Self>, message: BatchMessage, time: &Time) -> bool {
        let message_id = &message.id;
        let Ok(Message { run, tenants, walk }) = serde_json::from_str(&message.body) else {
            error!(message_id, "not a message that this version can read");
            return false;
        };
        let done = match walk {
            Some(walk) => self.walk(&run, walk, time).await,
            None => self.part(&run, tenants, time).await,
        };
        match done {
            Ok(is_done) => is_done,
            Err(error) => {
                error!(message_id, run, %error, "a message is to be delivered again");
                false
            }
        }
    }

    /// Verifies the tenants of a message; whether all of them are.
    async fn part(
        self: &Arc<Self>,
        run: &str,
        tenants: Vec<TenantId>,
        time: &Time,
    ) -> Result<bool, VerifierError> {
        let (began, first, all) = (Instant::now(), tenants.first().cloned(), tenants.len());
        let mut tasks = JoinSet::new();
        let done = Arc::new(AtomicUsize::new(0));
        for tenant_id in tenants {
            let (verifier, run, time) = (Arc::clone(self), run.to_owned(), *time);
            let (scope, done) = (TenantScope::new(tenant_id), Arc::clone(&done));
            let span = info_span!("tenant", tenant_id = scope.tenant_id().as_str());
            let task = async move {
                let tally = Arc::new(Tally::default());
                match verifier.begin(&scope, &run, &tally, &time).await {
                    Some(Ok(counts)) => {
                        done.fetch_add(1, Ordering::Relaxed);
                        counts
                    }
                    Some(Err(error)) => {
                        error!(%error, "a tenant is not verified, to be tried again");
                        Counts::default()
                    }
                    None => Counts::default(),
                }
            };
            tasks.spawn(task.instrument(span));
        }
        let mut counts = Counts::default();
        while let Some(one) = tasks.join_next().await {
            // A panic is logged where it happened, and its tenant is not done.
            counts.add(&one.unwrap_or_default());
        }
        let is_done = done.load(Ordering::Relaxed) == all;
        if is_done && let Some(first) = &first {
            self.runs.keep_part(run, first, &counts).await?;
        }
        counts.log(run, "message", began.elapsed());
        Ok(is_done)
    }

    /// Leaves the next tenants of the directory to the queue, and what follows them to the next message. Those that were made before
    /// there were minutes get theirs.
    async fn walk(&self, run: &str, from: WalkOn, time: &Time) -> Result<bool, VerifierError> {
        let (mut after, mut pages) = (from.after, 0);
        let most = i32::try_from(A_MESSAGE).unwrap_or(i32::MAX);
        while pages < MESSAGES_OF_A_WALK && Instant::now() < time.begin_until {
            let page = self.directory.tenants_after(after.as_deref(), most).await?;
            let Some((tenants, last)) = page else {
                info!(run, "all tenants are in the queue");
                return Ok(true);
            };
            let entered = self.minutes.fill(&tenants).await?;
            if entered > 0 {
                info!(run, entered, "tenants that had no minute have one now");
            }
            let ids = tenants.iter().map(|scope| scope.tenant_id().clone());
            if !self.queue.put(run, &ids.collect::<Vec<_>>()).await {
                return Err(VerifierError::Queue);
            }
            (after, pages) = (Some(last), pages.saturating_add(1));
        }
        Ok(pages > 0 && self.queue.walk(run, after).await)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_is_read_as_it_is_written_and_by_versions_that_know_more() {
        let message = Message {
            run: "29000000".to_owned(),
            tenants: vec!["acme".parse().unwrap()],
            walk: None,
        };
        let written = serde_json::to_value(&message).unwrap();
        assert_eq!(written, json!({"run": "29000000", "tenants": ["acme"]}));
        assert_eq!(serde_json::from_value::<Message>(written).unwrap(), message);
        let begins = json!({"run": "all#1", "walk": {}, "later": 1});
        let begins: Message = serde_json::from_value(begins).unwrap();
        assert_eq!(begins.walk, Some(WalkOn { after: None }));
    }
}
