//! Policies of which no call of a test tells: who may act in a function's role, what the key allows by itself, logs and traces.

use serde_json::{Value, json};

use super::FUNCTION;
use super::document::{actions, list, of_type, permissions, sid, template};

/// The role of a function, by the function's logical id.
fn role_of(function: &str) -> String {
    function.replace("Function", "Role")
}

#[test]
fn no_role_allows_more_than_named_actions_on_named_resources() {
    let template = template();
    for (name, role) in of_type(&template, "AWS::IAM::Role") {
        assert!(role["Properties"]["ManagedPolicyArns"].is_null(), "{name}");
    }
    for (name, statement) in permissions(&template) {
        assert_eq!(statement["Effect"], "Allow", "{name}");
        let actions = actions(statement);
        let is_tracing = actions.iter().all(|action| action.starts_with("xray:"));
        for action in actions {
            assert!(!action.contains('*'), "{name}: {action}");
        }
        for resource in list(&statement["Resource"]) {
            let is_named = resource["Fn::GetAtt"].as_str().is_some_and(|attribute| {
                attribute.ends_with(".Arn") || attribute.ends_with(".StreamArn")
            });
            // An index is a resource of its own, which no attribute names.
            let is_index = ["by_time", "by_group"].iter().any(|index| {
                *resource == json!({"Fn::Sub": format!("${{ActivityTable.Arn}}/index/{index}")})
            });
            // The keys that credentials are sealed under: the stack's own, or those that are listed instead.
            let listed = json!({"Fn::Split": [",", {"Ref": "CredentialsKeyArns"}]});
            let own = json!({"Fn::GetAtt": "CredentialsKey.Arn"});
            let is_key =
                *resource == listed || *resource == json!({"Fn::If": ["ListsKeys", listed, own]});
            assert!(
                is_named || is_index || is_key || (is_tracing && *resource == "*"),
                "{name}: {statement}"
            );
        }
    }
    for (name, function) in of_type(&template, FUNCTION) {
        let properties = &function["Properties"];
        let role = json!({"Fn::GetAtt": format!("{}.Arn", role_of(name))});
        assert_eq!(properties["Role"], role, "{name}");
        assert!(properties["Policies"].is_null(), "{name}");
    }
}

#[test]
fn nobody_but_lambda_acts_in_the_role_of_a_function() {
    let template = template();
    let lambda = json!([{
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }]);
    for (name, _) in of_type(&template, FUNCTION) {
        let role = &template["Resources"][role_of(name)]["Properties"];
        assert_eq!(
            role["AssumeRolePolicyDocument"]["Statement"], lambda,
            "{name}"
        );
    }
}

#[test]
fn the_key_leaves_it_to_iam_and_denies_every_use_that_does_not_say_what_for() {
    let template = template();
    let (_, key) = of_type(&template, "AWS::KMS::Key")[0];
    let account = json!({"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}});
    let mut expected = vec![json!({
        "Sid": "AccountThroughIam",
        "Effect": "Allow",
        "Principal": account,
        "Action": "kms:*",
        "Resource": "*",
    })];
    for (name, key) in [
        ("Tenant", "tenant_id"),
        ("Provider", "provider"),
        ("Purpose", "purpose"),
    ] {
        expected.push(json!({
            "Sid": format!("NoUseWithout{name}"),
            "Effect": "Deny",
            "Principal": "*",
            "Action": ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*"],
            "Resource": "*",
            "Condition": {"Null": {format!("kms:EncryptionContext:{key}"): "true"}},
        }));
    }
    let policy = &key["Properties"]["KeyPolicy"];
    assert_eq!(policy["Statement"], Value::Array(expected));
}

#[test]
fn every_function_may_write_its_own_log_and_traces_and_no_others() {
    let template = template();
    let permissions = permissions(&template);
    let own = |role: &str, service: &str| -> Vec<Value> {
        let own = permissions.iter().filter(|(of, statement)| {
            let mut actions = actions(statement).into_iter();
            *of == role && actions.any(|action| action.starts_with(service))
        });
        own.map(|(_, statement)| (*statement).clone()).collect()
    };
    let mut writing = 0;
    for (name, function) in of_type(&template, FUNCTION) {
        let role = role_of(name);
        let group = &function["Properties"]["LoggingConfig"]["LogGroup"]["Ref"];
        let group = group.as_str().unwrap();
        let log = json!({
            "Sid": "Log",
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": {"Fn::GetAtt": format!("{group}.Arn")},
        });
        assert_eq!(own(&role, "logs:"), [log], "{name}");
        let trace = json!({
            "Sid": "Trace",
            "Effect": "Allow",
            "Action": ["xray:PutTraceSegments", "xray:PutTelemetryRecords"],
            "Resource": "*",
        });
        assert_eq!(own(&role, "xray:"), [trace], "{name}");
        writing += 2;
    }
    let writes = permissions.iter().filter(|(_, statement)| {
        let mut actions = actions(statement).into_iter();
        actions.any(|action| action.starts_with("logs:") || action.starts_with("xray:"))
    });
    let writes: Vec<_> = writes.map(|(role, it)| (*role, sid(it))).collect();
    assert_eq!(writes.len(), writing, "{writes:?}");
}

#[test]
fn no_function_comes_before_the_policy_by_which_it_begins_sessions() {
    let template = template();
    let besides = of_type(&template, "AWS::IAM::RolePolicy");
    for (name, function) in of_type(&template, FUNCTION) {
        let variables = &function["Properties"]["Environment"]["Variables"];
        let role = json!({"Ref": role_of(name)});
        let policies = besides.iter();
        let mut policies = policies.filter(|(_, policy)| policy["Properties"]["RoleName"] == role);
        let policy = policies.next().map(|(policy, _)| *policy);
        assert_eq!(
            policy.is_some(),
            !variables["TENANT_ROLE_ARN"].is_null(),
            "{name}"
        );
        assert_eq!(function["DependsOn"].as_str(), policy, "{name}");
    }
}
