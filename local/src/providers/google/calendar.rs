//! `www.googleapis.com/calendar/v3`: the calls that prove what a grant allows. Errors are
//! `{error: {code, message, errors: [{domain, reason, message}]}}`, with `details` where the grant or the project is at
//! fault.

use http::Method;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::Directory;
use crate::double::{Answer, Refusal, Request};
use crate::providers::credential::Fingerprint;

const CALENDAR_LIST: &[&str] = &[
    "calendar",
    "calendar.readonly",
    "calendar.calendarlist",
    "calendar.calendarlist.readonly",
];
const EVENTS: &[&str] = &[
    "calendar",
    "calendar.readonly",
    "calendar.events",
    "calendar.events.readonly",
    "calendar.events.owned",
];
const FREE_BUSY: &[&str] = &["calendar", "calendar.readonly", "calendar.freebusy"];

/// Makes the document of a call that is allowed, or refuses what is wrong with it.
type Respond = fn(&Request) -> Result<Value, Answer>;

/// The largest `maxResults` of both lists that are played.
const MOST: u32 = 250;

pub(in crate::providers) fn api(
    directory: &Directory,
    request: &Request,
    path: &str,
    now: Timestamp,
) -> Answer {
    let (needed, document): (_, Respond) = match (&request.method, path) {
        (&Method::GET, "/calendar/v3/users/me/calendarList") => (CALENDAR_LIST, calendars),
        (&Method::GET, "/calendar/v3/calendars/primary/events") => (EVENTS, events),
        (&Method::POST, "/calendar/v3/freeBusy") => (FREE_BUSY, free_busy),
        _ => return refusal(Refusal::NotFound),
    };
    let token = request.bearer().map(Fingerprint::of);
    let Some(grant) = token.and_then(|token| directory.granted(&token, now)) else {
        return refusal(Refusal::Unauthorized);
    };
    let client = directory.client(&grant.client_id);
    if !client.is_some_and(|client| client.calendar_enabled) {
        let message =
            "Google Calendar API has not been used in this project before or it is disabled.";
        return forbidden(
            message,
            "usageLimits",
            "accessNotConfigured",
            "SERVICE_DISABLED",
        );
    }
    if grant
        .scopes
        .iter()
        .all(|scope| !needed.contains(&scope.as_str()))
    {
        let message = "Request had insufficient authentication scopes.";
        let details = "ACCESS_TOKEN_SCOPE_INSUFFICIENT";
        return forbidden(message, "global", "insufficientPermissions", details);
    }
    match document(request) {
        Ok(document) => Answer::json(200, &partial(document, request.query("fields"))),
        Err(answer) => answer,
    }
}

fn most(request: &Request) -> Result<u32, Answer> {
    let limit = request.query("maxResults").map_or(Ok(100), str::parse);
    limit
        .ok()
        .filter(|limit| (1..=MOST).contains(limit))
        .ok_or_else(|| error(400, "Invalid value for maxResults", "global", "invalid"))
}

fn calendars(request: &Request) -> Result<Value, Answer> {
    // The one calendar that every account has, so the limit cuts nothing off.
    most(request)?;
    let calendar = json!({
        "kind": "calendar#calendarListEntry",
        "id": "owner@example.com",
        "summary": "owner@example.com",
        "timeZone": "Etc/UTC",
        "accessRole": "owner",
        "primary": true,
    });
    Ok(json!({"kind": "calendar#calendarList", "items": [calendar]}))
}

fn events(request: &Request) -> Result<Value, Answer> {
    most(request)?;
    Ok(json!({
        "kind": "calendar#events",
        "summary": "owner@example.com",
        "timeZone": "Etc/UTC",
        "accessRole": "owner",
        "items": [],
    }))
}

fn free_busy(request: &Request) -> Result<Value, Answer> {
    let missing = |name| error(400, &format!("Missing {name}."), "global", "required");
    let asked = request.json().unwrap_or_default();
    let time = |name: &'static str| {
        let text = asked.get(name).and_then(Value::as_str);
        text.ok_or_else(|| missing(name))
    };
    let (start, end) = (time("timeMin")?, time("timeMax")?);
    let items = asked.get("items").and_then(Value::as_array);
    let calendars: Map<String, Value> = items
        .into_iter()
        .flatten()
        .filter_map(|item| item.get("id")?.as_str())
        .map(|id| (id.to_owned(), json!({"busy": []})))
        .collect();
    Ok(json!({
        "kind": "calendar#freeBusy",
        "timeMin": start,
        "timeMax": end,
        "calendars": calendars,
    }))
}

/// What `fields` asks for of a document: names of members, with those of list items in brackets.
fn partial(document: Value, fields: Option<&str>) -> Value {
    let (Some(fields), Value::Object(members)) = (fields, &document) else {
        return document;
    };
    let mut shown = Map::new();
    for field in outer_fields(fields) {
        let (name, inner) = match field.split_once('(') {
            Some((name, inner)) => (name, inner.strip_suffix(')')),
            None => (field, None),
        };
        let Some(value) = members.get(name) else {
            continue;
        };
        let value = match value {
            Value::Array(items) if inner.is_some() => items
                .iter()
                .map(|item| partial(item.clone(), inner))
                .collect(),
            value => value.clone(),
        };
        shown.insert(name.to_owned(), value);
    }
    Value::Object(shown)
}

/// Splits at the commas that are not in brackets.
fn outer_fields(fields: &str) -> Vec<&str> {
    let mut depth = 0_u32;
    let outside = move |character: char| {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        character == ',' && depth == 0
    };
    fields.split(outside).collect()
}

pub(in crate::providers) fn refusal(refusal: Refusal) -> Answer {
    match refusal {
        Refusal::Unauthorized => error(401, "Invalid Credentials", "global", "authError"),
        Refusal::NotFound => error(404, "Not Found", "global", "notFound"),
        Refusal::TooManyRequests => error(
            429,
            "Rate Limit Exceeded",
            "usageLimits",
            "rateLimitExceeded",
        ),
        Refusal::InternalError => error(500, "Backend Error", "global", "backendError"),
        Refusal::Unavailable => error(503, "Backend Error", "global", "backendError"),
    }
}

fn error(status: u16, message: &str, domain: &str, reason: &str) -> Answer {
    Answer::json(
        status,
        &json!({"error": {
            "code": status,
            "message": message,
            "errors": [{"domain": domain, "reason": reason, "message": message}],
        }}),
    )
}

fn forbidden(message: &str, domain: &str, reason: &str, detail: &str) -> Answer {
    Answer::json(
        403,
        &json!({"error": {
            "code": 403,
            "message": message,
            "status": "PERMISSION_DENIED",
            "errors": [{"domain": domain, "reason": reason, "message": message}],
            "details": [{
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": detail,
                "domain": "googleapis.com",
            }],
        }}),
    )
}
