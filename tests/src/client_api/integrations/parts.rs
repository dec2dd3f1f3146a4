//! Credentials changed in part: what is not sent stays, secrets included, as the next live call shows.

use local::providers::Grant;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use shared::tenant::Provider;

use crate::client_api::onboarding::{Newcomer, path_of};
use crate::harness::Harness;

/// What a check of the stored credentials finds now.
async fn outcome(newcomer: &Newcomer, provider: Provider) -> Value {
    let path = format!("{}/verify", path_of(provider));
    let checked = newcomer.admin.post(&path, &json!({})).await;
    checked.document(200)["outcome"].clone()
}

#[tokio::test]
async fn a_change_keeps_the_secrets_that_are_not_sent_and_twilio_is_asked_with_them() {
    let harness = Harness::shared().await;
    let newcomer = harness.newcomer().await;
    let path = path_of(Provider::Twilio);
    let entered = newcomer.entry(harness, Provider::Twilio, "f1rst");
    let before = newcomer.admin.put(&path, &entered).await.document(201);
    let change = json!({"phone_number": "+15005550009"});
    let unchecked = format!("{path}?verify=false");
    let after = newcomer
        .admin
        .patch(&unchecked, &change)
        .await
        .document(200);
    let mut config = before["config"].clone();
    config["phone_number"] = json!("+15005550009");
    assert_eq!(after["config"], config);
    // What was known of the secrets still is.
    for field in ["status", "capabilities", "last_verified_at", "rotated_at"] {
        assert_eq!(after[field], before[field], "{field}");
    }
    assert_eq!(newcomer.standing(harness).await, Some((true, false)));
    // Each of the three is what Twilio knows.
    assert_eq!(outcome(&newcomer, Provider::Twilio).await, "valid");
    newcomer.account.set_secondary_auth_token(None);
    assert_eq!(outcome(&newcomer, Provider::Twilio).await, "restricted");
    let without = json!({"secondary_auth_token": null});
    let after = newcomer.admin.patch(&path, &without).await.document(200);
    assert_eq!(after["status"], "valid");
    assert_eq!(after["config"].get("secondary_auth_token"), None);
    newcomer
        .account
        .delete_key(entered["api_key_sid"].as_str().unwrap());
    assert_eq!(outcome(&newcomer, Provider::Twilio).await, "invalid");
    let without = json!({"api_key_sid": null, "api_key_secret": null});
    let after = newcomer.admin.patch(&path, &without).await.document(200);
    assert_eq!(after["status"], "valid");
    assert_eq!(after["config"].get("api_key_secret"), None);
    newcomer.account.set_auth_token("somebody-changed-it");
    assert_eq!(outcome(&newcomer, Provider::Twilio).await, "invalid");
}

#[tokio::test]
async fn a_change_is_checked_with_the_secrets_that_stay() {
    let harness = Harness::shared().await;
    let newcomer = harness.newcomer().await;
    for (provider, field, value) in [
        (Provider::Vapi, "webhook_secret", "another-webhook-secret"),
        (
            Provider::GoogleCalendar,
            "refresh_token",
            "1//another-grant",
        ),
    ] {
        let path = path_of(provider);
        let entered = newcomer.entry(harness, provider, "f1rst");
        let before = newcomer.admin.put(&path, &entered).await.document(201);
        let value = format!("{value}-{}", newcomer.id);
        if let Some(client) = entered["client_id"].as_str() {
            let grant = Grant::live(client, &["calendar.events"]);
            harness.stack.providers().add_google_grant(&value, grant);
        }
        let after = newcomer.admin.patch(&path, &json!({field: value})).await;
        let after = after.document(200);
        assert_eq!(after["status"], "valid");
        assert_ne!(after["config"][field], before["config"][field]);
        assert_ne!(after["rotated_at"], before["rotated_at"]);
        assert_eq!(outcome(&newcomer, provider).await, "valid");
    }
}

#[tokio::test]
async fn a_change_of_nothing_keeps_everything_and_counts_as_a_version() {
    let harness = Harness::shared().await;
    let newcomer = harness.newcomer().await;
    for provider in Provider::ALL {
        let path = path_of(provider);
        let entered = newcomer.entry(harness, provider, "f1rst");
        let before = newcomer.admin.put(&path, &entered).await.document(201);
        let after = newcomer.admin.send(Method::PATCH, &path, |request| {
            let request = request.header(CONTENT_TYPE, "application/merge-patch+json");
            request.body("{}")
        });
        let after = after.await.document(200);
        assert_eq!(
            (&after["version"], &after["status"]),
            (&json!(2), &json!("valid"))
        );
        for field in ["config", "fingerprint", "rotated_at", "capabilities"] {
            assert_eq!(after[field], before[field], "{field} of {provider}");
        }
    }
}

#[tokio::test]
async fn what_is_needed_cannot_be_removed_and_what_belongs_together_only_together() {
    let harness = Harness::shared().await;
    let newcomer = harness.newcomer().await;
    for (provider, change, fields) in [
        (
            Provider::Twilio,
            json!({"account_sid": null, "auth_token": null}),
            vec!["account_sid", "auth_token"],
        ),
        (
            Provider::Twilio,
            json!({"api_key_sid": null}),
            vec!["api_key_sid"],
        ),
        (
            Provider::Twilio,
            json!({"api_key_secret": null}),
            vec!["api_key_secret"],
        ),
        (
            Provider::Twilio,
            json!({"api_key_sid": format!("SK{:032x}", 9)}),
            vec!["api_key_secret"],
        ),
        (
            Provider::Twilio,
            json!({"account_sid": format!("AC{:032x}", 9)}),
            vec![
                "api_key_secret",
                "api_key_sid",
                "auth_token",
                "messaging_service_sid",
                "phone_number",
                "secondary_auth_token",
                "shared_keys",
                "whatsapp_sender",
            ],
        ),
        (
            Provider::Vapi,
            json!({"api_key": null, "webhook_secret": null}),
            vec!["api_key", "webhook_secret"],
        ),
        (
            Provider::GoogleCalendar,
            json!({"client_id": "other.apps.googleusercontent.com"}),
            vec!["client_secret", "refresh_token"],
        ),
        (Provider::Resend, json!({"api_key": null}), vec!["api_key"]),
        (
            Provider::ElevenLabs,
            json!({"api_key": null}),
            vec!["api_key"],
        ),
    ] {
        let path = path_of(provider);
        let entered = newcomer.entry(harness, provider, "f1rst");
        let unchecked = format!("{path}?verify=false");
        let stored = newcomer.admin.put(&unchecked, &entered).await;
        assert!(matches!(stored.status, 200 | 201));
        let refused = newcomer.admin.patch(&path, &change).await;
        assert_eq!(refused.refusal(), (422, "invalid_fields"), "{change}");
        assert_eq!(refused.faulty_fields(), fields, "{change}");
        assert_eq!(newcomer.admin.get(&path).await.document(200), stored.body);
    }
}

#[tokio::test]
async fn every_optional_field_is_removed_by_null() {
    let harness = Harness::shared().await;
    let newcomer = harness.newcomer().await;
    let path = path_of(Provider::Twilio);
    let entered = newcomer.entry(harness, Provider::Twilio, "f1rst");
    newcomer.admin.put(&path, &entered).await.document(201);
    let change = json!({
        "secondary_auth_token": null, "api_key_sid": null, "api_key_secret": null, "phone_number": null,
        "whatsapp_sender": null, "messaging_service_sid": null, "shared_keys": null,
    });
    let after = newcomer.admin.patch(&path, &change).await.document(200);
    let left: Vec<_> = after["config"].as_object().unwrap().keys().collect();
    assert_eq!(left, ["account_sid", "auth_token"]);
    let token = newcomer.admin.post("/api/token", &json!({})).await;
    assert_eq!(token.refusal(), (409, "api_key_missing"));
}
