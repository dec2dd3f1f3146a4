//! The verdicts of Twilio's official helper libraries, case by case.

use serde::Deserialize;

use super::*;
use crate::twilio::SharedKey;
use crate::twilio::signature::tests::credentials;

#[derive(Deserialize)]
struct Vectors<C> {
    count: usize,
    cases: Vec<C>,
}

/// A request of a vector; `auth_token` or `key_used` is the key that the verifier holds.
#[derive(Deserialize)]
struct Case {
    name: String,
    #[serde(alias = "key_used")]
    auth_token: Secret,
    #[serde(default)]
    signature_settings_header: Option<String>,
    url: String,
    method: String,
    #[serde(default)]
    params: Vec<(String, String)>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    content_type: Option<String>,
    signature: String,
    valid: bool,
    #[serde(default)]
    basis: String,
}

impl Case {
    fn verify(&self, keys: &SigningKeys<'_>) -> Result<(), SignatureError> {
        let parameters = match &self.body {
            Some(body) if !self.is_json() => Parameters::parse(body.as_bytes()).unwrap(),
            _ => self
                .params
                .iter()
                .map(|(name, value)| (name, value))
                .collect(),
        };
        let content = match &self.body {
            Some(body) if self.is_json() => SignedContent::Json(body.as_bytes()),
            _ if self.method == "GET" => SignedContent::Query,
            _ => SignedContent::Form(&parameters),
        };
        let request = SignedRequest {
            urls: &[SignedUrl::parse(&self.url).unwrap()],
            content,
            signature: Some(&self.signature),
            settings: self.signature_settings_header.as_deref(),
        };
        verify(&request, keys).map(|found| assert_eq!(found.url, request.urls[0], "{}", self.name))
    }

    fn is_json(&self) -> bool {
        self.content_type.as_deref() == Some("application/json")
    }
}

fn cases(json: &str, count: usize) -> Vec<Case> {
    let vectors: Vectors<Case> = serde_json::from_str(json).unwrap();
    assert_eq!((vectors.count, vectors.cases.len()), (count, count));
    vectors.cases
}

fn signature_cases() -> Vec<Case> {
    cases(include_str!("../../../vectors/signatures.json"), 68)
}

#[test]
fn every_signature_over_the_url_or_its_port_form_has_the_verdict_of_the_official_helper() {
    let mut judged = 0;
    for case in signature_cases() {
        let verdict = case.verify(&SigningKeys::auth_token(&case.auth_token));
        match case.basis.as_str() {
            "exact" | "port" => assert_eq!(verdict, Ok(()), "{}", case.name),
            "reject" => assert!(verdict.is_err(), "{}", case.name),
            "normalised" => continue,
            other => panic!("{}: an unknown basis {other}", case.name),
        }
        assert_eq!(verdict.is_ok(), case.valid, "{}", case.name);
        judged += 1;
    }
    assert_eq!(judged, 67);
}

#[test]
fn a_signature_that_only_a_re_encoded_query_would_match_is_refused() {
    let mut refused = Vec::new();
    for case in signature_cases()
        .into_iter()
        .filter(|case| case.basis == "normalised")
    {
        let verdict = case.verify(&SigningKeys::auth_token(&case.auth_token));
        assert_eq!(verdict, Err(SignatureError::Mismatch), "{}", case.name);
        refused.push(case.name);
    }
    assert_eq!(refused, ["query-apostrophe-escaped-seen"]);
}

#[test]
fn refused_signatures_say_what_is_wrong() {
    let reasons: Vec<_> = signature_cases()
        .iter()
        .filter_map(|case| {
            Some((
                case.name.clone(),
                case.verify(&SigningKeys::auth_token(&case.auth_token))
                    .err()?,
            ))
        })
        .filter(|(_, reason)| *reason != SignatureError::Mismatch)
        .collect();
    let expected = [
        ("json-body-reserialised", SignatureError::BodyHashMismatch),
        ("json-missing-hash", SignatureError::BodyHashMissing),
        ("tamper-empty-signature", SignatureError::Missing),
        ("tamper-signature-hex", SignatureError::Malformed),
        ("tamper-signature-sha256", SignatureError::Malformed),
        ("tamper-signature-trailing-space", SignatureError::Malformed),
    ];
    assert_eq!(
        reasons,
        expected.map(|(name, reason)| (name.to_owned(), reason))
    );
}

#[test]
fn the_fragment_of_a_configured_url_is_not_signed() {
    let cases = signature_cases();
    let case = cases
        .iter()
        .find(|case| case.name == "fragment-not-signed")
        .unwrap();
    let parameters: Parameters<'_> = case
        .params
        .iter()
        .map(|(name, value)| (name, value))
        .collect();
    let request = SignedRequest {
        urls: &[SignedUrl::configured(&case.url).unwrap()],
        content: SignedContent::Form(&parameters),
        signature: Some(&case.signature),
        settings: None,
    };
    assert!(verify(&request, &SigningKeys::auth_token(&case.auth_token)).is_ok());
}

#[test]
fn every_signature_with_a_shared_key_has_the_verdict_of_the_official_helper() {
    for case in cases(
        include_str!("../../../vectors/signatures_sharedkey.json"),
        12,
    ) {
        let mut credentials = credentials();
        if case
            .signature_settings_header
            .as_deref()
            .is_none_or(str::is_empty)
        {
            credentials.auth_token = case.auth_token.clone();
        } else {
            credentials.shared_keys = vec![SharedKey {
                id: "webhooks_sharedkey_test1".to_owned(),
                secret: case.auth_token.clone(),
            }];
        }
        let verdict = case.verify(&SigningKeys::from(&credentials));
        assert_eq!(verdict.is_ok(), case.valid, "{}: {verdict:?}", case.name);
    }
}
