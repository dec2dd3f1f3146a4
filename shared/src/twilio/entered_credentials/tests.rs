//! What may be entered, and what is said about the rest.

use serde_json::json;

use super::*;
use crate::secret::Secret;
use crate::vault::Sealable as _;

const ACCOUNT: &str = "AC00112233445566778899aabbccddeeff";
const TOKEN: &str = "00112233445566778899aabbccddeeff";

fn faults(document: &Value) -> Vec<(String, String)> {
    let refusal = TwilioCredentials::from_input(document).unwrap_err();
    refusal
        .faults
        .into_iter()
        .map(|fault| (fault.field, fault.fault))
        .collect()
}

#[test]
fn every_field_is_read() {
    let credentials = TwilioCredentials::from_input(&json!({
        "account_sid": ACCOUNT, "auth_token": TOKEN, "secondary_auth_token": TOKEN, "previous_auth_token": null,
        "api_key_sid": "SK00112233445566778899aabbccddeeff", "api_key_secret": TOKEN,
        "phone_number": "+15005550006", "whatsapp_sender": "+15005550007",
        "messaging_service_sid": "MG00112233445566778899aabbccddeeff",
        "shared_keys": [{"id": "webhooks_1", "secret": TOKEN}]
    }))
    .unwrap();
    assert_eq!(credentials.account_sid.as_str(), ACCOUNT);
    assert_eq!(credentials.api_key_secret.unwrap().expose(), TOKEN);
    assert!(credentials.previous_auth_token.is_none());
    assert_eq!(credentials.shared_keys[0].id, "webhooks_1");
}

#[test]
fn every_fault_is_named_at_once() {
    let found = faults(&json!({
        "account_sid": "AC1", "auth_token": "", "api_key_sid": "SK00112233445566778899aabbccddeeff",
        "phone_number": "0123", "authtoken": "x", "secondary_auth_token": 7,
        "shared_keys": [{"id": "a,b", "secret": TOKEN}, {"id": "a"}]
    }));
    let fields: Vec<&str> = found.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(
        fields,
        [
            "authtoken",
            "account_sid",
            "auth_token",
            "secondary_auth_token",
            "phone_number",
            "shared_keys[0].id",
            "shared_keys[1].secret",
            "api_key_secret",
        ]
    );
}

#[test]
fn what_is_missing_is_named() {
    let missing = |field: &str| (field.to_owned(), "missing".to_owned());
    assert_eq!(
        faults(&json!({})),
        [missing("account_sid"), missing("auth_token")]
    );
    assert_eq!(faults(&json!([])).len(), 3);
}

#[test]
fn a_sid_in_place_of_a_secret_is_told_and_no_value_is_repeated() {
    for token in [
        ACCOUNT,
        "short",
        "00112233445566778899aabbccddeeff ",
        "ü0112233445566778899aabbccddeef",
    ] {
        let refusal =
            TwilioCredentials::from_input(&json!({"account_sid": ACCOUNT, "auth_token": token}))
                .unwrap_err();
        assert!(!refusal.to_string().contains(token), "{refusal}");
        assert_eq!(refusal.faults.len(), 1);
    }
}

fn stored() -> TwilioCredentials {
    TwilioCredentials::from_input(&json!({
        "account_sid": ACCOUNT, "auth_token": TOKEN, "secondary_auth_token": "secondary-0123456789",
        "previous_auth_token": "previous-0123456789", "api_key_sid": "SK00112233445566778899aabbccddeeff",
        "api_key_secret": "key-secret-0123456789", "phone_number": "+15005550006",
        "whatsapp_sender": "+15005550007", "messaging_service_sid": "MG00112233445566778899aabbccddeeff",
        "shared_keys": [{"id": "webhooks_1", "secret": "shared-0123456789"}]
    }))
    .unwrap()
}

fn bytes(credentials: &TwilioCredentials) -> Vec<u8> {
    credentials.plaintext().unwrap().to_vec()
}

#[test]
fn the_api_takes_no_token_of_before_a_rotation() {
    let document =
        json!({"account_sid": ACCOUNT, "auth_token": TOKEN, "previous_auth_token": TOKEN});
    let refusal = TwilioCredentials::from_body(&document).unwrap_err();
    assert_eq!(refusal.faults.len(), 1);
    assert_eq!(refusal.faults[0].field, "previous_auth_token");
    assert!(
        stored()
            .patched(&json!({"previous_auth_token": null}))
            .is_err()
    );
}

#[test]
fn a_patch_of_nothing_changes_nothing() {
    assert_eq!(
        bytes(&stored().patched(&json!({})).unwrap()),
        bytes(&stored())
    );
}

#[test]
fn a_patch_keeps_what_it_does_not_name() {
    let patched = stored()
        .patched(&json!({"auth_token": "new-token-0123456789", "phone_number": "+15005550001"}))
        .unwrap();
    let mut expected = stored();
    expected.auth_token = Secret::from("new-token-0123456789");
    expected.phone_number = Some("+15005550001".parse().unwrap());
    assert_eq!(bytes(&patched), bytes(&expected));
}

#[test]
fn null_removes_what_need_not_be() {
    let patched = stored()
        .patched(&json!({
            "secondary_auth_token": null, "api_key_sid": null, "api_key_secret": null, "phone_number": null,
            "whatsapp_sender": null, "messaging_service_sid": null, "shared_keys": null
        }))
        .unwrap();
    let mut expected = stored();
    expected.secondary_auth_token = None;
    expected.api_key_sid = None;
    expected.api_key_secret = None;
    expected.phone_number = None;
    expected.whatsapp_sender = None;
    expected.messaging_service_sid = None;
    expected.shared_keys = Vec::new();
    assert_eq!(bytes(&patched), bytes(&expected));
}

#[test]
fn null_removes_nothing_that_must_be() {
    let refusal = stored()
        .patched(&json!({"account_sid": null, "auth_token": null, "api_key_secret": null}))
        .unwrap_err();
    let fields: Vec<&str> = refusal
        .faults
        .iter()
        .map(|fault| fault.field.as_str())
        .collect();
    assert_eq!(fields, ["account_sid", "auth_token", "api_key_secret"]);
}

#[test]
fn nothing_of_one_account_is_taken_along_to_another() {
    let other = "ACffffffffffffffffffffffffffffffff";
    let refusal = stored()
        .patched(&json!({"account_sid": other}))
        .unwrap_err();
    let fields: Vec<&str> = refusal
        .faults
        .iter()
        .map(|fault| fault.field.as_str())
        .collect();
    assert_eq!(
        fields,
        [
            "auth_token",
            "secondary_auth_token",
            "api_key_sid",
            "api_key_secret",
            "phone_number",
            "whatsapp_sender",
            "messaging_service_sid",
            "shared_keys",
        ]
    );
    let moved = stored()
        .patched(&json!({
            "account_sid": other, "auth_token": "other-token-0123456789", "secondary_auth_token": null,
            "api_key_sid": null, "api_key_secret": null, "phone_number": "+15005550001",
            "whatsapp_sender": null, "messaging_service_sid": null, "shared_keys": null
        }))
        .unwrap();
    assert!(moved.previous_auth_token.is_none() && moved.whatsapp_sender.is_none());
    assert_eq!(moved.phone_number, Some("+15005550001".parse().unwrap()));
}

#[test]
fn the_account_sent_again_is_no_other_account() {
    assert!(stored().patched(&json!({"account_sid": ACCOUNT})).is_ok());
}

#[test]
fn another_api_key_needs_its_own_secret() {
    let other = json!({"api_key_sid": "SKffffffffffffffffffffffffffffffff"});
    let refusal = stored().patched(&other).unwrap_err();
    assert_eq!(refusal.faults[0].field, "api_key_secret");
}

#[test]
fn two_shared_keys_of_one_id_are_refused() {
    let key = json!({"id": "one", "secret": TOKEN});
    let document = json!({"account_sid": ACCOUNT, "auth_token": TOKEN, "shared_keys": [key, key]});
    let refusal = TwilioCredentials::from_body(&document).unwrap_err();
    assert_eq!(refusal.faults[0].field, "shared_keys");
}
