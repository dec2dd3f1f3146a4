//! Versions: what a change was made against (RFC 9110, 13).

use super::{Code, Problem};
use crate::http::HttpRequest;

/// What a request says of the version that it means to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing: it changes whatever is there.
    None,
    /// `If-Match: *`: there must be something.
    Exists,
    /// `If-Match: "3"`.
    Version(u64),
    /// `If-None-Match: *`: there must be nothing yet.
    Absent,
}

impl Precondition {
    /// Reads `If-Match` and `If-None-Match`.
    ///
    /// # Errors
    /// [`Code::InvalidParameter`] for what is neither `*` nor one of our versions in quotes, and for both at once.
    pub(super) fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let fault = |detail: &str| Err(Problem::new(Code::InvalidParameter, detail));
        match (request.header("if-match"), request.header("if-none-match")) {
            (None, None) => Ok(Self::None),
            (Some("*"), None) => Ok(Self::Exists),
            (None, Some("*")) => Ok(Self::Absent),
            (Some(tag), None) => match version(tag) {
                Some(version) => Ok(Self::Version(version)),
                None => fault("If-Match takes the ETag of an answer, for instance \"3\", or *."),
            },
            (None, Some(_)) => fault("If-None-Match takes * alone: there must be nothing yet."),
            (Some(_), Some(_)) => fault("If-Match and If-None-Match cannot both hold."),
        }
    }

    /// Whether it holds for what is there, told by its version.
    ///
    /// # Errors
    /// [`Code::VersionMismatch`] when it does not.
    pub fn check(self, found: Option<u64>) -> Result<(), Problem> {
        let holds = match (self, found) {
            (Self::None, _) | (Self::Exists, Some(_)) | (Self::Absent, None) => true,
            (Self::Version(expected), Some(found)) => expected == found,
            _ => false,
        };
        if holds {
            return Ok(());
        }
        Err(mismatch(found))
    }
}

/// The refusal of a change that was made against another version than the one that is there.
pub(crate) fn mismatch(found: Option<u64>) -> Problem {
    let detail = match found {
        Some(version) => format!(
            "The version is \"{version}\" by now. Read it again, make the change to that and send its ETag in If-Match."
        ),
        None => "There is nothing to be changed, or it was deleted meanwhile.".to_owned(),
    };
    Problem::new(Code::VersionMismatch, detail)
}

/// A weak tag is no version: proxies that compress make them (`W/"3"`), and what is in the quotes is ours all the same.
fn version(tag: &str) -> Option<u64> {
    let tag = tag.strip_prefix("W/").unwrap_or(tag);
    tag.strip_prefix('"')?.strip_suffix('"')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn precondition(headers: &serde_json::Value) -> Result<Precondition, Code> {
        let event = json!({
            "rawPath": "/api/settings", "headers": headers,
            "requestContext": {"domainName": "api.example.com", "http": {"method": "PATCH"}}
        });
        let request = HttpRequest::from_event(&event.to_string(), 1_000).unwrap();
        Precondition::of(&request).map_err(|problem| problem.code)
    }

    #[test]
    fn versions_are_read_from_the_headers() {
        for (headers, read) in [
            (json!({}), Precondition::None),
            (json!({"if-match": "*"}), Precondition::Exists),
            (json!({"if-match": "\"3\""}), Precondition::Version(3)),
            (json!({"if-match": "W/\"3\""}), Precondition::Version(3)),
            (json!({"if-none-match": "*"}), Precondition::Absent),
        ] {
            assert_eq!(precondition(&headers), Ok(read));
        }
        for headers in [
            json!({"if-match": "3"}),
            json!({"if-match": "\"three\""}),
            json!({"if-match": "\"1\", \"2\""}),
            json!({"if-none-match": "\"3\""}),
            json!({"if-match": "*", "if-none-match": "*"}),
        ] {
            assert_eq!(precondition(&headers), Err(Code::InvalidParameter));
        }
    }

    #[test]
    fn a_precondition_holds_for_the_version_that_it_names() {
        for (precondition, found, holds) in [
            (Precondition::None, None, true),
            (Precondition::None, Some(2), true),
            (Precondition::Exists, Some(2), true),
            (Precondition::Exists, None, false),
            (Precondition::Absent, None, true),
            (Precondition::Absent, Some(1), false),
            (Precondition::Version(2), Some(2), true),
            (Precondition::Version(2), Some(3), false),
            (Precondition::Version(2), None, false),
        ] {
            let checked = precondition.check(found);
            assert_eq!(checked.is_ok(), holds, "{precondition:?} of {found:?}");
        }
    }
}
