//! Resend: which key may list domains. Errors are `{statusCode, name, message}`.

use http::Method;
use serde_json::{Value, json};

use super::credential::{Fingerprint, Keys};
use crate::double::{Answer, Refusal, Request};

/// The largest `limit`.
const MOST: usize = 100;

/// What Resend knows of a key. One that is not registered is invalid with status 400.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResendKey {
    /// A key with full access.
    Full {
        /// The domains of its team.
        domains: Vec<Domain>,
    },
    /// A key that may only send.
    SendingOnly,
    /// A key that Resend does not take; it was seen to say so with 400 and 401, and documents 403.
    Invalid {
        /// The status with which it says so.
        status: u16,
    },
}

/// A domain that mails are sent from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Domain {
    /// Its name.
    pub name: String,
    /// `verified`, `pending`, `failed` and so on.
    pub status: String,
}

pub(super) fn answer(keys: &Keys<ResendKey>, request: &Request, path: &str) -> Answer {
    let Some(key) = request.bearer() else {
        return error(401, "missing_api_key", "Missing API Key");
    };
    let domains = match keys.get(&Fingerprint::of(key)) {
        None => return invalid(400),
        Some(ResendKey::Invalid { status }) => return invalid(*status),
        Some(ResendKey::SendingOnly) => {
            let message = "This API key is restricted to only send emails";
            return error(401, "restricted_api_key", message);
        }
        Some(ResendKey::Full { domains }) => domains,
    };
    if (&request.method, path) != (&Method::GET, "/domains") {
        return refusal(Refusal::NotFound);
    }
    let limit = request.query("limit").map_or(Ok(20), str::parse::<usize>);
    let Ok(limit @ 1..=MOST) = limit else {
        let message = format!("The limit must be between 1 and {MOST}");
        return error(422, "validation_error", &message);
    };
    let data: Vec<Value> = (1_u32..)
        .zip(domains)
        .take(limit)
        .map(|(number, domain)| {
            json!({
                "id": format!("00000000-0000-4000-8000-{number:012}"),
                "name": domain.name,
                "status": domain.status,
                "created_at": "2026-01-01T00:00:00.000Z",
                "region": "us-east-1",
            })
        })
        .collect();
    let has_more = data.len() < domains.len();
    let list = json!({"object": "list", "has_more": has_more, "data": data});
    limited(Answer::json(200, &list))
}

pub(super) fn refusal(refusal: Refusal) -> Answer {
    match refusal {
        Refusal::Unauthorized => invalid(401),
        Refusal::NotFound => error(404, "not_found", "The requested endpoint does not exist"),
        Refusal::TooManyRequests => error(
            429,
            "rate_limit_exceeded",
            "Too many requests. You can only make 2 requests per second.",
        ),
        Refusal::InternalError => error(
            500,
            "internal_server_error",
            "An unexpected error occurred.",
        ),
        Refusal::Unavailable => error(503, "application_error", "Service unavailable."),
    }
}

fn invalid(status: u16) -> Answer {
    let name = match status {
        403 => "invalid_api_key",
        _ => "validation_error",
    };
    error(status, name, "API key is invalid")
}

fn error(status: u16, name: &str, message: &str) -> Answer {
    let document = json!({"statusCode": status, "name": name, "message": message});
    limited(Answer::json(status, &document))
}

/// The headers that tell the limit of the team.
fn limited(answer: Answer) -> Answer {
    answer
        .with("ratelimit-policy", "2;w=1")
        .with("ratelimit-limit", "2")
        .with("ratelimit-remaining", "1")
        .with("ratelimit-reset", "1")
}
