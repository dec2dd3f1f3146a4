//! Limits that several processes share: counted in DynamoDB, exactly, and no more often than needed.

use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use local::emulators::faults::{AwsError, Effect, Matching, Times};
use local::emulators::wire::{Calls, Mark};
use serde_json::json;
use shared::clock::Clock;
use shared::rate_limit::{ChangeNotices, Class, Policy, RateLimiter, Rates, Taken};
use shared::store::Limits;
use shared::tenant::TenantScope;

use crate::harness::{Harness, Tenant};

/// A tenant, and what several processes would count its requests with.
struct Counting {
    harness: &'static Harness,
    tenant: Tenant,
    rates: Rates,
    clock: Clock,
}

impl Counting {
    /// A tenant of its own, at 12 seconds of a minute.
    async fn with(rates: Rates) -> Self {
        let harness = Harness::shared().await;
        Self {
            harness,
            tenant: harness.tenant(json!({})).await,
            rates,
            clock: Clock::fixed(Timestamp::from_second(1_800_000_012).unwrap()),
        }
    }

    /// One process's.
    fn limiter(&self) -> RateLimiter {
        let table = self.harness.variable("TENANTS_TABLE").to_owned();
        let limits = Limits::new(self.harness.dynamodb(), table);
        RateLimiter::new(limits, self.rates, self.clock.clone())
    }

    /// What whoever changes the tenant's credentials does after it.
    async fn announce_change(&self) {
        let table = self.harness.variable("TENANTS_TABLE").to_owned();
        let client = self.harness.dynamodb();
        let notices = ChangeNotices::new(client, table, self.clock.clone());
        notices.announce(&self.scope()).await;
    }

    fn scope(&self) -> TenantScope {
        self.tenant.console.scope(&self.tenant.id)
    }

    async fn take(&self, limiter: &RateLimiter, class: Class, subject: &str) -> Taken {
        limiter.take(&self.scope(), class, subject).await.unwrap()
    }

    fn mark(&self) -> Mark {
        self.harness.stack.emulators().dynamodb().wire().mark()
    }

    /// The calls about the tenant's counters.
    fn calls(&self, since: Mark) -> Calls {
        let wire = self.harness.stack.emulators().dynamodb().wire();
        wire.since(since)
            .partition(&format!("{}#limit", self.tenant.id))
    }

    /// Disturbs the next writes of the tenant's counters.
    fn disturb(&self, effect: Effect, times: Times) {
        let writes = Matching::writes().partition(format!("{}#limit", self.tenant.id));
        let faults = self.harness.stack.emulators().dynamodb().faults();
        faults.inject(writes, effect, times);
    }

    async fn item(&self, sort: &str) -> HashMap<String, AttributeValue> {
        let item = self.harness.dynamodb().get_item();
        let item = item
            .table_name(self.harness.variable("TENANTS_TABLE"))
            .key("pk", AttributeValue::S(format!("{}#limit", self.tenant.id)))
            .key("sk", AttributeValue::S(sort.to_owned()))
            .consistent_read(true);
        item.send().await.unwrap().item.unwrap()
    }
}

/// Makes requests in one minute that are more than `limit`, all at once, from four processes in turn, of users who take turns too,
/// and asserts that as many were let through. One whose answer is late is made again, and may be counted twice.
async fn assert_limited(counting: &Counting, limit: usize, users: usize) {
    let since = counting.mark();
    let through = let_through(counting, 100, users).await;
    let calls = counting.calls(since).operation("UpdateItem");
    // Also those that nobody waited for the answer of.
    let counted = calls.filter(|call| call.status != Some(400)).count();
    let repeated = counted.saturating_sub(through);
    assert!(
        through <= limit && through + repeated >= limit,
        "{through} of {limit}, {repeated} repeated"
    );
}

/// How many of so many requests at once are let through, from four processes in turn, of users who take turns too.
async fn let_through(counting: &Counting, requests: usize, users: usize) -> usize {
    let limiters: Vec<_> = (0..4).map(|_| Arc::new(counting.limiter())).collect();
    let takes: Vec<_> = (0..requests)
        .map(|number| {
            let limiter = Arc::clone(&limiters[number % limiters.len()]);
            let (scope, subject) = (counting.scope(), format!("user {}", number % users));
            tokio::spawn(async move { limiter.take(&scope, Class::Token, &subject).await.unwrap() })
        })
        .collect();
    let mut through = 0;
    for take in takes {
        through += usize::from(take.await.unwrap().refusal().is_none());
    }
    through
}

#[tokio::test]
async fn exactly_a_users_limit_passes_from_many_processes_at_once_in_every_minute() {
    let rates = Rates {
        user: 60,
        tenant: 600,
    };
    let counting = Counting::with(rates).await;
    assert_limited(&counting, 60, 1).await;
    assert_eq!(let_through(&counting, 20, 1).await, 0);
    counting.clock.advance(60);
    assert_limited(&counting, 60, 1).await;
}

#[tokio::test]
async fn exactly_a_tenants_limit_passes_whichever_users_ask() {
    let rates = Rates {
        user: 60,
        tenant: 75,
    };
    let counting = Counting::with(rates).await;
    assert_limited(&counting, 75, 7).await;
    counting.clock.advance(60);
    assert_limited(&counting, 75, 7).await;
}

#[tokio::test]
async fn a_request_costs_one_write_and_one_that_is_refused_again_none() {
    let counting = Counting::with(Rates { user: 2, tenant: 9 }).await;
    let limiter = counting.limiter();
    let since = counting.mark();
    for remaining in [1, 0] {
        let taken = counting.take(&limiter, Class::Token, "alice").await;
        assert_eq!(taken.refusal(), None);
        assert_eq!(taken.user_remaining(), Some(remaining));
    }
    assert_eq!(counting.calls(since).count(), 2);

    let first = counting.take(&limiter, Class::Token, "alice").await;
    let refusal = first.refusal().unwrap();
    assert_eq!((refusal.policy(), refusal.limit()), (Policy::User, 2));
    assert_eq!(refusal.retry_after_seconds(), 48);
    assert_eq!(counting.calls(since).count(), 3);

    counting.clock.advance(40);
    for _ in 0..50 {
        let again = counting.take(&limiter, Class::Token, "alice").await;
        assert_eq!(again.refusal().unwrap().retry_after_seconds(), 8);
        assert_eq!(again.tenant_remaining(), 7);
    }
    assert_eq!(counting.calls(since).count(), 3);

    // Her colleague, her other requests, and she herself in the next minute are not refused.
    let others = [
        ("bob", Class::Token, 0),
        ("alice", Class::Credentials, 0),
        ("alice", Class::Token, 8),
    ];
    for (subject, class, seconds) in others {
        counting.clock.advance(seconds);
        let taken = counting.take(&limiter, class, subject).await;
        assert_eq!(taken.refusal(), None, "{subject} {class:?}");
    }
    assert_eq!(counting.calls(since).writes().count(), 6);
    assert_eq!(counting.calls(since).count(), 6);
}

#[tokio::test]
async fn a_tenant_that_is_refused_costs_nothing_more_whichever_user_asks() {
    let counting = Counting::with(Rates { user: 9, tenant: 2 }).await;
    let limiter = counting.limiter();
    for subject in ["alice", "bob", "carol"] {
        let _ = counting.take(&limiter, Class::Credentials, subject).await;
    }
    let since = counting.mark();
    for subject in ["alice", "bob", "carol", "dave"] {
        let taken = counting.take(&limiter, Class::Credentials, subject).await;
        assert_eq!(taken.refusal().unwrap().policy(), Policy::Tenant);
        // That of whoever was refused first is not told as their own.
        assert_eq!(taken.user_remaining(), None, "{subject}");
    }
    assert_eq!(counting.calls(since).count(), 0);
    // Another process finds out by itself.
    let taken = counting
        .take(&counting.limiter(), Class::Credentials, "dave")
        .await;
    assert_eq!(taken.refusal().unwrap().policy(), Policy::Tenant);
    assert_eq!(counting.calls(since).count(), 1);
}

#[tokio::test]
async fn a_tenants_requests_are_not_counted_for_another() {
    let rates = Rates { user: 1, tenant: 1 };
    let (one, other) = (Counting::with(rates).await, Counting::with(rates).await);
    assert_eq!(let_through(&one, 5, 1).await, 1);
    assert_eq!(let_through(&other, 5, 1).await, 1);
}

#[tokio::test]
async fn a_change_is_told_by_the_counter_itself_for_five_minutes_and_counts_nothing() {
    let counting = Counting::with(Rates { user: 2, tenant: 3 }).await;
    let taker = counting.limiter();
    let before = counting.take(&taker, Class::Token, "alice").await;
    assert_eq!(before.changed_at(), None);

    let changed_at = counting.clock.now();
    counting.announce_change().await;
    let since = counting.mark();
    let after = counting.take(&taker, Class::Token, "alice").await;
    assert_eq!(after.changed_at(), Some(changed_at));
    assert_eq!((after.refusal(), after.user_remaining()), (None, Some(0)));
    assert_eq!(counting.calls(since).count(), 1);
    // What changes credentials does not wait for word of it.
    let manager = counting.take(&taker, Class::Credentials, "alice").await;
    assert_eq!(manager.changed_at(), None);

    // The items of the next minutes held nothing but the notice: all of the limit is left.
    for _ in 0..5 {
        counting.clock.advance(60);
        let later = counting.take(&taker, Class::Token, "alice").await;
        assert_eq!(later.changed_at(), Some(changed_at));
        assert_eq!(
            (later.user_remaining(), later.tenant_remaining()),
            (Some(1), 2)
        );
    }
    counting.clock.advance(60);
    let long_after = counting.take(&taker, Class::Token, "alice").await;
    assert_eq!(long_after.changed_at(), None);
}

#[tokio::test]
async fn of_two_changes_the_one_noted_last_is_told_whatever_the_clocks_of_those_who_made_them() {
    let counting = Counting::with(Rates { user: 9, tenant: 9 }).await;
    let limiter = counting.limiter();
    counting.clock.advance(2);
    counting.announce_change().await;
    counting.clock.advance(-1);
    let noted_last = counting.clock.now();
    counting.announce_change().await;
    let taken = counting.take(&limiter, Class::Token, "alice").await;
    assert_eq!(taken.changed_at(), Some(noted_last));
}

#[tokio::test]
async fn an_item_names_no_user_and_ends_five_minutes_after_its_minute() {
    let counting = Counting::with(Rates { user: 9, tenant: 9 }).await;
    let limiter = counting.limiter();
    let _ = counting
        .take(&limiter, Class::Token, "alice@example.com")
        .await;
    counting.announce_change().await;
    let minute = 1_800_000_012 / 60;
    for later in 0..=5 {
        let item = counting.item(&format!("token#{}", minute + later)).await;
        let expected = ((minute + later + 1) * 60 + 300).to_string();
        assert_eq!(item["expires_at"].as_n().unwrap(), &expected);
        assert!(!format!("{item:?}").contains("alice"), "{item:?}");
    }
}

#[tokio::test]
async fn with_the_store_down_nothing_is_let_through_and_nothing_remembered() {
    let counting = Counting::with(Rates { user: 9, tenant: 9 }).await;
    let limiter = counting.limiter();
    counting.disturb(Effect::Refuse(AwsError::internal()), Times::Next(2));
    let taken = limiter.take(&counting.scope(), Class::Token, "alice").await;
    let error = taken.unwrap_err();
    assert!(error.is_unavailable(), "{error}");
    let taken = counting.take(&limiter, Class::Token, "alice").await;
    assert_eq!((taken.refusal(), taken.user_remaining()), (None, Some(8)));
}

#[tokio::test]
async fn a_request_whose_answer_is_lost_counts_twice_and_never_not_at_all() {
    let counting = Counting::with(Rates { user: 2, tenant: 9 }).await;
    let limiter = counting.limiter();
    counting.disturb(Effect::LoseAnswer, Times::Next(1));
    let taken = counting.take(&limiter, Class::Token, "alice").await;
    assert_eq!((taken.refusal(), taken.user_remaining()), (None, Some(0)));
}

#[tokio::test]
async fn a_change_whose_word_cannot_be_left_everywhere_is_left_where_it_can() {
    let counting = Counting::with(Rates { user: 9, tenant: 9 }).await;
    let limiter = counting.limiter();
    counting.disturb(Effect::Refuse(AwsError::access_denied()), Times::Next(1));
    counting.announce_change().await;
    let mut told = 0;
    for _ in 0..=5 {
        let taken = counting.take(&limiter, Class::Token, "alice").await;
        told += usize::from(taken.changed_at().is_some());
        counting.clock.advance(60);
    }
    assert_eq!(told, 5);
}
