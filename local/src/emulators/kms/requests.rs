//! What a caller of KMS must be allowed.
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awskeymanagementservice.html>

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use winterbaume_core::default_account_id;

use crate::iam::{ENCRYPTION_CONTEXT, ENCRYPTION_CONTEXT_KEYS, Request};
use crate::template::REGION;

/// A ciphertext begins with the id of its key.
const ID: usize = 36;

/// What a call asks for. `aliases` lead from their names to ids of keys.
pub(super) fn of(operation: &str, body: &Value, aliases: &HashMap<String, String>) -> Vec<Request> {
    let key = |name: &str| body[name].as_str().map(|key| arn(key, aliases));
    let of_ciphertext = || of_ciphertext(body["CiphertextBlob"].as_str()?);
    let any = || "*".to_owned();
    match operation {
        "Decrypt" => {
            let key = key("KeyId").or_else(of_ciphertext).unwrap_or_else(any);
            vec![used("kms:Decrypt", key, &body["EncryptionContext"])]
        }
        "ReEncrypt" => {
            let source = key("SourceKeyId").or_else(of_ciphertext);
            let target = key("DestinationKeyId");
            vec![
                used(
                    "kms:ReEncryptFrom",
                    source.unwrap_or_else(any),
                    &body["SourceEncryptionContext"],
                ),
                used(
                    "kms:ReEncryptTo",
                    target.unwrap_or_else(any),
                    &body["DestinationEncryptionContext"],
                ),
            ]
        }
        _ => {
            let key = key("KeyId").or_else(|| key("TargetKeyId"));
            let action = format!("kms:{operation}");
            vec![used(
                &action,
                key.unwrap_or_else(any),
                &body["EncryptionContext"],
            )]
        }
    }
}

fn used(action: &str, key: String, context: &Value) -> Request {
    let mut request = Request::new(action, key);
    for (name, value) in context.as_object().into_iter().flatten() {
        let value = value.as_str().unwrap_or_default();
        request = request
            .with(format!("{ENCRYPTION_CONTEXT}{name}"), [value])
            .with(ENCRYPTION_CONTEXT_KEYS, [name.as_str()]);
    }
    request
}

/// The ARN of a key that is named by its id, its ARN, or an alias.
fn arn(key: &str, aliases: &HashMap<String, String>) -> String {
    let alias = match key.split_once(":alias/") {
        Some((_, name)) => Some(format!("alias/{name}")),
        None => key.starts_with("alias/").then(|| key.to_owned()),
    };
    let account = default_account_id();
    match alias {
        Some(alias) => match aliases.get(&alias) {
            Some(id) => arn(id, aliases),
            None => format!("arn:aws:kms:{REGION}:{account}:{alias}"),
        },
        None if key.starts_with("arn:") => key.to_owned(),
        None => format!("arn:aws:kms:{REGION}:{account}:key/{key}"),
    }
}

/// The ARN of the key that made a ciphertext.
fn of_ciphertext(ciphertext: &str) -> Option<String> {
    let ciphertext = STANDARD.decode(ciphertext).ok()?;
    let id = str::from_utf8(ciphertext.get(..ID)?).ok()?;
    Some(arn(id, &HashMap::new()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ARN: &str = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-4333-8444-555555555555";
    const ID: &str = "11111111-2222-4333-8444-555555555555";

    fn asked(operation: &str, body: &Value) -> Vec<Request> {
        let aliases = HashMap::from([("alias/secret".to_owned(), ID.to_owned())]);
        of(operation, body, &aliases)
    }

    #[test]
    fn a_key_is_the_same_whatever_it_is_called() {
        let alias = "arn:aws:kms:us-east-1:123456789012:alias/secret";
        for name in [ID, ARN, "alias/secret", alias] {
            let asked = asked("GenerateDataKey", &json!({"KeyId": name}));
            assert_eq!(asked, [Request::new("kms:GenerateDataKey", ARN)], "{name}");
        }
        let ciphertext = STANDARD.encode(format!("{ID}and the rest"));
        let asked = asked("Decrypt", &json!({"CiphertextBlob": ciphertext}));
        assert_eq!(asked, [Request::new("kms:Decrypt", ARN)]);
    }

    #[test]
    fn each_entry_of_the_encryption_context_is_a_key_of_conditions() {
        let body =
            json!({"KeyId": ID, "EncryptionContext": {"tenant_id": "acme", "provider": "twilio"}});
        let expected = Request::new("kms:Decrypt", ARN)
            .with("kms:EncryptionContext:tenant_id", ["acme"])
            .with("kms:EncryptionContext:provider", ["twilio"])
            .with(ENCRYPTION_CONTEXT_KEYS, ["provider", "tenant_id"]);
        assert_eq!(asked("Decrypt", &body), [expected]);
    }

    #[test]
    fn to_re_encrypt_is_to_take_from_one_key_and_give_to_another() {
        let body = json!({
            "SourceKeyId": "1", "DestinationKeyId": ID,
            "SourceEncryptionContext": {"tenant_id": "acme"},
        });
        let asked = asked("ReEncrypt", &body);
        assert_eq!(asked[0].action, "kms:ReEncryptFrom");
        assert!(
            asked[0]
                .context
                .get("kms:EncryptionContext:tenant_id")
                .is_some()
        );
        assert_eq!(asked[1], Request::new("kms:ReEncryptTo", ARN));
    }
}
