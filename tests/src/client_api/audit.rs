//! The audit log of a tenant: who changed what, when; and nothing secret.

use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use shared::clock::Clock;

use super::caller::Caller;
use super::tenants::path;
use crate::harness::Harness;

const LOG: &str = "/api/audit";

/// The whole log in one page, newest first.
async fn log(admin: &Caller) -> Vec<Value> {
    let page = admin.get("/api/audit?limit=100").await.document(200);
    assert_eq!(page["next_cursor"], Value::Null);
    page["items"].as_array().unwrap().clone()
}

/// Who did what to what, oldest first.
fn told(log: &[Value]) -> Vec<(&str, &str, &str, &str)> {
    let entries = log.iter().rev();
    entries
        .map(|entry| {
            let text = |name: &str| entry[name].as_str().unwrap();
            (
                text("actor"),
                text("action"),
                text("target"),
                text("detail"),
            )
        })
        .collect()
}

/// Somebody whose name in the log is known.
fn known(harness: &Harness, subject: &str, role: &str, tenant: Option<&str>) -> Caller {
    let request = local::issuer::TokenRequest::new(subject).role(role);
    harness.caller(&match tenant {
        Some(tenant) => request.tenant(tenant),
        None => request,
    })
}

#[tokio::test]
async fn every_change_leaves_one_entry_that_tells_who_what_and_when() {
    let harness = Harness::shared().await;
    let begun = Clock::system().now();
    let newcomer = harness.newcomer().await;
    let id = newcomer.id.as_str();
    let operator = known(harness, "auth0|operator", "operator", None);
    let admin = known(harness, "ada@example.com", "admin", Some(id));
    let twilio = "/api/integrations/twilio";
    let stored = admin.put(twilio, &newcomer.credentials).await;
    stored.document(201);
    let number = json!({"phone_number": "+15005550006"});
    admin.patch(twilio, &number).await.document(200);
    let resend = "/api/integrations/resend";
    let key = json!({"api_key": "re_1234567890_abcdefghijkl"});
    let stored = admin.put(&format!("{resend}?verify=false"), &key).await;
    stored.document(201);
    assert_eq!(admin.delete(resend).await.status, 204);
    let settings = json!({"inbound_route": "voicemail", "auto_reply": "Thank you"});
    admin.patch("/api/settings", &settings).await.document(200);
    let member = known(harness, "bob", "member", Some(id));
    member.post("/api/token", &json!({})).await.document(200);
    for change in [
        json!({"name": "Renamed"}),
        json!({"status": "suspended"}),
        json!({"status": "active"}),
    ] {
        operator.patch(&path(id), &change).await.document(200);
    }
    assert_eq!(admin.delete(twilio).await.status, 204);

    let log = log(&admin).await;
    let (ada, root) = ("user:ada@example.com", "user:auth0|operator");
    let entered = "account_sid, api_key_secret, api_key_sid, auth_token";
    let told = told(&log);
    let (creation, changes) = told.split_first().unwrap();
    assert_eq!(creation.1, "tenant_created");
    assert!(creation.0.starts_with("user:operator-"), "{creation:?}");
    let application = changes[5].2;
    assert_eq!(
        changes,
        [
            (ada, "credential_stored", "twilio", entered),
            (ada, "credential_updated", "twilio", "phone_number"),
            (ada, "credential_stored", "resend", "api_key"),
            (ada, "credential_deleted", "resend", ""),
            (
                ada,
                "settings_updated",
                "settings",
                "auto_reply, inbound_route"
            ),
            (
                "function:token",
                "twiml_app_created",
                application,
                changes[5].3
            ),
            (root, "tenant_updated", id, "name"),
            (root, "tenant_suspended", id, ""),
            (root, "tenant_resumed", id, ""),
            (ada, "credential_deleted", "twilio", ""),
        ]
    );
    assert!(application.starts_with("AP"), "{application}");
    let times: Vec<Timestamp> = log
        .iter()
        .map(|entry| entry["at"].as_str().unwrap().parse().unwrap())
        .collect();
    assert!(times.is_sorted_by(|newer, older| newer >= older));
    let (first, last) = (times.last().unwrap(), times[0]);
    assert!(first.as_second() >= begun.as_second() && last <= Clock::system().now());

    let all = Value::from(log).to_string();
    for secret in [
        newcomer.credentials["auth_token"].as_str().unwrap(),
        newcomer.credentials["api_key_secret"].as_str().unwrap(),
        "re_1234567890_abcdefghijkl",
        "+15005550006",
    ] {
        assert!(!all.contains(secret));
        // Not even its end, which masks show.
        let (_, end) = secret.split_at(secret.len() - 4);
        assert!(!all.contains(&format!("••••{end}")));
    }
}

#[tokio::test]
async fn what_is_refused_or_only_read_leaves_no_entry() {
    let harness = Harness::shared().await;
    let newcomer = harness.connected().await;
    let (admin, operator) = (&newcomer.admin, harness.operator());
    let before = log(admin).await;
    assert_eq!(before.len(), 2);
    let twilio = "/api/integrations/twilio";
    let invalid = admin.patch(twilio, &json!({"auth_token": "short"})).await;
    assert_eq!(invalid.status, 422);
    let mut wrong = newcomer.credentials.clone();
    wrong["auth_token"] = json!("00000000000000000000000000000000");
    let refused = admin.put(twilio, &wrong).await;
    assert_eq!(refused.refusal(), (422, "credentials_invalid"));
    let stale = admin.send(Method::PATCH, twilio, |request| {
        request
            .header("if-match", "\"7\"")
            .header("content-type", "application/json")
            .body(r#"{"phone_number": "+15005550006"}"#)
    });
    assert_eq!(stale.await.status, 412);
    let faulty = json!({"inbound_route": 1});
    assert_eq!(admin.patch("/api/settings", &faulty).await.status, 422);
    let absent = admin.delete("/api/integrations/vapi").await;
    assert_eq!(absent.status, 404);
    let tenant = path(newcomer.id.as_str());
    let faulty = operator.patch(&tenant, &json!({"name": ""})).await;
    assert_eq!(faulty.status, 422);
    operator.patch(&tenant, &json!({})).await.document(200);
    for path in [twilio, "/api/settings", "/api/health/twilio", LOG] {
        admin.get(path).await.document(200);
    }
    // A check that finds what was known changes nothing.
    let checked = admin.post(&format!("{twilio}/verify"), &json!({})).await;
    assert_eq!(checked.document(200)["outcome"], "valid");
    assert_eq!(log(admin).await, before);
}

#[tokio::test]
async fn of_two_changes_at_once_only_the_one_that_is_stored_is_in_the_log() {
    let harness = Harness::shared().await;
    let newcomer = harness.newcomer().await;
    let change = |route: &str| json!({ "inbound_route": route });
    let (one, other) = (change("voicemail"), change("reject"));
    let (one, other) = tokio::join!(
        newcomer.admin.patch("/api/settings", &one),
        newcomer.admin.patch("/api/settings", &other),
    );
    let stored = [&one, &other].iter().filter(|it| it.status == 200).count();
    assert!(stored >= 1, "{one:?} {other:?}");
    let log = log(&newcomer.admin).await;
    let told = told(&log).into_iter();
    let updates = told.filter(|(_, action, ..)| *action == "settings_updated");
    assert_eq!(updates.count(), stored);
}

#[tokio::test]
async fn the_log_is_read_entry_by_entry_with_each_on_one_page() {
    let harness = Harness::shared().await;
    let newcomer = harness.newcomer().await;
    for number in 0..6 {
        let settings = json!({"auto_reply": format!("Reply {number}")});
        let changed = newcomer.admin.patch("/api/settings", &settings);
        changed.await.document(200);
    }
    let whole = log(&newcomer.admin).await;
    assert_eq!(whole.len(), 7);
    for limit in [1, 3, 7] {
        let mut read = Vec::new();
        let mut path = format!("/api/audit?limit={limit}");
        loop {
            let page = newcomer.admin.get(&path).await.document(200);
            let items = page["items"].as_array().unwrap();
            assert!((1..=limit).contains(&items.len()));
            read.extend(items.iter().cloned());
            let Some(cursor) = page["next_cursor"].as_str() else {
                break;
            };
            assert!(!cursor.contains('#') && !cursor.contains("tenant"));
            path = format!("/api/audit?limit={limit}&cursor={cursor}");
            if read.len() == 1 {
                // What comes meanwhile is newer, and on no later page.
                let settings = json!({"auto_reply": format!("Besides {limit}")});
                let changed = newcomer.admin.patch("/api/settings", &settings);
                changed.await.document(200);
            }
        }
        let known = read.iter().filter(|entry| whole.contains(entry));
        assert_eq!(known.count(), whole.len(), "{limit}");
        let mut ids: Vec<_> = read.iter().map(|entry| entry["id"].as_str()).collect();
        assert!(ids.is_sorted_by(|newer, older| newer > older), "{ids:?}");
        ids.dedup();
        assert_eq!(ids.len(), read.len());
    }
    for limit in ["0", "101", "x"] {
        let path = format!("/api/audit?limit={limit}");
        let refused = newcomer.admin.get(&path).await;
        assert_eq!(refused.refusal(), (400, "invalid_parameter"), "{limit}");
    }
}

#[tokio::test]
async fn a_cursor_of_another_tenants_log_is_refused_and_so_is_a_changed_one() {
    let harness = Harness::shared().await;
    let (one, other) = (harness.connected().await, harness.connected().await);
    let page = one.admin.get("/api/audit?limit=1").await.document(200);
    let cursor = page["next_cursor"].as_str().unwrap();
    let path = format!("/api/audit?limit=1&cursor={cursor}");
    one.admin.get(&path).await.document(200);
    let invalid = (400, "invalid_cursor");
    assert_eq!(other.admin.get(&path).await.refusal(), invalid);
    let operator = harness.operator();
    let as_operator = async |tenant: &str| {
        let listed = operator.send(Method::GET, &path, |request| {
            request.header("x-tenant-id", tenant)
        });
        listed.await
    };
    // Whose the cursor is counts, and not who brings it.
    as_operator(one.id.as_str()).await.document(200);
    assert_eq!(as_operator(other.id.as_str()).await.refusal(), invalid);
    let list = operator.get(&format!("/api/tenants?cursor={cursor}")).await;
    assert_eq!(list.refusal(), invalid);
    for place in [0, cursor.len() / 2, cursor.len() - 1] {
        let mut changed = cursor.as_bytes().to_vec();
        changed[place] = if changed[place] == b'Q' { b'g' } else { b'Q' };
        let changed = String::from_utf8(changed).unwrap();
        let path = format!("/api/audit?cursor={changed}");
        let refused = one.admin.get(&path).await;
        assert_eq!(refused.refusal(), invalid, "{place}");
    }
}

#[tokio::test]
async fn a_log_is_its_tenants_alone() {
    let harness = Harness::shared().await;
    let (one, other) = (harness.connected().await, harness.connected().await);
    let of_other = log(&other.admin).await;
    for entry in log(&one.admin).await {
        assert!(!of_other.contains(&entry));
        assert!(!entry.to_string().contains(other.id.as_str()));
    }
}
