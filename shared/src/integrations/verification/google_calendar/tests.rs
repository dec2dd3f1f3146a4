//! What Google's answers mean.

use serde_json::json;

use super::*;
use crate::verification::Outcome::{self, Invalid, RateLimited, Restricted, Unreachable, Valid};

fn refused(status: u16, body: &str) -> Judgement {
    match judge_refresh(status, body.as_bytes()) {
        Refresh::Refused(judgement) => judgement,
        Refresh::Granted(_) => panic!("granted: {status} {body}"),
    }
}

#[test]
fn each_refusal_has_its_outcome() {
    for (status, body, expected) in [
        (
            400,
            r#"{"error":"invalid_grant","error_description":"Token has been expired or revoked."}"#,
            Invalid,
        ),
        (
            400,
            r#"{"error":"invalid_grant","error_subtype":"invalid_rapt"}"#,
            Invalid,
        ),
        (401, r#"{"error":"invalid_client"}"#, Invalid),
        (401, r#"{"error":"deleted_client"}"#, Invalid),
        (401, r#"{"error":"unauthorized_client"}"#, Invalid),
        (400, r#"{"error":"unsupported_grant_type"}"#, Unreachable),
        (400, r#"{"error":"invalid_scope"}"#, Unreachable),
        (400, r#"{"error":{"code":400,"message":"…"}}"#, Unreachable),
        (403, r#"{"error":"rate_limit_exceeded"}"#, RateLimited),
        (429, r#"{"error":{"code":429}}"#, RateLimited),
        (429, "<html></html>", RateLimited),
        (500, r#"{"error":"internal_failure"}"#, Unreachable),
        (503, r#"{"error":"invalid_grant"}"#, Unreachable),
        (400, "<html></html>", Unreachable),
        (401, "<html></html>", Unreachable),
        (403, "<html></html>", Unreachable),
        (200, "<html></html>", Unreachable),
        (200, "{}", Unreachable),
    ] {
        assert_eq!(refused(status, body).outcome, expected, "{status} {body}");
    }
}

#[test]
fn a_dead_token_is_told_apart_from_a_wrong_client() {
    let error = |body| refused(400, body).error.unwrap();
    let grant = error(r#"{"error":"invalid_grant"}"#);
    assert!(
        grant.contains("refresh_token") && grant.contains("7 days"),
        "{grant}"
    );
    let client = error(r#"{"error":"invalid_client"}"#);
    assert!(
        client.contains("client_id") && client.contains("client_secret"),
        "{client}"
    );
}

fn scopes(names: &[&str]) -> Judgement {
    let scopes: Vec<String> = names.iter().map(|name| format!("{SCOPE}{name}")).collect();
    judge_scopes(Some(&format!("openid {}", scopes.join(" "))))
}

#[test]
fn the_scopes_say_what_can_be_done() {
    for (granted, outcome, capabilities) in [
        (
            &["calendar"][..],
            Valid,
            &[ReadCalendars, ReadEvents, WriteEvents, ReadFreeBusy][..],
        ),
        (&["calendar.events"], Valid, &[ReadEvents, WriteEvents]),
        (
            &["calendar.events.owned"],
            Valid,
            &[ReadEvents, WriteEvents],
        ),
        (
            &["calendar.freebusy", "calendar.events"],
            Valid,
            &[ReadEvents, WriteEvents, ReadFreeBusy],
        ),
        (
            &["calendar.readonly"],
            Restricted,
            &[ReadCalendars, ReadEvents, ReadFreeBusy],
        ),
        (&["calendar.events.readonly"], Restricted, &[ReadEvents]),
        (&["calendar.freebusy"], Restricted, &[ReadFreeBusy]),
        (
            &["calendar.calendarlist.readonly"],
            Restricted,
            &[ReadCalendars],
        ),
        (&["drive", "calendar.new"], Restricted, &[]),
        (&[], Restricted, &[]),
    ] {
        let judgement = scopes(granted);
        assert_eq!(judgement.outcome, outcome, "{granted:?}");
        assert_eq!(judgement.capabilities, capabilities, "{granted:?}");
        assert_eq!(judgement.error.is_some(), outcome != Valid, "{granted:?}");
    }
    assert_eq!(judge_scopes(None).outcome, Restricted);
}

#[test]
fn the_calendar_counts_only_where_it_speaks_of_project_or_scopes() {
    let said = |domain: &str, reason: &str| {
        json!({"error": {"code": 403, "message": "…", "errors": [{"domain": domain, "reason": reason}]}}).to_string()
    };
    let newer = |reason: &str| {
        json!({"error": {"code": 403, "details": [{}, {"reason": reason}]}}).to_string()
    };
    let outcome = |status, body: &str| -> Outcome {
        judge_calendar(scopes(&["calendar"]), status, body.as_bytes()).outcome
    };
    for (status, body, expected) in [
        (200, r#"{"kind":"calendar#calendarList"}"#.to_owned(), Valid),
        (403, said("usageLimits", "accessNotConfigured"), Restricted),
        (403, newer("SERVICE_DISABLED"), Restricted),
        (403, said("global", "insufficientPermissions"), Restricted),
        (403, newer("ACCESS_TOKEN_SCOPE_INSUFFICIENT"), Restricted),
        (403, said("usageLimits", "userRateLimitExceeded"), Valid),
        (403, said("usageLimits", "rateLimitExceeded"), Valid),
        (403, said("usageLimits", "quotaExceeded"), Valid),
        (403, "<html></html>".to_owned(), Valid),
        (401, said("global", "authError"), Valid),
        (404, "".to_owned(), Valid),
        (429, "".to_owned(), Valid),
        (503, "<html></html>".to_owned(), Valid),
    ] {
        assert_eq!(outcome(status, &body), expected, "{status} {body}");
    }
}
