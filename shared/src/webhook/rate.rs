//! How many of a tenant's webhooks are stored at once: past the limit of its minute they are put aside.
//!
//! Counted after the fact and without waiting: each process counts what it verified, reports every 20 of a tenant, and learns
//! from the answer how many the others counted (`docs/decisions/0007-webhook-limits.md`).

use std::num::NonZeroUsize;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_sdk_dynamodb::Client;
use lru::LruCache;
use tracing::{Instrument, info_span, warn};

use crate::clock::Clock;
use crate::environment::Environment;
use crate::store::Limits;
use crate::tenant::{TenantId, TenantScope};

/// How many webhooks of a tenant a process counts before it reports them: what a report, one write, is divided by.
const REPORTED_AT_ONCE: u32 = 20;

/// The most tenants that a process counts for. The one that sent least recently gives way, with the up to 19 webhooks of it that
/// were not reported yet; one that floods is never that one.
const CAPACITY: NonZeroUsize = NonZeroUsize::new(4_096).unwrap();

/// How many webhooks a minute of one tenant are stored as they come: 1 to 1,000,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WebhookLimit(u32);

impl FromStr for WebhookLimit {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let limit = text.parse().map_err(|_| ())?;
        (1..=1_000_000)
            .contains(&limit)
            .then_some(Self(limit))
            .ok_or(())
    }
}

impl WebhookLimit {
    /// Reads `WEBHOOK_RATE_LIMIT`; 3,000 a minute, when it is not set.
    pub(super) fn from_environment(environment: &Environment) -> Option<Self> {
        let form = "a whole number of webhooks a minute, 1 to 1000000";
        environment.parsed("WEBHOOK_RATE_LIMIT", form, Self(3_000))
    }
}

/// The rates at which the tenants' webhooks come. Clones share what they count.
#[derive(Clone)]
pub(super) struct WebhookRate {
    limits: Limits,
    limit: WebhookLimit,
    counts: Arc<Mutex<Counts>>,
    clock: Clock,
}

impl WebhookRate {
    /// Reports to the Tenants table of this name, in the minutes of this clock.
    pub(super) fn new(
        client: Client,
        tenants_table: String,
        limit: WebhookLimit,
        clock: Clock,
    ) -> Self {
        Self {
            limits: Limits::new(client, tenants_table),
            limit,
            counts: Arc::new(Mutex::new(Counts::default())),
            clock,
        }
    }

    /// Counts one verified webhook, and says whether its tenant is past its limit in this minute, as far as this process knows.
    ///
    /// A report is made beside the webhook and not waited for: one that takes long delays nothing, and one that fails leaves
    /// this process as wise as it was.
    pub(super) fn is_past_limit(&self, scope: &TenantScope) -> bool {
        let minute = self.minute();
        match self.counts().count(scope.tenant_id(), minute) {
            Counted::PastLimit => return true,
            Counted::Within => {}
            Counted::ToBeReported => {
                let (rate, scope) = (self.clone(), scope.clone());
                let span = info_span!("tenant", tenant_id = %scope.tenant_id());
                let report = async move { rate.report(&scope, minute).await };
                tokio::spawn(report.instrument(span));
            }
        }
        false
    }

    async fn report(&self, scope: &TenantScope, minute: i64) {
        let added = self.limits.add_webhooks(scope, minute, REPORTED_AT_ONCE);
        match added.await {
            // An answer that came when the minute was over is none: a frozen process may get it much later.
            Ok(webhooks) if webhooks >= u64::from(self.limit.0) && minute == self.minute() => {
                self.counts().pass_limit(scope.tenant_id(), minute);
                let limit = self.limit.0;
                warn!(
                    webhooks,
                    limit,
                    "the tenant's webhooks are past its limit: putting aside what else comes in this minute"
                );
            }
            Ok(_) => {}
            Err(error) => warn!(error = %error, "the tenant's webhooks were not counted"),
        }
    }

    fn minute(&self) -> i64 {
        self.clock.now().as_second().div_euclid(60)
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What this process counted of each tenant.
struct Counts(LruCache<TenantId, Count>);

#[derive(Debug, Clone, Copy, Default)]
struct Count {
    /// Webhooks that were not reported. They are carried over into the next minute, and reported with it: of a tenant whose
    /// webhooks are spread over many processes, none of them sees 20 in one minute.
    unreported: u32,
    /// The minute in which the tenant is past its limit.
    past_limit_in: Option<i64>,
}

/// What a webhook that was counted means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counted {
    Within,
    ToBeReported,
    PastLimit,
}

impl Default for Counts {
    fn default() -> Self {
        // Memory only for what is there.
        Self(LruCache::sparse(CAPACITY))
    }
}

impl Counts {
    /// Counts a webhook. Past the limit none is: nobody needs to know by how much, and the counter is left alone.
    fn count(&mut self, tenant: &TenantId, minute: i64) -> Counted {
        let count = self.of(tenant);
        // This very minute: another is over, or the clock was set.
        if count.past_limit_in == Some(minute) {
            return Counted::PastLimit;
        }
        count.unreported = count.unreported.saturating_add(1);
        if count.unreported < REPORTED_AT_ONCE {
            return Counted::Within;
        }
        count.unreported = 0;
        Counted::ToBeReported
    }

    /// Remembers that a tenant is past its limit in a minute.
    fn pass_limit(&mut self, tenant: &TenantId, minute: i64) {
        self.of(tenant).past_limit_in = Some(minute);
    }

    fn of(&mut self, tenant: &TenantId) -> &mut Count {
        self.0.get_or_insert_mut_ref(tenant, Count::default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(id: &str) -> TenantId {
        id.parse().unwrap()
    }

    fn counted(counts: &mut Counts, id: &str, minute: i64, webhooks: usize) -> Vec<Counted> {
        let tenant = tenant(id);
        (0..webhooks)
            .map(|_| counts.count(&tenant, minute))
            .collect()
    }

    fn reports(counted: &[Counted]) -> usize {
        let reports = counted
            .iter()
            .filter(|counted| **counted == Counted::ToBeReported);
        reports.count()
    }

    #[test]
    fn every_twentieth_webhook_of_a_tenant_is_reported() {
        let mut counts = Counts::default();
        let counted = counted(&mut counts, "acme", 7, 60);
        let places = (1..).zip(&counted);
        let reported = places.filter(|(_, counted)| **counted == Counted::ToBeReported);
        assert_eq!(
            reported.map(|(place, _)| place).collect::<Vec<_>>(),
            [20, 40, 60]
        );
    }

    #[test]
    fn tenants_are_counted_apart() {
        let mut counts = Counts::default();
        assert_eq!(reports(&counted(&mut counts, "acme", 7, 19)), 0);
        assert_eq!(reports(&counted(&mut counts, "globex", 7, 19)), 0);
        counts.pass_limit(&tenant("acme"), 7);
        assert_eq!(reports(&counted(&mut counts, "globex", 7, 1)), 1);
    }

    #[test]
    fn what_was_not_reported_in_a_minute_is_reported_in_the_next() {
        let mut counts = Counts::default();
        for minute in 0..40 {
            let counted = counted(&mut counts, "acme", minute, 5);
            assert_eq!(reports(&counted), usize::from(minute % 4 == 3), "{minute}");
        }
    }

    #[test]
    fn past_the_limit_a_tenant_is_for_the_minute_alone_and_nothing_is_reported_meanwhile() {
        let mut counts = Counts::default();
        counted(&mut counts, "acme", 7, 19);
        counts.pass_limit(&tenant("acme"), 7);
        assert_eq!(
            counted(&mut counts, "acme", 7, 100),
            [Counted::PastLimit; 100]
        );
        assert_eq!(
            counted(&mut counts, "acme", 8, 1),
            [Counted::ToBeReported],
            "the twentieth that counts"
        );
        // A clock that was set back.
        assert_eq!(counted(&mut counts, "acme", 7, 1), [Counted::PastLimit]);
        assert_eq!(counted(&mut counts, "acme", 6, 1), [Counted::Within]);
    }

    #[test]
    fn no_more_tenants_are_counted_than_there_is_room_for_and_one_that_floods_stays() {
        let mut counts = Counts::default();
        counts.pass_limit(&tenant("flood"), 7);
        for number in 0..2 * CAPACITY.get() {
            counted(&mut counts, &format!("tenant-{number}"), 7, 1);
            assert_eq!(counted(&mut counts, "flood", 7, 1), [Counted::PastLimit]);
        }
        assert_eq!(counts.0.len(), CAPACITY.get());
    }

    #[test]
    fn a_limit_has_a_default_and_one_that_is_none_is_a_fault() {
        let read = |value: &str| {
            let environment = Environment::of([("WEBHOOK_RATE_LIMIT", value)]);
            environment.finish(WebhookLimit::from_environment(&environment))
        };
        assert_eq!(read(""), Ok(WebhookLimit(3_000)));
        assert_eq!(read("1000000"), Ok(WebhookLimit(1_000_000)));
        for value in ["0", "-1", "1000001", "60/m", "1.5", " 60"] {
            let error = read(value).unwrap_err();
            assert!(error.to_string().contains("WEBHOOK_RATE_LIMIT must be"));
        }
    }
}
