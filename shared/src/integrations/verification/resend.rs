//! Resend: the list of domains, of which one is asked for.

use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

use super::Judgement;
use crate::integrations::ResendCredentials;
use crate::outbound::{Call, CallError, Host, Outbound};
use crate::verification::Capability;

const NAME: &str = "Resend";

/// Asks, and judges the answer.
pub(super) async fn verify(
    outbound: &Outbound,
    credentials: &ResendCredentials,
    deadline: Instant,
) -> Judgement {
    let call = Call::get(Host::Resend, "domains.list", &["domains"], deadline)
        .query("limit", "1")
        .bearer(&credentials.api_key);
    match outbound.send(call).await {
        Ok(answer) | Err(CallError::RateLimited { answer, .. }) => {
            judge(answer.status(), answer.body())
        }
        Err(error) => Judgement::unanswered(NAME, &error),
    }
}

/// The provider's words about an error.
#[derive(Deserialize)]
struct Words {
    name: String,
    #[serde(default)]
    message: String,
}

/// Judges the answer. Errors are `{statusCode, name, message}`.
fn judge(status: u16, body: &[u8]) -> Judgement {
    if status == 200 {
        let words: Option<Value> = serde_json::from_slice(body).ok();
        return match words.as_ref().and_then(|words| words.get("data")) {
            Some(Value::Array(_)) => {
                Judgement::valid([Capability::SendEmail, Capability::ReadDomains])
            }
            _ => Judgement::unexpected(NAME, status),
        };
    }
    if status == 429 {
        return Judgement::rate_limited(NAME);
    }
    let Ok(Words { name, message }) = serde_json::from_slice(body) else {
        return Judgement::unexpected(NAME, status);
    };
    match name.as_str() {
        _ if status >= 500 => Judgement::unexpected(NAME, status),
        // The key is genuine, and made for nothing but sending.
        "restricted_api_key" => Judgement::restricted(
            [Capability::SendEmail],
            "the key may only send: whether the sender's domain is verified cannot be checked with it",
        ),
        "rate_limit_exceeded" | "daily_quota_exceeded" | "monthly_quota_exceeded" => {
            Judgement::rate_limited(NAME)
        }
        "missing_api_key" | "invalid_api_key" => unknown_key(),
        // What is documented as `invalid_api_key` comes as this, with status 400 or 401; other faults are called so too.
        "validation_error" if message.to_ascii_lowercase().contains("api key is invalid") => {
            unknown_key()
        }
        _ => Judgement::unexpected(NAME, status),
    }
}

fn unknown_key() -> Judgement {
    Judgement::invalid(
        "Resend does not know api_key: it was mistyped or deleted; make another one in its dashboard",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verification::Outcome::{Invalid, RateLimited, Restricted, Unreachable, Valid};

    #[test]
    fn each_answer_has_its_outcome() {
        let bad_key =
            r#"{"statusCode":400,"name":"validation_error","message":"API key is invalid"}"#;
        for (status, body, expected) in [
            (
                200,
                r#"{"object":"list","has_more":false,"data":[]}"#,
                Valid,
            ),
            (
                401,
                r#"{"statusCode":401,"name":"restricted_api_key","message":"This API key is restricted to only send emails"}"#,
                Restricted,
            ),
            (400, bad_key, Invalid),
            (401, bad_key, Invalid),
            (403, bad_key, Invalid),
            (403, r#"{"name":"invalid_api_key","message":""}"#, Invalid),
            (
                401,
                r#"{"name":"missing_api_key","message":"Missing API key"}"#,
                Invalid,
            ),
            // A domain's fault, not the key's.
            (
                403,
                r#"{"name":"validation_error","message":"The example.com domain is not verified"}"#,
                Unreachable,
            ),
            (
                429,
                r#"{"name":"rate_limit_exceeded","message":"Too many requests"}"#,
                RateLimited,
            ),
            (429, r#"{"name":"daily_quota_exceeded"}"#, RateLimited),
            (429, r#"{"name":"monthly_quota_exceeded"}"#, RateLimited),
            (403, r#"{"name":"monthly_quota_exceeded"}"#, RateLimited),
            (429, "<html></html>", RateLimited),
            (
                500,
                r#"{"name":"application_error","message":""}"#,
                Unreachable,
            ),
            (500, bad_key, Unreachable),
            (
                451,
                r#"{"name":"security_error","message":""}"#,
                Unreachable,
            ),
            (401, r#"{"message":"Unauthorized"}"#, Unreachable),
            (401, "<html>error 1010</html>", Unreachable),
            (403, "<html>error 1010</html>", Unreachable),
            (403, "", Unreachable),
            (200, "<html></html>", Unreachable),
            (200, "{}", Unreachable),
        ] {
            let judgement = judge(status, body.as_bytes());
            assert_eq!(judgement.outcome, expected, "{status} {body}");
        }
    }

    #[test]
    fn a_key_that_only_sends_can_send() {
        let body = br#"{"name":"restricted_api_key","message":""}"#;
        assert_eq!(judge(401, body).capabilities, [Capability::SendEmail]);
    }
}
