//! Whether the tenant of a call is there, and may act.

use serde_json::json;

use super::caller::subject;
use super::selection::{Named, Selecting, shown};
use crate::harness::Harness;

async fn set_status(tenant: &Named, status: &str) {
    let path = format!("/api/tenants/{}", tenant.id);
    let change = json!({"status": status});
    let operator = tenant.harness.operator();
    operator.patch(&path, &change).await.document(200);
}

#[tokio::test]
async fn a_token_of_a_tenant_that_is_not_there_finds_nothing() {
    let harness = Harness::shared().await;
    let nobody = format!("nobody-{}", subject("tenant")).parse().unwrap();
    let admin = harness.admin(&nobody);
    let hour = json!({"ttl_seconds": 3_600});
    for answer in [
        admin.get("/api/settings").await,
        admin.get("/api/integrations/twilio").await,
        admin
            .post("/api/integrations/twilio/verify", &json!({}))
            .await,
        admin
            .patch("/api/settings", &json!({"greeting": "Hello"}))
            .await,
        admin.post("/api/token", &hour).await,
    ] {
        assert_eq!(answer.refusal(), (404, "tenant_not_found"), "{answer:?}");
    }
}

#[tokio::test]
async fn a_suspended_tenants_users_are_refused_and_an_operator_may_look_and_resume_it() {
    let tenant = Named::new().await;
    let member = tenant.harness.user(&tenant.id, "member");
    let operator = tenant.harness.operator();
    let selecting = Selecting(Some(tenant.id.as_str()), None);
    set_status(&tenant, "suspended").await;
    let refusal = (403, "tenant_suspended");
    let hour = json!({"ttl_seconds": 3_600});
    assert_eq!(member.post("/api/token", &hour).await.refusal(), refusal);
    assert_eq!(tenant.admin.get("/api/settings").await.refusal(), refusal);
    let settings = json!({"greeting": "Hello"});
    let written = tenant.admin.patch("/api/settings", &settings).await;
    assert_eq!(written.refusal(), refusal);
    let seen = selecting.ask(tenant.harness, &operator).await;
    assert_eq!(shown(seen), tenant.id.as_str());
    set_status(&tenant, "active").await;
    assert_eq!(tenant.admin.get("/api/settings").await.status, 200);
}

#[tokio::test]
async fn a_change_of_status_is_in_force_at_a_function_that_issued_tokens_a_moment_ago() {
    let harness = Harness::shared().await;
    let newcomer = harness.connected().await;
    let (member, operator) = (harness.user(&newcomer.id, "member"), harness.operator());
    let path = format!("/api/tenants/{}", newcomer.id);
    let hour = json!({"ttl_seconds": 3_600});
    member.post("/api/token", &hour).await.document(200);
    let suspended = operator.patch(&path, &json!({"status": "suspended"})).await;
    suspended.document(200);
    let refused = member.post("/api/token", &hour).await;
    assert_eq!(refused.refusal(), (403, "tenant_suspended"));
    let resumed = operator.patch(&path, &json!({"status": "active"})).await;
    resumed.document(200);
    member.post("/api/token", &hour).await.document(200);
    operator.delete(&path).await.document(202);
    let refused = member.post("/api/token", &hour).await;
    assert_eq!(refused.refusal(), (409, "tenant_deleting"));
}

#[tokio::test]
async fn a_tenant_that_is_being_deleted_serves_nobody() {
    let harness = Harness::shared().await;
    let newcomer = harness.connected().await;
    let operator = harness.operator();
    let path = format!("/api/tenants/{}", newcomer.id);
    operator.delete(&path).await.document(202);
    let refusal = (409, "tenant_deleting");
    let selecting = Selecting(Some(newcomer.id.as_str()), None);
    assert_eq!(selecting.ask(harness, &operator).await.refusal(), refusal);
    assert_eq!(
        selecting.ask(harness, &newcomer.admin).await.refusal(),
        refusal
    );
    let settings = json!({"greeting": "Hello"});
    let written = newcomer.admin.patch("/api/settings", &settings).await;
    assert_eq!(written.refusal(), refusal);
    assert_eq!(newcomer.store().await.refusal(), refusal);
    let member = harness.user(&newcomer.id, "member");
    let token = member.post("/api/token", &json!({})).await;
    assert_eq!(token.refusal(), refusal);
}
