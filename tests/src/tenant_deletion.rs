//! Tenants that are deleted: completely, whatever interrupts it, and nobody else's data with them.

mod ids;

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::ToSpan;
use local::console::operator;
use local::emulators::faults::{AwsError, Effect, Matching, Times};
use serde_json::{Value, json};
use shared::activity::Fact;
use shared::audit::{Action, Actor};
use shared::store::{Expected, Page, ProfileChanges};
use shared::tenant::TenantStatus;
use shared::tenants::{Deletion, TenantError};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::harness::{Harness, Tenant};
use crate::published_events::Listener;
use crate::storing::routes;
use crate::tenant_store::{Opened, scope};

const PATIENCE: Duration = Duration::from_secs(60);

impl Opened {
    pub(crate) async fn delete(&self, id: &str) -> Result<Deletion, TenantError> {
        self.delete_within(id, PATIENCE).await
    }

    async fn delete_within(&self, id: &str, time: Duration) -> Result<Deletion, TenantError> {
        let actor = Actor::User("root".to_owned());
        let deadline = Instant::now() + time;
        let administration = &self.administration;
        administration
            .delete(&scope(id), Expected::Any, &actor, deadline)
            .await
    }

    /// What the platform's audit log says of a tenant, oldest first.
    async fn platform_told(&self, id: &str) -> Vec<String> {
        let page = Page::new(100, None);
        let listed = self.audit.list_of_platform(operator(), &page).await;
        let (records, _) = listed.unwrap();
        let of_tenant = records.into_iter().filter(|record| record.target == id);
        let mut told: Vec<_> = of_tenant.map(|record| record.action).collect();
        told.reverse();
        told
    }
}

/// The keys of every item under partitions that begin with the tenant's id and `#`, found by scanning, as no function may.
pub(crate) async fn left(harness: &Harness, id: &str) -> Vec<(String, String)> {
    let mut left = Vec::new();
    for table in ["TENANTS_TABLE", "ACTIVITY_TABLE"] {
        let scan = harness.dynamodb().scan();
        let scan = scan
            .table_name(harness.variable(table))
            .filter_expression("begins_with(pk, :own)")
            .expression_attribute_values(":own", AttributeValue::S(format!("{id}#")))
            .projection_expression("pk, sk");
        let mut pages = scan.into_paginator().items().send();
        while let Some(item) = pages.next().await {
            let item = item.unwrap();
            let text = |name: &str| item[name].as_s().unwrap().clone();
            left.push((text("pk"), text("sk")));
        }
    }
    left
}

/// The same without the counters, which tell warm functions of the deletion until it is finished.
pub(crate) async fn left_but_counters(harness: &Harness, id: &str) -> Vec<(String, String)> {
    let mut left = left(harness, id).await;
    left.retain(|(pk, _)| !pk.ends_with("#limit"));
    left
}

pub(crate) fn fact(kind: &str, sid: &str, route: &str, parameters: Value) -> Fact {
    let fact = json!({
        "resource": {"kind": kind, "sid": sid},
        "route": route,
        "received_at": "2026-10-01T08:00:00.123Z",
        "parameters": parameters,
    });
    serde_json::from_value(fact).unwrap()
}

/// The fact with this number: a message, a call, the leg that it dialled, or its recording.
pub(crate) fn numbered(number: usize) -> Fact {
    let (kind, place) = (number % 4, number / 4);
    let call = format!("CA{place:032x}");
    match kind {
        0 => fact(
            "message",
            &format!("SM{place:032x}"),
            "/sms",
            json!({"From": "+15005550010"}),
        ),
        1 => fact("call", &call, "/voice", json!({"From": "+15005550010"})),
        2 => fact(
            "call",
            &format!("CA{:032x}", place + (1 << 40)),
            "/voice/status",
            json!({"ParentCallSid": call, "Direction": "outbound-dial"}),
        ),
        _ => fact(
            "recording",
            &format!("RE{place:032x}"),
            "/voice/recording",
            json!({"CallSid": call}),
        ),
    }
}

/// Keeps facts as the functions do, many at once.
async fn keep(tenant: &Tenant, facts: impl Iterator<Item = Fact>) {
    let facts: Vec<_> = facts.collect();
    let mut writes = JoinSet::new();
    for facts in facts.chunks(facts.len().div_ceil(8)) {
        let (facts, activity) = (facts.to_vec(), tenant.console.activity().clone());
        let scope = tenant.console.scope(&tenant.id);
        writes.spawn(async move {
            for fact in facts {
                activity.keep(&scope, &fact).await.unwrap();
            }
        });
    }
    writes.join_all().await;
}

#[tokio::test]
async fn thousands_of_items_are_gone_though_the_deletion_is_given_up_in_the_middle() {
    let harness = Harness::start(|_| {});
    let tenant = harness.tenant(json!({})).await;
    let (id, account) = (tenant.id.as_str(), tenant.sender.account().sid.clone());
    // The other's id begins like this one's.
    let opened = Opened::of(&harness);
    let other = format!("{id}-0");
    opened.create(&other, Some("other")).await.unwrap();
    let listener = Listener::start(&harness, &tenant.id);
    keep(&tenant, (0..2_000).map(numbered)).await;
    listener
        .hear_all(&[("message.received", 500), ("call.started", 500)])
        .await;
    // One of each fact, who wrote and called, profile, settings and credentials.
    assert_eq!(left(&harness, id).await.len(), 2_004);

    // Given up when a quarter is deleted.
    let dynamodb = harness.stack.emulators().dynamodb();
    let mark = dynamodb.wire().mark();
    let killed = dynamodb.wire().wait_until(mark, |calls| {
        calls.clone().operation("BatchWriteItem").count() >= 20
    });
    tokio::select! {
        deleted = opened.delete(id) => panic!("not killed in time: {deleted:?}"),
        _ = killed => {}
    }
    let rest = left(&harness, id).await;
    assert!((200..1_900).contains(&rest.len()), "{}", rest.len());
    // Nobody is served any more, and the credentials are gone before everything else.
    assert_eq!(routes(&harness).resolve(&account).await.unwrap(), None);
    let configuration: Vec<_> = rest
        .iter()
        .filter(|(pk, _)| pk.ends_with("#tenant"))
        .collect();
    assert_eq!(
        configuration,
        [&(format!("{id}#tenant"), "profile".to_owned())]
    );
    let read = opened.administration.read(&scope(id)).await.unwrap();
    assert_eq!(read.profile.status, TenantStatus::Deleting);

    let Deletion::Continues {
        irrecoverable_after,
        retry_after_seconds,
        is_held_up: false,
    } = opened.delete(id).await.unwrap()
    else {
        panic!("a warm function may still serve the tenant");
    };
    assert_eq!(retry_after_seconds, 16 * 60 + 1);
    let last = opened.clock.now() + (16 * 60).seconds();
    assert_eq!(irrecoverable_after, last + (35 * 24).hours());
    assert_eq!(
        left_but_counters(&harness, id).await,
        [(format!("{id}#tenant"), "profile".to_owned())]
    );

    // A warm function writes something after that.
    opened.clock.advance(15 * 60);
    keep(&tenant, (0..4).map(numbered)).await;
    assert!(matches!(
        opened.delete(id).await.unwrap(),
        Deletion::Continues { .. }
    ));
    keep(&tenant, (2..3).map(numbered)).await;
    opened.clock.advance(61);
    assert_eq!(opened.delete(id).await.unwrap(), Deletion::Finished);
    assert_eq!(left(&harness, id).await, []);

    assert_eq!(
        opened.platform_told(id).await,
        [
            Action::TenantDeletionRequested.as_str(),
            Action::TenantDeleted.as_str()
        ]
    );
    let page = Page::new(100, None);
    let (told, _) = opened
        .audit
        .list_of_platform(operator(), &page)
        .await
        .unwrap();
    let last = opened.clock.now() + (35 * 24).hours();
    let detail = format!("irrecoverable after {}", shared::clock::rfc3339(last));
    let name = Action::TenantDeleted.as_str();
    let mut told = told.iter();
    let told = told
        .find(|it| it.target == id && it.action == name)
        .unwrap();
    assert_eq!(told.detail, detail);
    let (listed, _) = opened
        .administration
        .list(operator(), &Page::new(100, None))
        .await
        .unwrap();
    let listed: Vec<_> = listed
        .iter()
        .map(|tenant| tenant.profile.tenant_id.as_str())
        .collect();
    assert_eq!(listed, [other.as_str()]);
    let read = opened.administration.read(&scope(&other)).await.unwrap();
    assert_eq!(read.profile.status, TenantStatus::Active);
}

#[tokio::test]
async fn no_deletion_scans_a_table() {
    let harness = Harness::start(|_| {});
    let opened = Opened::of(&harness);
    let tenant = harness.tenant(json!({})).await;
    keep(&tenant, (0..8).map(numbered)).await;
    let mark = harness.stack.emulators().dynamodb().wire().mark();
    opened.delete(tenant.id.as_str()).await.unwrap();
    let calls = || harness.stack.emulators().dynamodb().wire().since(mark);
    assert!(calls().operation("Query").count() > 0);
    assert_eq!(calls().operation("Scan").count(), 0);
}

#[tokio::test]
async fn nothing_changes_a_tenant_that_is_being_deleted() {
    let harness = Harness::shared().await;
    let opened = Opened::of(harness);
    let tenant = harness.tenant(json!({})).await;
    let id = tenant.id.as_str();
    assert!(matches!(
        opened.delete(id).await.unwrap(),
        Deletion::Continues { .. }
    ));
    let before = left(harness, id).await;

    let created = opened.create(id, None).await.unwrap_err();
    assert!(matches!(created, TenantError::Deleting), "{created}");
    let resumed = ProfileChanges {
        status: Some(TenantStatus::Active),
        ..ProfileChanges::default()
    };
    let (own, actor) = (scope(id), Actor::Console);
    let updated = opened
        .administration
        .update(&own, resumed, Expected::Any, &actor);
    let updated = updated.await.unwrap_err();
    assert!(matches!(updated, TenantError::Deleting), "{updated}");
    let stored = serde_json::from_value(tenant.document.clone()).unwrap();
    let stored = harness.console().store(&stored).await.unwrap_err();
    assert!(stored.to_string().contains("is being deleted"), "{stored}");
    assert_eq!(left(harness, id).await, before);
}

#[tokio::test]
async fn credentials_that_are_stored_while_a_deletion_is_asked_for_do_not_outlive_it() {
    let harness = Harness::start(|_| {});
    let opened = Opened::of(&harness);
    let tenant = harness.tenant(json!({})).await;
    let id = tenant.id.as_str();
    // The request has read what is stored anew before it writes, which the platform's log tells it from the storing by.
    let dynamodb = harness.stack.emulators().dynamodb();
    let request = Matching::operations(["TransactWriteItems"]).partition("platform#audit");
    let faults = dynamodb.faults();
    let held = faults.inject(request, Effect::Hold, Times::Always);
    let mark = dynamodb.wire().mark();
    let stored = async {
        let begun = dynamodb.wire().wait_until(mark, |calls| {
            let writes = calls.clone().operation("TransactWriteItems");
            writes.partition("platform#audit").count() > 0
        });
        tokio::time::timeout(PATIENCE, begun).await.unwrap();
        harness.store(tenant.document.clone()).await;
        faults.remove(held);
    };
    let (deleted, ()) = tokio::join!(opened.delete(id), stored);
    assert!(matches!(deleted.unwrap(), Deletion::Continues { .. }));
    let account = &tenant.sender.account().sid;
    assert_eq!(routes(&harness).resolve(account).await.unwrap(), None);
    opened.clock.advance(16 * 60 + 1);
    assert_eq!(opened.delete(id).await.unwrap(), Deletion::Finished);
    assert_eq!(left(&harness, id).await, []);
}

#[tokio::test]
async fn a_deletion_outlasts_throttling_and_goes_on_after_an_outage() {
    let harness = Harness::start(|_| {});
    let opened = Opened::of(&harness);
    let tenant = harness.tenant(json!({})).await;
    let id = tenant.id.as_str();
    keep(&tenant, (0..200).map(numbered)).await;
    let faults = harness.stack.emulators().dynamodb().faults();
    let queries = Matching::operations(["Query"]).partition(format!("{id}#call"));
    let outage = faults.inject(queries, Effect::Refuse(AwsError::internal()), Times::Always);
    let Deletion::Continues {
        retry_after_seconds,
        ..
    } = opened.delete(id).await.unwrap()
    else {
        panic!("the calls are left");
    };
    assert_eq!(retry_after_seconds, 1);
    let rest = left(&harness, id).await;
    assert!(
        !rest
            .iter()
            .any(|(pk, _)| pk.starts_with(&format!("{id}#message")))
    );
    faults.remove(outage);

    let deletes = Matching::operations(["BatchWriteItem"]);
    let throttled = Effect::Refuse(AwsError::throughput_exceeded());
    faults.inject(deletes, throttled, Times::Next(12));
    opened.delete(id).await.unwrap();
    assert_eq!(left_but_counters(&harness, id).await.len(), 1);
}

#[tokio::test]
async fn a_deletion_that_is_out_of_time_says_that_it_continues() {
    let harness = Harness::start(|_| {});
    let opened = Opened::of(&harness);
    let tenant = harness.tenant(json!({})).await;
    let id = tenant.id.as_str();
    keep(&tenant, (0..40).map(numbered)).await;
    let faults = harness.stack.emulators().dynamodb().faults();
    let deletes = Matching::operations(["BatchWriteItem"]);
    faults.inject(deletes, Effect::Hang, Times::Always);
    let begun = Instant::now();
    let deleted = opened.delete_within(id, Duration::from_millis(500)).await;
    let Deletion::Continues {
        retry_after_seconds,
        ..
    } = deleted.unwrap()
    else {
        panic!("nothing could be deleted");
    };
    assert_eq!(retry_after_seconds, 1);
    assert!(
        begun.elapsed() < Duration::from_secs(4),
        "{:?}",
        begun.elapsed()
    );
    faults.clear();
    opened.delete(id).await.unwrap();
    assert_eq!(left_but_counters(&harness, id).await.len(), 1);
}
