//! Tenants as an operator creates, reads and changes them.

use std::time::Duration;

use local::emulators::faults::{Effect, Matching, Times};
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use shared::audit::Actor;
use shared::store::{Expected, ProfileChanges};
use shared::tenant::TenantStatus;
use tokio::task::JoinSet;

use super::caller::subject;
use crate::harness::Harness;
use crate::tenant_store::{Opened, scope};

/// How long a request may take to reach the store.
const PATIENCE: Duration = Duration::from_secs(20);

const TENANTS: &str = "/api/tenants";

/// An id, or a subdomain, that no other test uses.
pub(super) fn unused(prefix: &str) -> String {
    subject(prefix)
}

pub(super) fn path(id: &str) -> String {
    format!("{TENANTS}/{id}")
}

#[tokio::test]
async fn a_tenant_is_created_as_it_was_entered_and_read_back_the_same() {
    let operator = Harness::shared().await.operator();
    let (id, label) = (unused("chosen"), unused("chosen-host"));
    let entered =
        json!({"tenant_id": id, "name": "Chosen Ltd", "subdomain": label, "twilio": "own"});
    let answer = operator.post(TENANTS, &entered).await;
    assert_eq!(answer.header("location"), Some(&*path(&id)));
    let created = answer.document(201);
    for (field, value) in [
        ("tenant_id", json!(id)),
        ("name", json!("Chosen Ltd")),
        ("status", json!("active")),
        ("subdomain", json!(label)),
    ] {
        assert_eq!(created[field], value, "{field}");
    }
    assert_eq!(created["created_at"], created["updated_at"]);
    assert_eq!(operator.get(&path(&id)).await.document(200), created);
}

#[tokio::test]
async fn an_id_is_made_from_the_name_and_is_another_one_when_it_is_taken() {
    let operator = Harness::shared().await.operator();
    let name = unused("Müller & Söhne");
    let slug = name.to_lowercase().replace("ü", "-").replace("ö", "-");
    let slug = slug.replace(" & ", "-");
    let mut made = Vec::new();
    for _ in 0..3 {
        let created = operator.post(TENANTS, &json!({ "name": name })).await;
        let created = created.document(201);
        assert_eq!(created["name"], json!(name));
        made.push(created["tenant_id"].as_str().unwrap().to_owned());
    }
    assert_eq!(made[0], slug);
    assert_ne!(made[1], made[2]);
    for other in &made[1..] {
        let suffix = other.strip_prefix(&format!("{slug}-")).unwrap();
        assert!(suffix.len() == 8, "{other}");
    }
    // The platform's own id, and a name without a letter that an id may have.
    for (name, prefix) in [("Platform", "platform-"), ("株式会社", "tenant")] {
        let created = operator.post(TENANTS, &json!({ "name": name })).await;
        let created = created.document(201);
        let id = created["tenant_id"].as_str().unwrap();
        assert!(id.starts_with(prefix), "{id}");
    }
}

#[tokio::test]
async fn every_fault_of_a_tenant_is_named_at_once_and_nothing_is_created() {
    let operator = Harness::shared().await.operator();
    let long = "x".repeat(201);
    for (entered, fields) in [
        (json!({}), vec!["name"]),
        (
            json!({"tenant_id": "-a", "name": "\u{7}", "subdomain": "a.b", "twilio": "lent", "plan": 1}),
            vec!["name", "plan", "subdomain", "tenant_id", "twilio"],
        ),
        (
            json!({"tenant_id": "platform", "name": "P"}),
            vec!["tenant_id"],
        ),
        (
            json!({"name": long, "subdomain": "www"}),
            vec!["name", "subdomain"],
        ),
        (
            json!({"tenant_id": 7, "name": ["P"]}),
            vec!["name", "tenant_id"],
        ),
    ] {
        let refused = operator.post(TENANTS, &entered).await;
        assert_eq!(refused.refusal(), (422, "invalid_fields"), "{entered}");
        assert_eq!(refused.faulty_fields(), fields, "{entered}");
    }
    let (id, label) = (unused("faulty"), unused("faulty-host"));
    let entered = json!({"tenant_id": id, "name": " ", "subdomain": label});
    let refused = operator.post(TENANTS, &entered).await;
    assert_eq!(refused.faulty_fields(), ["name"]);
    let read = operator.get(&path(&id)).await;
    assert_eq!(read.refusal(), (404, "tenant_not_found"));
}

#[tokio::test]
async fn a_body_that_is_no_json_document_is_refused_by_what_is_wrong_with_it() {
    let operator = Harness::shared().await.operator();
    let send = async |content_type: &'static str, body: &'static str| {
        let answer = operator.send(Method::POST, TENANTS, |request| {
            request.header(CONTENT_TYPE, content_type).body(body)
        });
        let answer = answer.await;
        (answer.status, answer.refusal().1.to_owned())
    };
    let malformed = (400, "malformed_body".to_owned());
    assert_eq!(send("application/json", "{").await, malformed);
    assert_eq!(send("application/json", "").await, malformed);
    let other = (415, "unsupported_media_type".to_owned());
    assert_eq!(send("text/plain", "{\"name\": \"A\"}").await, other);
    assert_eq!(
        send("application/json", "[]").await,
        (422, "invalid_fields".to_owned())
    );
}

#[tokio::test]
async fn what_another_tenant_has_is_refused_and_leaves_no_half_of_a_tenant() {
    let operator = Harness::shared().await.operator();
    let (id, label) = (unused("holder"), unused("held"));
    let holder = json!({"tenant_id": id, "name": "Holder", "subdomain": label});
    operator.post(TENANTS, &holder).await.document(201);
    let again = operator.post(TENANTS, &holder).await;
    assert_eq!(again.refusal(), (409, "tenant_exists"));
    let other = unused("other");
    let entered = json!({"tenant_id": other, "name": "Other", "subdomain": label});
    let refused = operator.post(TENANTS, &entered).await;
    assert_eq!(refused.refusal(), (409, "subdomain_taken"));
    // It does not say whose it is.
    assert!(!refused.body.to_string().contains(&id), "{}", refused.body);
    assert_eq!(operator.get(&path(&other)).await.status, 404);
    let read = operator.get(&path(&id)).await.document(200);
    assert_eq!(read["name"], "Holder");
}

#[tokio::test]
async fn of_two_who_create_a_tenant_at_once_one_does_and_one_is_told() {
    let harness = Harness::shared().await;
    let race = async |entered: [Value; 2]| {
        let mut creations = JoinSet::new();
        for entered in entered {
            let operator = harness.operator();
            creations.spawn(async move { operator.post(TENANTS, &entered).await });
        }
        let mut outcomes = Vec::new();
        for answer in creations.join_all().await {
            let code = answer.refusal().1;
            outcomes.push((answer.status, code.to_owned()));
        }
        outcomes.sort_unstable();
        outcomes
    };
    let outcome = |code: &str| [(201, String::new()), (409, code.to_owned())];
    let id = unused("raced");
    let entered = json!({"tenant_id": id, "name": "Raced"});
    assert_eq!(
        race([entered.clone(), entered]).await,
        outcome("tenant_exists")
    );
    let label = unused("raced-host");
    let with_label = || json!({"tenant_id": unused("raced"), "name": "R", "subdomain": label});
    assert_eq!(
        race([with_label(), with_label()]).await,
        outcome("subdomain_taken")
    );
    // Without ids both are created.
    let named = json!({"name": unused("Raced without id")});
    let both = [(201, String::new()), (201, String::new())];
    assert_eq!(race([named.clone(), named]).await, both);
}

#[tokio::test]
async fn an_id_that_nobody_has_or_can_have_is_no_tenant() {
    let operator = Harness::shared().await.operator();
    for id in ["never-created", "platform", "UPPER", "a", "a.b"] {
        let path = path(id);
        let read = operator.get(&path).await;
        assert_eq!(read.refusal(), (404, "tenant_not_found"), "{id}");
        let changed = operator.patch(&path, &json!({"name": "A"})).await;
        assert_eq!(changed.refusal(), (404, "tenant_not_found"), "{id}");
        let deleted = operator.delete(&path).await;
        assert_eq!(deleted.refusal(), (404, "tenant_not_found"), "{id}");
    }
}

#[tokio::test]
async fn a_change_keeps_what_it_does_not_name() {
    let operator = Harness::shared().await.operator();
    let (id, label) = (unused("changed"), unused("changed-host"));
    let entered = json!({"tenant_id": id, "name": "Before", "subdomain": label});
    let created = operator.post(TENANTS, &entered).await.document(201);
    let path = path(&id);
    let nothing = operator.patch(&path, &json!({})).await.document(200);
    assert_eq!(nothing, created);

    let renamed = operator.patch(&path, &json!({"name": "After"})).await;
    let renamed = renamed.document(200);
    assert_eq!(
        (&renamed["name"], &renamed["subdomain"], &renamed["status"]),
        (&json!("After"), &json!(label), &json!("active"))
    );
    assert_eq!(renamed["created_at"], created["created_at"]);
    assert_ne!(renamed["updated_at"], created["updated_at"]);
    assert_eq!(operator.get(&path).await.document(200), renamed);

    let merged = operator.send(Method::PATCH, &path, |request| {
        let merge = "application/merge-patch+json";
        request
            .header(CONTENT_TYPE, merge)
            .body(r#"{"subdomain": null}"#)
    });
    let merged = merged.await.document(200);
    assert_eq!(
        (&merged["name"], &merged["subdomain"]),
        (&json!("After"), &Value::Null)
    );
}

#[tokio::test]
async fn every_fault_of_a_change_is_named_at_once_and_nothing_is_changed() {
    let operator = Harness::shared().await.operator();
    let id = unused("kept");
    let entered = json!({"tenant_id": id, "name": "Kept"});
    let created = operator.post(TENANTS, &entered).await.document(201);
    for (change, fields) in [
        (
            json!({"name": "", "status": "deleting", "subdomain": "-"}),
            vec!["name", "status", "subdomain"],
        ),
        (
            json!({"name": null, "status": null}),
            vec!["name", "status"],
        ),
        (
            json!({"tenant_id": "other", "name": "Other"}),
            vec!["tenant_id"],
        ),
    ] {
        let refused = operator.patch(&path(&id), &change).await;
        assert_eq!(refused.refusal(), (422, "invalid_fields"), "{change}");
        assert_eq!(refused.faulty_fields(), fields, "{change}");
    }
    assert_eq!(operator.get(&path(&id)).await.document(200), created);
}

#[tokio::test]
async fn a_subdomain_moves_and_rests_for_others_only() {
    let harness = Harness::shared().await;
    let operator = harness.operator();
    let (id, other) = (unused("mover"), unused("waiter"));
    let (old, new) = (unused("old-host"), unused("new-host"));
    let mover = json!({"tenant_id": id, "name": "Mover", "subdomain": old});
    operator.post(TENANTS, &mover).await.document(201);
    let waiter = json!({"tenant_id": other, "name": "Waiter"});
    operator.post(TENANTS, &waiter).await.document(201);

    let moved = operator.patch(&path(&id), &json!({"subdomain": new})).await;
    assert_eq!(moved.document(200)["subdomain"], json!(new));
    for (label, what) in [(&new, "held"), (&old, "released a moment ago")] {
        let change = json!({"subdomain": label, "name": "Changed"});
        let refused = operator.patch(&path(&other), &change).await;
        assert_eq!(refused.refusal(), (409, "subdomain_taken"), "{what}");
        let read = operator.get(&path(&other)).await.document(200);
        assert_eq!(read["name"], "Waiter", "{what}");
    }
    // Its last holder may have it back.
    let back = operator.patch(&path(&id), &json!({"subdomain": old})).await;
    assert_eq!(back.document(200)["subdomain"], json!(old));
}

#[tokio::test]
async fn a_host_selects_the_tenant_whose_subdomain_it_is() {
    let harness = Harness::shared().await;
    let operator = harness.operator();
    let (id, label) = (unused("hosted"), unused("hosted-host"));
    let entered = json!({"tenant_id": id, "name": "Hosted"});
    operator.post(TENANTS, &entered).await.document(201);
    let port = harness.stack.api_url().unwrap().rsplit(':').next().unwrap();
    let at = async |host: &str| {
        let host = format!("{host}.localhost:{port}");
        let settings = operator.send(Method::GET, "/api/audit", |request| {
            request.header("host", host)
        });
        settings.await
    };
    assert_eq!(at(&unused("nobodys-host")).await.status, 404);
    let change = json!({"subdomain": label});
    operator.patch(&path(&id), &change).await.document(200);
    let log = at(&label).await.document(200);
    assert_eq!(log["items"][0]["target"], json!(id));
}

#[tokio::test]
async fn of_two_changes_at_once_the_later_is_told_that_somebody_was_first() {
    let harness = Harness::shared().await;
    let slow = harness.operator();
    let id = unused("contended");
    let entered = json!({"tenant_id": id, "name": "Contended"});
    slow.post(TENANTS, &entered).await.document(201);
    // The slow one has read the tenant, and writes after the other is done, who needs no process for it: a function that is kept
    // waiting for its store gives up after two attempts of a second. Only the slow one's write is about a subdomain.
    let label = unused("slow-host");
    let dynamodb = harness.stack.emulators().dynamodb();
    let subdomain = format!("subdomain#{label}");
    let write = Matching::operations(["TransactWriteItems"]).partition(&subdomain);
    let held = dynamodb.faults().inject(write, Effect::Hold, Times::Always);
    let (mark, path) = (dynamodb.wire().mark(), path(&id));
    let late = json!({"name": "Slow", "subdomain": label});
    let refused = slow.patch(&path, &late);
    let other = Opened::of(harness).administration;
    let changed = async {
        let begun = dynamodb.wire().wait_until(mark, |calls| {
            let writes = calls.clone().operation("TransactWriteItems");
            writes.partition(&subdomain).count() > 0
        });
        tokio::time::timeout(PATIENCE, begun).await.unwrap();
        let suspended = ProfileChanges {
            status: Some(TenantStatus::Suspended),
            ..ProfileChanges::default()
        };
        let own = scope(&id);
        let changed = other.update(&own, suspended, Expected::Any, &Actor::Console);
        changed.await.unwrap();
        dynamodb.faults().remove(held);
    };
    let (refused, ()) = tokio::join!(refused, changed);
    assert_eq!(refused.refusal(), (412, "version_mismatch"));
    let changed = slow.get(&path).await.document(200);
    assert_eq!(
        (&changed["name"], &changed["status"], &changed["subdomain"]),
        (&json!("Contended"), &json!("suspended"), &Value::Null)
    );
}
