//! `oauth2.googleapis.com`: refresh and revocation. Errors are `{error, error_description}`.

use http::Method;
use jiff::Timestamp;
use serde_json::json;

use super::directory::LIFETIME;
use super::{Directory, GrantState, SCOPE};
use crate::double::{Answer, Refusal, Request, first};
use crate::providers::credential::Fingerprint;
use crate::twilio::SidSupply;

/// The token that a request is about.
pub(in crate::providers) fn token_of(request: &Request) -> Option<String> {
    let form = request.form();
    first(&form, "refresh_token")
        .or_else(|| first(&form, "token"))
        .or_else(|| request.query("token"))
        .map(str::to_owned)
}

pub(in crate::providers) fn oauth(
    directory: &mut Directory,
    request: &Request,
    path: &str,
    now: Timestamp,
    sids: &SidSupply,
) -> Answer {
    match (&request.method, path) {
        (&Method::POST, "/token") => refresh(directory, request, now, sids),
        (&Method::POST, "/revoke") => revoke(directory, request),
        _ => refusal(Refusal::NotFound),
    }
}

fn refresh(
    directory: &mut Directory,
    request: &Request,
    now: Timestamp,
    sids: &SidSupply,
) -> Answer {
    let form = request.form();
    let (Some(id), Some(secret)) = (first(&form, "client_id"), first(&form, "client_secret"))
    else {
        return error(
            400,
            "invalid_request",
            "Could not determine client ID from request.",
        );
    };
    match directory.client(id) {
        None => return refusal(Refusal::Unauthorized),
        Some(client) if client.secret != Fingerprint::of(secret) => {
            return error(
                401,
                "invalid_client",
                "The provided client secret is invalid.",
            );
        }
        Some(_) => {}
    }
    match first(&form, "grant_type") {
        Some("refresh_token") => {}
        Some(other) => {
            let description = format!("Invalid grant_type: {other}");
            return error(400, "unsupported_grant_type", &description);
        }
        None => {
            let description = "Required parameter is missing: grant_type";
            return error(400, "invalid_request", description);
        }
    }
    let Some(token) = first(&form, "refresh_token") else {
        return error(
            400,
            "invalid_request",
            "Missing required parameter: refresh_token",
        );
    };
    let token = Fingerprint::of(token);
    let dead = || error(400, "invalid_grant", "Token has been expired or revoked.");
    let Some(grant) = directory.grant(&token) else {
        return dead();
    };
    if grant.client_id != id {
        return error(401, "unauthorized_client", "Unauthorized");
    }
    match grant.state {
        GrantState::Live => {}
        GrantState::Dead => return dead(),
        GrantState::SessionEnded => {
            let document = json!({
                "error": "invalid_grant",
                "error_description": "reauth related error (invalid_rapt)",
                "error_subtype": "invalid_rapt",
            });
            return Answer::json(400, &document);
        }
    }
    let scopes: Vec<String> = grant
        .scopes
        .iter()
        .map(|scope| format!("{SCOPE}{scope}"))
        .collect();
    let (access, replacement) = directory.refresh(&token, now, sids);
    let mut document = json!({
        "access_token": access,
        "expires_in": LIFETIME,
        "scope": scopes.join(" "),
        "token_type": "Bearer",
    });
    if let (Some(replacement), Some(members)) = (replacement, document.as_object_mut()) {
        members.insert("refresh_token".to_owned(), json!(replacement));
    }
    Answer::json(200, &document)
}

fn revoke(directory: &mut Directory, request: &Request) -> Answer {
    let Some(token) = token_of(request) else {
        return error(400, "invalid_request", "Missing required parameter: token");
    };
    if directory.revoke(&Fingerprint::of(&token)) {
        Answer::json(200, &json!({}))
    } else {
        error(400, "invalid_token", "Token expired or revoked")
    }
}

pub(in crate::providers) fn refusal(refusal: Refusal) -> Answer {
    match refusal {
        Refusal::Unauthorized => error(401, "invalid_client", "The OAuth client was not found."),
        Refusal::NotFound => error(404, "not_found", "Not Found"),
        Refusal::TooManyRequests => error(429, "rate_limit_exceeded", "Rate Limit Exceeded"),
        Refusal::InternalError => error(500, "internal_failure", "Internal error"),
        Refusal::Unavailable => error(503, "temporarily_unavailable", "Backend error"),
    }
}

fn error(status: u16, code: &str, description: &str) -> Answer {
    Answer::json(
        status,
        &json!({"error": code, "error_description": description}),
    )
}
