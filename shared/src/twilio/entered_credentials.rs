//! Twilio credentials as somebody enters them: checked whole, every fault named at once.

use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value};

use super::{SharedKey, TwilioCredentials};
use crate::fault::{FieldFault, InvalidInput};
use crate::secret::Secret;

/// The names of all fields that can be entered.
const FIELDS: &[&str] = &[
    "account_sid",
    "auth_token",
    "secondary_auth_token",
    "previous_auth_token",
    "api_key_sid",
    "api_key_secret",
    "phone_number",
    "whatsapp_sender",
    "messaging_service_sid",
    "shared_keys",
];

/// The most shared keys of one account.
const MOST_SHARED_KEYS: usize = 10;

impl TwilioCredentials {
    /// Reads credentials that somebody entered. A field that is `null` counts as left out.
    ///
    /// # Errors
    /// Every fault of them.
    pub fn from_input(document: &Value) -> Result<Self, InvalidInput> {
        let nothing = Map::new();
        let mut entry = Entry {
            members: document.as_object().unwrap_or(&nothing),
            faults: Vec::new(),
        };
        if !document.is_object() {
            entry.fault("(all)", "expected an object");
        }
        for name in entry.members.keys() {
            if !FIELDS.contains(&name.as_str()) {
                entry.fault(name, "there is no such field");
            }
        }
        let account_sid = entry
            .required("account_sid")
            .and_then(|()| entry.parsed("account_sid"));
        let auth_token = entry
            .required("auth_token")
            .and_then(|()| entry.secret("auth_token"));
        let credentials = (|| {
            Some(Self {
                secondary_auth_token: entry.secret("secondary_auth_token"),
                previous_auth_token: entry.secret("previous_auth_token"),
                api_key_sid: entry.parsed("api_key_sid"),
                api_key_secret: entry.secret("api_key_secret"),
                phone_number: entry.parsed("phone_number"),
                whatsapp_sender: entry.parsed("whatsapp_sender"),
                messaging_service_sid: entry.parsed("messaging_service_sid"),
                shared_keys: entry.shared_keys(),
                account_sid: account_sid?,
                auth_token: auth_token?,
            })
        })();
        for (one, other) in [
            ("api_key_sid", "api_key_secret"),
            ("api_key_secret", "api_key_sid"),
        ] {
            if entry.value(one).is_some() && entry.value(other).is_none() {
                entry.fault(other, &format!("needed because there is an {one}"));
            }
        }
        match credentials {
            Some(credentials) if entry.faults.is_empty() => Ok(credentials),
            _ => Err(InvalidInput {
                subject: "twilio",
                faults: entry.faults,
            }),
        }
    }
}

/// What was entered, and the faults found in it so far.
struct Entry<'d> {
    members: &'d Map<String, Value>,
    faults: Vec<FieldFault>,
}

impl<'d> Entry<'d> {
    fn fault(&mut self, field: &str, fault: &str) {
        self.faults.push(FieldFault::new(field, fault));
    }

    fn value(&self, field: &str) -> Option<&'d Value> {
        self.members.get(field).filter(|value| !value.is_null())
    }

    fn required(&mut self, field: &str) -> Option<()> {
        if self.value(field).is_none() {
            self.fault(field, "missing");
            return None;
        }
        Some(())
    }

    fn text(&mut self, field: &str) -> Option<&'d str> {
        let text = self.value(field)?.as_str();
        if text.is_none() {
            self.fault(field, "expected a text");
        }
        text
    }

    fn parsed<T: FromStr<Err: fmt::Display>>(&mut self, field: &str) -> Option<T> {
        match self.text(field)?.parse() {
            Ok(value) => Some(value),
            Err(form) => {
                self.fault(field, &form.to_string());
                None
            }
        }
    }

    fn secret(&mut self, field: &str) -> Option<Secret> {
        let text = self.text(field)?;
        match secret_fault(text) {
            Some(fault) => {
                self.fault(field, fault);
                None
            }
            None => Some(Secret::from(text)),
        }
    }

    fn shared_keys(&mut self) -> Vec<SharedKey> {
        let Some(value) = self.value("shared_keys") else {
            return Vec::new();
        };
        let Some(keys) = value
            .as_array()
            .filter(|keys| keys.len() <= MOST_SHARED_KEYS)
        else {
            self.fault("shared_keys", "expected a list of at most 10 keys");
            return Vec::new();
        };
        keys.iter()
            .enumerate()
            .filter_map(|(number, key)| {
                shared_key(key)
                    .map_err(|fault| self.fault(&format!("shared_keys[{number}]"), fault))
                    .ok()
            })
            .collect()
    }
}

/// Twilio's tokens and secrets have 32 characters; what is asked of one is that it can be none of the mistakes people make:
/// left empty, cut off, with a space copied along, or an identifier in place of its secret.
fn secret_fault(text: &str) -> Option<&'static str> {
    let is_identifier = text.len() == 34 && (text.starts_with("AC") || text.starts_with("SK"));
    if is_identifier {
        Some("this is a SID, expected the secret that belongs to it")
    } else if !(16..=128).contains(&text.len()) || !text.bytes().all(|byte| byte.is_ascii_graphic())
    {
        Some("expected 16 to 128 visible characters without spaces")
    } else {
        None
    }
}

fn shared_key(key: &Value) -> Result<SharedKey, &'static str> {
    const FORM: &str = "expected an object of id and secret, both texts";
    let members = key
        .as_object()
        .filter(|members| members.len() == 2)
        .ok_or(FORM)?;
    let text = |name: &str| members.get(name).and_then(Value::as_str).ok_or(FORM);
    let (id, secret) = (text("id")?, text("secret")?);
    // The header that names a key separates by commas and equal signs.
    let is_named = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b',' | b'=');
    if id.is_empty() || id.len() > 128 || !id.bytes().all(is_named) {
        return Err("expected an id of 1 to 128 visible characters without , and =");
    }
    match secret_fault(secret) {
        Some(fault) => Err(fault),
        None => Ok(SharedKey {
            id: id.to_owned(),
            secret: Secret::from(secret),
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

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
                "shared_keys[0]",
                "shared_keys[1]",
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
            let refusal = TwilioCredentials::from_input(
                &json!({"account_sid": ACCOUNT, "auth_token": token}),
            )
            .unwrap_err();
            assert!(!refusal.to_string().contains(token), "{refusal}");
            assert_eq!(refusal.faults.len(), 1);
        }
    }
}
