//! The conditions of roles: every statement about a tenant's items, the key of credentials or the bus has exactly those that it
//! must, and no other has any.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::document::{actions, list, permissions, sid, template};

/// Of an entry of the encryption context, that there is one.
const ANY: &str = "*";
const OWN: &str = "${aws:PrincipalTag/tenant}";

/// What the use of the key is bound to: role, statement, and in the encryption context provider, purpose and tenant.
const USES_OF_THE_KEY: [(&str, &str, [&str; 3]); 14] = [
    (
        "SmsWebhookRole",
        "OpenTwilioCredentials",
        ["twilio", "credentials", ANY],
    ),
    (
        "WhatsappWebhookRole",
        "OpenTwilioCredentials",
        ["twilio", "credentials", ANY],
    ),
    (
        "VoiceWebhookRole",
        "OpenTwilioCredentials",
        ["twilio", "credentials", ANY],
    ),
    (
        "TokenTenantRole",
        "OpenTwilioCredentials",
        ["twilio", "credentials", OWN],
    ),
    ("CredentialsRole", "UsePlatformSecret", PLATFORM_SECRET),
    (
        "CredentialsTenantRole",
        "SealAndOpenCredentials",
        [ANY, "credentials", OWN],
    ),
    ("MessagingRole", "UsePlatformSecret", PLATFORM_SECRET),
    (
        "MessagingTenantRole",
        "OpenCredentials",
        ["twilio", "credentials", OWN],
    ),
    (
        "TenantsRole",
        "OpenPlatformCredentials",
        ["twilio", "credentials", "platform"],
    ),
    ("TenantsRole", "UsePlatformSecret", PLATFORM_SECRET),
    (
        "TenantsTenantRole",
        "SealAndOpenTwilioCredentials",
        ["twilio", "credentials", OWN],
    ),
    (
        "VerifierRole",
        "SealAndOpenCredentials",
        [ANY, "credentials", ANY],
    ),
    ("VerifierRole", "UsePlatformSecret", PLATFORM_SECRET),
    ("ReEncryptorRole", "SealAnew", [ANY, ANY, ANY]),
];

const PLATFORM_SECRET: [&str; 3] = ["trunkline", "platform-secret", "platform"];

/// The condition that binds the use of the key.
fn bound_to(context: [&str; 3]) -> Value {
    let (mut fixed, mut present) = (Map::new(), Map::new());
    for (name, value) in ["provider", "purpose", "tenant_id"]
        .into_iter()
        .zip(context)
    {
        let key = format!("kms:EncryptionContext:{name}");
        match value {
            ANY => present.insert(key, json!("false")),
            value => fixed.insert(key, json!(value)),
        };
    }
    let both = [("StringEquals", fixed), ("Null", present)].into_iter();
    let both = both.filter(|(_, conditions)| !conditions.is_empty());
    both.map(|(operator, conditions)| (operator.to_owned(), Value::Object(conditions)))
        .collect::<Map<_, _>>()
        .into()
}

/// The one condition of statements about items: of these partitions all that a call touches, and of a call that names none nothing.
fn about_items(statement: &Value) -> Value {
    let keys = &statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"];
    assert!(!list(keys).is_empty(), "{statement}");
    json!({
        "ForAllValues:StringLike": {"dynamodb:LeadingKeys": keys},
        "Null": {"dynamodb:LeadingKeys": "false"},
    })
}

fn is_about_a_stream(statement: &Value) -> bool {
    let resource = statement["Resource"]["Fn::GetAtt"].as_str();
    resource.is_some_and(|attribute| attribute.ends_with(".StreamArn"))
}

/// The conditions that a statement of a role must have; null, if it must have none.
fn expected(role: &str, statement: &Value) -> Value {
    let actions = actions(statement);
    let services: BTreeSet<_> = actions
        .iter()
        .map(|action| action.split_once(':').unwrap().0)
        .collect();
    assert_eq!(services.len(), 1, "one service each: {statement}");
    let uses_the_key = || {
        let uses = USES_OF_THE_KEY.iter();
        let mut uses = uses.filter(|(of, name, _)| *of == role && *name == sid(statement));
        uses.next()
            .map_or(Value::Null, |(_, _, context)| bound_to(*context))
    };
    match services.first().copied() {
        Some("dynamodb") if is_about_a_stream(statement) => Value::Null,
        Some("dynamodb") => about_items(statement),
        Some("kms") if actions == ["kms:DisableKey"] => Value::Null,
        Some("kms") => uses_the_key(),
        Some("events") => json!({
            "ForAllValues:StringEquals": {"events:source": ["trunkline"]},
            "Null": {"events:source": "false"},
        }),
        _ => Value::Null,
    }
}

#[test]
fn every_statement_has_exactly_the_conditions_that_it_must() {
    let template = template();
    for (role, statement) in permissions(&template) {
        let name = sid(statement);
        assert_eq!(
            statement["Condition"],
            expected(role, statement),
            "{role}, {name}"
        );
    }
}

#[test]
fn every_use_of_the_key_is_listed_and_bound() {
    let template = template();
    let used = permissions(&template).into_iter().filter(|(_, statement)| {
        let actions = actions(statement);
        actions.iter().any(|action| action.starts_with("kms:")) && actions != ["kms:DisableKey"]
    });
    let used: BTreeSet<_> = used
        .map(|(role, statement)| (role, sid(statement)))
        .collect();
    let listed = USES_OF_THE_KEY.iter().map(|(role, name, _)| (*role, *name));
    assert_eq!(used, listed.collect());
}
