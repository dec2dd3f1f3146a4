//! The JSON Schemas of events, which judge every event that a test has made.

use std::collections::HashMap;
use std::path::Path;
use std::sync::LazyLock;

use jsonschema::{Registry, Validator};
use serde_json::{Value, json};

use super::{Event, EventType};

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

fn read(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../schemas/{name}.json"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The schema of whoever knows every field: what it does not describe is not there.
fn closed(mut schema: Value) -> Value {
    match &mut schema {
        Value::Object(members) => {
            for member in members.values_mut() {
                *member = closed(member.take());
            }
            if members.get("properties").is_some_and(Value::is_object) {
                members.insert("additionalProperties".to_owned(), json!(false));
            }
        }
        Value::Array(items) => {
            for item in items {
                *item = closed(item.take());
            }
        }
        _ => {}
    }
    schema
}

fn validators() -> &'static HashMap<&'static str, Validator> {
    static VALIDATORS: LazyLock<HashMap<&'static str, Validator>> = LazyLock::new(|| {
        let registry = Registry::new()
            .add(
                "json-schema:///definitions.json",
                closed(read("definitions")),
            )
            .unwrap()
            .prepare()
            .unwrap();
        let validator = |event_type: &EventType| {
            let validator = jsonschema::options()
                .with_registry(&registry)
                .should_validate_formats(true)
                .build(&closed(read(event_type.as_str())));
            (event_type.as_str(), validator.unwrap())
        };
        EventType::ALL.iter().map(validator).collect()
    });
    &VALIDATORS
}

/// What is not as the schema of an event's type says.
fn faults(event: &Value) -> Vec<String> {
    let validator = &validators()[event["type"].as_str().unwrap()];
    let errors = validator.iter_errors(event);
    errors
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

#[track_caller]
pub(super) fn assert_conforms(event: &Event) {
    let event = serde_json::to_value(event).unwrap();
    let faults = faults(&event);
    assert!(faults.is_empty(), "{faults:#?}\n{event:#}");
}

#[test]
fn every_type_has_a_schema_of_its_own_and_no_file_is_left_over() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas");
    let files = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<String> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    let types = EventType::ALL
        .iter()
        .map(|it| format!("{}.json", it.as_str()));
    let mut expected: Vec<String> = types.chain(["definitions.json".to_owned()]).collect();
    expected.sort();
    assert_eq!(files, expected);
    for event_type in EventType::ALL {
        let schema = read(event_type.as_str());
        assert_eq!(schema["$schema"], DIALECT);
        assert_eq!(schema["properties"]["type"]["const"], event_type.as_str());
        assert!(jsonschema::meta::is_valid(&schema));
    }
}

#[test]
fn the_examples_of_the_documentation_are_one_of_each_type_and_as_the_schemas_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/events.md");
    let text = std::fs::read_to_string(path).unwrap();
    let blocks = text.split("```json\n").skip(1);
    let examples = blocks.map(|block| block.split("```").next().unwrap());
    let examples: Vec<Value> = examples
        .map(|example| serde_json::from_str(example).unwrap())
        .collect();
    let types: Vec<_> = examples.iter().map(|event| &event["type"]).collect();
    let all: Vec<_> = EventType::ALL.iter().map(|it| it.as_str()).collect();
    assert_eq!(types, all);
    for event in examples {
        assert_eq!(faults(&event), [""; 0], "{event:#}");
    }
}

#[test]
fn a_schema_refuses_an_event_that_lacks_something_or_is_of_another_type() {
    let event = json!({
        "id": "x", "type": "credential.recovered", "version": 1, "tenant_id": "acme",
        "time": "2026-03-01T12:00:00.000Z", "data": {"provider": "twilio"},
    });
    assert_eq!(faults(&event), [""; 0]);
    for (member, value) in [
        ("tenant_id", json!("Acme")),
        ("tenant_id", Value::Null),
        ("version", json!(2)),
        ("time", json!("2026-02-30T12:00:00.000Z")),
        ("time", json!("2026-03-01T12:00:00Z")),
        ("data", json!({})),
        ("data", json!({"provider": "carrier pigeon"})),
        ("more", json!(1)),
    ] {
        let mut other = event.clone();
        other[member] = value;
        assert_eq!(faults(&other).len(), 1, "{other}");
    }
}
