//! Configurations of all providers: what is taken, kept, shown and sealed.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::input::Document;
use crate::tenant::Provider;
use crate::vault::Sealable as _;

const ACCOUNT: &str = "AC00112233445566778899aabbccddeeff";
const KEY: &str = "SK00112233445566778899aabbccddeeff";
const SERVICE: &str = "MG00112233445566778899aabbccddeeff";

/// Every field of a provider, with secrets made of `secret`, no two of them the same.
fn whole(provider: Provider, secret: &str) -> Value {
    match provider {
        Provider::Twilio => json!({
            "account_sid": ACCOUNT, "auth_token": format!("{secret}-1"), "secondary_auth_token": format!("{secret}-2"),
            "api_key_sid": KEY, "api_key_secret": format!("{secret}-3"), "phone_number": "+15005550006",
            "whatsapp_sender": "+15005550007", "messaging_service_sid": SERVICE,
            "shared_keys": [{"id": "one", "secret": format!("{secret}-4")}]
        }),
        Provider::Vapi => {
            json!({"api_key": format!("{secret}-1"), "webhook_secret": format!("{secret}-2")})
        }
        Provider::GoogleCalendar => json!({
            "client_id": "1.apps.googleusercontent.com", "client_secret": format!("{secret}-1"),
            "refresh_token": format!("{secret}-2")
        }),
        Provider::Resend => json!({"api_key": format!("re_{secret}")}),
        Provider::ElevenLabs => json!({"api_key": secret}),
    }
}

fn entered(provider: Provider, document: Value) -> Configuration {
    Configuration::from_input(provider, &Document::from(document)).unwrap()
}

fn faults(provider: Provider, document: Value) -> Vec<String> {
    let refusal = Configuration::from_input(provider, &Document::from(document)).unwrap_err();
    assert_eq!(refusal.subject, provider.as_str());
    refusal.faults.into_iter().map(|it| it.field).collect()
}

fn bytes(configuration: &Configuration) -> Vec<u8> {
    configuration.plaintext().unwrap().to_vec()
}

#[test]
fn what_is_sealed_is_read_again() {
    for provider in Provider::ALL {
        let written = bytes(&entered(provider, whole(provider, "0123456789abcdef")));
        let read = match provider {
            Provider::Twilio => crate::twilio::TwilioCredentials::from_plaintext(&written)
                .map(Configuration::Twilio),
            Provider::Vapi => VapiCredentials::from_plaintext(&written).map(Configuration::Vapi),
            Provider::GoogleCalendar => GoogleCalendarCredentials::from_plaintext(&written)
                .map(Configuration::GoogleCalendar),
            Provider::Resend => {
                ResendCredentials::from_plaintext(&written).map(Configuration::Resend)
            }
            Provider::ElevenLabs => {
                ElevenLabsCredentials::from_plaintext(&written).map(Configuration::ElevenLabs)
            }
        };
        assert_eq!(bytes(&read.unwrap()), written, "{provider}");
        // The document as it was entered, behind the format version.
        let sealed: Value = serde_json::from_slice(&written).unwrap();
        assert_eq!(sealed["version"], 1);
        assert_eq!(
            sealed["configuration"],
            whole(provider, "0123456789abcdef"),
            "{provider}"
        );
    }
}

#[test]
fn an_unknown_version_is_refused() {
    let plaintext = br#"{"version":2,"configuration":"of another shape"}"#;
    for refusal in [
        VapiCredentials::from_plaintext(plaintext).err(),
        GoogleCalendarCredentials::from_plaintext(plaintext).err(),
        ResendCredentials::from_plaintext(plaintext).err(),
        ElevenLabsCredentials::from_plaintext(plaintext).err(),
    ] {
        assert_eq!(
            refusal,
            Some(crate::vault::InvalidPlaintext::UnknownVersion(2))
        );
    }
}

#[test]
fn a_summary_shows_identifiers_whole_and_secrets_masked() {
    let twilio = entered(Provider::Twilio, whole(Provider::Twilio, "0123456789abcd")).summary();
    assert_eq!(
        Value::from(twilio),
        json!({
            "account_sid": ACCOUNT, "auth_token": "••••cd-1", "secondary_auth_token": "••••cd-2",
            "api_key_sid": KEY, "api_key_secret": "••••cd-3", "phone_number": "+15005550006",
            "whatsapp_sender": "+15005550007", "messaging_service_sid": SERVICE,
            "shared_keys": [{"id": "one", "secret": "••••cd-4"}]
        })
    );
    let google = entered(
        Provider::GoogleCalendar,
        whole(Provider::GoogleCalendar, "0123456789abcd"),
    );
    assert_eq!(
        Value::from(google.summary()),
        json!({
            "client_id": "1.apps.googleusercontent.com", "client_secret": "••••cd-1", "refresh_token": "••••cd-2"
        })
    );
}

#[test]
fn a_summary_holds_nothing_for_what_is_not_set() {
    let least = json!({"account_sid": ACCOUNT, "auth_token": "0123456789abcdef"});
    let summary = entered(Provider::Twilio, least).summary();
    assert_eq!(
        summary.keys().collect::<Vec<_>>(),
        ["account_sid", "auth_token"]
    );
}

#[test]
fn every_missing_field_is_named() {
    for (provider, needed) in [
        (Provider::Twilio, &["account_sid", "auth_token"][..]),
        (Provider::Vapi, &["api_key", "webhook_secret"]),
        (
            Provider::GoogleCalendar,
            &["client_id", "client_secret", "refresh_token"],
        ),
        (Provider::Resend, &["api_key"]),
        (Provider::ElevenLabs, &["api_key"]),
    ] {
        assert_eq!(faults(provider, json!({})), needed);
        assert_eq!(faults(provider, json!("x")).len(), needed.len() + 1);
    }
}

#[test]
fn what_must_be_cannot_be_removed() {
    for provider in Provider::ALL {
        let document = whole(provider, "0123456789abcdef");
        let stored = entered(provider, document.clone());
        let needed = faults(provider, json!({}));
        for field in document.as_object().unwrap().keys() {
            let patched = stored.patched(&Document::from(json!({field.clone(): null})));
            // An API key and its secret go together.
            let is_needed = needed.contains(field) || field.starts_with("api_key");
            assert_eq!(patched.is_err(), is_needed, "{provider} {field}");
        }
    }
}

#[test]
fn a_field_in_the_place_of_another_is_told() {
    let token = "0123456789abcdef";
    let client = "1.apps.googleusercontent.com";
    let faulty = |field: &str, value: &str| {
        let mut document = whole(Provider::GoogleCalendar, token);
        document[field] = value.into();
        faults(Provider::GoogleCalendar, document)
    };
    assert_eq!(faulty("client_secret", client), ["client_secret"]);
    assert_eq!(
        faulty("refresh_token", "ya29.0123456789abcdef"),
        ["refresh_token"]
    );
    assert_eq!(
        faulty("client_id", "GOCSPX-0123456789abcdef"),
        ["client_id"]
    );
    for key in [
        "0123456789abcdef",
        "whsec_0123456789abcdef",
        "re_short",
        "re_0123456789-abcdef",
    ] {
        assert_eq!(
            faults(Provider::Resend, json!({"api_key": key})),
            ["api_key"],
            "{key}"
        );
    }
    let same = json!({"api_key": token, "webhook_secret": token});
    assert_eq!(faults(Provider::Vapi, same), ["webhook_secret"]);
}

#[test]
fn a_secret_beside_itself_in_a_field_that_is_shown_whole_is_told() {
    let secret = "no-form-tells-this-is-a-secret";
    let mut google = whole(Provider::GoogleCalendar, "0123456789abcdef");
    google["client_id"] = google["refresh_token"].clone();
    assert_eq!(faults(Provider::GoogleCalendar, google), ["client_id"]);
    let mut twilio = whole(Provider::Twilio, "0123456789abcdef");
    twilio["shared_keys"] = json!([{"id": secret, "secret": secret}]);
    assert_eq!(faults(Provider::Twilio, twilio), ["shared_keys[0].id"]);
}

#[test]
fn a_field_that_there_is_not_is_named_only_if_its_name_can_be_no_secret() {
    for name in ["colour", "xi-api-key", "server.url", "line2"] {
        let mut document = whole(Provider::Resend, "0123456789abcdef");
        document[name] = json!(1);
        assert_eq!(faults(Provider::Resend, document), [name]);
    }
    let long = "x".repeat(41);
    for name in ["", "re_0123456789abcdef", "with a space", "käse", &long] {
        let mut document = whole(Provider::Resend, "0123456789abcdef");
        document[name] = json!(1);
        assert_eq!(faults(Provider::Resend, document), ["(unknown)"]);
    }
}

#[test]
fn a_secret_with_a_space_or_a_line_break_copied_along_is_refused() {
    for secret in [
        " 0123456789abcdef",
        "0123456789abcdef\n",
        "01234567 89abcdef",
    ] {
        assert_eq!(
            faults(Provider::ElevenLabs, json!({"api_key": secret})),
            ["api_key"]
        );
    }
}

#[test]
fn another_google_client_needs_its_own_secret_and_grant() {
    let stored = entered(
        Provider::GoogleCalendar,
        whole(Provider::GoogleCalendar, "0123456789abcdef"),
    );
    let refusal = stored
        .patched(&Document::from(
            json!({"client_id": "2.apps.googleusercontent.com"}),
        ))
        .unwrap_err();
    assert_eq!(refusal.faults.len(), 2);
}

#[test]
fn no_host_can_be_entered() {
    for field in ["base_url", "host", "url", "region", "endpoint"] {
        for provider in Provider::ALL {
            let mut document = whole(provider, "0123456789abcdef");
            document[field] = "https://example.com".into();
            assert_eq!(faults(provider, document), [field]);
        }
    }
}

#[test]
fn ten_thousand_faults_are_answered_with_a_short_list() {
    let document: serde_json::Map<String, Value> = (0..10_000)
        .map(|number| (format!("{number}{}", "x".repeat(100)), json!(1)))
        .collect();
    let found = faults(Provider::Resend, document.into());
    assert_eq!(found.len(), 100);
    assert!(found.iter().all(|field| field.chars().count() <= 64));
}

fn providers() -> impl Strategy<Value = Provider> {
    prop::sample::select(Provider::ALL.to_vec())
}

proptest! {
    #[test]
    fn a_patch_of_nothing_changes_nothing(provider in providers(), secret in "[a-z0-9]{16,60}") {
        let stored = entered(provider, whole(provider, &secret));
        let patched = stored.patched(&Document::from(json!({}))).unwrap();
        prop_assert_eq!(bytes(&patched), bytes(&stored));
    }

    #[test]
    fn a_patch_with_everything_is_the_same_as_entering_it(provider in providers(), secret in "[a-z0-9]{16,60}") {
        let stored = entered(provider, whole(provider, "0123456789abcdef"));
        let document = whole(provider, &secret);
        let patched = stored.patched(&Document::from(document.clone())).unwrap();
        prop_assert_eq!(bytes(&patched), bytes(&entered(provider, document)));
    }

    #[test]
    fn nothing_that_is_shown_holds_a_secret(provider in providers(), secret in "[a-z0-9]{16,60}") {
        let configuration = entered(provider, whole(provider, &secret));
        let shown = format!("{configuration:?} {}", Value::from(configuration.summary()));
        // Of a secret no more than 4 characters, here with the two that tell it from the others.
        let parts = (0..secret.len() - 7).map(|start| &secret[start..start + 8]);
        for part in parts {
            prop_assert!(!shown.contains(part), "{shown}");
        }
        prop_assert!(!shown.contains(&secret));
    }

    #[test]
    fn a_fault_repeats_no_value(provider in providers(), secret in "[A-Z]{17,40} ") {
        let Err(refusal) = Configuration::from_input(provider, &Document::from(whole(provider, &secret))) else {
            return Err(TestCaseError::fail("taken"));
        };
        prop_assert!(!refusal.to_string().contains(secret.trim_end()));
    }
}
