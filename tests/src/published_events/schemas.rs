//! The JSON Schemas of events as the judge of what is on the bus.

use std::collections::HashMap;
use std::sync::LazyLock;

use jsonschema::{Registry, Validator};
use serde_json::{Value, json};

use crate::harness::workspace;

/// A file of the schemas, for whoever knows every field: what it does not describe is not there.
fn read(name: &str) -> Value {
    let path = workspace().join("schemas").join(format!("{name}.json"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
    closed(serde_json::from_str(&text).unwrap())
}

fn closed(mut schema: Value) -> Value {
    if let Value::Object(members) = &mut schema {
        for member in members.values_mut() {
            *member = closed(member.take());
        }
        if members.get("properties").is_some_and(Value::is_object) {
            members.insert("additionalProperties".to_owned(), json!(false));
        }
    }
    schema
}

/// Judges an event, the detail of what is on the bus.
#[track_caller]
pub(super) fn assert_conforms(event: &Value) {
    static VALIDATORS: LazyLock<HashMap<String, Validator>> = LazyLock::new(|| {
        let registry = Registry::new()
            .add("json-schema:///definitions.json", read("definitions"))
            .unwrap()
            .prepare()
            .unwrap();
        let files = std::fs::read_dir(workspace().join("schemas")).unwrap();
        let names = files.map(|file| {
            let name = file.unwrap().file_name().into_string().unwrap();
            name.trim_end_matches(".json").to_owned()
        });
        let validators = names.filter(|name| name != "definitions").map(|name| {
            let options = jsonschema::options()
                .with_registry(&registry)
                .should_validate_formats(true);
            let validator = options.build(&read(&name)).unwrap();
            (name, validator)
        });
        validators.collect()
    });
    let name = event["type"].as_str().unwrap();
    let faults: Vec<String> = VALIDATORS[name]
        .iter_errors(event)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(faults.is_empty(), "{faults:#?}\n{event:#}");
}
