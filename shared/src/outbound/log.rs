//! The log line of a call.

use std::time::Duration;

use tracing::{info, warn};

use super::{Answer, Call, CallError};
use crate::telemetry::metrics::{PROVIDER_CALL, one_if};

/// The one line of a call. The tenant is on it through the span around; what was asked and answered never is: URLs have
/// phone numbers in them, bodies anything. It carries the metrics of the call.
pub(super) fn write(
    call: &Call<'_>,
    result: &Result<Answer, CallError>,
    attempts: u32,
    took: Duration,
) {
    let (provider, operation) = (call.host().provider(), call.operation());
    let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let answer = match result {
        Ok(answer) | Err(CallError::RateLimited { answer, .. }) => Some(answer),
        Err(_) => None,
    };
    let status = answer.map(Answer::status);
    let provider_request_id = answer.and_then(Answer::request_id);
    let code = answer.and_then(Answer::error_code);
    let code = code.filter(|code| !call.is_repeated_in(code));
    let error = result.as_ref().err().map(tracing::field::display);
    let is_throttled = status == Some(429);
    // Of an answer that asks for patience nothing is wrong but the pace.
    let is_error = !is_throttled && status.is_none_or(|status| status >= 500);
    macro_rules! event {
        ($level:ident, $message:literal) => {
            $level!(
                target: PROVIDER_CALL,
                provider,
                operation,
                status,
                code,
                provider_request_id,
                attempts,
                ms,
                error,
                errors = one_if(is_error),
                throttled = one_if(is_throttled),
                unauthorized = one_if(matches!(status, Some(401 | 403))),
                retries = attempts.checked_sub(1).filter(|retries| *retries > 0),
                $message
            )
        };
    }
    match result {
        Ok(answer) if answer.status() < 500 => event!(info, "called a provider"),
        Ok(_) => event!(warn, "a provider failed"),
        Err(_) => event!(warn, "a provider did not answer a call"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::scripted::{Provider, Reaction, soon};
    use super::super::{Call, Host};
    use crate::secret::Secret;
    use crate::telemetry::captured;

    /// The lines of a call that is answered like this.
    async fn lines_of(reactions: &[Reaction]) -> Vec<Value> {
        captured::begin();
        let provider = Provider::in_turn(reactions).await;
        let call = Call::post(Host::TwilioApi, "things.make", &["a-private-path"], soon())
            .query("q", "a-private-query")
            .bearer(&Secret::from("a-private-token"))
            .form(&[("To", "a-private-field")]);
        let _ = provider.outbound().send(call).await;
        let lines = captured::lines();
        assert!(!format!("{lines:?}").contains("private"), "{lines:?}");
        lines
    }

    #[tokio::test]
    async fn a_call_of_several_attempts_is_one_line() {
        let made = Reaction::json(201, &json!({"code": 7, "secret": "a-private-answer"}));
        let limited = Reaction::error(429, 20429);
        let lines = lines_of(&[limited, made.with("twilio-request-id", "RQ1")]).await;
        assert_eq!(lines.len(), 1, "{lines:?}");
        let line = &lines[0];
        assert_eq!(
            (&line["provider"], &line["operation"]),
            (&json!("twilio"), &json!("things.make"))
        );
        assert_eq!(
            (&line["status"], &line["attempts"]),
            (&json!(201), &json!(2))
        );
        assert_eq!(line["provider_request_id"], "RQ1");
        assert_eq!(
            (&line["level"], &line["code"]),
            (&json!("INFO"), &Value::Null)
        );
        assert!(line["ms"].is_u64());
    }

    #[tokio::test]
    async fn a_refusal_is_logged_by_its_code_and_none_of_its_words() {
        let words = json!({"code": 21211, "message": "a-private-number is invalid"});
        let lines = lines_of(&[Reaction::json(400, &words)]).await;
        assert_eq!(
            (&lines[0]["status"], &lines[0]["code"]),
            (&json!(400), &json!("21211"))
        );
        let odd = json!({"code": "a-private-number is invalid"});
        let lines = lines_of(&[Reaction::json(400, &odd)]).await;
        assert_eq!(lines[0]["code"], Value::Null);
    }

    #[tokio::test]
    async fn an_identifier_that_repeats_what_was_sent_is_not_logged() {
        for (code, is_logged) in [
            ("a-private-token", false),
            ("a-private-field", false),
            ("rq-a-private-tok", false),
            ("not-of-the-call", true),
        ] {
            let answer = Reaction::json(400, &json!({"code": code}));
            let lines = lines_of(&[answer.with("x-request-id", code)]).await;
            let expected = if is_logged { json!(code) } else { Value::Null };
            assert_eq!(lines[0]["code"], expected, "{code}");
            assert_eq!(
                lines[0].get("provider_request_id").is_some(),
                is_logged,
                "{code}"
            );
        }
    }

    #[tokio::test]
    async fn a_call_without_an_answer_is_a_warning() {
        let lines = lines_of(&[Reaction::Close]).await;
        assert_eq!((lines.len(), &lines[0]["level"]), (1, &json!("WARN")));
        assert!(
            lines[0]["error"]
                .as_str()
                .unwrap()
                .starts_with("the connection broke")
        );
    }
}
