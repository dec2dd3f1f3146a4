//! Documents with faults: all of them named at once, none of their values repeated, nothing stored.

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use shared::tenant::Provider;

use crate::client_api::caller::Answer;
use crate::client_api::onboarding::path_of;
use crate::harness::Harness;

/// Documents of a provider, with the fields that are to be named.
fn faulty(provider: Provider) -> Vec<(Value, Vec<&'static str>)> {
    match provider {
        Provider::Twilio => vec![
            (json!({}), vec!["account_sid", "auth_token"]),
            (
                json!({"account_sid": null, "auth_token": null}),
                vec!["account_sid", "auth_token"],
            ),
            (
                json!({
                    "account_sid": "SK-f4ulty", "auth_token": "f4ulty", "secondary_auth_token": 7, "api_key_sid": "AC-f4ulty",
                    "api_key_secret": "f4ulty with a space in it", "phone_number": "0043 f4ulty", "whatsapp_sender": "whatsapp:f4ulty",
                    "messaging_service_sid": ["f4ulty"], "api_key": "f4ulty",
                    "shared_keys": [
                        {"id": "f4ulty, id", "secret": "f4ulty"}, "f4ulty", {"id": "one", "key": "f4ulty"},
                    ],
                }),
                vec![
                    "account_sid",
                    "api_key",
                    "api_key_secret",
                    "api_key_sid",
                    "auth_token",
                    "messaging_service_sid",
                    "phone_number",
                    "secondary_auth_token",
                    "shared_keys[0].id",
                    "shared_keys[0].secret",
                    "shared_keys[1]",
                    "shared_keys[2].key",
                    "shared_keys[2].secret",
                    "whatsapp_sender",
                ],
            ),
            (
                json!({
                    "account_sid": format!("AC{:032x}", 0xf4), "auth_token": format!("AC{:032x}", 0xf4),
                    "api_key_sid": format!("SK{:032x}", 0xf4), "previous_auth_token": "f4ulty-previous-auth-token",
                }),
                vec!["api_key_secret", "auth_token", "previous_auth_token"],
            ),
        ],
        Provider::Vapi => vec![
            (json!({}), vec!["api_key", "webhook_secret"]),
            (
                json!({"api_key": "f4ulty", "webhook_secret": "f4ulty\n", "server": {"secret": "f4ulty"}}),
                vec!["api_key", "server", "webhook_secret"],
            ),
            (
                json!({"api_key": "f4ulty-f4ulty-f4ulty", "webhook_secret": "f4ulty-f4ulty-f4ulty"}),
                vec!["webhook_secret"],
            ),
        ],
        Provider::GoogleCalendar => vec![
            (
                json!({}),
                vec!["client_id", "client_secret", "refresh_token"],
            ),
            (
                json!({
                    "client_id": "GOCSPX-f4ulty-secret-of-a-client", "client_secret": "f4ulty.apps.googleusercontent.com",
                    "refresh_token": "ya29.f4ulty-access-token", "access_token": "ya29.f4ulty-access-token",
                }),
                vec![
                    "access_token",
                    "client_id",
                    "client_secret",
                    "refresh_token",
                ],
            ),
        ],
        Provider::Resend => vec![
            (json!({}), vec!["api_key"]),
            (
                json!({"api_key": "whsec_f4ulty_f4ulty", "from": "f4ulty@example.com"}),
                vec!["api_key", "from"],
            ),
            (json!({"api_key": "sk_f4ulty_f4ulty"}), vec!["api_key"]),
        ],
        Provider::ElevenLabs => vec![
            (json!({}), vec!["api_key"]),
            (
                json!({"api_key": "f4ulty", "xi-api-key": "f4ulty-f4ulty-f4ulty", "voice": null}),
                vec!["api_key", "voice", "xi-api-key"],
            ),
        ],
    }
}

/// A refusal that names these fields, and repeats nothing of what was sent.
fn assert_names(answer: &Answer, fields: &[&str]) {
    assert_eq!(answer.refusal(), (422, "invalid_fields"), "{answer:?}");
    assert_eq!(answer.faulty_fields(), fields, "{answer:?}");
    assert!(!format!("{answer:?}").contains("f4ulty"), "{answer:?}");
}

#[tokio::test]
async fn every_fault_of_a_document_is_named_at_once() {
    let harness = Harness::shared().await;
    let newcomer = harness.newcomer().await;
    for provider in Provider::ALL {
        let path = path_of(provider);
        for (document, fields) in faulty(provider) {
            assert_names(&newcomer.admin.put(&path, &document).await, &fields);
        }
        for document in [json!([]), json!("f4ulty"), json!(null), json!([["f4ulty"]])] {
            let answer = newcomer.admin.put(&path, &document).await;
            assert!(answer.faulty_fields().contains(&"(all)"), "{answer:?}");
            assert!(!format!("{answer:?}").contains("f4ulty"), "{answer:?}");
        }
        let missing = newcomer.admin.get(&path).await;
        assert_eq!(missing.refusal(), (404, "integration_not_found"));
    }
}

#[tokio::test]
async fn every_fault_of_a_change_is_named_at_once_and_what_was_stored_stays() {
    let harness = Harness::shared().await;
    let newcomer = harness.newcomer().await;
    for provider in Provider::ALL {
        let path = path_of(provider);
        let entered = newcomer.entry(harness, provider, "f1rst");
        let stored = newcomer.admin.put(&path, &entered).await.document(201);
        let documents = faulty(provider).into_iter();
        // What is not sent is stored already.
        let documents = documents.filter(|(document, _)| {
            let members = document.as_object().unwrap().values();
            members.clone().count() > 2 && members.clone().all(|value| !value.is_null())
        });
        for (document, fields) in documents {
            let answer = newcomer.admin.patch(&path, &document).await;
            let named = answer.faulty_fields();
            assert!(
                fields.iter().all(|field| named.contains(field)),
                "{answer:?}"
            );
            assert!(!format!("{answer:?}").contains("f4ulty"), "{answer:?}");
        }
        assert_eq!(newcomer.admin.get(&path).await.document(200), stored);
    }
}

#[tokio::test]
async fn a_hundred_faults_are_named_and_no_name_of_a_field_that_could_be_a_secret() {
    let newcomer = Harness::shared().await.newcomer().await;
    let members = (0..200).map(|number| (format!("{number:03}{}", "x".repeat(200)), json!(1)));
    let document: Value = members.collect::<serde_json::Map<_, _>>().into();
    let answer = newcomer
        .admin
        .put("/api/integrations/vapi", &document)
        .await;
    let fields = answer.faulty_fields();
    assert_eq!(fields.len(), 100);
    assert!(
        fields
            .iter()
            .all(|field| *field == "(unknown)" || !field.contains('x'))
    );
}

#[tokio::test]
async fn what_is_no_json_object_of_one_meaning_is_refused_without_a_word_of_it() {
    let newcomer = Harness::shared().await.newcomer().await;
    let path = "/api/integrations/resend";
    let body = r#"{"api_key": "re_f4ulty_f4ulty_f4ulty"}"#;
    let twice = r#"{"api_key": "re_f4ulty_f4ulty_f4ulty", "api_key": "re_f4ulty_f4ulty"}"#;
    let long = format!(r#"{{"api_key": "re_{}"}}"#, "f4ulty".repeat(12_000));
    for (media_type, body, refusal) in [
        ("application/json", &body[..20], (400, "malformed_body")),
        ("application/json", "f4ulty", (400, "malformed_body")),
        ("application/json", "", (400, "malformed_body")),
        ("application/json", twice, (400, "malformed_body")),
        ("text/plain", body, (415, "unsupported_media_type")),
        (
            "application/x-www-form-urlencoded",
            "api_key=f4ulty",
            (415, "unsupported_media_type"),
        ),
        ("application/json", &long, (413, "body_too_large")),
    ] {
        for method in [Method::PUT, Method::PATCH] {
            let answer = newcomer.admin.send(method.clone(), path, |request| {
                request
                    .header(CONTENT_TYPE, media_type)
                    .body(body.to_owned())
            });
            let answer = answer.await;
            assert_eq!(answer.refusal(), refusal, "{method} {media_type}");
            assert!(!format!("{answer:?}").contains("f4ulty"), "{answer:?}");
        }
    }
}

#[tokio::test]
async fn a_provider_that_there_is_not_is_no_route() {
    let newcomer = Harness::shared().await.newcomer().await;
    let entered = json!({"api_key": "f4ulty-f4ulty-f4ulty"});
    for name in ["sendgrid", "Twilio", "google-calendar", "f4ulty-f4ulty"] {
        let path = format!("/api/integrations/{name}");
        for answer in [
            newcomer.admin.get(&path).await,
            newcomer.admin.put(&path, &entered).await,
            newcomer.admin.patch(&path, &entered).await,
            newcomer.admin.delete(&path).await,
            newcomer
                .admin
                .post(&format!("{path}/verify"), &json!({}))
                .await,
        ] {
            assert_eq!(answer.refusal(), (404, "not_found"), "{name}");
            assert!(!format!("{answer:?}").contains("f4ulty"), "{answer:?}");
        }
    }
}

#[tokio::test]
async fn in_a_document_that_is_stored_whole_null_is_as_good_as_nothing() {
    let harness = Harness::shared().await;
    let newcomer = harness.newcomer().await;
    let path = "/api/integrations/twilio";
    let mut entered = newcomer.credentials.clone();
    for field in [
        "secondary_auth_token",
        "phone_number",
        "whatsapp_sender",
        "messaging_service_sid",
        "shared_keys",
    ] {
        entered[field] = Value::Null;
    }
    let stored = newcomer.admin.put(path, &entered).await.document(201);
    let bare = newcomer.store().await.document(200);
    assert_eq!(stored["config"], bare["config"]);
    assert_eq!(stored["fingerprint"], bare["fingerprint"]);
    let fields = bare["config"].as_object().unwrap().keys();
    let fields: Vec<_> = fields.collect();
    assert_eq!(
        fields,
        ["account_sid", "api_key_secret", "api_key_sid", "auth_token"]
    );
}
