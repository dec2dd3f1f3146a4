//! Google: the refresh of an access token, whose scopes say what it may do; then one calendar or event, which tells whether
//! the client's project may use the Calendar API at all.

use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

use super::Judgement;
use crate::integrations::GoogleCalendarCredentials;
use crate::outbound::{Call, Host, Outbound};
use crate::secret::Secret;
use crate::verification::Capability::{self, ReadCalendars, ReadEvents, ReadFreeBusy, WriteEvents};

const NAME: &str = "Google";

/// What the scopes of the Calendar API allow. They all begin with [`SCOPE`].
const ALLOWED: &[(&str, &[Capability])] = &[
    (
        "calendar",
        &[ReadCalendars, ReadEvents, WriteEvents, ReadFreeBusy],
    ),
    (
        "calendar.readonly",
        &[ReadCalendars, ReadEvents, ReadFreeBusy],
    ),
    ("calendar.events", &[ReadEvents, WriteEvents]),
    ("calendar.events.readonly", &[ReadEvents]),
    ("calendar.events.owned", &[ReadEvents, WriteEvents]),
    ("calendar.freebusy", &[ReadFreeBusy]),
    ("calendar.calendarlist", &[ReadCalendars]),
    ("calendar.calendarlist.readonly", &[ReadCalendars]),
];

const SCOPE: &str = "https://www.googleapis.com/auth/";

/// Asks, and judges the answers. The credentials come back if Google replaced the refresh token: the old one may stop working.
pub(super) async fn verify(
    outbound: &Outbound,
    credentials: &GoogleCalendarCredentials,
    deadline: Instant,
) -> (Judgement, Option<GoogleCalendarCredentials>) {
    let call = Call::post(Host::GoogleOauth, "token.refresh", &["token"], deadline)
        .form(&[
            ("grant_type", "refresh_token"),
            ("client_id", &credentials.client_id),
            ("client_secret", credentials.client_secret.expose()),
            ("refresh_token", credentials.refresh_token.expose()),
        ])
        .repeatable();
    let refresh = match outbound.send(call).await {
        Ok(answer) => judge_refresh(answer.status(), answer.body()),
        Err(error) => Refresh::Refused(Judgement::unanswered(NAME, &error)),
    };
    let granted = match refresh {
        Refresh::Granted(granted) => granted,
        Refresh::Refused(judgement) => return (judgement, None),
    };
    let replaced = granted
        .refresh_token
        .filter(|token| token.expose() != credentials.refresh_token.expose())
        .map(|refresh_token| GoogleCalendarCredentials {
            refresh_token,
            ..credentials.clone()
        });
    let judgement = judge_scopes(granted.scope.as_deref());
    let Some(call) = probe(&judgement.capabilities, deadline) else {
        return (judgement, replaced);
    };
    let judgement = match outbound.send(call.bearer(&granted.access_token)).await {
        Ok(answer) => judge_calendar(judgement, answer.status(), answer.body()),
        // The grant is proven by the refresh already.
        Err(_) => judgement,
    };
    (judgement, replaced)
}

/// What came of a refresh.
enum Refresh {
    Granted(Granted),
    Refused(Judgement),
}

/// A new access token, with what is granted.
#[derive(Deserialize)]
struct Granted {
    access_token: Secret,
    /// Separated by spaces.
    scope: Option<String>,
    /// Seldom there; the one that was sent stays good then.
    refresh_token: Option<Secret>,
}

/// Judges the answer to a refresh. Errors are `{error, error_description, error_subtype?}`.
fn judge_refresh(status: u16, body: &[u8]) -> Refresh {
    if status == 200 {
        return match serde_json::from_slice::<Granted>(body) {
            Ok(granted) => Refresh::Granted(granted),
            Err(_) => Refresh::Refused(Judgement::unexpected(NAME, status)),
        };
    }
    let words: Option<Value> = serde_json::from_slice(body).ok();
    let said = |field: &str| words.as_ref()?.get(field)?.as_str();
    Refresh::Refused(match said("error") {
        _ if status == 429 => Judgement::rate_limited(NAME),
        _ if status >= 500 => Judgement::unexpected(NAME, status),
        Some("invalid_grant") if said("error_subtype") == Some("invalid_rapt") => {
            Judgement::invalid(
                "the Google Workspace ends sessions after a time and asks for a new sign-in: connect the calendar again, and have the \
                 app exempted from session control",
            )
        }
        Some("invalid_grant") => Judgement::invalid(
            "refresh_token is expired or revoked: connect the calendar again. If it worked for 7 days, the OAuth app is in testing, \
             where tokens live no longer: publish the app first",
        ),
        Some("invalid_client") => Judgement::invalid(
            "Google does not know client_id together with client_secret: copy both from the OAuth client in the Google Cloud console",
        ),
        Some("deleted_client") => Judgement::invalid(
            "the OAuth client of client_id was deleted: make another one, enter its client_id and client_secret, and connect again",
        ),
        Some("unauthorized_client") => Judgement::invalid(
            "refresh_token was given to another OAuth client than client_id: connect the calendar again with this client",
        ),
        Some("rate_limit_exceeded" | "slow_down") => Judgement::rate_limited(NAME),
        _ => Judgement::unexpected(NAME, status),
    })
}

/// Judges what is granted: appointments need events that can be read and written.
fn judge_scopes(scope: Option<&str>) -> Judgement {
    let Some(scope) = scope else {
        return Judgement::restricted([], "Google did not say what refresh_token allows");
    };
    let mut capabilities: Vec<Capability> = scope
        .split_ascii_whitespace()
        .filter_map(|scope| scope.strip_prefix(SCOPE))
        .flat_map(|scope| {
            let known = ALLOWED.iter().find(|(name, _)| *name == scope);
            known.map_or(&[][..], |(_, allowed)| allowed)
        })
        .copied()
        .collect();
    capabilities.sort_unstable();
    capabilities.dedup();
    if capabilities.contains(&WriteEvents) {
        Judgement::valid(capabilities)
    } else {
        Judgement::restricted(
            capabilities,
            "the grant lacks the scope calendar.events, so that no appointment can be made: connect again, and leave every box ticked",
        )
    }
}

/// The call that such a grant may make. None for one that sees free and busy times alone.
fn probe<'a>(capabilities: &[Capability], deadline: Instant) -> Option<Call<'a>> {
    let (operation, path): (_, &[&str]) = if capabilities.contains(&ReadCalendars) {
        let path = &["calendar", "v3", "users", "me", "calendarList"];
        ("calendars.list", path)
    } else if capabilities.contains(&ReadEvents) {
        let path = &["calendar", "v3", "calendars", "primary", "events"];
        ("events.list", path)
    } else {
        return None;
    };
    let call = Call::get(Host::GoogleApi, operation, path, deadline);
    Some(call.query("maxResults", "1").query("fields", "kind"))
}

/// Judges the answer of the Calendar API, given what the grant alone says. Errors are `{error: {errors: [{domain, reason}]}}`,
/// newer ones `{error: {details: [{reason}]}}`. Only what concerns the project or the scopes counts: neither quotas nor
/// outages speak against a grant that was just renewed.
fn judge_calendar(grant: Judgement, status: u16, body: &[u8]) -> Judgement {
    if status != 403 {
        return grant;
    }
    let words: Value = serde_json::from_slice(body).unwrap_or_default();
    let reasons = |list: &str| {
        let list = words.pointer(list).and_then(Value::as_array);
        list.into_iter()
            .flatten()
            .filter_map(|item| item.get("reason")?.as_str())
            .collect::<Vec<_>>()
    };
    let reasons = [reasons("/error/errors"), reasons("/error/details")].concat();
    let is_said = |names: &[&str]| reasons.iter().any(|reason| names.contains(reason));
    if is_said(&["accessNotConfigured", "SERVICE_DISABLED"]) {
        Judgement::restricted(
            [],
            "the Google Calendar API is not enabled in the project of client_id: enable it in the Google Cloud console",
        )
    } else if is_said(&["insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"]) {
        Judgement::restricted(
            [],
            "the grant lacks scopes that the calendar needs: connect again, and leave every box ticked",
        )
    } else {
        grant
    }
}

#[cfg(test)]
mod tests;
