//! What a token is asked for with.

use crate::fault::InvalidInput;
use crate::input::{Document, Entry, parsed};
use crate::sid::PushCredentialSid;
use crate::twilio::access_token::TimeToLive;

/// What a token is asked for with. Neither identity nor tenant is among it: they are the caller's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRequest {
    pub(super) ttl: TimeToLive,
    pub(super) push_credential_sid: Option<PushCredentialSid>,
}

impl TokenRequest {
    /// Reads what somebody sent: `ttl_seconds`, 60 to 86,400 and 3,600 when left out, and `push_credential_sid`.
    ///
    /// # Errors
    /// Every fault of it.
    pub fn from_input(document: &Document) -> Result<Self, InvalidInput> {
        const FIELDS: &[&str] = &["ttl_seconds", "push_credential_sid"];
        Entry::document("token", document.value(), FIELDS, |entry| {
            let ttl = entry.optional("ttl_seconds", None, |value, path, faults| {
                let seconds = value.as_u64().and_then(|it| u32::try_from(it).ok());
                let ttl = seconds.and_then(|seconds| TimeToLive::seconds(seconds).ok());
                if ttl.is_none() {
                    faults.add(path, "expected a number of seconds, 60 to 86400");
                }
                ttl
            });
            Some(Self {
                ttl: ttl.unwrap_or_default(),
                push_credential_sid: entry.optional("push_credential_sid", None, parsed),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn request(document: &Value) -> Result<TokenRequest, Vec<String>> {
        TokenRequest::from_input(&Document::from(document.clone())).map_err(|invalid| {
            let faults = invalid.faults.into_iter();
            faults.map(|fault| fault.field).collect()
        })
    }

    #[test]
    fn an_empty_request_asks_for_an_hour_without_push() {
        for document in [
            json!({}),
            json!({"ttl_seconds": null, "push_credential_sid": null}),
        ] {
            let request = request(&document).unwrap();
            assert_eq!(request.ttl.as_seconds(), 3_600);
            assert_eq!(request.push_credential_sid, None);
        }
    }

    #[test]
    fn a_token_lives_for_a_minute_to_a_day() {
        for seconds in [60, 86_400] {
            let request = request(&json!({"ttl_seconds": seconds})).unwrap();
            assert_eq!(request.ttl.as_seconds(), seconds);
        }
        for seconds in [
            json!(59),
            json!(86_401),
            json!(-1),
            json!(60.5),
            json!("60"),
            json!(u64::MAX),
        ] {
            let document = json!({"ttl_seconds": seconds});
            assert_eq!(
                request(&document),
                Err(vec!["ttl_seconds".to_owned()]),
                "{seconds}"
            );
        }
    }

    #[test]
    fn an_identity_cannot_be_asked_for_and_all_faults_are_named() {
        let document = json!({"identity": "bob", "ttl_seconds": 1, "push_credential_sid": "AP1"});
        let mut faults = request(&document).unwrap_err();
        faults.sort();
        assert_eq!(faults, ["identity", "push_credential_sid", "ttl_seconds"]);
    }
}
