//! What the function that issues tokens does.

use reqwest::Method;
use serde_json::json;

use crate::harness::Harness;

/// The first token of an account, one more, one by a host, one without credentials, and one whose App could not be made.
pub(in crate::iam) async fn ways_of_token(harness: &Harness) {
    let (first, failing) = (harness.connected().await, harness.connected().await);
    let nobody = harness.newcomer().await;
    let operator = harness.operator();
    let named = json!({"subdomain": "token-host"});
    let path = format!("/api/tenants/{}", first.id);
    operator.patch(&path, &named).await.document(200);
    for _ in 0..2 {
        first
            .admin
            .post("/api/token", &json!({}))
            .await
            .document(200);
    }
    let by_host = first.admin.send(Method::POST, "/api/token", |request| {
        request.header("host", harness.host("token-host"))
    });
    by_host.await.document(200);
    let refused = nobody.admin.post("/api/token", &json!({})).await;
    assert_eq!(refused.refusal(), (409, "credentials_missing"));
    failing.account.close();
    let refused = failing.admin.post("/api/token", &json!({})).await;
    assert_eq!(refused.refusal(), (502, "provider_refused"));
}
