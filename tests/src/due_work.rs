//! The list of work that is due: nothing is given before its time or to two at once, and nothing is lost.

use jiff::{SignedDuration, Timestamp};
use local::console::operator;
use shared::clock::Clock;
use shared::store::{Due, DueWork, Work};
use shared::tenant::{Provider, TenantScope};

use crate::harness::Harness;

/// A list that nobody else uses, with a clock that a test moves.
struct List {
    _harness: Harness,
    due: DueWork,
    clock: Clock,
}

impl List {
    fn new() -> Self {
        let harness = Harness::start(|_| {});
        let clock = Clock::fixed("2026-11-01T12:00:00Z".parse().unwrap());
        let table = harness.variable("TENANTS_TABLE").to_owned();
        Self {
            due: DueWork::new(harness.dynamodb(), table, clock.clone()),
            _harness: harness,
            clock,
        }
    }

    /// A moment so many seconds from now.
    fn seconds_ahead(&self, seconds: i64) -> Timestamp {
        self.clock.now() + SignedDuration::from_secs(seconds)
    }

    async fn put(&self, tenant: &str, work: Work, seconds: i64) {
        let at = self.seconds_ahead(seconds);
        self.due.put(&scope(tenant), work, at).await.unwrap();
    }

    /// What is taken now for a minute.
    async fn take(&self, most: usize) -> Vec<Due> {
        self.due.take(most, self.seconds_ahead(60)).await.unwrap()
    }
}

fn scope(tenant: &str) -> TenantScope {
    operator().scope(tenant.parse().unwrap())
}

fn told(taken: &[Due]) -> Vec<(&str, Work)> {
    let told = taken
        .iter()
        .map(|due| (due.scope.tenant_id().as_str(), due.work));
    told.collect()
}

#[tokio::test]
async fn checks_are_given_after_everything_else_however_many_and_long_due() {
    let list = List::new();
    for tenant in ["aa", "bb", "cc"] {
        list.put(tenant, Work::Recheck(Provider::Twilio), -900)
            .await;
    }
    list.put("dd", Work::Deletion, -1).await;
    list.put("dd", Work::Rotation, -2).await;
    let taken = list.take(3).await;
    let recheck = Work::Recheck(Provider::Twilio);
    let expected = [
        ("dd", Work::Rotation),
        ("dd", Work::Deletion),
        ("aa", recheck),
    ];
    assert_eq!(told(&taken), expected);
}

#[tokio::test]
async fn what_is_looked_at_and_not_taken_is_as_it_was() {
    let list = List::new();
    list.put("aa", Work::Rotation, 0).await;
    let found = list.due.look(10).await.unwrap();
    assert_eq!(found.len(), 1);
    let taken = list.take(10).await;
    assert_eq!(taken[0].tries, 0);
    let claimed = list.due.claim(found[0].clone(), list.seconds_ahead(60));
    assert_eq!(claimed.await.unwrap(), None);
}

#[tokio::test]
async fn work_is_given_from_its_moment_on_the_longest_due_first() {
    let list = List::new();
    list.put("acme", Work::Rotation, 20).await;
    list.put("bolt", Work::Subaccount, 10).await;
    list.put("acme", Work::Deletion, 90).await;
    assert_eq!(list.take(9).await, []);
    list.clock.advance(20);
    let taken = list.take(9).await;
    let expected = [("bolt", Work::Subaccount), ("acme", Work::Rotation)];
    assert_eq!(told(&taken), expected);
    assert_eq!(taken[1].at, list.clock.now());
}

#[tokio::test]
async fn what_was_taken_is_given_to_nobody_else_until_its_taker_should_be_done() {
    let list = List::new();
    for tenant in ["acme", "bolt", "crow"] {
        list.put(tenant, Work::Rotation, 0).await;
    }
    assert_eq!(list.take(2).await.len(), 2);
    assert_eq!(told(&list.take(9).await), [("crow", Work::Rotation)]);
    list.clock.advance(59);
    assert_eq!(list.take(9).await, []);
    list.clock.advance(1);
    let again = list.take(9).await;
    assert_eq!(again.len(), 3);
    assert!(again.iter().all(|due| due.tries == 1));
}

#[tokio::test]
async fn two_that_look_at_once_share_what_is_due() {
    let list = List::new();
    for number in 0..30 {
        list.put(&format!("tenant-{number}"), Work::Subaccount, 0)
            .await;
    }
    let (one, other) = tokio::join!(list.take(30), list.take(30));
    let mut tenants: Vec<_> = [one, other]
        .concat()
        .into_iter()
        .map(|due| due.scope.tenant_id().clone())
        .collect();
    tenants.sort();
    tenants.dedup();
    assert_eq!(tenants.len(), 30);
}

#[tokio::test]
async fn work_that_is_done_is_given_no_more() {
    let list = List::new();
    list.put("acme", Work::Deletion, 0).await;
    let [due] = list.take(9).await.try_into().unwrap();
    list.due.done(&due).await.unwrap();
    list.clock.advance(100);
    assert_eq!(list.take(9).await, []);
}

#[tokio::test]
async fn work_that_was_put_again_meanwhile_outlives_the_one_that_is_done() {
    let list = List::new();
    list.put("acme", Work::Deletion, 0).await;
    let [due] = list.take(9).await.try_into().unwrap();
    list.put("acme", Work::Deletion, 0).await;
    list.due.done(&due).await.unwrap();
    assert_eq!(told(&list.take(9).await), [("acme", Work::Deletion)]);
}

#[tokio::test]
async fn work_that_its_taker_was_too_late_with_is_left_to_the_next() {
    let list = List::new();
    list.put("acme", Work::Deletion, 0).await;
    let [late] = list.take(9).await.try_into().unwrap();
    list.clock.advance(61);
    let [next] = list.take(9).await.try_into().unwrap();
    list.due.done(&late).await.unwrap();
    list.due.later(&next, list.seconds_ahead(60)).await.unwrap();
    list.clock.advance(60);
    assert_eq!(told(&list.take(9).await), [("acme", Work::Deletion)]);
}

#[tokio::test]
async fn work_that_is_put_off_is_one_entry_that_counts_its_tries() {
    let list = List::new();
    list.put("acme", Work::Rotation, 0).await;
    for tries in 0..3 {
        let [due] = list.take(9).await.try_into().unwrap();
        assert_eq!(due.tries, tries);
        list.due.later(&due, list.seconds_ahead(5)).await.unwrap();
        assert_eq!(list.take(9).await, []);
        list.clock.advance(5);
    }
    assert_eq!(list.take(9).await.len(), 1);
}

#[tokio::test]
async fn more_than_a_page_of_it_is_given_and_what_is_taken_stands_in_nobodys_way() {
    let list = List::new();
    for number in 0..130 {
        list.put(&format!("tenant-{number}"), Work::Rotation, 0)
            .await;
    }
    assert_eq!(list.take(120).await.len(), 120);
    assert_eq!(list.take(120).await.len(), 10);
}
