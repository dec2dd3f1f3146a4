//! The samples of the client API's functions, in the order of a tenant's life: from its creation to its deletion.

use std::collections::BTreeSet;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use shared::api::ROUTES;
use tokio::sync::OnceCell;

use super::{read, send};
use crate::openapi::Contract;

/// A tenant's life, with the status of each answer. On a stack that has seen it before, the first ones differ: 409, 200 and 200.
const LIFE: &[(&str, u16)] = &[
    ("tenants/create-tenant.json", 201),
    ("tenants/list-tenants.json", 200),
    ("tenants/read-tenant.json", 200),
    ("tenants/update-tenant.json", 200),
    ("credentials/replace-integration.json", 201),
    ("credentials/replace-integration-unverified.json", 201),
    ("credentials/list-integrations.json", 200),
    ("credentials/read-integration.json", 200),
    ("credentials/update-integration.json", 200),
    ("credentials/verify-integration.json", 200),
    ("credentials/delete-integration.json", 204),
    ("credentials/read-settings.json", 200),
    ("credentials/update-settings.json", 200),
    ("credentials/operator.json", 200),
    ("token/issue-token.json", 200),
    ("token/issue-token-without-body.json", 200),
    ("credentials/check-health.json", 200),
    ("messaging/sync-phone-numbers.json", 200),
    ("messaging/list-phone-numbers.json", 200),
    ("messaging/read-usage.json", 200),
    ("credentials/rotate-auth-token.json", 202),
    ("credentials/list-audit.json", 200),
    ("tenants/suspend-tenant.json", 200),
    ("token/suspended-tenant.json", 403),
    ("tenants/resume-tenant.json", 200),
];

/// What reads the activity of the demo tenant that these webhooks are sent to. All of it is answered with 200.
const WEBHOOKS: &[&str] = &[
    "sms-webhook/sms.json",
    "sms-webhook/mms.json",
    "whatsapp-webhook/whatsapp.json",
    "voice-webhook/voice.json",
    "voice-webhook/voice-status.json",
    "voice-webhook/voice-voicemail.json",
];
const READS: &[&str] = &[
    "messaging/list-messages.json",
    "messaging/read-message.json",
    "messaging/list-conversations.json",
    "messaging/list-conversation-messages.json",
    "messaging/list-contacts.json",
    "messaging/list-calls.json",
    "messaging/read-call.json",
    "messaging/list-recordings.json",
    "messaging/read-recording.json",
];

/// What Twilio is asked about and does not have, because nothing of the webhooks really happened there.
const OF_TWILIO: &[&str] = &[
    "messaging/play-recording.json",
    "messaging/read-message-media.json",
];

/// What is refused while the tenant is there, with the status and the code.
const REFUSED: &[(&str, u16, &str)] = &[
    ("tenants/faulty-fields.json", 422, "invalid_fields"),
    ("tenants/unknown-tenant.json", 404, "tenant_not_found"),
    ("tenants/admin.json", 403, "role_required"),
    ("tenants/invalid-cursor.json", 400, "invalid_cursor"),
    (
        "credentials/operator-without-tenant.json",
        400,
        "tenant_required",
    ),
    ("credentials/another-tenant.json", 403, "tenant_mismatch"),
    ("credentials/member.json", 403, "role_required"),
    ("credentials/role-of-no-meaning.json", 403, "role_required"),
    ("credentials/several-tenants.json", 403, "no_tenant"),
    ("credentials/old-version.json", 412, "version_mismatch"),
    ("credentials/faulty-fields.json", 422, "invalid_fields"),
    ("credentials/not-accepted.json", 422, "credentials_invalid"),
    ("credentials/unknown-provider.json", 404, "not_found"),
    (
        "credentials/nothing-stored.json",
        404,
        "integration_not_found",
    ),
    ("credentials/body-not-json.json", 400, "malformed_body"),
    (
        "credentials/wrong-content-type.json",
        415,
        "unsupported_media_type",
    ),
    // A sample that deleted one that others tell of would do so for good.
    (
        "messaging/delete-recording.json",
        404,
        "recording_not_found",
    ),
    // The account has numbers of its own making, whose SIDs nobody knows before they were synced.
    (
        "messaging/connect-phone-number.json",
        404,
        "phone_number_not_found",
    ),
    ("messaging/unknown-message.json", 404, "message_not_found"),
    ("messaging/malformed-sid.json", 404, "message_not_found"),
    ("messaging/unknown-parameter.json", 400, "invalid_parameter"),
    ("token/faulty-fields.json", 422, "invalid_fields"),
    ("token/no-tenant.json", 403, "no_tenant"),
    ("token/unknown-tenant.json", 404, "tenant_not_found"),
    ("token/no-subject.json", 401, "unauthenticated"),
];

/// The end of that life. It has an account, which functions may still serve: 202.
const END: (&str, u16) = ("tenants/delete-tenant.json", 202);

/// Every sample of the client API.
pub(super) fn files() -> impl Iterator<Item = &'static str> {
    let life = LIFE.iter().chain([&END]).map(|(file, _)| *file);
    let refused = REFUSED.iter().map(|(file, _, _)| *file);
    let activity = READS.iter().chain(OF_TWILIO).copied();
    life.chain(activity).chain(refused)
}

/// Sends a sample; what is answered has to be what `openapi.yaml` says of that operation.
async fn judged(file: &str) -> (u16, Value) {
    let event = read(file);
    let answer = send(file).await;
    let status = u16::try_from(answer["statusCode"].as_i64().unwrap()).unwrap();
    let headers = answer["headers"].as_object().unwrap().iter();
    let headers: HeaderMap = headers
        .map(|(name, value)| {
            let value = HeaderValue::from_str(value.as_str().unwrap()).unwrap();
            (HeaderName::try_from(name).unwrap(), value)
        })
        .collect();
    let body = answer["body"].as_str().unwrap_or_default();
    let http = &event["requestContext"]["http"];
    let [method, path] = [&http["method"], &http["path"]].map(|part| part.as_str().unwrap());
    if let Err(fault) = Contract::shared().validate(method, path, status, &headers, body.as_bytes())
    {
        panic!("{file}: {status} {body}: {fault}");
    }
    (status, serde_json::from_str(body).unwrap_or_default())
}

/// The whole life, once: what was answered, in order.
async fn life() -> &'static [(&'static str, Value)] {
    static LIVED: OnceCell<Vec<(&str, Value)>> = OnceCell::const_new();
    LIVED
        .get_or_init(|| async {
            let mut answers = Vec::new();
            for (file, expected) in LIFE {
                let (status, body) = judged(file).await;
                assert_eq!(status, *expected, "{file}: {body}");
                answers.push((*file, body));
            }
            for webhook in WEBHOOKS {
                send(webhook).await;
            }
            for file in READS {
                let (status, body) = judged(file).await;
                assert_eq!(status, 200, "{file}: {body}");
                answers.push((*file, body));
            }
            for file in OF_TWILIO {
                let (status, body) = judged(file).await;
                assert_eq!(
                    (status, &body["code"]),
                    (404, &"media_not_found".into()),
                    "{file}"
                );
            }
            for (file, expected, code) in REFUSED {
                let (status, body) = judged(file).await;
                assert_eq!(
                    (status, &body["code"]),
                    (*expected, &(*code).into()),
                    "{file}"
                );
            }
            let (file, expected) = END;
            let (status, body) = judged(file).await;
            assert_eq!(status, expected, "{file}: {body}");
            answers
        })
        .await
}

async fn answered(file: &str) -> &'static Value {
    let mut answers = life().await.iter();
    &answers.find(|(name, _)| *name == file).unwrap().1
}

#[tokio::test]
async fn a_tenant_lives_by_the_samples_from_its_creation_to_its_deletion() {
    life().await;
}

#[tokio::test]
async fn the_samples_of_a_tenant_lead_to_a_connection_that_works() {
    assert_eq!(
        answered("credentials/replace-integration.json").await["status"],
        "valid"
    );
    let health = answered("credentials/check-health.json").await;
    assert_eq!(health["checks"][0]["status"], "ok", "{health}");
    assert_eq!(health["checks"][1]["status"], "ok", "{health}");
    // Nobody gave the text in another form than UTF-8.
    let settings = answered("credentials/update-settings.json").await;
    assert_eq!(settings["greeting"], "Willkommen bei Initech, grüß Gott.");
}

#[tokio::test]
async fn the_samples_that_read_activity_tell_of_the_webhooks_that_were_sent() {
    let message = answered("messaging/read-message.json").await;
    assert_eq!(message["contact"], "+15005550010", "{message}");
    let call = answered("messaging/read-call.json").await;
    let recording = answered("messaging/read-recording.json").await;
    assert_eq!(call["recordings"][0], *recording);
    assert_eq!(call["legs"][0]["parent_sid"], call["sid"], "{call}");
    let has = |list: &Value, sid: &Value| {
        let mut items = list["items"].as_array().unwrap().iter();
        items.any(|item| item["sid"] == *sid)
    };
    let messages = answered("messaging/list-messages.json").await;
    assert!(has(messages, &message["sid"]), "{messages}");
    let calls = answered("messaging/list-calls.json").await;
    assert!(has(calls, &call["sid"]), "{calls}");
    let recordings = answered("messaging/list-recordings.json").await;
    assert!(has(recordings, &recording["sid"]), "{recordings}");
    let conversation = answered("messaging/list-conversation-messages.json").await;
    let written = &conversation["items"][0]["contact"];
    assert_eq!(written, "whatsapp:+15005550010", "{conversation}");
}

#[test]
fn every_route_of_the_client_api_has_a_sample_as_its_gateway_sends_it() {
    let mut sampled = BTreeSet::new();
    for file in files() {
        let event = read(file);
        let context = &event["requestContext"];
        assert_eq!(event["routeKey"], context["routeKey"], "{file}");
        assert_eq!(event["rawPath"], context["http"]["path"], "{file}");
        let claims = context["authorizer"]["jwt"]["claims"].as_object().unwrap();
        assert!(claims.values().all(Value::is_string), "{file}");
        sampled.insert(event["routeKey"].as_str().unwrap().to_owned());
    }
    let routes = ROUTES.iter();
    let routes = routes.map(|route| format!("{} {}", route.method, route.path));
    assert_eq!(sampled, routes.collect());
}
