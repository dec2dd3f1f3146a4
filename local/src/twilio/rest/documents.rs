//! The documents of accounts, their keys and their auth tokens.

use serde_json::{Map, Value, json};

use super::property::iso8601;
use super::state::{AccountState, ApiKey, KeyKind, Permission, State};
use crate::twilio::payload::rfc2822;

pub(super) fn account_document(
    state: &State,
    sid: &str,
    account: &AccountState,
    key: Option<&KeyKind>,
) -> Value {
    let uri = format!("/2010-04-01/Accounts/{sid}");
    let collections = [
        ("applications", "Applications"),
        ("incoming_phone_numbers", "IncomingPhoneNumbers"),
        ("keys", "Keys"),
    ];
    let collections: Map<String, Value> = collections
        .iter()
        .map(|(name, path)| ((*name).to_owned(), json!(format!("{uri}/{path}.json"))))
        .collect();
    json!({
        "sid": sid,
        "friendly_name": account.friendly_name,
        "status": state.status(account).to_string(),
        "type": "Full",
        "owner_account_sid": account.owner,
        // An API key was seen to get no token here.
        "auth_token": if key.is_none() { account.auth_token.as_str() } else { "" },
        "date_created": rfc2822(account.created),
        "date_updated": rfc2822(account.updated),
        "uri": format!("{uri}.json"),
        "subresource_uris": collections,
    })
}

pub(super) fn key_document(key: &ApiKey) -> Value {
    json!({
        "sid": key.sid,
        "friendly_name": key.friendly_name,
        "date_created": rfc2822(key.created),
        "date_updated": rfc2822(key.created),
    })
}

/// A key as the newer API shows it. Of Main keys Twilio says only that it does not manage them there: they are not found.
pub(super) fn key_policy_document(key: &ApiKey) -> Option<Value> {
    let policy = match &key.kind {
        KeyKind::Standard => Value::Null,
        KeyKind::Restricted(permissions) => {
            let allowed: Vec<&str> = permissions.iter().copied().map(Permission::path).collect();
            json!({"allow": allowed})
        }
        KeyKind::Main => return None,
    };
    let mut document = key_document(key);
    document
        .as_object_mut()?
        .insert("policy".to_owned(), policy);
    Some(document)
}

pub(super) fn token_document(sid: &str, account: &AccountState, name: &str, token: &str) -> Value {
    let path = match name {
        "auth_token" => "Promote",
        _ => "Secondary",
    };
    json!({
        "account_sid": sid,
        name: token,
        "date_created": iso8601(account.created),
        "date_updated": iso8601(account.updated),
        "url": format!("https://accounts.twilio.com/v1/AuthTokens/{path}"),
    })
}
