//! What goes with a tenant that never had an account.

use serde_json::json;

use crate::harness::Harness;

/// A tenant has settings and is deleted: they are in the way of nothing, and found by the sweep.
pub(super) async fn of_settings(harness: &Harness) {
    let tenant = harness.newcomer().await;
    let settings = json!({"inbound_route": "voicemail"});
    let stored = tenant.admin.patch("/api/settings", &settings).await;
    stored.document(200);
    let path = format!("/api/tenants/{}", tenant.id);
    assert_eq!(harness.operator().delete(&path).await.status, 204);
}
