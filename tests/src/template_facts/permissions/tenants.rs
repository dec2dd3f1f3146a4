//! What the function that administers tenants may do.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use shared::contacts::OptOutChange;
use shared::store::ContactItems;

use super::publisher::keep_one_of_each;
use super::{Deed, deeds};
use crate::harness::Harness;

/// Every way of the function that administers tenants, with what it did on each.
pub(super) async fn ways_of_tenants() -> BTreeSet<Deed> {
    let harness = &Harness::start(|_| {});
    let operator = harness.operator();
    let wire = harness.stack.emulators().dynamodb().wire();
    let mut seen = BTreeSet::new();
    let mut mark = wire.mark();
    let entered = json!({"tenant_id": "seen", "name": "Seen", "subdomain": "seen-host"});
    operator.post("/api/tenants", &entered).await.document(201);
    let other = json!({"name": "Seen"});
    operator.post("/api/tenants", &other).await.document(201);
    let page = operator.get("/api/tenants?limit=1").await.document(200);
    let next = page["next_cursor"].as_str().unwrap();
    let next = format!("/api/tenants?cursor={next}");
    operator.get(&next).await.document(200);
    let port = harness.stack.api_url().unwrap().rsplit(':').next().unwrap();
    let read = operator.send(Method::GET, "/api/tenants/seen", |request| {
        request.header("host", format!("seen-host.localhost:{port}"))
    });
    read.await.document(200);
    let change = json!({"status": "suspended", "subdomain": "other-host"});
    let changed = operator.patch("/api/tenants/seen", &change).await;
    changed.document(200);
    assert_eq!(operator.delete("/api/tenants/seen").await.status, 204);
    assert_eq!(operator.delete("/api/tenants/seen").await.status, 204);
    seen.extend(deeds(harness, &wire.since(mark)));

    seen.extend(ways_of_subaccounts(harness).await);

    // With an account and all kinds of activity, up to its end.
    let leaving = harness.connected().await;
    leaving.account.suspend();
    for _ in 0..2 {
        let verify = "/api/integrations/twilio/verify";
        leaving.admin.post(verify, &json!({})).await.document(200);
    }
    let leaving = leaving.id;
    keep_one_of_each(harness, &leaving).await;
    // An address that only the webhook knows of yet.
    let contacts = harness.variable("ACTIVITY_TABLE").to_owned();
    let contacts = ContactItems::new(harness.dynamodb(), contacts, 0);
    let stop = OptOutChange {
        sender: "+15005550006".to_owned(),
        stopped: true,
        at: Timestamp::UNIX_EPOCH,
        sid: format!("SM{:032x}", 1).parse().unwrap(),
    };
    let scope = harness.console().scope(&leaving);
    let kept = contacts.keep_opt_out(&scope, "+15005550019", &stop);
    kept.await.unwrap();
    let path = format!("/api/tenants/{leaving}");
    mark = wire.mark();
    assert_eq!(operator.delete(&path).await.status, 202);
    seen.extend(deeds(harness, &wire.since(mark)));
    let update = harness.dynamodb().update_item();
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let update = update
        .table_name(harness.variable("TENANTS_TABLE"))
        .key("pk", text(&format!("{leaving}#tenant")))
        .key("sk", text("profile"))
        .update_expression("SET last_served_until = :past")
        .expression_attribute_values(":past", text("2026-01-01T00:00:00.000Z"));
    update.send().await.unwrap();
    mark = wire.mark();
    assert_eq!(operator.delete(&path).await.status, 204);
    seen.extend(deeds(harness, &wire.since(mark)));
    seen
}

/// A subaccount from its opening to its end: its credentials are put out of use while it is suspended.
async fn ways_of_subaccounts(harness: &Harness) -> BTreeSet<Deed> {
    const TWILIO: &str = "/api/integrations/twilio";
    let operator = harness.operator();
    let account = format!("AC{}", "7".repeat(32)).parse().unwrap();
    let account = harness.stack.twilio().account(&account);
    account.open("0123456789abcdef0123456789abcdef");
    let credentials = json!({
        "account_sid": account.sid().as_str(), "auth_token": account.auth_token().unwrap(),
    });
    let send = |method: Method, path: String, tenant: &'static str, body: Value| {
        let operator = &operator;
        async move {
            let answer = operator.send(method, &path, |request| {
                request
                    .header("X-Tenant-Id", tenant)
                    .header("content-type", "application/json")
                    .body(body.to_string())
            });
            answer.await.status
        }
    };
    let put = send(Method::PUT, TWILIO.to_owned(), "platform", credentials);
    assert_eq!(put.await, 201);
    let wire = harness.stack.emulators().dynamodb().wire();
    let mut seen = BTreeSet::new();
    let mut mark = wire.mark();
    let entered = json!({"tenant_id": "given", "name": "Given", "twilio": "subaccount"});
    operator.post("/api/tenants", &entered).await.document(201);
    for status in ["suspended", "active"] {
        let change = json!({"status": status});
        let changed = operator.patch("/api/tenants/given", &change).await;
        changed.document(200);
        seen.extend(deeds(harness, &wire.since(mark)));
        if status == "suspended" {
            for _ in 0..2 {
                let verify = send(Method::POST, format!("{TWILIO}/verify"), "given", json!({}));
                assert_eq!(verify.await, 200);
            }
        }
        mark = wire.mark();
    }
    assert_eq!(operator.delete("/api/tenants/given").await.status, 202);
    seen.extend(deeds(harness, &wire.since(mark)));
    seen
}
