//! What the function that keeps credentials does.

use reqwest::Method;
use serde_json::{Value, json};

use crate::client_api::onboarding::Newcomer;
use crate::harness::Harness;

const TWILIO: &str = "/api/integrations/twilio";

/// Credentials are stored, changed, taken over, looked at, checked, rotated and deleted; the platform's own are stored; and settings
/// are changed.
pub(in crate::iam) async fn ways_of_credentials(harness: &Harness) {
    let (owner, squatter) = (harness.newcomer().await, harness.newcomer().await);
    let operator = harness.operator();
    let named = json!({"subdomain": "credentials-host"});
    let path = format!("/api/tenants/{}", owner.id);
    operator.patch(&path, &named).await.document(200);
    let sid = owner.account.sid().as_str();
    let claim = json!({"account_sid": sid, "auth_token": "an-invented-auth-token"});
    let unchecked = format!("{TWILIO}?verify=false");
    squatter.admin.put(&unchecked, &claim).await.document(201);
    // What is taken over takes the place of another account.
    let elsewhere = json!({
        "account_sid": format!("AC{}", "8".repeat(32)), "auth_token": "an-invented-auth-token",
    });
    owner.admin.put(&unchecked, &elsewhere).await.document(201);
    // Twice refused they failed; that those which take the account over are good is told in the same transaction.
    let verify = format!("{TWILIO}/verify");
    for _ in 0..2 {
        owner.admin.post(&verify, &json!({})).await.document(200);
    }
    owner.store().await.document(200);
    let sender = json!({"phone_number": "+15005550006"});
    owner.admin.patch(TWILIO, &sender).await.document(200);
    owner.admin.post(&verify, &json!({})).await.document(200);
    rotate(&owner).await;
    let forwarding = json!({"inbound_route": "forward", "forward_to": "+15005550009"});
    let settings = owner.admin.patch("/api/settings", &forwarding).await;
    settings.document(200);
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
    store_of_platform(harness).await;
}

/// The auth token gets a second one beside it, which is taken back.
async fn rotate(owner: &Newcomer) {
    let rotate = format!("{TWILIO}/rotate");
    owner.admin.post(&rotate, &json!({})).await.document(202);
    let back = json!({"action": "roll_back"});
    owner.admin.post(&rotate, &back).await.document(200);
}

/// An operator stores the credentials of the platform's own account, under which subaccounts are opened.
pub(super) async fn store_of_platform(harness: &Harness) {
    let account = format!("AC{}", "7".repeat(32)).parse().unwrap();
    let account = harness.stack.twilio().account(&account);
    account.open("0123456789abcdef0123456789abcdef");
    let credentials = json!({
        "account_sid": account.sid().as_str(), "auth_token": account.auth_token().unwrap(),
    });
    let put = send_for("platform", harness, Method::PUT, TWILIO, &credentials);
    assert_eq!(put.await, 201);
}

/// What an operator does to a tenant's credentials; the status of the answer.
pub(super) async fn send_for(
    tenant: &str,
    harness: &Harness,
    method: Method,
    path: &str,
    body: &Value,
) -> u16 {
    let operator = harness.operator();
    let answer = operator.send(method, path, |request| {
        request
            .header("X-Tenant-Id", tenant)
            .header("content-type", "application/json")
            .body(body.to_string())
    });
    answer.await.status
}
