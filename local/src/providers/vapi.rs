//! Vapi: whether a key is known. Errors are `{message, error, statusCode}`, where `message` may be a list.

use http::Method;
use serde_json::{Value, json};

use super::credential::{Fingerprint, Keys};
use crate::double::{Answer, Refusal, Request};

/// The largest `limit`.
const MOST: u32 = 1_000;

/// What Vapi knows of a key. One that is not registered is answered like a public one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VapiKey {
    /// A private key. With an organisation's id there is an assistant that shows it.
    Private {
        /// The organisation's id.
        organisation: Option<String>,
    },
    /// A public key, which only browsers may use.
    Public,
    /// A private key that may not list assistants.
    Forbidden,
}

pub(super) fn answer(keys: &Keys<VapiKey>, request: &Request, path: &str) -> Answer {
    let Some(key) = request.bearer() else {
        return error(401, &json!("Unauthorized"), "Unauthorized");
    };
    let organisation = match keys.get(&Fingerprint::of(key)) {
        None | Some(VapiKey::Public) => return refusal(Refusal::Unauthorized),
        Some(VapiKey::Forbidden) => return error(403, &json!("Forbidden resource"), "Forbidden"),
        Some(VapiKey::Private { organisation }) => organisation,
    };
    if (&request.method, path) != (&Method::GET, "/assistant") {
        let message = format!("Cannot {} {path}", request.method);
        return error(404, &json!(message), "Not Found");
    }
    let limit = request.query("limit").map_or(Ok(100), str::parse::<u32>);
    let Ok(limit @ 0..=MOST) = limit else {
        let message = json!([format!("limit must not be greater than {MOST}")]);
        return error(400, &message, "Bad Request");
    };
    let assistant = organisation.as_ref().map(|organisation| {
        json!({
            "id": "00000000-0000-4000-8000-000000000001",
            "orgId": organisation,
            "name": "Reception",
            "createdAt": "2026-01-01T00:00:00.000Z",
            "updatedAt": "2026-01-01T00:00:00.000Z",
        })
    });
    let shown: Vec<Value> = assistant.into_iter().filter(|_| limit > 0).collect();
    Answer::json(200, &Value::Array(shown))
}

pub(super) fn refusal(refusal: Refusal) -> Answer {
    match refusal {
        Refusal::Unauthorized => error(
            401,
            &json!(
                "Invalid Key. Hot tip, you may be using the private key instead of the public key, or vice versa."
            ),
            "Unauthorized",
        ),
        Refusal::NotFound => error(404, &json!("Not Found"), "Not Found"),
        Refusal::TooManyRequests => error(429, &json!("Rate limit exceeded"), "Too Many Requests"),
        Refusal::InternalError => error(
            500,
            &json!("Internal server error"),
            "Internal Server Error",
        ),
        Refusal::Unavailable => error(503, &json!("Service Unavailable"), "Service Unavailable"),
    }
}

fn error(status: u16, message: &Value, error: &str) -> Answer {
    let document = json!({"message": message, "error": error, "statusCode": status});
    Answer::json(status, &document)
}
