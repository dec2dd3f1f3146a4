//! Versions: what a change was made against (RFC 9110, 13).

use super::{Code, Problem};
use crate::http::HttpRequest;
use crate::store::Expected;

/// No version has more digits.
const MOST_DIGITS: usize = 18;

/// What a request expects to change, by `If-Match` and `If-None-Match`.
///
/// # Errors
/// [`Code::InvalidParameter`] for what is neither `*` nor one of our versions in quotes, and for both at once.
pub(super) fn expected(request: &HttpRequest) -> Result<Expected, Problem> {
    let fault = |detail: &str| Err(Problem::new(Code::InvalidParameter, detail));
    match (request.header("if-match"), request.header("if-none-match")) {
        (None, None) => Ok(Expected::Any),
        (Some("*"), None) => Ok(Expected::Present),
        (None, Some("*")) => Ok(Expected::Absent),
        (Some(tag), None) => match version(tag) {
            Some(version) => Ok(Expected::Version(version)),
            None => fault("If-Match takes the ETag of an answer, for instance \"3\", or *."),
        },
        (None, Some(_)) => fault("If-None-Match takes * alone: there must be nothing yet."),
        (Some(_), Some(_)) => fault("If-Match and If-None-Match cannot both hold."),
    }
}

/// A weak tag is no version: proxies that compress make them (`W/"3"`), and what is in the quotes is ours all the same.
fn version(tag: &str) -> Option<u64> {
    let tag = tag.strip_prefix("W/").unwrap_or(tag);
    let digits = tag.strip_prefix('"')?.strip_suffix('"')?;
    let is_version =
        (1..=MOST_DIGITS).contains(&digits.len()) && digits.bytes().all(|it| it.is_ascii_digit());
    is_version.then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(headers: &serde_json::Value) -> Result<Expected, Code> {
        let event = json!({
            "rawPath": "/api/settings", "headers": headers,
            "requestContext": {"domainName": "api.example.com", "http": {"method": "PATCH"}}
        });
        let request = HttpRequest::from_event(&event.to_string(), 1_000).map_err(|_| "event");
        expected(&request.unwrap()).map_err(|problem| problem.code)
    }

    #[test]
    fn versions_are_read_from_the_headers() {
        for (headers, expected) in [
            (json!({}), Expected::Any),
            (json!({"if-match": "*"}), Expected::Present),
            (json!({"if-match": "\"3\""}), Expected::Version(3)),
            (json!({"if-match": "W/\"3\""}), Expected::Version(3)),
            (json!({"if-none-match": "*"}), Expected::Absent),
        ] {
            assert_eq!(read(&headers), Ok(expected));
        }
        for headers in [
            json!({"if-match": "3"}),
            json!({"if-match": "\"three\""}),
            json!({"if-match": "\"+3\""}),
            json!({"if-match": "\"\""}),
            json!({"if-match": format!("\"{}\"", "9".repeat(19))}),
            json!({"if-match": "\"1\", \"2\""}),
            json!({"if-none-match": "\"3\""}),
            json!({"if-match": "*", "if-none-match": "*"}),
        ] {
            assert_eq!(read(&headers), Err(Code::InvalidParameter));
        }
    }
}
