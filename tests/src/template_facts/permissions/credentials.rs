//! What the function that keeps credentials may do.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::json;

use super::{Deed, deeds};
use crate::client_api::TWILIO;
use crate::harness::Harness;

/// Every way of the function that keeps credentials: they are stored, changed, taken over, looked at, checked and deleted.
pub(super) async fn ways_of_credentials() -> BTreeSet<Deed> {
    let harness = &Harness::start(|_| {});
    let (owner, squatter) = (harness.newcomer().await, harness.newcomer().await);
    let operator = harness.operator();
    let named = json!({"subdomain": "credentials-host"});
    let path = format!("/api/tenants/{}", owner.id);
    operator.patch(&path, &named).await.document(200);
    let mark = harness.stack.emulators().dynamodb().wire().mark();
    let sid = owner.account.sid().as_str();
    let claim = json!({"account_sid": sid, "auth_token": "an-invented-auth-token"});
    let unchecked = format!("{TWILIO}?verify=false");
    squatter.admin.put(&unchecked, &claim).await.document(201);
    owner.store().await.document(201);
    let sender = json!({"phone_number": "+15005550006"});
    owner.admin.patch(TWILIO, &sender).await.document(200);
    owner
        .admin
        .post(&format!("{TWILIO}/verify"), &json!({}))
        .await
        .document(200);
    let forwarding = json!({"inbound_route": "forward", "forward_to": "+15005550009"});
    owner
        .admin
        .patch("/api/settings", &forwarding)
        .await
        .document(200);
    for path in [
        "/api/integrations",
        TWILIO,
        "/api/settings",
        "/api/health/twilio",
    ] {
        owner.admin.get(path).await.document(200);
    }
    let page = owner.admin.get("/api/audit?limit=1").await.document(200);
    let next = page["next_cursor"].as_str().unwrap();
    let next = format!("/api/audit?cursor={next}");
    owner.admin.get(&next).await.document(200);
    let by_host = owner.admin.send(Method::GET, "/api/settings", |request| {
        request.header("host", harness.host("credentials-host"))
    });
    by_host.await.document(200);
    for gone in [owner, squatter] {
        assert_eq!(gone.admin.delete(TWILIO).await.status, 204);
    }
    deeds(
        harness,
        &harness.stack.emulators().dynamodb().wire().since(mark),
    )
}
