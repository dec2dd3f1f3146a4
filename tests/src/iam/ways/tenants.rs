//! What the function that administers tenants does.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use local::double::Misbehaviour;
use local::emulators::faults::{Matching, Times};
use reqwest::Method;
use serde_json::json;
use shared::contacts::OptOutChange;
use shared::store::ContactItems;
use shared::tenant::TenantId;

use super::credentials::{send_for, store_of_platform};
use super::messaging::ways_of_numbers;
use super::publisher::keep_one_of_each;
use crate::client_api::onboarding::Newcomer;
use crate::harness::Harness;

/// Tenants are made, listed, read, changed and deleted: one that has nothing, one that has settings, one with a subaccount, and one
/// with everything that a tenant may have.
pub(in crate::iam) async fn ways_of_tenants(harness: &Harness) {
    let operator = harness.operator();
    let entered = json!({"tenant_id": "seen", "name": "Seen", "subdomain": "seen-host"});
    operator.post("/api/tenants", &entered).await.document(201);
    let other = json!({"name": "Seen"});
    operator.post("/api/tenants", &other).await.document(201);
    let page = operator.get("/api/tenants?limit=1").await.document(200);
    let next = page["next_cursor"].as_str().unwrap();
    let next = format!("/api/tenants?cursor={next}");
    operator.get(&next).await.document(200);
    let read = operator.send(Method::GET, "/api/tenants/seen", |request| {
        request.header("host", harness.host("seen-host"))
    });
    read.await.document(200);
    let change = json!({"status": "suspended", "subdomain": "other-host"});
    let changed = operator.patch("/api/tenants/seen", &change).await;
    changed.document(200);
    assert_eq!(operator.delete("/api/tenants/seen").await.status, 204);
    assert_eq!(operator.delete("/api/tenants/seen").await.status, 204);

    let settled = harness.newcomer().await;
    let settings = json!({"inbound_route": "voicemail"});
    let stored = settled.admin.patch("/api/settings", &settings).await;
    stored.document(200);
    let path = format!("/api/tenants/{}", settled.id);
    assert_eq!(operator.delete(&path).await.status, 204);

    ways_of_subaccounts(harness).await;
    ways_of_taken_subaccounts(harness).await;
    ways_of_deletion(harness).await;
}

/// A subaccount from its opening to its end: its credentials are put out of use while it is suspended.
async fn ways_of_subaccounts(harness: &Harness) {
    let operator = harness.operator();
    store_of_platform(harness).await;
    let entered = json!({"tenant_id": "given", "name": "Given", "twilio": "subaccount"});
    operator.post("/api/tenants", &entered).await.document(201);
    for status in ["suspended", "active"] {
        let change = json!({"status": status});
        let changed = operator.patch("/api/tenants/given", &change).await;
        changed.document(200);
        if status == "suspended" {
            for _ in 0..2 {
                let (verify, nothing) = ("/api/integrations/twilio/verify", json!({}));
                let verified = send_for("given", harness, Method::POST, verify, &nothing);
                assert_eq!(verified.await, 200);
            }
        }
    }
    assert_eq!(operator.delete("/api/tenants/given").await.status, 202);
}

/// A subaccount is given credentials after somebody else entered its account, whom it is taken over from.
async fn ways_of_taken_subaccounts(harness: &Harness) {
    let (operator, squatter) = (harness.operator(), harness.newcomer().await);
    let faults = harness.stack.twilio().faults();
    let keys = Matching::operations(["GET /2010-04-01/Accounts/{AC}/Keys.json"]);
    let fault = faults.inject(keys, Misbehaviour::Unauthorized, Times::Always);
    let entered = json!({"tenant_id": "squatted", "name": "Squatted", "twilio": "subaccount"});
    let created = operator.post("/api/tenants", &entered).await.document(201);
    faults.remove(fault);
    let sid = &created["subaccount"]["account_sid"];
    let claim = json!({"account_sid": sid, "auth_token": "an-invented-auth-token"});
    let unchecked = "/api/integrations/twilio?verify=false";
    squatter.admin.put(unchecked, &claim).await.document(201);
    let settled = operator.patch("/api/tenants/squatted", &json!({})).await;
    assert_eq!(settled.document(200)["subaccount"]["status"], "active");
}

/// A tenant goes that has an account, numbers and all kinds of activity.
async fn ways_of_deletion(harness: &Harness) {
    let leaving = harness.connected().await;
    ways_of_numbers(&leaving).await;
    fail(&leaving).await;
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
    let (operator, path) = (harness.operator(), format!("/api/tenants/{leaving}"));
    assert_eq!(operator.delete(&path).await.status, 202);
    have_been_served_long_ago(harness, &leaving).await;
    assert_eq!(operator.delete(&path).await.status, 204);
}

/// Has a tenant's credentials be found to fail, which is an event.
pub(super) async fn fail(tenant: &Newcomer) {
    tenant.account.suspend();
    for _ in 0..2 {
        let verify = "/api/integrations/twilio/verify";
        tenant.admin.post(verify, &json!({})).await.document(200);
    }
}

/// Has no function know a tenant any more that is being deleted.
pub(super) async fn have_been_served_long_ago(harness: &Harness, id: &TenantId) {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let update = harness.dynamodb().update_item();
    let update = update
        .table_name(harness.variable("TENANTS_TABLE"))
        .key("pk", text(&format!("{id}#tenant")))
        .key("sk", text("profile"))
        .update_expression("SET last_served_until = :past")
        .expression_attribute_values(":past", text("2026-01-01T00:00:00.000Z"));
    update.send().await.unwrap();
}
