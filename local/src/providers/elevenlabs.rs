//! `ElevenLabs`: what a key may read. Errors are `{detail: {status, message}}`.

use http::Method;
use serde_json::{Value, json};

use super::credential::{Fingerprint, Keys};
use crate::double::{Answer, Refusal, Request};

/// The header that the key comes in.
pub(super) const HEADER: &str = "xi-api-key";

/// What `ElevenLabs` knows of a key. One that is not registered is invalid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ElevenLabsKey {
    /// A key that may do everything.
    Full,
    /// A key that may do only what these permissions say: `user_read`, `models_read`, `voices_read`.
    Restricted(Vec<String>),
    /// A key whose credit is used up.
    QuotaExceeded,
    /// A key of a free plan, used from a cloud.
    UnusualActivity,
}

pub(super) fn answer(keys: &Keys<ElevenLabsKey>, request: &Request, path: &str) -> Answer {
    let Some(key) = request.header(HEADER) else {
        return error(
            401,
            "needs_authorization",
            "Neither authorization header nor xi-api-key received, please provide one.",
        );
    };
    let permissions = match keys.get(&Fingerprint::of(key)) {
        None => return refusal(Refusal::Unauthorized),
        Some(ElevenLabsKey::QuotaExceeded) => {
            let message = "This request exceeds your quota. You have 0 credits remaining.";
            return error(401, "quota_exceeded", message);
        }
        Some(ElevenLabsKey::UnusualActivity) => {
            let message = "Unusual activity detected. Free Tier usage disabled.";
            return error(401, "detected_unusual_activity", message);
        }
        Some(ElevenLabsKey::Full) => None,
        Some(ElevenLabsKey::Restricted(permissions)) => Some(permissions),
    };
    let (permission, document) = match (&request.method, path) {
        (&Method::GET, "/v1/user/subscription") => ("user_read", subscription()),
        (&Method::GET, "/v1/models") => ("models_read", models()),
        (&Method::GET, "/v1/voices") => ("voices_read", json!({"voices": []})),
        _ => return refusal(Refusal::NotFound),
    };
    if permissions.is_some_and(|allowed| allowed.iter().all(|one| one != permission)) {
        let message = format!(
            "The API key you used is missing the permission {permission} to execute this operation."
        );
        return error(401, "missing_permissions", &message);
    }
    Answer::json(200, &document)
        .with("current-concurrent-requests", "1")
        .with("maximum-concurrent-requests", "5")
}

fn subscription() -> Value {
    json!({
        "tier": "creator",
        "status": "active",
        "character_count": 12_345,
        "character_limit": 100_000,
        "next_character_count_reset_unix": 1_893_456_000,
        "voice_limit": 30,
        "can_extend_character_limit": false,
    })
}

fn models() -> Value {
    json!([{
        "model_id": "eleven_multilingual_v2",
        "name": "Eleven Multilingual v2",
        "can_do_text_to_speech": true,
    }])
}

pub(super) fn refusal(refusal: Refusal) -> Answer {
    match refusal {
        Refusal::Unauthorized => error(401, "invalid_api_key", "Invalid API key"),
        Refusal::NotFound => Answer::json(404, &json!({"detail": "Not Found"})),
        Refusal::TooManyRequests => error(
            429,
            "too_many_concurrent_requests",
            "Too many concurrent requests.",
        ),
        Refusal::InternalError => Answer::json(500, &json!({"detail": "Internal Server Error"})),
        Refusal::Unavailable => error(503, "service_unavailable", "The service is unavailable."),
    }
}

fn error(status: u16, code: &str, message: &str) -> Answer {
    Answer::json(
        status,
        &json!({"detail": {"status": code, "message": message}}),
    )
}
