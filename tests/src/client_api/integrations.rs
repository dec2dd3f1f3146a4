//! Credentials of every provider: stored, shown, changed in part, and deleted.

mod faults;
mod parts;

use local::issuer::TokenRequest;
use serde_json::{Value, json};
use shared::tenant::Provider;

use super::onboarding::path_of;
use crate::harness::Harness;

/// The fields of all providers that are shown as they are.
const IDENTIFIERS: [&str; 7] = [
    "account_sid",
    "api_key_sid",
    "phone_number",
    "whatsapp_sender",
    "messaging_service_sid",
    "client_id",
    "id",
];

/// What was entered, as it is to be shown.
fn shown(entered: &Value) -> Value {
    match entered {
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| {
                let shown = match value.as_str() {
                    Some(_) if IDENTIFIERS.contains(&name.as_str()) => value.clone(),
                    Some(secret) => json!(format!("••••{}", &secret[secret.len() - 4..])),
                    None => shown(value),
                };
                (name.clone(), shown)
            });
            members.collect()
        }
        Value::Array(items) => items.iter().map(shown).collect(),
        other => other.clone(),
    }
}

#[tokio::test]
async fn credentials_of_every_provider_are_stored_and_every_field_is_read_back_with_secrets_masked()
{
    let harness = Harness::shared().await;
    let newcomer = harness.newcomer().await;
    let request = TokenRequest::new("auth0|ada").tenant(newcomer.id.as_str());
    let ada = harness.caller(&request.role("admin"));
    for provider in Provider::ALL {
        let (path, entered) = (
            path_of(provider),
            newcomer.entry(harness, provider, "f1rst"),
        );
        let created = ada.put(&path, &entered).await;
        assert_eq!(created.header("location"), Some(path.as_str()));
        assert_eq!(created.header("etag"), Some("\"1\""));
        let created = created.document(201);
        assert_eq!(created["config"], shown(&entered));
        for (field, value) in [
            ("provider", json!(provider.as_str())),
            ("status", json!("valid")),
            ("version", json!(1)),
            ("is_active", json!(true)),
            ("verification_error", Value::Null),
            ("last_used_at", Value::Null),
            ("expires_at", Value::Null),
            ("updated_by", json!("user:auth0|ada")),
            ("rotated_at", created["updated_at"].clone()),
        ] {
            assert_eq!(created[field], value, "{field} of {provider}");
        }
        assert!(created["last_verified_at"].is_string(), "{created}");
        assert!(!created["capabilities"].as_array().unwrap().is_empty());
        let read = newcomer.admin.get(&path).await;
        assert_eq!(read.header("etag"), Some("\"1\""));
        assert_eq!(read.document(200), created);

        let replaced = newcomer.admin.put(&path, &entered).await;
        assert_eq!(replaced.header("location"), None);
        assert_eq!(replaced.header("etag"), Some("\"2\""));
        let replaced = replaced.document(200);
        assert_eq!(replaced["config"], created["config"]);
        assert_ne!(replaced["updated_by"], created["updated_by"]);
    }
}

#[tokio::test]
async fn the_list_holds_what_is_stored_in_the_order_of_the_providers() {
    let harness = Harness::shared().await;
    let newcomer = harness.newcomer().await;
    let list = newcomer.admin.get("/api/integrations").await.document(200);
    assert_eq!(list, json!({"items": [], "next_cursor": null}));
    let mut stored = Vec::new();
    for provider in [Provider::Resend, Provider::Twilio, Provider::Vapi] {
        let entered = newcomer.entry(harness, provider, "f1rst");
        let path = format!("{}?verify=false", path_of(provider));
        stored.push(newcomer.admin.put(&path, &entered).await.document(201));
    }
    stored.rotate_left(1);
    let list = newcomer.admin.get("/api/integrations").await.document(200);
    assert_eq!(list["items"], json!(stored));
}

#[tokio::test]
async fn the_fingerprint_changes_with_every_field_and_only_then_and_rotated_at_with_every_secret() {
    let harness = Harness::shared().await;
    let newcomer = harness.newcomer().await;
    for provider in Provider::ALL {
        // A user's requests of a minute are counted.
        let admin = harness.admin(&newcomer.id);
        let path = format!("{}?verify=false", path_of(provider));
        let mut entered = newcomer.entry(harness, provider, "f1rst");
        let mut before = admin.put(&path, &entered).await.document(201);
        let again = admin.put(&path, &entered).await.document(200);
        assert_eq!(again["fingerprint"], before["fingerprint"]);
        assert_eq!(again["rotated_at"], before["rotated_at"]);
        assert_ne!(again["updated_at"], before["updated_at"]);
        for field in entered.as_object().unwrap().clone().keys() {
            let (other, is_rotated) = match field.as_str() {
                "phone_number" | "whatsapp_sender" => (json!("+15005550009"), false),
                "messaging_service_sid" => (json!(format!("MG{:032x}", 9)), false),
                "account_sid" => continue,
                "api_key_sid" => (json!(format!("SK{:032x}", 9)), true),
                "shared_keys" => (json!([{"id": "one", "secret": "another-shared-key"}]), true),
                _ => (json!(format!("re_another_{field}")), true),
            };
            entered[field] = other;
            let after = admin.put(&path, &entered).await.document(200);
            assert_ne!(after["fingerprint"], before["fingerprint"], "{field}");
            let is_moved = after["rotated_at"] != before["rotated_at"];
            assert_eq!(is_moved, is_rotated, "{field} of {provider}");
            before = after;
        }
    }
}

#[tokio::test]
async fn the_same_secret_has_another_fingerprint_at_another_tenant() {
    let harness = Harness::shared().await;
    let (one, other) = (harness.newcomer().await, harness.newcomer().await);
    let entered = one.entry(harness, Provider::Resend, "shared");
    let path = path_of(Provider::Resend);
    let one = one.admin.put(&path, &entered).await.document(201);
    let other = other.admin.put(&path, &entered).await.document(201);
    assert_eq!(one["config"], other["config"]);
    assert_ne!(one["fingerprint"], other["fingerprint"]);
}

#[tokio::test]
async fn what_the_provider_does_not_accept_is_refused_and_nothing_is_stored() {
    let harness = Harness::shared().await;
    let newcomer = harness.newcomer().await;
    for provider in Provider::ALL {
        let path = path_of(provider);
        let good = newcomer.entry(harness, provider, "f1rst");
        let mut bad = good.clone();
        let secret = match provider {
            Provider::Twilio => "auth_token",
            Provider::GoogleCalendar => "refresh_token",
            _ => "api_key",
        };
        bad[secret] = json!("re_nobody_knows_this_one");
        let refused = newcomer.admin.put(&path, &bad).await;
        assert_eq!(
            refused.refusal(),
            (422, "credentials_invalid"),
            "{provider}"
        );
        let missing = newcomer.admin.get(&path).await;
        assert_eq!(missing.refusal(), (404, "integration_not_found"));
        let stored = newcomer.admin.put(&path, &good).await.document(201);
        let change = json!({secret: "re_nobody_knows_this_one"});
        let refused = newcomer.admin.patch(&path, &change).await;
        assert_eq!(
            refused.refusal(),
            (422, "credentials_invalid"),
            "{provider}"
        );
        assert_eq!(newcomer.admin.get(&path).await.document(200), stored);
    }
}

#[tokio::test]
async fn without_a_check_nobody_is_asked_and_the_state_is_unknown() {
    let harness = Harness::shared().await;
    let newcomer = harness.newcomer().await;
    let path = "/api/integrations/twilio?verify=false";
    let before = newcomer.account.calls().count();
    let mut invented = newcomer.credentials.clone();
    invented["auth_token"] = json!("an-invented-auth-token");
    let stored = newcomer.admin.put(path, &invented).await.document(201);
    for field in ["status", "last_verified_at", "verification_error"] {
        assert_eq!(stored[field], Value::Null, "{field}");
    }
    assert_eq!(
        (&stored["capabilities"], &stored["is_active"]),
        (&json!([]), &json!(true))
    );
    assert_eq!(newcomer.account.calls().count(), before);
    assert_eq!(newcomer.standing(harness).await, Some((true, true)));

    newcomer.store().await.document(200);
    assert_eq!(newcomer.standing(harness).await, Some((true, false)));
}

#[tokio::test]
async fn a_flag_that_is_neither_true_nor_false_is_refused() {
    let harness = Harness::shared().await;
    let newcomer = harness.newcomer().await;
    for flag in ["maybe", "", "False", "0"] {
        let path = format!("/api/integrations/twilio?verify={flag}");
        let refused = newcomer.admin.put(&path, &newcomer.credentials).await;
        assert_eq!(refused.refusal(), (400, "invalid_parameter"), "{flag}");
        assert_eq!(refused.faulty_fields(), ["verify"]);
    }
    let list = newcomer.admin.get("/api/integrations").await.document(200);
    assert_eq!(list["items"], json!([]));
}

#[tokio::test]
async fn deleted_credentials_are_gone_and_account_and_app_with_them() {
    let harness = Harness::shared().await;
    let newcomer = harness.connected().await;
    let token = newcomer.admin.post("/api/token", &json!({})).await;
    token.document(200);
    assert!(newcomer.remembers_an_app(harness).await);
    for provider in Provider::ALL {
        let path = path_of(provider);
        if provider != Provider::Twilio {
            let entered = newcomer.entry(harness, provider, "f1rst");
            newcomer.admin.put(&path, &entered).await.document(201);
        }
        assert_eq!(
            newcomer.admin.delete(&path).await.document(204),
            Value::Null
        );
        for answer in [
            newcomer.admin.get(&path).await,
            newcomer.admin.delete(&path).await,
            newcomer.admin.patch(&path, &json!({})).await,
            newcomer
                .admin
                .post(&format!("{path}/verify"), &json!({}))
                .await,
        ] {
            assert_eq!(answer.refusal(), (404, "integration_not_found"));
        }
    }
    let list = newcomer.admin.get("/api/integrations").await.document(200);
    assert_eq!(list["items"], json!([]));
    let token = newcomer.admin.post("/api/token", &json!({})).await;
    assert_eq!(token.refusal(), (409, "credentials_missing"));
    assert!(!newcomer.remembers_an_app(harness).await);
    assert_eq!(newcomer.standing(harness).await, None);
    let webhook = newcomer.tenant(harness);
    let refused = webhook.receive_sms(&webhook.sms("Hello")).await;
    assert_eq!(refused.status(), Some(403));
    let audit = newcomer.audit().await;
    let deleted = audit
        .iter()
        .filter(|[action, ..]| action == "credential_deleted");
    assert_eq!(deleted.count(), 5);

    // While warm functions may know it, the account is nobody's but its last tenant's.
    let other = harness.newcomer().await;
    let path = path_of(Provider::Twilio);
    let taken = other.admin.put(&path, &newcomer.credentials).await;
    assert_eq!(taken.refusal(), (409, "account_taken"));
    newcomer.store().await.document(201);
}
