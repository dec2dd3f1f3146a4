//! The pace at which a tenant's webhooks are stored from the queue, however many there are.
//!
//! Each has a turn, one after the other, given out by one item a tenant that all writers share. What has its turn later is put
//! off until then (`docs/decisions/0007-webhook-limits.md`).

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::OnceCell;

use super::{Batch, DeferredWebhook};
use crate::clock::Clock;
use crate::environment::Environment;
use crate::store::{Limits, StoreError};
use crate::tenant::TenantId;

/// How early a webhook may be stored. SQS delays by whole seconds, and a few webhooks that an outage put aside need not wait.
const EARLY: SignedDuration = SignedDuration::from_secs(2);

/// How late a webhook may be stored without another turn. After that its turn is gone: else all turns that fell into an
/// outage would be taken at its end.
const LATE: SignedDuration = SignedDuration::from_secs(60);

/// How many webhooks a minute of one tenant are stored from the queue. Clones share nothing: the turns are in the store.
#[derive(Clone)]
pub struct Pace {
    limits: Limits,
    interval: Duration,
    clock: Clock,
}

/// 1 to 1,000,000 webhooks a minute.
struct PerMinute(u32);

impl FromStr for PerMinute {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let number = text.parse().map_err(|_| ())?;
        (1..=1_000_000)
            .contains(&number)
            .then_some(Self(number))
            .ok_or(())
    }
}

/// When a webhook is to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// At once.
    Now,
    /// Not before this time.
    At(Timestamp),
}

/// The turns could not be asked for.
#[derive(Debug, Clone, thiserror::Error)]
#[error(transparent)]
pub struct UnknownTurn(Arc<StoreError>);

/// The turns of the webhooks of one batch. Those of a tenant are taken together, by the first of its webhooks that asks.
pub struct Turns {
    pace: Pace,
    tenants: HashMap<TenantId, OfTenant>,
}

#[derive(Default)]
struct OfTenant {
    webhooks: u32,
    given: AtomicU32,
    first: OnceCell<Result<Timestamp, UnknownTurn>>,
}

impl Pace {
    /// Reads `DEFERRED_WRITE_PACE`, webhooks a minute and tenant from 1 to 1,000,000; 3,000 when it is not set. Gives the time
    /// between two of a tenant.
    #[must_use]
    pub fn interval(environment: &Environment) -> Option<Duration> {
        let form = "a whole number of webhooks a minute, 1 to 1000000";
        let pace = environment.parsed("DEFERRED_WRITE_PACE", form, PerMinute(3_000))?;
        Duration::from_mins(1).checked_div(pace.0)
    }

    /// Gives turns out by the Tenants table of this name.
    #[must_use]
    pub fn new(client: Client, tenants_table: String, interval: Duration, clock: Clock) -> Self {
        Self {
            limits: Limits::new(client, tenants_table),
            interval,
            clock,
        }
    }

    /// The turns of a batch. Nothing is asked for yet.
    #[must_use]
    pub fn turns(&self, batch: &Batch) -> Turns {
        let now = self.clock.now();
        let mut tenants = HashMap::<TenantId, OfTenant>::new();
        for message in &batch.messages {
            // What cannot be read has no turn either.
            let Ok(webhook) = DeferredWebhook::from_message(&message.body) else {
                continue;
            };
            if webhook.turn(now).is_none() {
                let of_tenant = tenants.entry(webhook.tenant_id().clone()).or_default();
                of_tenant.webhooks = of_tenant.webhooks.saturating_add(1);
            }
        }
        Turns {
            pace: self.clone(),
            tenants,
        }
    }
}

impl Turns {
    /// When a webhook of the batch is to be stored: the turn that it brought along, or the next of those that are taken for its
    /// tenant now. One or two writes a tenant and batch for those without.
    ///
    /// # Errors
    /// When no turns could be taken. The others of its tenant in the batch fail with it, so that each is asked for once.
    pub async fn of(&self, webhook: &DeferredWebhook) -> Result<Turn, UnknownTurn> {
        let now = self.pace.clock.now();
        // It needed one when the batch was counted, and the clock may have moved since.
        let Some(of_tenant) = self.tenants.get(webhook.tenant_id()) else {
            return Ok(webhook.turn(now).unwrap_or(Turn::Now));
        };
        if let Some(turn) = webhook.turn(now) {
            return Ok(turn);
        }
        let take = || async {
            let (webhooks, interval) = (of_tenant.webhooks, self.pace.interval);
            let limits = &self.pace.limits;
            let taken = limits.take_turns(&webhook.scope, webhooks, interval, now);
            taken.await.map_err(|error| UnknownTurn(Arc::new(error)))
        };
        let first = of_tenant.first.get_or_init(take).await.clone()?;
        let place = of_tenant.given.fetch_add(1, Ordering::Relaxed);
        let wait = SignedDuration::try_from(self.pace.interval.saturating_mul(place));
        let turn = wait.ok().and_then(|wait| first.checked_add(wait).ok());
        Ok(Turn::of(turn.unwrap_or(first), now))
    }
}

impl Turn {
    fn of(time: Timestamp, now: Timestamp) -> Self {
        if time.duration_since(now) <= EARLY {
            Self::Now
        } else {
            Self::At(time)
        }
    }
}

impl DeferredWebhook {
    /// The turn that it was put off to, unless that is gone.
    fn turn(&self, now: Timestamp) -> Option<Turn> {
        let turn_at = self.turn_at?;
        (now.duration_since(turn_at) <= LATE).then(|| Turn::of(turn_at, now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activity::{Fact, Route};
    use crate::tenant::TenantScope;

    fn webhook(turn_at: Option<i64>) -> DeferredWebhook {
        let sid = ("MessageSid", "SM00000000000000000000000000000001");
        let parameters = [sid].into_iter().collect();
        DeferredWebhook {
            scope: TenantScope::new("acme".parse().unwrap()),
            fact: Fact::new(Route::Sms, &parameters, Timestamp::UNIX_EPOCH).unwrap(),
            turn_at: turn_at.map(second),
        }
    }

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_webhook_that_was_not_put_off_has_no_turn() {
        assert_eq!(webhook(None).turn(second(1_000)), None);
    }

    #[test]
    fn a_turn_is_good_from_two_seconds_before_to_a_minute_after() {
        let turn = |now| webhook(Some(1_000)).turn(second(now));
        assert_eq!(turn(100), Some(Turn::At(second(1_000))));
        assert_eq!(turn(997), Some(Turn::At(second(1_000))));
        for now in [998, 1_000, 1_060] {
            assert_eq!(turn(now), Some(Turn::Now), "{now}");
        }
        assert_eq!(turn(1_061), None);
    }

    #[test]
    fn a_pace_has_a_default_and_one_that_is_none_is_a_fault() {
        let read = |value: &str| {
            let environment = Environment::of([("DEFERRED_WRITE_PACE", value)]);
            environment.finish(Pace::interval(&environment))
        };
        assert_eq!(read(""), Ok(Duration::from_millis(20)));
        assert_eq!(read("1"), Ok(Duration::from_mins(1)));
        assert_eq!(read("1000000"), Ok(Duration::from_micros(60)));
        for value in ["0", "-1", "1000001", "60/m", "1.5", " 60"] {
            let error = read(value).unwrap_err();
            assert!(error.to_string().contains("DEFERRED_WRITE_PACE must be"));
        }
    }
}
