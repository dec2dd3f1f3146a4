//! `ElevenLabs`: the subscription. Not the user, which would answer with the key itself.

use serde_json::Value;
use tokio::time::Instant;

use super::Judgement;
use crate::integrations::ElevenLabsCredentials;
use crate::outbound::{Call, CallError, Host, Outbound};
use crate::verification::Capability;

const NAME: &str = "ElevenLabs";

/// Asks, and judges the answer.
pub(super) async fn verify(
    outbound: &Outbound,
    credentials: &ElevenLabsCredentials,
    deadline: Instant,
) -> Judgement {
    let path = ["v1", "user", "subscription"];
    let call = Call::get(Host::ElevenLabs, "subscription.read", &path, deadline)
        .secret("xi-api-key", &credentials.api_key);
    match outbound.send(call).await {
        Ok(answer) | Err(CallError::RateLimited { answer, .. }) => {
            judge(answer.status(), answer.body())
        }
        Err(error) => Judgement::unanswered(NAME, &error),
    }
}

/// Judges the answer. Errors are `{detail: {status, code?, message}}`, where `detail` may also be a text or a list.
fn judge(status: u16, body: &[u8]) -> Judgement {
    let words: Option<Value> = serde_json::from_slice(body).ok();
    let said = |field: &str| words.as_ref()?.get("detail")?.get(field)?.as_str();
    let is_said = |code: &str| said("status") == Some(code) || said("code") == Some(code);
    if status == 200
        && words
            .as_ref()
            .is_some_and(|words| words.get("tier").is_some())
    {
        Judgement::valid([Capability::Synthesise, Capability::ReadSubscription])
    } else if status == 429 {
        Judgement::rate_limited(NAME)
    } else if status >= 500 {
        Judgement::unexpected(NAME, status)
    } else if is_said("missing_permissions") {
        // Said only to a key that is known, whatever it may do.
        Judgement::restricted(
            [Capability::Synthesise],
            "the key may not read the subscription (permission user_read): plan and remaining credit cannot be checked",
        )
    } else if is_said("quota_exceeded") {
        Judgement::restricted(
            [],
            "the key is genuine and its credit is used up: raise its limit or the plan",
        )
    } else if is_said("detected_unusual_activity") {
        Judgement::restricted(
            [],
            "ElevenLabs knows the key, and refuses free plans that are used from a cloud: a paid plan is needed",
        )
    } else if is_said("too_many_concurrent_requests") || is_said("system_busy") {
        Judgement::rate_limited(NAME)
    } else if is_said("invalid_api_key") {
        Judgement::invalid(
            "ElevenLabs does not know api_key: it was mistyped or deleted, or is of an account with data residency",
        )
    } else {
        Judgement::unexpected(NAME, status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verification::Outcome::{Invalid, RateLimited, Restricted, Unreachable, Valid};

    fn said(status: &str) -> String {
        format!(r#"{{"detail":{{"status":"{status}","message":"…"}}}}"#)
    }

    #[test]
    fn each_answer_has_its_outcome() {
        let newer = r#"{"detail":{"type":"authentication_error","code":"invalid_api_key"}}"#;
        for (status, body, expected) in [
            (
                200,
                r#"{"tier":"free","character_count":1}"#.to_owned(),
                Valid,
            ),
            (401, said("invalid_api_key"), Invalid),
            (400, said("invalid_api_key"), Invalid),
            (401, newer.to_owned(), Invalid),
            (401, said("missing_permissions"), Restricted),
            (401, said("quota_exceeded"), Restricted),
            (400, said("quota_exceeded"), Restricted),
            (401, said("detected_unusual_activity"), Restricted),
            (429, said("too_many_concurrent_requests"), RateLimited),
            (429, said("system_busy"), RateLimited),
            (429, said("invalid_api_key"), RateLimited),
            (429, "<html></html>".to_owned(), RateLimited),
            (503, said("invalid_api_key"), Unreachable),
            (500, "".to_owned(), Unreachable),
            (401, r#"{"detail":"Unauthorized"}"#.to_owned(), Unreachable),
            (
                422,
                r#"{"detail":[{"loc":[],"msg":"","type":""}]}"#.to_owned(),
                Unreachable,
            ),
            (401, said("something_new"), Unreachable),
            (401, "<html></html>".to_owned(), Unreachable),
            (403, "<html></html>".to_owned(), Unreachable),
            (200, "<html></html>".to_owned(), Unreachable),
            (200, "{}".to_owned(), Unreachable),
        ] {
            let judgement = judge(status, body.as_bytes());
            assert_eq!(judgement.outcome, expected, "{status} {body}");
        }
    }

    #[test]
    fn a_key_of_few_permissions_is_good_for_what_it_was_made_for() {
        let judgement = judge(401, said("missing_permissions").as_bytes());
        assert_eq!(judgement.capabilities, [Capability::Synthesise]);
    }

    #[test]
    fn a_key_without_credit_can_do_nothing_now() {
        let judgement = judge(401, said("quota_exceeded").as_bytes());
        assert!(judgement.capabilities.is_empty());
    }
}
