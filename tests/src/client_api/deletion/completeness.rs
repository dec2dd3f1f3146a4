//! A tenant with ten thousand items of every kind, whose deletion is killed in the middle: afterwards nothing of it is anywhere.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use local::lambda::Moment;
use serde_json::json;
use shared::tenant::TenantId;

use super::continues;
use crate::client_api::onboarding::Newcomer;
use crate::client_api::tenants::path;
use crate::harness::Harness;
use crate::published_events::Listener;
use crate::tenant_deletion::{fact, left_but_counters, numbered};

type Item = HashMap<String, AttributeValue>;

const TABLES: [&str; 3] = ["TENANTS_TABLE", "ACTIVITY_TABLE", "ROUTES_TABLE"];

/// Every item of a table, as no function may read it.
async fn items(harness: &Harness, table: &str) -> Vec<Item> {
    let scan = harness.dynamodb().scan();
    let scan = scan.table_name(harness.variable(table));
    let pages = scan.consistent_read(true).into_paginator().items().send();
    pages.collect::<Result<Vec<_>, _>>().await.unwrap()
}

fn key(item: &Item) -> String {
    let text = |name: &str| item[name].as_s().unwrap().as_str();
    format!("{} {}", text("pk"), text("sk"))
}

/// The keys of every item of all tables that holds one of the texts anywhere, by table.
async fn mentions(harness: &Harness, texts: &[&str]) -> BTreeMap<&'static str, Vec<String>> {
    let mut mentions = BTreeMap::new();
    for table in TABLES {
        let items = items(harness, table).await.into_iter();
        let mentioned = items.filter(|item| {
            let item = format!("{item:?}");
            texts.iter().any(|text| item.contains(text))
        });
        let mut keys: Vec<_> = mentioned.map(|item| key(&item)).collect();
        keys.sort_unstable();
        if !keys.is_empty() {
            mentions.insert(table, keys);
        }
    }
    mentions
}

/// The lists in which a tenant's items are found when it is deleted. Whatever it has is in one of them.
const LISTS: [&str; 8] = [
    "addressee",
    "call",
    "contact",
    "deleted",
    "event",
    "leg",
    "message",
    "recording",
];

/// Has the functions write something to each of the lists.
async fn fill_each_list(harness: &Harness, newcomer: &Newcomer) {
    let (id, console) = (&newcomer.id, harness.console());
    let scope = console.scope(id);
    let listener = Listener::start(harness, id);
    // A message and a call of a contact, a leg and a recording.
    for number in 0..4 {
        let fact = numbered(number);
        console.activity().keep(&scope, &fact).await.unwrap();
    }
    // Somebody who never wrote.
    let sent = fact(
        "message",
        &format!("SM{:032x}", u32::MAX),
        "/sms/status",
        json!({"To": "+15005550019", "MessageStatus": "sent"}),
    );
    console.activity().keep(&scope, &sent).await.unwrap();
    let told = ["message.received", "message.status", "call.started"];
    listener.hear_all(&told.map(|name| (name, 1))).await;
    // A recording that is deleted.
    let call = format!("CA{:032x}", 0);
    let sid = newcomer.account.add_recording(&call, 7);
    let account = newcomer.account.sid();
    let media = format!("https://api.twilio.com/2010-04-01/Accounts/{account}/Recordings/{sid}");
    let parameters = json!({"CallSid": call, "RecordingUrl": media});
    let recorded = fact("recording", &sid, "/voice/recording", parameters);
    console.activity().keep(&scope, &recorded).await.unwrap();
    let path = format!("/api/recordings/{sid}");
    assert_eq!(newcomer.admin.delete(&path).await.status, 204);
    // Credentials that fail, which is written down to be told.
    let path = "/api/integrations/resend/verify";
    for _ in 0..2 {
        let check = newcomer.admin.post(path, &json!({})).await.document(200);
        assert_eq!(check["outcome"], "invalid");
    }
}

/// Writes items like those that the functions write, in batches: copies of one of each list under other names.
async fn fill(harness: &Harness, newcomer: &Newcomer, count: usize) {
    fill_each_list(harness, newcomer).await;
    let items = items(harness, "ACTIVITY_TABLE").await;
    let there = items.len();
    let text = |item: &Item, name: &str| item[name].as_s().unwrap().clone();
    let samples = items.into_iter().map(|item| (text(&item, "time_pk"), item));
    let samples: BTreeMap<String, Item> = samples.collect();
    let lists = LISTS.map(|list| format!("{}#{list}#0", newcomer.id));
    assert!(samples.keys().eq(&lists), "{:?}", samples.keys());
    let samples: Vec<Item> = samples.into_values().collect();
    let copies = (there..count).map(|number| {
        let sample = &samples[number % samples.len()];
        let partition = text(sample, "pk");
        let name = partition.rsplit('#').next().unwrap();
        let other = match sample.get("sid") {
            Some(_) => format!("{}{number:032x}", &name[..2]),
            None => format!("{name}{number}"),
        };
        let attributes = sample.iter().map(|(attribute, value)| {
            let value = match value {
                AttributeValue::S(text) => AttributeValue::S(text.replace(name, &other)),
                value => value.clone(),
            };
            (attribute.clone(), value)
        });
        let put = PutRequest::builder().set_item(Some(attributes.collect()));
        let put = put.build().unwrap();
        WriteRequest::builder().put_request(put).build()
    });
    let copies: Vec<_> = copies.collect();
    let (client, table) = (harness.dynamodb(), harness.variable("ACTIVITY_TABLE"));
    for batch in copies.chunks(25) {
        let write = client.batch_write_item();
        let write = write.request_items(table, batch.to_vec());
        let left = write.send().await.unwrap().unprocessed_items;
        assert!(left.unwrap_or_default().is_empty());
    }
}

/// Puts the end of the 16 minutes for which warm functions may serve a tenant into the past, where the functions' clock cannot be
/// moved.
async fn let_nobody_serve(harness: &Harness, id: &TenantId) {
    let update = harness.dynamodb().update_item();
    let update = update
        .table_name(harness.variable("TENANTS_TABLE"))
        .key("pk", AttributeValue::S(format!("{id}#tenant")))
        .key("sk", AttributeValue::S("profile".to_owned()))
        .update_expression("SET last_served_until = :past")
        .condition_expression("attribute_exists(last_served_until)");
    let past = AttributeValue::S("2026-01-01T00:00:00.000Z".to_owned());
    let update = update.expression_attribute_values(":past", past);
    update.send().await.unwrap();
}

#[tokio::test]
async fn ten_thousand_items_are_deleted_though_the_function_is_killed_again_and_again() {
    let harness = Harness::start(|_| {});
    let operator = harness.operator();
    let newcomer = harness.connected().await;
    let (id, path) = (&newcomer.id, path(newcomer.id.as_str()));
    let label = "completeness";
    let subdomain = json!({"subdomain": label});
    operator.patch(&path, &subdomain).await.document(200);
    let settings = json!({"inbound_route": "voicemail"});
    let changed = newcomer.admin.patch("/api/settings", &settings);
    changed.await.document(200);
    let resend = json!({"api_key": "re_1234567890_abcdefghijkl"});
    let stored = newcomer
        .admin
        .put("/api/integrations/resend?verify=false", &resend);
    stored.await.document(201);
    let member = harness.user(id, "member");
    member.post("/api/token", &json!({})).await.document(200);
    fill(&harness, &newcomer, 10_000).await;
    // Its id begins with the other's, so its keys must not count as the other's.
    let neighbour = json!({"tenant_id": format!("{id}-neighbour"), "name": "Neighbour"});
    operator
        .post("/api/tenants", &neighbour)
        .await
        .document(201);
    let own = format!("{id}#");
    let account = newcomer.credentials["account_sid"].as_str().unwrap();
    let activity = async || {
        let mut left = left_but_counters(&harness, id.as_str()).await;
        let kinds = ["message", "call", "recording", "contact", "event"];
        left.retain(|(_, kind)| kinds.contains(&kind.as_str()));
        left.len()
    };
    assert_eq!(activity().await, 10_000);

    // Killed when it has deleted a tenth of what is left, twice.
    let function = harness.stack.function("tenants").unwrap();
    let dynamodb = harness.stack.emulators().dynamodb();
    let mut left = 10_000;
    for _ in 0..2 {
        let mark = dynamodb.wire().mark();
        let killed = async {
            let tenth = left / 25 / 10;
            let begun = dynamodb.wire().wait_until(mark, |calls| {
                calls.clone().operation("BatchWriteItem").count() > tenth
            });
            begun.await;
            function.kill();
        };
        let (answer, ()) = tokio::join!(operator.delete(&path), killed);
        assert_eq!(answer.status, 500, "{}", answer.body);
        let now_left = activity().await;
        assert!((1..left).contains(&now_left), "{now_left} of {left}");
        left = now_left;
        // Out of service from the first moment on.
        let read = operator.get(&path).await.document(200);
        assert_eq!(read["status"], "deleting");
        let refused = newcomer.admin.get("/api/integrations").await;
        assert_eq!(refused.refusal(), (409, "tenant_deleting"));
    }
    // On a slow machine the rest may take the time of more than one request.
    while continues(&operator.delete(&path).await, id.as_str()).0 == 1 {
        let now_left = activity().await;
        assert!(now_left < left, "{now_left} of {left}");
        left = now_left;
    }
    let profile = (format!("{id}#tenant"), "profile".to_owned());
    assert_eq!(left_but_counters(&harness, id.as_str()).await, [profile]);

    // The last moment of a warm function: it keeps something that the index lists.
    fill_one(&harness, id).await;
    let_nobody_serve(&harness, id).await;
    // Even the answer of the last request is lost.
    function.kill_next_at(Moment::Answer);
    let lost = operator.delete(&path).await;
    assert_eq!(lost.status, 500, "{}", lost.body);
    assert_eq!(operator.delete(&path).await.status, 204);

    // The released account and subdomain, which name the tenant for a day; besides that the platform's own.
    let mut left = mentions(&harness, &[&own, account, label]).await;
    // That credentials were to be checked again, which whoever takes the work drops: there is no such tenant.
    let work = left.remove("TENANTS_TABLE").unwrap_or_default();
    let recheck = format!("#recheck#{id}#resend");
    assert!(work.iter().all(|key| key.contains(&recheck)), "{work:?}");
    let routes = [
        format!("subdomain#{label} route"),
        format!("twilio-account#{account} route"),
    ];
    assert_eq!(left, BTreeMap::from([("ROUTES_TABLE", routes.to_vec())]));
    let named = format!("\"{id}\"");
    let mut of_platform = mentions(&harness, &[&named]).await.remove("TENANTS_TABLE");
    for key in of_platform.iter_mut().flatten() {
        let end = key.find(' ').unwrap();
        key.truncate(end);
    }
    let audit = || "platform#audit".to_owned();
    let of_work = ["platform#deleted", "platform#due"].map(str::to_owned);
    let expected = [vec![audit(), audit(), audit()], of_work.to_vec()].concat();
    assert_eq!(of_platform, Some(expected));
    let told = [
        "tenant_created",
        "tenant_deletion_requested",
        "tenant_deleted",
    ];
    assert_eq!(harness.platform_told(id.as_str()).await, told);

    // The id rests, and the neighbour is as it was.
    let again = json!({"tenant_id": id, "name": "Again"});
    let again = operator.post("/api/tenants", &again).await;
    assert_eq!(again.refusal(), (409, "tenant_exists"));
    let list = operator.get("/api/tenants").await.document(200);
    let listed = list["items"].as_array().unwrap().iter();
    let listed: Vec<_> = listed.map(|tenant| &tenant["tenant_id"]).collect();
    assert_eq!(listed, [&neighbour["tenant_id"]]);
}

/// Keeps one call, as a function does that still knows the tenant.
async fn fill_one(harness: &Harness, id: &TenantId) {
    let console = harness.console();
    let (scope, fact) = (console.scope(id), numbered(1));
    console.activity().keep(&scope, &fact).await.unwrap();
}

#[tokio::test]
async fn a_deletion_that_is_killed_before_its_answer_is_told_by_the_next() {
    let harness = Harness::start(|_| {});
    let operator = harness.operator();
    let function = harness.stack.function("tenants").unwrap();
    let (served, unserved) = (harness.connected().await.id, harness.newcomer().await.id);
    for moment in [Moment::Delivery, Moment::Answer] {
        function.kill_next_at(moment);
        let lost = operator.delete(&path(served.as_str())).await;
        assert_eq!(lost.status, 500, "{}", lost.body);
    }
    let answer = operator.delete(&path(served.as_str())).await;
    continues(&answer, served.as_str());
    function.kill_next_at(Moment::Answer);
    let lost = operator.delete(&path(unserved.as_str())).await;
    assert_eq!(lost.status, 500, "{}", lost.body);
    assert_eq!(operator.delete(&path(unserved.as_str())).await.status, 204);
    let told = [
        "tenant_created",
        "tenant_deletion_requested",
        "tenant_deleted",
    ];
    assert_eq!(harness.platform_told(unserved.as_str()).await, told);
}
