//! One invocation: a batch of the stream or of the queue of what waits.

use std::sync::Arc;
use std::time::{Duration, Instant as Moment};

use shared::aws::{Aws, Patience, Service};
use shared::clock::Clock;
use shared::contacts::Contacts;
use shared::deferred::{BatchOutcome, DeadLetterQueue};
use shared::environment::Environment;
use shared::events::{EventBus, UndeliveredEvents};
use shared::lambda::{Failure, Invocation, StartError};
use shared::store::{Activity, table_name};
use shared::stream::Delivery;
use tokio::time::Instant;

use crate::counts::Counts;

/// How long the bus is asked again before events are put aside. While it is down the stream so goes on at the pace of the
/// queue, and nothing waits behind it.
const TO_PUBLISH: Duration = Duration::from_secs(3);
/// How long a batch of the stream looks for its tenants. A read that hangs is given up before the client would repeat it: it is
/// made again from the queue, with more patience, and the tenants that share the batch do not wait for that.
const TO_LOOK: Duration = Duration::from_secs(1);
/// What is left of an invocation's time when no more contacts are kept.
const AFTER_CONTACTS: Duration = Duration::from_secs(14);
/// What is left of an invocation's time to put in the queue what was not done.
const TO_PUT_ASIDE: Duration = Duration::from_secs(8);
/// What is left of an invocation's time to answer in.
const TO_ANSWER: Duration = Duration::from_secs(1);

/// Where everything goes.
#[derive(Clone)]
pub(crate) struct Publisher {
    pub(crate) contacts: Arc<Contacts>,
    pub(crate) bus: EventBus,
    pub(crate) undelivered: UndeliveredEvents,
    pub(crate) dead_letters: DeadLetterQueue,
}

/// Until when the parts of an invocation may last.
#[derive(Clone, Copy)]
pub(crate) struct Deadlines {
    pub(crate) contacts: Instant,
    invocation: Instant,
}

impl Deadlines {
    fn of(invocation: Instant) -> Self {
        Self {
            contacts: before(invocation, AFTER_CONTACTS),
            invocation,
        }
    }

    /// Until when the tenants of a batch of the stream are looked for, from now on.
    pub(crate) fn look(self) -> Instant {
        self.contacts.min(Instant::now() + TO_LOOK)
    }

    /// Until when the bus may be asked, from now on.
    pub(crate) fn publish(self) -> Instant {
        before(self.invocation, TO_PUT_ASIDE).min(Instant::now() + TO_PUBLISH)
    }

    pub(crate) fn put_aside(self) -> Instant {
        before(self.invocation, TO_ANSWER)
    }
}

fn before(end: Instant, time: Duration) -> Instant {
    end.checked_sub(time).unwrap_or(end)
}

impl Publisher {
    pub(crate) async fn connect(environment: &Environment) -> Result<Self, StartError> {
        let tables = table_name(environment, "ACTIVITY_TABLE")
            .zip(table_name(environment, "TENANTS_TABLE"))
            .zip(Activity::retention_days(environment));
        let bus = EventBus::name(environment);
        let undelivered = UndeliveredEvents::url(environment);
        let dead_letters = UndeliveredEvents::dead_letters_url(environment);
        let aws = Aws::from_environment(environment, Patience::BACKGROUND);
        let read = tables.zip(bus).zip(undelivered).zip(dead_letters).zip(aws);
        let ((((tables, bus), undelivered), dead_letters), aws) = environment.finish(read)?;
        let ((activity, tenants), retention) = tables;
        aws.prime(&[Service::DynamoDb, Service::EventBridge]).await;
        let clock = Clock::system();
        let contacts = Contacts::new(&aws.dynamodb(), activity, tenants, retention, clock);
        Ok(Self {
            contacts: Arc::new(contacts),
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
        let mut counts = Counts::default();
        let (source, outcome) = match invocation.event {
            Delivery::Stream(records) => {
                let told = self.tell(records, deadlines, &mut counts).await;
                ("stream", told)
            }
            Delivery::Queue(batch) => {
                let told = self.tell_late(batch, deadlines, &mut counts).await;
                ("queue", Ok(told))
            }
        };
        // Of a failure, everything.
        let again = outcome.as_ref().map(BatchOutcome::to_be_tried_again);
        counts.again = again.unwrap_or(counts.records);
        let duration_ms = started.elapsed().as_secs_f64() * 1_000.0;
        counts.log(source, duration_ms, invocation.cold_start);
        outcome
    }
}
