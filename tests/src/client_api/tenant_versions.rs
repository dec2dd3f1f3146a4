//! The version of a tenant: of two operators who change it, neither undoes unknowingly what the other did.

use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderName, IF_MATCH, IF_NONE_MATCH};
use serde_json::{Value, json};

use super::caller::{Answer, Caller};
use super::tenants::{path, unused};
use crate::harness::Harness;

/// A tenant, and an operator who changes it.
struct Versioned {
    operator: Caller,
    path: String,
}

impl Versioned {
    /// A new one, and its first `ETag`.
    async fn new() -> (Self, String) {
        let operator = Harness::shared().await.operator();
        let id = unused("versioned");
        let entered = json!({"tenant_id": id, "name": "Versioned"});
        let created = operator.post("/api/tenants", &entered).await;
        let etag = created.header("etag").unwrap().to_owned();
        created.document(201);
        let path = path(&id);
        (Self { operator, path }, etag)
    }

    async fn change(&self, change: &Value, condition: (HeaderName, &str)) -> Answer {
        let sent = self.operator.send(Method::PATCH, &self.path, |request| {
            let request = request.header(CONTENT_TYPE, "application/json");
            let request = request.header(condition.0, condition.1);
            request.body(change.to_string())
        });
        sent.await
    }

    async fn delete(&self, condition: (HeaderName, &str)) -> Answer {
        let sent = self.operator.send(Method::DELETE, &self.path, |request| {
            request.header(condition.0, condition.1)
        });
        sent.await
    }

    async fn read(&self) -> (String, Value) {
        let read = self.operator.get(&self.path).await;
        let etag = read.header("etag").unwrap().to_owned();
        (etag, read.document(200))
    }
}

#[tokio::test]
async fn a_tenant_has_an_etag_that_changes_with_every_change_and_with_nothing_else() {
    let (tenant, created) = Versioned::new().await;
    assert_eq!(tenant.read().await.0, created);
    let nothing = tenant.operator.patch(&tenant.path, &json!({})).await;
    assert_eq!(nothing.header("etag"), Some(&*created));
    let renamed = json!({"name": "Renamed"});
    let renamed = tenant.operator.patch(&tenant.path, &renamed).await;
    let etag = renamed.header("etag").unwrap().to_owned();
    assert_ne!(etag, created);
    assert_eq!(tenant.read().await.0, etag);
}

#[tokio::test]
async fn a_suspension_is_not_undone_by_an_operator_who_has_not_seen_it() {
    let (tenant, seen) = Versioned::new().await;
    let suspended = json!({"status": "suspended"});
    let suspended = tenant.change(&suspended, (IF_MATCH, &seen)).await;
    assert_eq!(suspended.document(200)["status"], "suspended");
    let active = json!({"status": "active", "name": "Active"});
    for condition in [
        (IF_MATCH, &*seen),
        (IF_MATCH, "\"77\""),
        (IF_NONE_MATCH, "*"),
    ] {
        let refused = tenant.change(&active, condition).await;
        assert_eq!(refused.refusal(), (412, "version_mismatch"));
    }
    let (now, read) = tenant.read().await;
    assert_eq!(read["status"], "suspended");
    assert_eq!(read["name"], "Versioned");
    for malformed in ["3", "\"1\", \"2\"", "\"three\""] {
        let refused = tenant.change(&active, (IF_MATCH, malformed)).await;
        assert_eq!(refused.refusal(), (400, "invalid_parameter"), "{malformed}");
    }
    let resumed = tenant.change(&active, (IF_MATCH, &now)).await;
    assert_eq!(resumed.document(200)["status"], "active");
    let renamed = json!({"name": "Any"});
    let renamed = tenant.change(&renamed, (IF_MATCH, "*")).await;
    assert_eq!(renamed.document(200)["name"], "Any");
}

#[tokio::test]
async fn a_tenant_that_was_changed_meanwhile_is_not_deleted() {
    let (tenant, seen) = Versioned::new().await;
    let renamed = json!({"name": "Kept"});
    let renamed = tenant.operator.patch(&tenant.path, &renamed).await;
    renamed.document(200);
    for condition in [(IF_MATCH, &*seen), (IF_NONE_MATCH, "*")] {
        let refused = tenant.delete(condition).await;
        assert_eq!(refused.refusal(), (412, "version_mismatch"));
    }
    let (now, read) = tenant.read().await;
    assert_eq!(read["status"], "active");
    assert_eq!(tenant.delete((IF_MATCH, &now)).await.status, 204);
    // What is done is done, whatever was expected.
    assert_eq!(tenant.delete((IF_MATCH, &now)).await.status, 204);
}

#[tokio::test]
async fn a_deletion_under_way_is_a_version_of_its_own_and_goes_on_without_a_condition() {
    let harness = Harness::shared().await;
    let tenant = Versioned {
        operator: harness.operator(),
        path: path(harness.connected().await.id.as_str()),
    };
    let (seen, _) = tenant.read().await;
    // A warm function may serve it: it is not over at once.
    assert_eq!(tenant.delete((IF_MATCH, &seen)).await.status, 202);
    let (now, read) = tenant.read().await;
    assert_eq!(read["status"], "deleting");
    assert_ne!(now, seen);
    let refused = tenant.delete((IF_MATCH, &seen)).await;
    assert_eq!(refused.refusal(), (412, "version_mismatch"));
    for condition in [now.as_str(), "*"] {
        assert_eq!(tenant.delete((IF_MATCH, condition)).await.status, 202);
    }
    assert_eq!(tenant.operator.delete(&tenant.path).await.status, 202);
}
