//! Vapi: the list of assistants, of which one is asked for.

use serde_json::Value;
use tokio::time::Instant;

use super::Judgement;
use crate::integrations::VapiCredentials;
use crate::outbound::{Call, Host, Outbound};
use crate::verification::Capability;

const NAME: &str = "Vapi";

/// Asks, and judges the answer.
pub(super) async fn verify(
    outbound: &Outbound,
    credentials: &VapiCredentials,
    deadline: Instant,
) -> Judgement {
    let call = Call::get(Host::Vapi, "assistants.list", &["assistant"], deadline)
        .query("limit", "1")
        .bearer(&credentials.api_key);
    match outbound.send(call).await {
        Ok(answer) => judge(answer.status(), answer.body()),
        Err(error) => Judgement::unanswered(NAME, &error),
    }
}

/// Judges the answer. Errors are `{message, error, statusCode}`, of which `message` may be a list.
fn judge(status: u16, body: &[u8]) -> Judgement {
    let words: Option<Value> = serde_json::from_slice(body).ok();
    let said = words
        .as_ref()
        .filter(|words| words.get("message").is_some());
    let own_status = said.and_then(|words| words.get("statusCode")?.as_u64());
    match (status, own_status.unwrap_or_else(|| status.into())) {
        (200, _) if words.as_ref().is_some_and(Value::is_array) => {
            Judgement::valid([Capability::ManageAssistants])
        }
        (429, _) | (_, 429) => Judgement::rate_limited(NAME),
        (500.., _) | (_, 500..) => Judgement::unexpected(NAME, status),
        (_, 401) if said.is_some() => Judgement::invalid(
            "Vapi does not know api_key: it must be the private key of the organisation, which looks just like the public one",
        ),
        (_, 403) if said.is_some() => Judgement::restricted(
            [],
            "Vapi knows api_key, and does not let it read assistants: use a private key that is not limited to some of them",
        ),
        _ => Judgement::unexpected(NAME, status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verification::Outcome::{
        self, Invalid, RateLimited, Restricted, Unreachable, Valid,
    };

    fn outcome(status: u16, body: &str) -> Outcome {
        judge(status, body.as_bytes()).outcome
    }

    #[test]
    fn each_answer_has_its_outcome() {
        for (status, body, expected) in [
            (200, "[]", Valid),
            (200, r#"[{"id":"1","orgId":"2"}]"#, Valid),
            (
                401,
                r#"{"message":"Invalid Key. Hot tip, …","error":"Unauthorized","statusCode":401}"#,
                Invalid,
            ),
            (
                401,
                r#"{"message":["Invalid Key."],"statusCode":401}"#,
                Invalid,
            ),
            // The body's own code goes before the status.
            (
                400,
                r#"{"message":"Invalid Key.","statusCode":401}"#,
                Invalid,
            ),
            (
                401,
                r#"{"message":"Rate limit exceeded","statusCode":429}"#,
                RateLimited,
            ),
            (
                403,
                r#"{"message":"Forbidden resource","error":"Forbidden","statusCode":403}"#,
                Restricted,
            ),
            (429, r#"{"message":"Rate limit exceeded"}"#, RateLimited),
            (429, "", RateLimited),
            (
                500,
                r#"{"message":"Internal server error","statusCode":500}"#,
                Unreachable,
            ),
            (
                502,
                r#"{"message":"Invalid Key.","statusCode":401}"#,
                Unreachable,
            ),
            (
                404,
                r#"{"message":"Cannot GET /assistant","statusCode":404}"#,
                Unreachable,
            ),
            // Not Vapi's own words.
            (
                401,
                "<html>Sorry, you have been blocked</html>",
                Unreachable,
            ),
            (
                403,
                "<html>Sorry, you have been blocked</html>",
                Unreachable,
            ),
            (401, "{}", Unreachable),
            (401, "", Unreachable),
            (403, r#""Forbidden""#, Unreachable),
            (200, "<html>Welcome</html>", Unreachable),
            (200, "{}", Unreachable),
            (204, "", Unreachable),
            (503, "<html></html>", Unreachable),
        ] {
            assert_eq!(outcome(status, body), expected, "{status} {body}");
        }
    }
}
