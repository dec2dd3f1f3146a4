//! One batch of the queue.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use shared::aws::{Aws, Patience, Service};
use shared::clock::Clock;
use shared::deferred::{
    Batch, BatchMessage, BatchOutcome, DeadLetterQueue, DeferredQueue, DeferredWebhook, Pace,
    Recipients, Turn, Turns, UnreadableMessage,
};
use shared::environment::Environment;
use shared::lambda::{Failure, Invocation, StartError};
use shared::store::{Activity, Profiles, table_name};
use shared::telemetry::aws_calls;
use shared::telemetry::metrics::{DEFERRED_BATCH, counted, one_if};
use tracing::{Instrument, info, info_span, warn};

/// What is left of an invocation's time to answer in. A message takes at most four background calls of 5 seconds, and all of a
/// batch are handled at once, so that the 10 seconds of the function are only used up by two calls that both fail slowly, or
/// by a sandbox that is starved: what is not done by then is delivered again.
const TO_ANSWER: Duration = Duration::from_secs(1);

/// Why a message is moved to the dead letters: read now or later, it is none.
const UNREADABLE: &str = "not a webhook that this version can read";

/// Where messages go.
#[derive(Clone)]
pub(crate) struct Writer {
    activity: Activity,
    recipients: Arc<Recipients>,
    pace: Pace,
    deferred: DeferredQueue,
    dead_letters: DeadLetterQueue,
    clock: Clock,
}

/// What the messages of one batch share.
struct Shared {
    turns: Turns,
    counts: Counts,
}

/// What became of the messages of one batch.
#[derive(Default)]
struct Counts {
    kept: AtomicUsize,
    put_off: AtomicUsize,
    dropped: AtomicUsize,
    dead_letters: AtomicUsize,
}

impl Writer {
    pub(crate) async fn connect(environment: &Environment) -> Result<Self, StartError> {
        let table = table_name(environment, "ACTIVITY_TABLE");
        let tenants = table_name(environment, "TENANTS_TABLE");
        let retention = Activity::retention_days(environment);
        let deferred = DeferredQueue::url(environment);
        let dead_letters = DeadLetterQueue::url(environment);
        let queues = deferred.zip(dead_letters).zip(Pace::interval(environment));
        let aws = Aws::from_environment(environment, Patience::BACKGROUND);
        let read = table.zip(tenants).zip(retention).zip(queues).zip(aws);
        let read = environment.finish(read)?;
        let ((((table, tenants), retention), ((deferred, dead_letters), interval)), aws) = read;
        aws.prime(&[Service::DynamoDb, Service::Sqs]).await;
        let clock = Clock::system();
        let profiles = Profiles::new(aws.dynamodb(), tenants.clone());
        Ok(Self {
            activity: Activity::new(aws.dynamodb(), table, retention, clock.clone()),
            recipients: Arc::new(Recipients::new(profiles, clock.clone())),
            pace: Pace::new(aws.dynamodb(), tenants, interval, clock.clone()),
            deferred: DeferredQueue::new(aws.sqs(), deferred),
            dead_letters: DeadLetterQueue::new(aws.sqs(), dead_letters),
            clock,
        })
    }

    /// Keeps each message on its own, in its tenant's turn: what cannot be kept now is delivered again, the rest is done.
    pub(crate) async fn handle(
        self,
        invocation: Invocation<Batch>,
    ) -> Result<BatchOutcome, Failure> {
        let deadline = invocation.deadline;
        let deadline = deadline.checked_sub(TO_ANSWER).unwrap_or(deadline);
        let shared = Arc::new(Shared {
            turns: self.pace.turns(&invocation.event),
            counts: Counts::default(),
        });
        let handle = |message| {
            let (writer, shared) = (self.clone(), Arc::clone(&shared));
            async move { writer.is_done_with(message, &shared).await }
        };
        let (started, messages) = (Instant::now(), invocation.event.messages.len());
        let outcome = invocation.event.handle_each(deadline, handle).await;
        let (counts, calls) = (&shared.counts, aws_calls());
        info!(
            target: DEFERRED_BATCH,
            messages,
            again = outcome.to_be_tried_again(),
            put_off = counts.put_off.load(Ordering::Relaxed),
            kept = counted(counts.kept.load(Ordering::Relaxed)),
            dropped = counted(counts.dropped.load(Ordering::Relaxed)),
            dead_letters = counted(counts.dead_letters.load(Ordering::Relaxed)),
            cold_start = invocation.cold_start,
            cold_starts = one_if(invocation.cold_start),
            duration_ms = started.elapsed().as_secs_f64() * 1_000.0,
            store_calls = calls.store_calls,
            store_failures = calls.store_failures,
            denied = calls.denied,
            "batch handled"
        );
        Ok(outcome)
    }

    async fn is_done_with(&self, message: BatchMessage, shared: &Shared) -> bool {
        let message_id = &message.id;
        let webhook = match DeferredWebhook::from_message(&message.body) {
            Ok(webhook) => webhook,
            // The queue itself gives a message up only after so many tries that an outage of the store may last for hours; a
            // message that is none would be an error in the log for as long.
            Err(UnreadableMessage) => {
                let moved = self.dead_letters.take(&message.body, UNREADABLE);
                let is_moved = moved.instrument(info_span!("message", message_id)).await;
                let moved = usize::from(is_moved);
                shared
                    .counts
                    .dead_letters
                    .fetch_add(moved, Ordering::Relaxed);
                return is_moved;
            }
        };
        let tenant_id = webhook.tenant_id().as_str();
        match self.recipients.want(&webhook).await {
            Ok(true) => {}
            Ok(false) => {
                info!(
                    tenant_id,
                    message_id, "dropped a webhook that was put aside: its tenant is deleted"
                );
                shared.counts.dropped.fetch_add(1, Ordering::Relaxed);
                return true;
            }
            Err(error) => {
                warn!(tenant_id, message_id, error = %error, "its tenant cannot be read, to be tried again");
                return false;
            }
        }
        match shared.turns.of(&webhook).await {
            Ok(Turn::Now) => {}
            Ok(Turn::At(turn_at)) => {
                // A new message, and this one is done: in this order none is lost, and the tries of an outage begin anew.
                let put_off = self.deferred.put_off(&webhook, turn_at, self.clock.now());
                if let Err(error) = put_off.await {
                    warn!(tenant_id, message_id, error = %error, "not put off yet, to be tried again");
                    return false;
                }
                shared.counts.put_off.fetch_add(1, Ordering::Relaxed);
                return true;
            }
            Err(error) => {
                warn!(tenant_id, message_id, error = %error, "its turn is not known yet, to be tried again");
                return false;
            }
        }
        let span = info_span!("tenant", tenant_id);
        match webhook.keep(&self.activity).instrument(span).await {
            Ok(()) => {
                shared.counts.kept.fetch_add(1, Ordering::Relaxed);
                info!(tenant_id, message_id, "kept a webhook that was put aside");
            }
            Err(error) => {
                warn!(tenant_id, message_id, error = %error, "not kept yet, to be tried again");
                return false;
            }
        }
        true
    }
}
