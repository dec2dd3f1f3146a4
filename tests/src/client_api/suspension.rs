//! Tenants that an operator suspends and resumes: what is refused meanwhile, and from when on.

use serde_json::json;
use shared::activity::Route;

use super::caller::Caller;
use super::tenants::path;
use crate::harness::Harness;
use crate::remembered::Remembering;
use crate::traffic::{RawRequest, event};

async fn set(operator: &Caller, id: &str, status: &str) {
    let change = json!({ "status": status });
    let changed = operator.patch(&path(id), &change).await;
    assert_eq!(changed.document(200)["status"], status);
}

#[tokio::test]
async fn a_suspended_tenant_gets_no_token_from_the_next_request_on_until_it_is_resumed() {
    let harness = Harness::shared().await;
    let operator = harness.operator();
    let newcomer = harness.connected().await;
    let member = harness.user(&newcomer.id, "member");
    let token = async || member.post("/api/token", &json!({})).await;
    // Warm: the function knows the tenant.
    token().await.document(200);
    for _ in 0..2 {
        set(&operator, newcomer.id.as_str(), "suspended").await;
        assert_eq!(token().await.refusal(), (403, "tenant_suspended"));
        set(&operator, newcomer.id.as_str(), "active").await;
        token().await.document(200);
    }
}

#[tokio::test]
async fn a_suspended_tenants_admin_is_refused_and_an_operator_may_mend_it() {
    let harness = Harness::shared().await;
    let operator = harness.operator();
    let newcomer = harness.connected().await;
    set(&operator, newcomer.id.as_str(), "suspended").await;
    let suspended = (403, "tenant_suspended");
    for path in [
        "/api/integrations",
        "/api/integrations/twilio",
        "/api/settings",
        "/api/health/twilio",
        "/api/audit",
    ] {
        let refused = newcomer.admin.get(path).await;
        assert_eq!(refused.refusal(), suspended, "{path}");
    }
    assert_eq!(newcomer.store().await.refusal(), suspended);
    let settings = json!({"inbound_route": "voicemail"});
    let refused = newcomer.admin.patch("/api/settings", &settings).await;
    assert_eq!(refused.refusal(), suspended);
    let changed = operator.send(reqwest::Method::PATCH, "/api/settings", |request| {
        request
            .header("x-tenant-id", newcomer.id.as_str())
            .header("content-type", "application/json")
            .body(settings.to_string())
    });
    changed.await.document(200);
    set(&operator, newcomer.id.as_str(), "active").await;
    let read = newcomer.admin.get("/api/settings").await.document(200);
    assert_eq!(read["inbound_route"], "voicemail");
}

#[tokio::test]
async fn a_function_that_does_not_know_a_suspended_tenant_refuses_its_webhooks() {
    let harness = Harness::shared().await;
    let tenant = harness.tenant(json!({})).await;
    set(&harness.operator(), tenant.id.as_str(), "suspended").await;
    let client = local::http_client::client();
    for route in [Route::Sms, Route::WhatsappStatus, Route::Voice] {
        let webhook = event(&tenant, route).webhook;
        let request = RawRequest::signed(&webhook.url, &webhook.parameters, tenant.token());
        assert_eq!(request.insist(&client).await.status, 403, "{route:?}");
    }
}

#[tokio::test]
async fn a_function_that_knows_a_suspended_tenant_refuses_its_webhooks_after_5_minutes_and_so_it_resumes()
 {
    let remembering = Remembering::start().await;
    let (operator, id) = (
        remembering.harness.operator(),
        remembering.tenant.id.clone(),
    );
    assert_eq!(remembering.webhook().await, 204);
    set(&operator, id.as_str(), "suspended").await;
    remembering.clock.advance(5 * 60 - 1);
    assert_eq!(remembering.webhook().await, 204, "a second before");
    remembering.clock.advance(1);
    assert_eq!(remembering.webhook().await, 403);
    set(&operator, id.as_str(), "active").await;
    remembering.clock.advance(5 * 60);
    assert_eq!(remembering.webhook().await, 204);
}
