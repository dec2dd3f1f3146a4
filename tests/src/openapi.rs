//! `openapi.yaml`: that it says what the rest of the tree does, and [`Contract`], which judges every answer by it.

mod bodies;
mod contract;
mod judgement;
mod yaml;

pub(crate) use self::contract::Contract;

use std::collections::BTreeSet;

use serde_json::Value;
use shared::api::{Code, ROUTES, Role};

use self::contract::escaped;
use crate::harness::workspace;

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// The places of all media types that requests and responses have, components included.
fn media_types(document: &Value) -> Vec<String> {
    fn collect(value: &Value, pointer: &str, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    let pointer = format!("{pointer}/{}", escaped(name));
                    if name == "content" {
                        let names = member.as_object().unwrap().keys();
                        found.extend(names.map(|name| format!("{pointer}/{}", escaped(name))));
                    }
                    collect(member, &pointer, found);
                }
            }
            Value::Array(items) => {
                for (number, item) in items.iter().enumerate() {
                    collect(item, &format!("{pointer}/{number}"), found);
                }
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    collect(document, "", &mut found);
    found
}

#[test]
fn every_route_of_the_template_is_described_and_no_other() {
    let source = std::fs::read_to_string(workspace().join("template.yaml")).unwrap();
    let template = yaml::read(&source);
    let resources = template["Resources"].as_object().unwrap().values();
    let events = resources.filter_map(|resource| resource["Properties"]["Events"].as_object());
    let routes: BTreeSet<_> = events
        .flat_map(|events| events.values())
        .filter(|event| event["Type"] == "HttpApi")
        .map(|event| &event["Properties"])
        .map(|route| {
            (
                text(&route["Method"]).to_owned(),
                text(&route["Path"]).to_owned(),
            )
        })
        .collect();
    assert!(!routes.is_empty());
    let operations = Contract::shared().operations();
    let described: BTreeSet<_> = operations
        .iter()
        .map(|operation| (operation.method.to_uppercase(), operation.path.to_owned()))
        .collect();
    assert_eq!(described, routes);
}

#[test]
fn every_operation_has_a_name_of_its_own() {
    let operations = Contract::shared().operations();
    let names: BTreeSet<_> = operations
        .iter()
        .map(|operation| text(&operation.value["operationId"]))
        .collect();
    assert_eq!(names.len(), operations.len());
}

#[test]
fn every_operation_is_open_to_the_roles_of_the_table_and_counted_as_it_says() {
    let contract = Contract::shared();
    let operations = contract.operations();
    assert_eq!(operations.len(), ROUTES.len());
    for access in ROUTES {
        let is_meant = |operation: &&contract::Operation<'_>| {
            operation.path == access.path
                && operation
                    .method
                    .eq_ignore_ascii_case(access.method.as_str())
        };
        let operation = operations.iter().find(is_meant).unwrap();
        let roles: Vec<_> = [Role::Member, Role::Admin, Role::Operator]
            .into_iter()
            .filter(|role| *role >= access.role)
            .map(Role::as_str)
            .collect();
        let described = operation.value["x-roles"].as_array().unwrap();
        let described: Vec<_> = described.iter().map(text).collect();
        assert_eq!(described, roles, "{}", operation.pointer);

        let (_, refusal) = contract.existing(&format!("{}/responses/429", operation.pointer));
        let is_counted = refusal["content"]["application/problem+json"].is_object();
        assert_eq!(is_counted, access.limit.is_some(), "{}", operation.pointer);
    }
}

#[test]
fn every_code_is_described_with_its_status_and_no_other_code() {
    let contract = Contract::shared();
    let mut described = BTreeSet::new();
    for operation in contract.operations() {
        for status in operation.value["responses"].as_object().unwrap().keys() {
            let pointer = format!("{}/responses/{status}", operation.pointer);
            let (_, response) = contract.existing(&pointer);
            let problem = &response["content"]["application/problem+json"]["schema"];
            if problem.is_null() {
                continue;
            }
            let refinement = &problem["allOf"][1]["properties"];
            let number: u16 = status.parse().unwrap();
            assert_eq!(refinement["status"]["const"], number, "{pointer}");
            for code in refinement["code"]["enum"].as_array().unwrap() {
                described.insert((text(code), number));
            }
        }
    }
    let codes = Code::ALL.map(|code| (code.as_str(), code.status().as_u16()));
    assert_eq!(described, codes.into_iter().collect());

    let (_, listed) = contract.existing("/components/schemas/Code/enum");
    let listed: Vec<_> = listed.as_array().unwrap().iter().map(text).collect();
    assert_eq!(listed, Code::ALL.map(Code::as_str));
}

#[test]
fn the_guide_tells_cause_and_remedy_of_every_code() {
    let guide = std::fs::read_to_string(workspace().join("docs/api.md")).unwrap();
    let rows = guide.lines().filter(|line| line.starts_with("| `"));
    let told: BTreeSet<_> = rows
        .filter_map(|row| {
            let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
            let [code, status, cause, remedy] = cells[..] else {
                return None;
            };
            let status = status.parse::<u16>().ok()?;
            assert!(!cause.is_empty() && !remedy.is_empty(), "{row}");
            Some((code.trim_matches('`').to_owned(), status))
        })
        .collect();
    let codes = Code::ALL.map(|code| (code.as_str().to_owned(), code.status().as_u16()));
    assert_eq!(told, codes.into_iter().collect());
}

#[test]
fn every_example_is_as_its_schema_says() {
    let contract = Contract::shared();
    let mut examples = 0;
    for place in media_types(&contract.document) {
        let (_, media_type) = contract.existing(&place);
        for (name, example) in media_type["examples"].as_object().into_iter().flatten() {
            let schema = format!("{place}/schema");
            if let Err(fault) = contract.check(&schema, &example["value"]) {
                panic!("{place}, example {name}: {fault}");
            }
            examples += 1;
        }
    }
    assert!(examples >= 25, "{examples}");
}

#[test]
fn every_body_that_is_taken_has_an_example() {
    for operation in Contract::shared().operations() {
        let body = &operation.value["requestBody"];
        if !body.is_null() {
            let examples = &body["content"]["application/json"]["examples"];
            assert!(examples.is_object(), "{}", operation.pointer);
        }
    }
}

#[test]
fn every_object_names_all_its_fields() {
    let (_, schemas) = Contract::shared().existing("/components/schemas");
    for (name, schema) in schemas.as_object().unwrap() {
        if schema["type"] == "object" {
            assert_eq!(schema["additionalProperties"], false, "{name}");
            let fields = schema["properties"].as_object().unwrap();
            for required in schema["required"].as_array().into_iter().flatten() {
                assert!(fields.contains_key(text(required)), "{name}: {required}");
            }
        }
    }
}
