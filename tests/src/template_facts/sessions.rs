//! What sessions of tenants may reach, and who may begin one: all of it names the tenant, but for what is listed here.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::document::{list, of_type, permissions, template};

/// The functions whose calls are made in a session of their tenant, as their resources are named.
const SERVED: [&str; 4] = ["Credentials", "Messaging", "Tenants", "Token"];

const OWN: &str = "${aws:PrincipalTag/tenant}";
const DISPLACED: &str = "${aws:PrincipalTag/displaced}";

/// What a role of tenants may reach besides, because a transaction with the tenant's own items writes it.
const BESIDES: [(&str, &[&str]); 5] = [
    (
        "CredentialsTenantRole",
        &["platform#due", "twilio-account#*"],
    ),
    ("MessagingTenantRole", &[]),
    ("TakeOverRole", &["twilio-account#*"]),
    (
        "TenantsTenantRole",
        &[
            "platform#audit",
            "platform#deleted",
            "platform#due",
            "platform#minute#*",
            "platform#tenants",
            "subdomain#*",
            "twilio-account#*",
        ],
    ),
    ("TokenTenantRole", &[]),
];

/// What a function's own role may reach: nothing of a tenant, but for the list of all of them.
const OF_NO_TENANT: [(&str, &[&str]); 4] = [
    ("CredentialsRole", &["platform#tenant", "subdomain#*"]),
    ("MessagingRole", &["platform#tenant", "subdomain#*"]),
    (
        "TenantsRole",
        &[
            "*#tenant",
            "platform#deleted",
            "platform#tenant",
            "platform#tenants",
            "subdomain#*",
        ],
    ),
    ("TokenRole", &["subdomain#*"]),
];

/// The statements of a role.
fn statements<'a>(template: &'a Value, role: &str) -> Vec<&'a Value> {
    let all = permissions(template).into_iter();
    let own = all.filter(|(name, _)| *name == role);
    own.map(|(_, statement)| statement).collect()
}

/// The leading keys that a statement of DynamoDB names.
fn keys(statement: &Value) -> Vec<String> {
    let keys = list(&statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]);
    keys.iter()
        .map(|key| key.as_str().unwrap().to_owned())
        .collect()
}

fn is_of(statement: &Value, service: &str) -> bool {
    let actions = list(&statement["Action"]);
    actions
        .iter()
        .any(|action| action.as_str().unwrap().starts_with(service))
}

#[test]
fn a_session_of_a_tenant_reaches_its_keys_and_what_is_listed() {
    let template = template();
    for (role, besides) in BESIDES {
        let mut found = BTreeSet::new();
        for statement in statements(&template, role) {
            let null = &statement["Condition"]["Null"]["dynamodb:LeadingKeys"];
            assert!(!is_of(statement, "dynamodb:") || *null == "false", "{role}");
            for key in keys(statement) {
                let is_tenants = key.starts_with(&format!("{OWN}#"))
                    || (role == "TakeOverRole" && key.starts_with(&format!("{DISPLACED}#")));
                if !is_tenants {
                    found.insert(key);
                }
            }
        }
        let besides: BTreeSet<String> = besides.iter().map(|key| (*key).to_owned()).collect();
        assert_eq!(found, besides, "{role}");
    }
}

#[test]
fn a_session_of_a_tenant_uses_the_key_for_this_tenant_alone() {
    let template = template();
    for (role, _) in BESIDES {
        for statement in statements(&template, role) {
            if is_of(statement, "kms:") {
                let tenant =
                    &statement["Condition"]["StringEquals"]["kms:EncryptionContext:tenant_id"];
                assert_eq!(*tenant, OWN, "{role}");
            }
        }
    }
}

#[test]
fn a_functions_own_role_reaches_no_tenant_but_for_the_list_of_all() {
    let template = template();
    for (role, reaches) in OF_NO_TENANT {
        let mut found = BTreeSet::new();
        for statement in statements(&template, role) {
            for key in keys(statement) {
                let lists = statement["Action"] == "dynamodb:BatchGetItem" && role == "TenantsRole";
                assert!(key != "*#tenant" || lists, "{role}: {statement}");
                found.insert(key);
            }
            if is_of(statement, "kms:") {
                let tenant =
                    &statement["Condition"]["StringEquals"]["kms:EncryptionContext:tenant_id"];
                assert_eq!(*tenant, "platform", "{role}");
            }
        }
        let reaches: BTreeSet<String> = reaches.iter().map(|key| (*key).to_owned()).collect();
        assert_eq!(found, reaches, "{role}");
    }
}

#[test]
fn only_a_function_itself_begins_sessions_and_only_with_the_tenants_tag() {
    let template = template();
    let arn = |role: &str| json!({"Fn::GetAtt": format!("{role}.Arn")});
    let trust = |role: &str| {
        let role = &template["Resources"][role]["Properties"];
        role["AssumeRolePolicyDocument"]["Statement"].clone()
    };
    let trusted = |by: Value, tags: &[&str]| {
        let values: serde_json::Map<String, Value> = tags
            .iter()
            .map(|tag| (format!("aws:RequestTag/{tag}"), json!("*")))
            .collect();
        json!([{
            "Effect": "Allow",
            "Principal": {"AWS": by},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
            "Condition": {"StringLike": values, "ForAllValues:StringEquals": {"aws:TagKeys": tags}},
        }])
    };
    for name in SERVED {
        let found = trust(&format!("{name}TenantRole"));
        let expected = trusted(arn(&format!("{name}Role")), &["tenant"]);
        assert_eq!(found, expected, "{name}");
    }
    let both = json!([arn("CredentialsRole"), arn("TenantsRole")]);
    assert_eq!(
        trust("TakeOverRole"),
        trusted(both, &["tenant", "displaced"])
    );
}

#[test]
fn a_function_begins_sessions_of_its_own_tenant_role_and_of_no_other() {
    let template = template();
    let found: BTreeSet<String> = of_type(&template, "AWS::IAM::RolePolicy")
        .into_iter()
        .flat_map(|(_, policy)| {
            let properties = &policy["Properties"];
            let role = properties["RoleName"]["Ref"].as_str().unwrap().to_owned();
            let statements = list(&properties["PolicyDocument"]["Statement"]);
            statements
                .iter()
                .map(move |statement| format!("{role}: {}", statement["Resource"]["Fn::GetAtt"]))
                .collect::<Vec<_>>()
        })
        .collect();
    let mut expected: BTreeSet<String> = SERVED
        .iter()
        .map(|name| format!("{name}Role: \"{name}TenantRole.Arn\""))
        .collect();
    expected
        .extend(["Credentials", "Tenants"].map(|name| format!("{name}Role: \"TakeOverRole.Arn\"")));
    assert_eq!(found, expected);
}
