//! Twilio credentials as somebody enters them: checked whole, every fault named at once.

use serde_json::Value;

use super::{SharedKey, TwilioCredentials};
use crate::fault::InvalidInput;
use crate::input::{Entry, Faults, each_of, parsed, secret, text, visible_secret};
use crate::sid::ApiKeySid;

/// The names of all fields that can be entered.
const FIELDS: &[&str] = &[
    "account_sid",
    "auth_token",
    "secondary_auth_token",
    "api_key_sid",
    "api_key_secret",
    "phone_number",
    "whatsapp_sender",
    "messaging_service_sid",
    "shared_keys",
];

/// The token of before a rotation, which only a bulk import has: otherwise rotation alone sets it.
const PREVIOUS: &str = "previous_auth_token";

/// The most shared keys of one account.
const MOST_SHARED_KEYS: usize = 10;

impl TwilioCredentials {
    /// Reads credentials that an operator brings along, `previous_auth_token` included. A field that is `null` counts as left
    /// out.
    ///
    /// # Errors
    /// Every fault of them.
    pub fn from_input(document: &Value) -> Result<Self, InvalidInput> {
        let fields: Vec<&str> = FIELDS.iter().copied().chain([PREVIOUS]).collect();
        Entry::document("twilio", document, &fields, |entry| {
            let previous = entry.optional(PREVIOUS, None, secret(secret_fault));
            Some(Self {
                previous_auth_token: previous,
                ..read(entry, None)?
            })
        })
    }

    /// Reads credentials as the API takes them. They replace stored ones whole, the token of before a rotation too.
    ///
    /// # Errors
    /// Every fault of them.
    pub fn from_body(document: &Value) -> Result<Self, InvalidInput> {
        Entry::document("twilio", document, FIELDS, |entry| read(entry, None))
    }

    /// These credentials with a part of them entered anew: a field that is not there stays (so does the token of before a
    /// rotation), `null` removes one. A list is replaced whole.
    ///
    /// Nothing that belongs to one account is taken along to another: each must be entered anew or removed.
    ///
    /// # Errors
    /// Every fault of what was entered.
    pub fn patched(&self, document: &Value) -> Result<Self, InvalidInput> {
        Entry::document("twilio", document, FIELDS, |entry| read(entry, Some(self)))
    }
}

fn read(
    entry: &mut Entry<'_, '_>,
    stored: Option<&TwilioCredentials>,
) -> Option<TwilioCredentials> {
    let account_sid = entry.required("account_sid", stored.map(|it| &it.account_sid), parsed);
    let auth_token = entry.required(
        "auth_token",
        stored.map(|it| &it.auth_token),
        secret(secret_fault),
    );
    let secondary_auth_token = entry.optional(
        "secondary_auth_token",
        stored.and_then(|it| it.secondary_auth_token.as_ref()),
        secret(secret_fault),
    );
    let api_key_sid = entry.optional(
        "api_key_sid",
        stored.and_then(|it| it.api_key_sid.as_ref()),
        parsed,
    );
    let api_key_secret = entry.optional(
        "api_key_secret",
        stored.and_then(|it| it.api_key_secret.as_ref()),
        secret(secret_fault),
    );
    let phone_number = entry.optional(
        "phone_number",
        stored.and_then(|it| it.phone_number.as_ref()),
        parsed,
    );
    let whatsapp_sender = entry.optional(
        "whatsapp_sender",
        stored.and_then(|it| it.whatsapp_sender.as_ref()),
        parsed,
    );
    let messaging_service_sid = entry.optional(
        "messaging_service_sid",
        stored.and_then(|it| it.messaging_service_sid.as_ref()),
        parsed,
    );
    let shared_keys = entry.or_default(
        "shared_keys",
        stored.map_or(&Vec::new(), |it| &it.shared_keys),
        Vec::new(),
        each_of(MOST_SHARED_KEYS, shared_key),
    );
    let same_id = |(number, key): (usize, &SharedKey)| {
        shared_keys
            .iter()
            .take(number)
            .any(|earlier| earlier.id == key.id)
    };
    if shared_keys.iter().enumerate().any(same_id) {
        entry.fault("shared_keys", "expected ids of which no two are the same");
    }
    pair_key_with_secret(entry, stored, api_key_sid.as_ref());
    let other_account = stored.filter(|stored| {
        account_sid
            .as_ref()
            .is_some_and(|account| *account != stored.account_sid)
    });
    if let Some(stored) = other_account {
        leave_account(entry, stored);
    }
    Some(TwilioCredentials {
        account_sid: account_sid?,
        auth_token: auth_token?,
        secondary_auth_token,
        previous_auth_token: stored
            .filter(|_| other_account.is_none())
            .and_then(|it| it.previous_auth_token.clone()),
        api_key_sid,
        api_key_secret,
        phone_number,
        whatsapp_sender,
        messaging_service_sid,
        shared_keys,
    })
}

/// Finds an API key without its secret, and the other way round.
fn pair_key_with_secret(
    entry: &mut Entry<'_, '_>,
    stored: Option<&TwilioCredentials>,
    key: Option<&ApiKeySid>,
) {
    let stored_key = stored.and_then(|it| it.api_key_sid.as_ref());
    let has_key = entry.will_have("api_key_sid", stored_key.is_some());
    let has_secret = entry.will_have(
        "api_key_secret",
        stored.is_some_and(|it| it.api_key_secret.is_some()),
    );
    if has_key && !has_secret {
        entry.fault("api_key_secret", "needed because there is an api_key_sid");
    } else if has_secret && !has_key {
        entry.fault("api_key_sid", "needed because there is an api_key_secret");
    } else if stored_key.is_some()
        && key.is_some()
        && key != stored_key
        && !entry.has("api_key_secret")
    {
        entry.fault("api_key_secret", "needed because api_key_sid changes");
    }
}

/// Finds what would be taken along to another account.
fn leave_account(entry: &mut Entry<'_, '_>, stored: &TwilioCredentials) {
    if !entry.has("auth_token") {
        entry.fault("auth_token", "needed because account_sid changes");
    }
    for (field, is_stored) in [
        (
            "secondary_auth_token",
            stored.secondary_auth_token.is_some(),
        ),
        ("api_key_sid", stored.api_key_sid.is_some()),
        ("api_key_secret", stored.api_key_secret.is_some()),
        ("phone_number", stored.phone_number.is_some()),
        ("whatsapp_sender", stored.whatsapp_sender.is_some()),
        (
            "messaging_service_sid",
            stored.messaging_service_sid.is_some(),
        ),
        ("shared_keys", !stored.shared_keys.is_empty()),
    ] {
        if is_stored && !entry.names(field) && !entry.is_faulty(field) {
            entry.fault(
                field,
                "account_sid changes: enter that of the new account, or null to remove it",
            );
        }
    }
}

/// Twilio's tokens and secrets have 32 characters; what is asked of one is that it can be none of the mistakes people make:
/// left empty, cut off, with a space copied along, or an identifier in place of its secret.
fn secret_fault(text: &str) -> Option<String> {
    let is_identifier = text.len() == 34 && (text.starts_with("AC") || text.starts_with("SK"));
    if is_identifier {
        Some("this is a SID, expected the secret that belongs to it".to_owned())
    } else {
        visible_secret(text, 16..=128)
    }
}

fn shared_key(value: &Value, path: &str, faults: &mut Faults) -> Option<SharedKey> {
    Entry::object(value, path, &["id", "secret"], faults, |entry| {
        let id = entry.required("id", None, key_id);
        let secret = entry.required("secret", None, secret(secret_fault));
        let (id, secret) = (id?, secret?);
        if id == secret.expose() {
            // It is shown whole.
            entry.fault("id", "expected the id of the key, not its secret");
        }
        Some(SharedKey { id, secret })
    })
}

/// The header that names a key separates by commas and equal signs.
fn key_id(value: &Value, path: &str, faults: &mut Faults) -> Option<String> {
    let id = text(128)(value, path, faults)?;
    let is_named = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b',' | b'=');
    if id.is_empty() || !id.bytes().all(is_named) {
        faults.add(path, "expected 1 to 128 visible characters without , and =");
        return None;
    }
    Some(id)
}

#[cfg(test)]
mod tests;
