//! What holds for any URL, parameters and keys.

use proptest::prelude::*;

use super::tests::{URL, credentials, verify_get};
use super::*;
use crate::twilio::SharedKey;

/// Any URL that has the shape of one, with a port or not.
fn urls() -> impl Strategy<Value = String> {
    concat!(
        "(https|http|wss)://[a-zA-Z0-9.-]{1,20}(:[0-9]{1,5})?",
        "(/[^?#\\p{Cc}]{0,20})?(\\?[^#\\p{Cc}]{0,20})?"
    )
}

fn pairs() -> impl Strategy<Value = Vec<(String, String)>> {
    proptest::collection::vec(("[a-c]{1,2}|\\PC{0,8}", "[xy]{0,2}|\\PC{0,20}"), 0..12)
}

fn algorithms() -> impl Strategy<Value = Algorithm> {
    prop_oneof![Just(Algorithm::HmacSha1), Just(Algorithm::HmacSha256)]
}

/// A request with a shared key, which can have either algorithm.
fn verify_form(
    url: &str,
    pairs: &[(String, String)],
    key: &str,
    algorithm: Algorithm,
    signature: &str,
) -> bool {
    let parameters: Parameters<'_> = pairs.iter().map(|(name, value)| (name, value)).collect();
    let settings = match algorithm {
        Algorithm::HmacSha1 => "key=k,algorithm=HMAC_SHA1",
        Algorithm::HmacSha256 => "key=k,algorithm=HMAC_SHA256",
    };
    let mut credentials = credentials();
    credentials.shared_keys = vec![SharedKey {
        id: "k".to_owned(),
        secret: Secret::from(key),
    }];
    let request = SignedRequest {
        urls: &[SignedUrl::parse(url).unwrap()],
        content: SignedContent::Form(&parameters),
        signature: Some(signature),
        settings: Some(settings),
    };
    verify(&request, &SigningKeys::from(&credentials)).is_ok()
}

fn sign_form(url: &str, pairs: &[(String, String)], key: &str, algorithm: Algorithm) -> String {
    let parameters: Parameters<'_> = pairs.iter().map(|(name, value)| (name, value)).collect();
    sign(
        &SignedUrl::parse(url).unwrap(),
        SignedContent::Form(&parameters),
        &Secret::from(key),
        algorithm,
    )
}

/// What Twilio's documentation says is signed, put together step by step.
fn signed_text(url: &str, pairs: &[(String, String)]) -> String {
    let unique: std::collections::BTreeSet<_> = pairs.iter().collect();
    unique
        .into_iter()
        .fold(url.to_owned(), |text, (name, value)| text + name + value)
}

/// The text with the character at a position, taken modulo its length, replaced by another.
fn with_one_character_changed(text: &str, position: usize) -> String {
    let position = position % text.chars().count();
    text.chars()
        .enumerate()
        .map(|(at, c)| {
            if at != position {
                c
            } else if c == 'q' {
                'r'
            } else {
                'q'
            }
        })
        .collect()
}

proptest! {
    #[test]
    fn what_is_signed_verifies_in_any_order_of_parameters(
        url in urls(),
        pairs in pairs(),
        key in "\\PC{1,80}",
        algorithm in algorithms(),
        rotation in any::<usize>(),
    ) {
        let signature = sign_form(&url, &pairs, &key, algorithm);
        prop_assert!(verify_form(&url, &pairs, &key, algorithm, &signature));
        let mut rotated = pairs.clone();
        rotated.rotate_left(rotation % pairs.len().max(1));
        rotated.extend(pairs.first().cloned());
        prop_assert!(verify_form(&url, &rotated, &key, algorithm, &signature));
    }

    #[test]
    fn a_signature_is_the_hmac_of_the_documented_text(
        url in urls(),
        pairs in pairs(),
        key in "\\PC{1,80}",
    ) {
        let mut mac = Hmac::<Sha1>::new_from_slice(key.as_bytes()).unwrap();
        mac.update(signed_text(&url, &pairs).as_bytes());
        let expected = STANDARD.encode(mac.finalize().into_bytes());
        prop_assert_eq!(sign_form(&url, &pairs, &key, Algorithm::HmacSha1), expected);
    }

    #[test]
    fn a_changed_path_or_query_fails(
        rest in "/[a-z0-9?&=%+]{0,30}",
        position in any::<usize>(),
        pairs in pairs(),
        algorithm in algorithms(),
    ) {
        let url = format!("https://h.example{rest}");
        let signature = sign_form(&url, &pairs, "key", algorithm);
        let changed = format!("https://h.example{}", with_one_character_changed(&rest, position));
        let other_scheme = format!("http://h.example{rest}");
        let other_host = format!("https://i.example{rest}");
        for url in [changed, other_scheme, other_host] {
            prop_assert!(!verify_form(&url, &pairs, "key", algorithm, &signature));
        }
    }

    #[test]
    fn a_changed_parameter_fails_unless_the_signed_text_stays_the_same(
        pairs in pairs(),
        which in any::<usize>(),
        position in any::<usize>(),
        in_name in any::<bool>(),
    ) {
        prop_assume!(!pairs.is_empty());
        let mut changed = pairs.clone();
        let number = which % pairs.len();
        let (name, value) = &mut changed[number];
        let text = if in_name { name } else { value };
        *text = match text.as_str() {
            "" => "q".to_owned(),
            text => with_one_character_changed(text, position),
        };
        // Nothing divides names from values, and equal pairs count once: some changes cannot be
        // seen.
        let same = signed_text(URL, &pairs) == signed_text(URL, &changed);
        let signature = sign_form(URL, &pairs, "key", Algorithm::HmacSha1);
        prop_assert_eq!(verify_form(URL, &changed, "key", Algorithm::HmacSha1, &signature), same);
    }

    #[test]
    fn a_changed_key_fails(
        key in "[a-z0-9]{1,64}",
        position in any::<usize>(),
        algorithm in algorithms(),
    ) {
        let signature = sign_form(URL, &[], &key, algorithm);
        let changed = with_one_character_changed(&key, position);
        prop_assert!(!verify_form(URL, &[], &changed, algorithm, &signature));
    }

    #[test]
    fn any_headers_are_judged_without_a_panic(
        signature in any::<String>(),
        settings in any::<Option<String>>(),
    ) {
        prop_assert!(verify_get(&credentials(), &signature, settings.as_deref()).is_err());
    }
}
