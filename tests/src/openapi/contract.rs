//! `openapi.yaml` as the judge of answers.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use jsonschema::Validator;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use serde_json::{Value, json};

use super::yaml;
use crate::harness::workspace;

/// What the API promises. It judges answers that came over the wire.
pub(crate) struct Contract {
    pub(super) document: Value,
    /// By where the schema is in the document: the first use of each compiles it.
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

/// An operation, and where it is in the document.
pub(super) struct Operation<'c> {
    pub(super) method: &'c str,
    pub(super) path: &'c str,
    pub(super) value: &'c Value,
    pub(super) pointer: String,
}

/// The members of a path that are methods.
const METHODS: [&str; 8] = [
    "get", "put", "post", "delete", "options", "head", "patch", "trace",
];

impl Contract {
    /// The contract as it is in the tree, read once.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: LazyLock<Contract> = LazyLock::new(|| {
            let source = std::fs::read_to_string(workspace().join("openapi.yaml")).unwrap();
            Contract::of(yaml::read(&source))
        });
        &SHARED
    }

    pub(super) fn of(document: Value) -> Self {
        Self {
            document,
            validators: Mutex::default(),
        }
    }

    /// Judges an answer to a request of `method` (`GET`) for `path` (with or without a query): its status, media type, headers
    /// and body must be described for the operation.
    ///
    /// # Errors
    /// What is not as described.
    pub(crate) fn validate(
        &self,
        method: &str,
        path: &str,
        status: u16,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<(), String> {
        let answer = format!("{method} {path} answered {status}");
        let operation = self
            .operation(method, path)
            .ok_or_else(|| format!("{answer}: the operation is not described"))?;
        let responses = format!("{}/responses/{status}", operation.pointer);
        let (pointer, response) = self
            .at(&responses)
            .ok_or_else(|| format!("{answer}: the status is not described"))?;
        self.validate_headers(&pointer, response, headers)
            .and_then(|()| self.validate_body(&pointer, response, headers, body))
            .map_err(|fault| format!("{answer}: {fault}"))
    }

    fn validate_headers(
        &self,
        pointer: &str,
        response: &Value,
        headers: &HeaderMap,
    ) -> Result<(), String> {
        for name in response["headers"]
            .as_object()
            .into_iter()
            .flat_map(|it| it.keys())
        {
            let (pointer, header) = self.existing(&format!("{pointer}/headers/{}", escaped(name)));
            match headers.get(name) {
                None if header["required"] == true => {
                    return Err(format!("the header {name} is missing"));
                }
                None => {}
                Some(text) => {
                    let text = text.to_str().map_err(|error| format!("{name}: {error}"))?;
                    let (schema, form) = self.existing(&format!("{pointer}/schema"));
                    let value = if form["type"] == "integer" {
                        text.parse::<i64>()
                            .map_or_else(|_| json!(text), |number| json!(number))
                    } else {
                        json!(text)
                    };
                    self.check(&schema, &value)
                        .map_err(|fault| format!("the header {name}: {fault}"))?;
                }
            }
        }
        Ok(())
    }

    fn validate_body(
        &self,
        pointer: &str,
        response: &Value,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<(), String> {
        let Some(content) = response["content"].as_object() else {
            return if body.is_empty() {
                Ok(())
            } else {
                Err("it has a body, and none is described".to_owned())
            };
        };
        let media_type = headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split(';').next())
            .map(|essence| essence.trim().to_ascii_lowercase())
            .ok_or("it names no media type")?;
        let kind = media_type.split('/').next().unwrap_or_default();
        let ranges = [media_type.clone(), format!("{kind}/*")];
        if !ranges.iter().any(|range| content.contains_key(range)) {
            return Err(format!("the media type {media_type} is not described"));
        }
        if !media_type.ends_with("json") {
            // What it holds is not for a schema to judge.
            return Ok(());
        }
        let value: Value = serde_json::from_slice(body)
            .map_err(|error| format!("the body is not JSON: {error}"))?;
        self.check(
            &format!("{pointer}/content/{}/schema", escaped(&media_type)),
            &value,
        )
    }

    /// Whether a request of `method` for `path` (with or without a query) is for an operation of the API.
    pub(crate) fn describes(&self, method: &str, path: &str) -> bool {
        self.operation(method, path).is_some()
    }

    /// The operation of a request.
    fn operation(&self, method: &str, path: &str) -> Option<Operation<'_>> {
        let path = path.split('?').next().unwrap_or(path);
        self.operations().into_iter().find(|operation| {
            operation.method.eq_ignore_ascii_case(method) && fits(operation.path, path)
        })
    }

    /// All operations.
    pub(super) fn operations(&self) -> Vec<Operation<'_>> {
        let paths = self.document["paths"].as_object().unwrap();
        let operations = paths.iter().flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().iter();
            let methods = methods.filter(|(method, _)| METHODS.contains(&method.as_str()));
            methods.map(move |(method, value)| Operation {
                method,
                path,
                value,
                pointer: format!("/paths/{}/{method}", escaped(path)),
            })
        });
        operations.collect()
    }

    /// Checks a value against the schema at a place of the document.
    pub(super) fn check(&self, pointer: &str, value: &Value) -> Result<(), String> {
        let validator = self.validator(pointer);
        let faults: Vec<_> = validator
            .iter_errors(value)
            .map(|fault| {
                format!(
                    "{} at {:?}",
                    fault.masked(),
                    fault.instance_path().to_string()
                )
            })
            .collect();
        if faults.is_empty() {
            Ok(())
        } else {
            Err(format!("{} (by {pointer})", faults.join("; ")))
        }
    }

    fn validator(&self, pointer: &str) -> Arc<Validator> {
        let known = self.validators.lock().unwrap().get(pointer).cloned();
        known.unwrap_or_else(|| {
            let validator = Arc::new(self.compiled(pointer));
            let mut validators = self.validators.lock().unwrap();
            validators.insert(pointer.to_owned(), Arc::clone(&validator));
            validator
        })
    }

    fn compiled(&self, pointer: &str) -> Validator {
        self.existing(pointer);
        // The whole document around it, so that its references lead somewhere.
        let mut schema = self.document.clone();
        let fragment = pointer.replace('{', "%7B").replace('}', "%7D");
        schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
        schema["$ref"] = json!(format!("#{fragment}"));
        jsonschema::options()
            .should_validate_formats(true)
            .should_ignore_unknown_formats(false)
            .build(&schema)
            .unwrap_or_else(|error| panic!("{pointer}: {error}"))
    }

    /// What is at a place of the document, references followed, and the place that they lead to.
    pub(super) fn at(&self, pointer: &str) -> Option<(String, &Value)> {
        let value = self.document.pointer(pointer)?;
        match value["$ref"].as_str() {
            None => Some((pointer.to_owned(), value)),
            Some(reference) => Some(self.existing(reference.strip_prefix('#').unwrap())),
        }
    }

    /// The same for a place that must be there.
    pub(super) fn existing(&self, pointer: &str) -> (String, &Value) {
        self.at(pointer)
            .unwrap_or_else(|| panic!("openapi.yaml has nothing at {pointer}"))
    }
}

/// Whether a path is one of a template.
fn fits(template: &str, path: &str) -> bool {
    let (template, path) = (template.split('/'), path.split('/'));
    template.clone().count() == path.clone().count()
        && template.zip(path).all(|(expected, segment)| {
            expected == segment || expected.starts_with('{') && !segment.is_empty()
        })
}

/// A name as a JSON pointer has it.
pub(super) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
