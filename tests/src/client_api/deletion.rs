//! Tenants that an operator deletes: at once or step by step, and nobody acts for them meanwhile.

mod completeness;

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp, ToSpan};
use local::emulators::faults::{AwsError, Effect, Matching, Times};
use reqwest::Method;
use serde_json::{Value, json};
use shared::activity::Route;
use shared::clock::Clock;
use tokio::task::JoinSet;

use super::caller::{Answer, Caller};
use super::onboarding::Newcomer;
use super::tenants::{path, unused};
use crate::harness::{Harness, Tenant};
use crate::tenant_deletion::{left, left_but_counters, numbered};
use crate::traffic::{RawRequest, event};

/// For how long warm functions may serve a tenant, in seconds, and one more to be asked after it.
const SERVED_SECONDS: i64 = 16 * 60 + 1;

impl Harness {
    /// The actions that the platform's audit log tells of a tenant, oldest first.
    pub(super) async fn platform_told(&self, id: &str) -> Vec<String> {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let query = self.dynamodb().query();
        let query = query
            .table_name(self.variable("TENANTS_TABLE"))
            .key_condition_expression("pk = :log")
            .filter_expression("target = :id")
            .expression_attribute_values(":log", text("platform#audit"))
            .expression_attribute_values(":id", text(id));
        let mut entries = query.into_paginator().items().send();
        let mut told = Vec::new();
        while let Some(entry) = entries.next().await {
            told.push(entry.unwrap()["action"].as_s().unwrap().clone());
        }
        told
    }
}

/// The answer of a deletion that is not finished: it says when to ask again, and from when on nothing can be had again.
fn continues(answer: &Answer, id: &str) -> (i64, Timestamp) {
    assert_eq!(answer.status, 202, "{}", answer.body);
    assert_eq!(
        (&answer.body["tenant_id"], &answer.body["status"]),
        (&json!(id), &json!("deleting"))
    );
    let retry_after = answer.header("retry-after").unwrap().parse().unwrap();
    let irrecoverable = answer.body["irrecoverable_after"].as_str().unwrap();
    (retry_after, irrecoverable.parse().unwrap())
}

/// Asks for a deletion that has to wait until nobody serves the tenant any more.
async fn delete_served(operator: &Caller, id: &str) {
    let answer = operator.delete(&path(id)).await;
    let (retry_after, irrecoverable) = continues(&answer, id);
    let served = SERVED_SECONDS - 30..=SERVED_SECONDS;
    assert!(served.contains(&retry_after), "{retry_after}");
    let last = irrecoverable - (35 * 24).hours();
    let until = last.duration_since(Clock::system().now());
    let expected = SignedDuration::from_secs(retry_after);
    assert!((until - expected).abs() < SignedDuration::from_secs(5));
}

/// Keeps some activity of a tenant, as the webhook functions do.
async fn keep(harness: &Harness, id: &str, count: usize) {
    let console = harness.console();
    let scope = console.scope(&id.parse().unwrap());
    for number in 0..count {
        console
            .activity()
            .keep(&scope, &numbered(number))
            .await
            .unwrap();
    }
}

/// Puts the two minutes for which the id of a tenant without traffic rests into the past, where the functions' clock cannot be moved.
async fn let_rest(harness: &Harness, id: &str) {
    let update = harness.dynamodb().update_item();
    let update = update
        .table_name(harness.variable("TENANTS_TABLE"))
        .key("pk", AttributeValue::S("platform#deleted".to_owned()))
        .key("sk", AttributeValue::S(id.to_owned()))
        .update_expression("SET reusable_at = reusable_at - :rest")
        .condition_expression("attribute_exists(reusable_at)");
    let rest = AttributeValue::N("120".to_owned());
    let update = update.expression_attribute_values(":rest", rest);
    update.send().await.unwrap();
}

#[tokio::test]
async fn a_tenant_without_traffic_is_gone_at_once() {
    let harness = Harness::shared().await;
    let operator = harness.operator();
    let (id, label) = (unused("short-lived"), unused("short-host"));
    let entered = json!({"tenant_id": id, "name": "Short", "subdomain": label});
    operator.post("/api/tenants", &entered).await.document(201);
    let admin = harness.admin(&id.parse().unwrap());
    let settings = json!({"inbound_route": "voicemail"});
    admin.patch("/api/settings", &settings).await.document(200);

    let deleted = operator.delete(&path(&id)).await;
    assert_eq!((deleted.status, &deleted.body), (204, &Value::Null));
    assert_eq!(left(harness, &id).await, []);
    let read = operator.get(&path(&id)).await;
    assert_eq!(read.refusal(), (404, "tenant_not_found"));
    let changed = operator.patch(&path(&id), &json!({"name": "A"})).await;
    assert_eq!(changed.refusal(), (404, "tenant_not_found"));
    let listed = operator.get("/api/tenants?limit=100").await.document(200);
    let mut listed = listed["items"].as_array().unwrap().iter();
    assert!(listed.all(|tenant| tenant["tenant_id"] != json!(id)));
    let log = admin.get("/api/audit").await;
    assert_eq!(log.refusal(), (404, "tenant_not_found"));

    // Nothing is left, and whoever asks again is told so.
    assert_eq!(operator.delete(&path(&id)).await.status, 204);
    let told = [
        "tenant_created",
        "tenant_deletion_requested",
        "tenant_deleted",
    ];
    assert_eq!(harness.platform_told(&id).await, told);
    // Its subdomain rests for everybody else, and its id for two minutes; then both are free for a tenant of the same id.
    let other = json!({"name": unused("Other"), "subdomain": label});
    let other = operator.post("/api/tenants", &other).await;
    assert_eq!(other.refusal(), (409, "subdomain_taken"));
    let early = operator.post("/api/tenants", &entered).await;
    assert_eq!(early.refusal(), (409, "tenant_exists"));
    let_rest(harness, &id).await;
    let again = operator.post("/api/tenants", &entered).await;
    assert_eq!(again.document(201)["subdomain"], json!(label));
    let log = harness.admin(&id.parse().unwrap());
    let log = log.get("/api/audit").await.document(200);
    assert_eq!(log["items"].as_array().unwrap().len(), 1, "{log}");
}

#[tokio::test]
async fn a_tenant_with_an_account_is_out_of_service_at_once_and_gone_later() {
    let harness = Harness::shared().await;
    let operator = harness.operator();
    let Newcomer {
        id, credentials, ..
    } = harness.connected().await;
    let label = unused("leaving-host");
    let change = json!({"subdomain": label});
    let path = path(id.as_str());
    operator.patch(&path, &change).await.document(200);
    delete_served(&operator, id.as_str()).await;

    // Readable until it is gone, without what it gave up.
    let read = operator.get(&path).await.document(200);
    assert_eq!(
        (&read["status"], &read["subdomain"]),
        (&json!("deleting"), &Value::Null)
    );
    let listed = operator.get("/api/tenants?limit=100").await.document(200);
    assert!(listed["items"].as_array().unwrap().contains(&read));
    let profile = (format!("{id}#tenant"), "profile".to_owned());
    assert_eq!(left_but_counters(harness, id.as_str()).await, [profile]);
    // Whoever asks again goes on waiting, for less.
    delete_served(&operator, id.as_str()).await;
    let told = ["tenant_created", "tenant_deletion_requested"];
    assert_eq!(harness.platform_told(id.as_str()).await, told);

    // Nobody gets what was its own: not the id, not the subdomain, not the account.
    let same = json!({"tenant_id": id, "name": "Same"});
    let same = operator.post("/api/tenants", &same).await;
    assert_eq!(same.refusal(), (409, "tenant_deleting"));
    let entered = json!({"name": unused("Heir"), "subdomain": label});
    let heir = operator.post("/api/tenants", &entered).await;
    assert_eq!(heir.refusal(), (409, "subdomain_taken"));
    let heir = harness.newcomer().await;
    let taken = heir.admin.put("/api/integrations/twilio", &credentials);
    assert_eq!(taken.await.refusal(), (409, "account_taken"));
}

#[tokio::test]
async fn nobody_acts_for_a_tenant_that_is_being_deleted() {
    let harness = Harness::shared().await;
    let operator = harness.operator();
    let newcomer = harness.connected().await;
    let id = newcomer.id.as_str();
    delete_served(&operator, id).await;
    let before = left_but_counters(harness, id).await;
    let active = json!({"status": "active"});
    let resumed = operator.patch(&path(id), &active).await;
    assert_eq!(resumed.refusal(), (409, "tenant_deleting"));

    let vapi = json!({"private_key": "11111111-1111-4111-8111-111111111111"});
    let twilio = &newcomer.credentials;
    let settings = json!({"inbound_route": "voicemail"});
    let nothing = json!({});
    let calls = [
        (Method::POST, "/api/token", Some(&nothing)),
        (Method::GET, "/api/integrations", None),
        (Method::GET, "/api/integrations/twilio", None),
        (Method::PUT, "/api/integrations/twilio", Some(twilio)),
        (
            Method::PUT,
            "/api/integrations/twilio?verify=false",
            Some(twilio),
        ),
        (
            Method::PUT,
            "/api/integrations/vapi?verify=false",
            Some(&vapi),
        ),
        (Method::PATCH, "/api/integrations/twilio", Some(&nothing)),
        (Method::DELETE, "/api/integrations/twilio", None),
        (Method::POST, "/api/integrations/twilio/verify", None),
        (Method::GET, "/api/settings", None),
        (Method::PATCH, "/api/settings", Some(&settings)),
        (Method::GET, "/api/health/twilio", None),
        (Method::GET, "/api/audit", None),
    ];
    for caller in [&newcomer.admin, &operator] {
        for (method, path, body) in &calls {
            let answer = caller.send(method.clone(), path, |request| {
                let request = request.header("x-tenant-id", id);
                match body {
                    Some(body) => request
                        .header("content-type", "application/json")
                        .body(body.to_string()),
                    None => request,
                }
            });
            let answer = answer.await;
            assert_eq!(
                answer.refusal(),
                (409, "tenant_deleting"),
                "{method} {path}"
            );
        }
    }
    assert_eq!(left_but_counters(harness, id).await, before);
}

#[tokio::test]
async fn a_function_that_knows_a_tenant_issues_no_token_after_its_deletion_was_asked_for() {
    let harness = Harness::shared().await;
    let newcomer = harness.connected().await;
    let member = harness.user(&newcomer.id, "member");
    let token = async || member.post("/api/token", &json!({})).await;
    token().await.document(200);
    token().await.document(200);
    delete_served(&harness.operator(), newcomer.id.as_str()).await;
    assert_eq!(token().await.refusal(), (409, "tenant_deleting"));
}

#[tokio::test]
async fn the_webhooks_of_a_tenant_that_is_being_deleted_are_refused() {
    let harness = Harness::shared().await;
    let tenant: Tenant = harness.tenant(json!({})).await;
    delete_served(&harness.operator(), tenant.id.as_str()).await;
    let client = local::http_client::client();
    for route in Route::ALL {
        let webhook = event(&tenant, *route).webhook;
        let request = RawRequest::signed(&webhook.url, &webhook.parameters, tenant.token());
        assert_eq!(request.insist(&client).await.status, 403, "{route:?}");
    }
    let left = left_but_counters(harness, tenant.id.as_str()).await;
    assert_eq!(left.len(), 1);
}

#[tokio::test]
async fn several_who_delete_a_tenant_at_once_are_told_the_same_and_it_is_deleted_once() {
    let harness = Harness::shared().await;
    let (served, unserved) = (harness.connected().await.id, harness.newcomer().await.id);
    for (id, status) in [(served, 202), (unserved, 204)] {
        let mut deletions = JoinSet::new();
        for _ in 0..5 {
            let (operator, path) = (harness.operator(), path(id.as_str()));
            deletions.spawn(async move { operator.delete(&path).await });
        }
        for answer in deletions.join_all().await {
            assert_eq!(answer.status, status, "{}", answer.body);
        }
        let told = harness.platform_told(id.as_str()).await;
        let count = |action| told.iter().filter(|told| *told == action).count();
        assert_eq!(count("tenant_deletion_requested"), 1, "{told:?}");
        assert_eq!(
            count("tenant_deleted"),
            usize::from(status == 204),
            "{told:?}"
        );
    }
}

#[tokio::test]
async fn users_who_keep_asking_do_not_keep_a_tenant_from_being_deleted() {
    let harness = Harness::shared().await;
    let id = harness.newcomer().await.id;
    // Each call is refused, and counted: there is a new counter whenever the sweep looks.
    let busy = tokio::spawn({
        let admins: Vec<_> = (0..8).map(|_| harness.admin(&id)).collect();
        async move {
            let mut refused = 0;
            loop {
                for admin in &admins {
                    let asked = admin.get("/api/settings").await;
                    refused += usize::from(asked.status != 200);
                    if asked.status == 429 || asked.status == 404 {
                        return refused;
                    }
                }
            }
        }
    });
    let begun = tokio::time::Instant::now();
    let deleted = harness.operator().delete(&path(id.as_str())).await;
    assert_eq!(deleted.status, 204, "{}", deleted.body);
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert!(busy.await.unwrap() > 0);
}

#[tokio::test]
async fn a_deletion_outlasts_throttling() {
    let harness = Harness::shared().await;
    let id = harness.newcomer().await.id;
    keep(harness, id.as_str(), 40).await;
    let dynamodb = harness.stack.emulators().dynamodb();
    let deletes = Matching::operations(["BatchWriteItem"]).partition(format!("{id}#"));
    let throttled = Effect::Refuse(AwsError::throughput_exceeded());
    dynamodb.faults().inject(deletes, throttled, Times::Next(8));
    let mark = dynamodb.wire().mark();
    delete_served(&harness.operator(), id.as_str()).await;
    let calls = dynamodb.wire().since(mark).partition(&format!("{id}#"));
    let disturbed = calls.operation("BatchWriteItem");
    assert_eq!(disturbed.filter(|call| call.disturbed).count(), 8);
    let profile = (format!("{id}#tenant"), "profile".to_owned());
    assert_eq!(left_but_counters(harness, id.as_str()).await, [profile]);
}

#[tokio::test]
async fn a_deletion_that_an_outage_interrupts_goes_on_when_it_is_asked_for_again() {
    let harness = Harness::shared().await;
    let operator = harness.operator();
    let id = harness.newcomer().await.id;
    let id = id.as_str();
    keep(harness, id, 12).await;
    let faults = harness.stack.emulators().dynamodb().faults();
    let queries = Matching::operations(["Query"]).partition(format!("{id}#call"));
    let refused = Effect::Refuse(AwsError::internal());
    // The first look, whether it ever had traffic, succeeds by the messages that it finds.
    let outage = faults.inject(queries, refused, Times::Always);
    let interrupted = operator.delete(&path(id)).await;
    let (retry_after, irrecoverable) = continues(&interrupted, id);
    assert_eq!(retry_after, 1);
    assert!(irrecoverable > Clock::system().now() + (35 * 24).hours());
    let rest = left(harness, id).await;
    let of = |kind: &str| {
        let partition = format!("{id}#{kind}#");
        rest.iter()
            .filter(|(pk, _)| pk.starts_with(&partition))
            .count()
    };
    assert_eq!((of("message"), of("call") > 0), (0, true), "{rest:?}");
    faults.remove(outage);
    delete_served(&operator, id).await;
    assert_eq!(left_but_counters(harness, id).await.len(), 1);

    // What cannot even be marked is not begun.
    let unmarked = harness.newcomer().await.id;
    let transactions =
        Matching::operations(["TransactWriteItems"]).partition(format!("{unmarked}#"));
    let refused = Effect::Refuse(AwsError::internal());
    let outage = faults.inject(transactions, refused, Times::Always);
    let not_begun = operator.delete(&path(unmarked.as_str())).await;
    assert_eq!(not_begun.refusal(), (503, "unavailable"));
    assert!(not_begun.header("retry-after").is_some());
    faults.remove(outage);
    let read = operator.get(&path(unmarked.as_str())).await;
    assert_eq!(read.document(200)["status"], "active");
}
