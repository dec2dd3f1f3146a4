//! What the template promises, read as data: nobody loses a table, a key or a log by a careless change.

mod alarms;
mod api;
mod conditions;
mod document;
mod events;
pub(crate) mod leading_keys;
mod metrics;
mod metrics_insights;
mod policies;
mod queue;
mod sessions;
mod variables;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use shared::activity::Route;

use self::document::{binary, list, of_type, template};
use self::variables::VARIABLES;
use crate::harness::workspace;

/// The routes of the client API: `GET /api/settings` and so on.
pub(crate) fn api_routes() -> BTreeSet<String> {
    let template = template();
    let functions = of_type(&template, FUNCTION).into_iter();
    functions
        .flat_map(|(_, function)| api::routes(&template, binary(function)))
        .collect()
}

/// The roles.
pub(crate) fn roles() -> BTreeSet<String> {
    let template = template();
    let roles = of_type(&template, "AWS::IAM::Role").into_iter();
    roles.map(|(name, _)| name.to_owned()).collect()
}

const FUNCTION: &str = "AWS::Serverless::Function";

#[test]
fn every_function_has_exactly_the_variables_that_its_binary_reads() {
    let template = template();
    let globals = &template["Globals"]["Function"]["Environment"]["Variables"];
    let functions = of_type(&template, FUNCTION);
    assert_eq!(functions.len(), VARIABLES.len());
    for (name, read) in VARIABLES {
        let (_, function) = functions
            .iter()
            .find(|(_, function)| binary(function) == *name)
            .unwrap();
        let own = &function["Properties"]["Environment"]["Variables"];
        let both = [globals, own].into_iter().filter_map(Value::as_object);
        let given: BTreeSet<_> = both
            .flat_map(|map| map.keys().map(String::as_str))
            .collect();
        let read = read.iter().copied().chain(["METRICS_NAMESPACE"]);
        assert_eq!(given, read.collect(), "{name}");
    }
}

#[test]
fn every_table_is_on_demand_and_outlives_mistakes() {
    let template = template();
    let tables = of_type(&template, "AWS::DynamoDB::Table");
    assert_eq!(tables.len(), 3);
    for (name, table) in tables {
        let properties = &table["Properties"];
        assert_eq!(table["DeletionPolicy"], "Retain", "{name}");
        assert_eq!(table["UpdateReplacePolicy"], "Retain", "{name}");
        assert_eq!(properties["BillingMode"], "PAY_PER_REQUEST", "{name}");
        assert_eq!(properties["DeletionProtectionEnabled"], "true", "{name}");
        let recovery = &properties["PointInTimeRecoverySpecification"];
        assert_eq!(recovery["PointInTimeRecoveryEnabled"], "true", "{name}");
        assert_eq!(
            properties["SSESpecification"]["SSEEnabled"], "true",
            "{name}"
        );
        let names: Vec<_> = list(&properties["KeySchema"])
            .into_iter()
            .map(|key| (&key["AttributeName"], &key["KeyType"]))
            .collect();
        assert_eq!(
            names,
            [
                (&json!("pk"), &json!("HASH")),
                (&json!("sk"), &json!("RANGE"))
            ]
        );
    }
}

#[test]
fn what_may_expire_expires_and_what_happens_is_streamed() {
    let template = template();
    let properties = |name: &str| &template["Resources"][name]["Properties"];
    let expiry = json!({"AttributeName": "expires_at", "Enabled": "true"});
    for name in ["ActivityTable", "RoutesTable", "TenantsTable"] {
        assert_eq!(
            properties(name)["TimeToLiveSpecification"],
            expiry,
            "{name}"
        );
    }
    let activity = properties("ActivityTable");
    assert_eq!(
        activity["StreamSpecification"]["StreamViewType"],
        "NEW_AND_OLD_IMAGES"
    );
    for index in list(&activity["GlobalSecondaryIndexes"]) {
        assert_eq!(index["Projection"]["ProjectionType"], "KEYS_ONLY");
    }
}

#[test]
fn the_key_of_credentials_rotates_and_outlives_the_stack() {
    let template = template();
    let keys = of_type(&template, "AWS::KMS::Key");
    assert_eq!(keys.len(), 1);
    let (_, key) = keys[0];
    assert_eq!(key["DeletionPolicy"], "Retain");
    assert_eq!(key["UpdateReplacePolicy"], "Retain");
    assert_eq!(key["Properties"]["EnableKeyRotation"], "true");
    let (_, alias) = of_type(&template, "AWS::KMS::Alias")[0];
    assert_eq!(
        alias["Properties"]["TargetKeyId"],
        json!({"Ref": "CredentialsKey"})
    );
}

#[test]
fn every_function_logs_to_a_group_of_its_own_that_does_not_grow_for_ever() {
    let template = template();
    let mut groups = BTreeSet::new();
    for (name, function) in of_type(&template, FUNCTION) {
        let group = &function["Properties"]["LoggingConfig"]["LogGroup"]["Ref"];
        let group = group
            .as_str()
            .unwrap_or_else(|| panic!("{name} has no log group"));
        assert!(groups.insert(group), "{group} is shared");
        let retention = &template["Resources"][group]["Properties"]["RetentionInDays"];
        assert_eq!(*retention, json!({"Ref": "LogRetentionDays"}), "{name}");
    }
    let days = &template["Parameters"]["LogRetentionDays"]["Default"];
    assert!(days.as_str().unwrap().parse::<u32>().unwrap() > 0);
}

/// Both permissions of a public URL come from SAM's transform, for this type alone; `.ci/run` looks for them in its result.
#[test]
fn the_webhook_functions_and_no_others_have_a_public_url_whose_permissions_are_left_to_sam() {
    let template = template();
    for (name, function) in of_type(&template, FUNCTION) {
        let url = &function["Properties"]["FunctionUrlConfig"];
        if binary(function).ends_with("-webhook") {
            assert_eq!(*url, json!({"AuthType": "NONE"}), "{name}");
        } else {
            assert!(url.is_null(), "{name}");
        }
    }
    let resources = template["Resources"].as_object().unwrap().values();
    let kinds: BTreeSet<_> = resources
        .map(|resource| &resource["Type"])
        .map(Value::to_string)
        .collect();
    assert!(!kinds.contains(r#""AWS::Lambda::Permission""#));
    assert!(!kinds.contains(r#""AWS::Lambda::Url""#));
}

#[test]
fn a_key_may_be_disabled_only_while_others_are_listed() {
    let template = template();
    let nothing = json!({"Ref": "AWS::NoValue"});
    let mut allowed = Vec::new();
    for (name, role) in of_type(&template, "AWS::IAM::Role") {
        for policy in list(&role["Properties"]["Policies"]) {
            for statement in list(&policy["PolicyDocument"]["Statement"]) {
                if statement.to_string().contains("kms:DisableKey") {
                    let choice = &statement["Fn::If"];
                    assert_eq!((&choice[0], &choice[2]), (&json!("ListsKeys"), &nothing));
                    allowed.push(name);
                }
            }
        }
    }
    assert_eq!(allowed, ["ReEncryptorRole"]);
}

/// A row of the README's table of functions: name, trigger, routes.
fn documented() -> Vec<(String, String, BTreeSet<String>)> {
    let readme = std::fs::read_to_string(workspace().join("README.md")).unwrap();
    let rows = readme.lines().filter(|line| line.starts_with("| `"));
    let rows = rows.map(|row| {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let words = |cell: &str| {
            cell.split('`')
                .skip(1)
                .step_by(2)
                .map(str::to_owned)
                .collect()
        };
        let names: Vec<String> = words(cells[1]);
        (
            names[0].clone(),
            cells[2].to_owned(),
            words(cells[3]).into_iter().collect(),
        )
    });
    rows.collect()
}

#[test]
fn the_readmes_table_has_every_function_and_every_route_where_it_is_served() {
    let template = template();
    let documented = documented();
    let functions: BTreeSet<_> = of_type(&template, FUNCTION)
        .into_iter()
        .map(|(_, function)| binary(function))
        .collect();
    let names = documented.iter().map(|(name, ..)| name.as_str());
    assert_eq!(names.collect::<BTreeSet<_>>(), functions);
    let mut routes = BTreeSet::new();
    for (name, trigger, listed) in &documented {
        let events = api::routes(&template, name);
        let is_webhook = name.ends_with("-webhook");
        assert_eq!(trigger == "function URL", is_webhook, "{name}");
        assert_eq!(trigger == "client API", !events.is_empty(), "{name}");
        if !is_webhook {
            assert_eq!(*listed, events, "{name}");
            continue;
        }
        let path = format!("/{}", name.trim_end_matches("-webhook"));
        for route in listed {
            assert!(
                *route == path || route.starts_with(&format!("{path}/")),
                "{route}"
            );
        }
        routes.extend(listed.iter().map(String::as_str));
    }
    let all: BTreeSet<_> = Route::ALL.iter().map(|route| route.path()).collect();
    assert_eq!(routes, all);
}
