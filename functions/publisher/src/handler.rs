//! One invocation: a batch of the stream or of the queue of events that wait.

use std::time::{Duration, Instant as Moment};

use shared::aws::{Aws, Patience, Service};
use shared::deferred::{BatchOutcome, DeadLetterQueue};
use shared::environment::Environment;
use shared::events::{EventBus, UndeliveredEvents};
use shared::lambda::{Failure, Invocation, StartError};
use shared::stream::Delivery;
use tokio::time::Instant;
use tracing::info;

/// How long the bus is asked again before events are put aside. While it is down the stream so goes on at the pace of the
/// queue, and nothing waits behind it.
const TO_PUBLISH: Duration = Duration::from_secs(3);
/// What is left of an invocation's time to put events aside in.
const TO_PUT_ASIDE: Duration = Duration::from_secs(10);
/// What is left of an invocation's time to answer in.
const TO_ANSWER: Duration = Duration::from_secs(1);

/// Where events go.
#[derive(Clone)]
pub(crate) struct Publisher {
    pub(crate) bus: EventBus,
    pub(crate) undelivered: UndeliveredEvents,
    pub(crate) dead_letters: DeadLetterQueue,
}

/// Until when the parts of an invocation may last.
#[derive(Clone, Copy)]
pub(crate) struct Deadlines {
    pub(crate) publish: Instant,
    pub(crate) put_aside: Instant,
}

impl Deadlines {
    fn of(invocation: Instant) -> Self {
        let before = |time| invocation.checked_sub(time).unwrap_or(invocation);
        Self {
            publish: before(TO_PUT_ASIDE).min(Instant::now() + TO_PUBLISH),
            put_aside: before(TO_ANSWER),
        }
    }
}

impl Publisher {
    pub(crate) async fn connect(environment: &Environment) -> Result<Self, StartError> {
        let bus = EventBus::name(environment);
        let undelivered = UndeliveredEvents::url(environment);
        let dead_letters = DeadLetterQueue::url(environment);
        let aws = Aws::from_environment(environment, Patience::BACKGROUND);
        let read = bus.zip(undelivered).zip(dead_letters).zip(aws);
        let (((bus, undelivered), dead_letters), aws) = environment.finish(read)?;
        aws.prime(&[Service::EventBridge]).await;
        Ok(Self {
            bus: EventBus::new(aws.eventbridge(), bus),
            undelivered: UndeliveredEvents::new(aws.sqs(), undelivered),
            dead_letters: DeadLetterQueue::new(aws.sqs(), dead_letters),
        })
    }

    pub(crate) async fn handle(
        self,
        invocation: Invocation<Delivery>,
    ) -> Result<BatchOutcome, Failure> {
        let started = Moment::now();
        let deadlines = Deadlines::of(invocation.deadline);
        let (source, outcome) = match invocation.event {
            Delivery::Stream(records) => ("stream", self.tell_of(&records, deadlines).await?),
            Delivery::Queue(batch) => ("queue", self.tell_late(batch, deadlines).await),
        };
        info!(
            source,
            again = outcome.to_be_tried_again(),
            cold_start = invocation.cold_start,
            duration_ms = started.elapsed().as_secs_f64() * 1_000.0,
            "batch handled"
        );
        Ok(outcome)
    }
}
