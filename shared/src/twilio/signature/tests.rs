use super::*;
use crate::twilio::{SharedKey, TwilioCredentials};

pub(super) const URL: &str = "https://hooks.example.com/sms?account=AC1";

/// Credentials with one auth token, `primary`.
pub(super) fn credentials() -> TwilioCredentials {
    TwilioCredentials {
        account_sid: "AC00000000000000000000000000000101".parse().unwrap(),
        auth_token: Secret::from("primary"),
        secondary_auth_token: None,
        previous_auth_token: None,
        api_key_sid: None,
        api_key_secret: None,
        phone_number: None,
        whatsapp_sender: None,
        messaging_service_sid: None,
        shared_keys: Vec::new(),
    }
}

/// The verdict on a GET of [`URL`].
pub(super) fn verify_get<'a>(
    credentials: &'a TwilioCredentials,
    signature: &str,
    settings: Option<&str>,
) -> Result<SigningKey<'a>, SignatureError> {
    let urls = [SignedUrl::parse(URL).unwrap()];
    let request = SignedRequest {
        urls: &urls,
        content: SignedContent::Query,
        signature: Some(signature),
        settings,
    };
    verify(&request, &SigningKeys::from(credentials)).map(|found| found.key)
}

fn sign_get(key: &str, algorithm: Algorithm) -> String {
    sign(
        &SignedUrl::parse(URL).unwrap(),
        SignedContent::Query,
        &Secret::from(key),
        algorithm,
    )
}

#[test]
fn each_auth_token_of_a_rotation_is_accepted_and_named() {
    let mut credentials = credentials();
    credentials.secondary_auth_token = Some(Secret::from("secondary"));
    credentials.previous_auth_token = Some(Secret::from("previous"));
    for (token, key) in [
        ("primary", Ok(SigningKey::Primary)),
        ("secondary", Ok(SigningKey::Secondary)),
        ("previous", Ok(SigningKey::Previous)),
        ("stranger", Err(SignatureError::Mismatch)),
    ] {
        let signature = sign_get(token, Algorithm::HmacSha1);
        assert_eq!(verify_get(&credentials, &signature, None), key, "{token}");
    }
}

#[test]
fn of_equal_auth_tokens_the_first_is_named() {
    let mut credentials = credentials();
    credentials.secondary_auth_token = Some(Secret::from("primary"));
    let signature = sign_get("primary", Algorithm::HmacSha1);
    assert_eq!(
        verify_get(&credentials, &signature, None),
        Ok(SigningKey::Primary)
    );
}

#[test]
fn an_empty_key_accepts_nothing() {
    let mut credentials = credentials();
    credentials.auth_token = Secret::from("");
    credentials.shared_keys = vec![SharedKey {
        id: "k1".to_owned(),
        secret: Secret::from(""),
    }];
    let signature = sign_get("", Algorithm::HmacSha1);
    for settings in [None, Some("key=k1")] {
        assert_eq!(
            verify_get(&credentials, &signature, settings),
            Err(SignatureError::UnknownKey)
        );
    }
}

#[test]
fn a_shared_key_is_tried_only_if_it_is_named() {
    let mut credentials = credentials();
    credentials.shared_keys = vec![
        SharedKey {
            id: "k1".to_owned(),
            secret: Secret::from("old"),
        },
        SharedKey {
            id: "k2".to_owned(),
            secret: Secret::from("other"),
        },
        SharedKey {
            id: "k1".to_owned(),
            secret: Secret::from("new"),
        },
    ];
    let settings = Some("key=k1,algorithm=HMAC_SHA256");
    for (secret, key) in [
        ("old", Ok(SigningKey::Shared("k1"))),
        ("new", Ok(SigningKey::Shared("k1"))),
        ("other", Err(SignatureError::Mismatch)),
        ("primary", Err(SignatureError::Mismatch)),
    ] {
        let signature = sign_get(secret, Algorithm::HmacSha256);
        assert_eq!(
            verify_get(&credentials, &signature, settings),
            key,
            "{secret}"
        );
    }
    let signature = sign_get("old", Algorithm::HmacSha1);
    assert_eq!(
        verify_get(&credentials, &signature, None),
        Err(SignatureError::Mismatch)
    );
    assert_eq!(
        verify_get(&credentials, &signature, Some("key=k3")),
        Err(SignatureError::UnknownKey)
    );
}

#[test]
fn a_blank_settings_header_counts_as_none() {
    let credentials = credentials();
    let signature = sign_get("primary", Algorithm::HmacSha1);
    assert_eq!(
        verify_get(&credentials, &signature, Some("  ")),
        Ok(SigningKey::Primary)
    );
}

#[test]
fn what_cannot_be_a_signature_is_malformed() {
    let credentials = credentials();
    let signature = sign_get("primary", Algorithm::HmacSha1);
    let unpadded = signature.trim_end_matches('=');
    for text in [
        "=",
        "?",
        unpadded,
        &format!(" {signature}"),
        &format!("{signature}\n"),
        &"A".repeat(68),
        "žžžž",
    ] {
        assert_eq!(
            verify_get(&credentials, text, None),
            Err(SignatureError::Malformed),
            "{text}"
        );
    }
    assert_eq!(
        verify_get(&credentials, "", None),
        Err(SignatureError::Missing)
    );
}

#[test]
fn the_last_digit_of_a_signature_has_one_spelling() {
    let credentials = credentials();
    let signature = sign_get("primary", Algorithm::HmacSha1);
    let accepted: Vec<_> = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        .chars()
        .map(|digit| format!("{}{digit}=", &signature[..26]))
        .filter(|spelling| verify_get(&credentials, spelling, None).is_ok())
        .collect();
    assert_eq!(accepted, [signature]);
}

#[test]
fn the_url_that_was_signed_is_found_among_the_candidates() {
    let base: BaseUrl = "https://hooks.example.com/twilio".parse().unwrap();
    let urls = [
        SignedUrl::under(&base, "/sms", Some("account=AC1")),
        SignedUrl::received(
            "https",
            "x.lambda-url.eu-west-1.on.aws",
            "/sms",
            Some("account=AC1"),
        ),
    ];
    let token = Secret::from("primary");
    for (url, expected) in [
        (
            "https://hooks.example.com/twilio/sms?account=AC1",
            "https://hooks.example.com/twilio",
        ),
        (
            "https://hooks.example.com:443/twilio/sms?account=AC1",
            "https://hooks.example.com/twilio",
        ),
        (
            "https://x.lambda-url.eu-west-1.on.aws/sms?account=AC1",
            "https://x.lambda-url.eu-west-1.on.aws",
        ),
    ] {
        let url = SignedUrl::parse(url).unwrap();
        let signature = sign(&url, SignedContent::Query, &token, Algorithm::HmacSha1);
        let request = SignedRequest {
            urls: &urls,
            content: SignedContent::Query,
            signature: Some(&signature),
            settings: None,
        };
        let found = verify(&request, &SigningKeys::auth_token(&token)).unwrap();
        assert_eq!(found.url.base(), expected);
    }
}

#[test]
fn a_json_body_is_signed_through_the_hash_in_its_url() {
    let token = Secret::from("primary");
    let body = br#"{"id":"1"}"#;
    for configured in ["https://h.example/ev", "https://h.example/ev?a=1#rc=3"] {
        let url = url_with_body_hash(configured, body);
        let urls = [SignedUrl::parse(&url).unwrap()];
        let signature = sign(
            &urls[0],
            SignedContent::Json(body),
            &token,
            Algorithm::HmacSha1,
        );
        let verdict = |body| {
            let content = SignedContent::Json(body);
            let request = SignedRequest {
                urls: &urls,
                content,
                signature: Some(&signature),
                settings: None,
            };
            verify(&request, &SigningKeys::auth_token(&token)).map(drop)
        };
        assert_eq!(verdict(body), Ok(()));
        assert_eq!(verdict(b"{}"), Err(SignatureError::BodyHashMismatch));
    }
}

#[test]
fn a_body_hash_counts_in_lower_case_only_and_of_two_the_first() {
    let token = Secret::from("primary");
    let body = b"{}";
    let hash = hexadecimal_hash(body);
    for (query, verdict) in [
        (format!("bodySHA256={hash}"), Ok(())),
        (format!("bodySHA256={hash}&bodySHA256=0"), Ok(())),
        (
            format!("bodySHA256=0&bodySHA256={hash}"),
            Err(SignatureError::BodyHashMismatch),
        ),
        (
            format!("bodySHA256={}", hash.to_uppercase()),
            Err(SignatureError::BodyHashMismatch),
        ),
        (
            "bodySHA256=".to_owned(),
            Err(SignatureError::BodyHashMismatch),
        ),
        (
            format!("bodysha256={hash}"),
            Err(SignatureError::BodyHashMissing),
        ),
    ] {
        let urls = [SignedUrl::received("https", "h.example", "/", Some(&query))];
        let signature = sign(&urls[0], SignedContent::Query, &token, Algorithm::HmacSha1);
        let request = SignedRequest {
            urls: &urls,
            content: SignedContent::Json(body),
            signature: Some(&signature),
            settings: None,
        };
        assert_eq!(
            verify(&request, &SigningKeys::auth_token(&token)).map(drop),
            verdict,
            "{query}"
        );
    }
}
