//! Makes the template's tables, and brings kept ones up to date as far as `CloudFormation` would.

use dynoxide::DynoxideError;
use serde_json::{Map, Value, json};

use super::super::StartError;
use super::engine::Engine;
use crate::template::{AttributeType, Index, KeyElement, Table};

/// Makes `table`, or brings it up to date; returns the ARN of its stream.
pub(super) fn ensure(engine: &Engine, table: &Table) -> Result<Option<String>, StartError> {
    let setup = Setup { engine, table };
    match setup.describe() {
        Ok(known) => setup.update(&known)?,
        Err(DynoxideError::ResourceNotFoundException(_)) => setup.create()?,
        Err(error) => return Err(setup.failed(&error)),
    }
    setup.set_expiry()?;
    let described = setup.describe().map_err(|error| setup.failed(&error))?;
    Ok(described
        .get("LatestStreamArn")
        .and_then(Value::as_str)
        .map(str::to_owned))
}

struct Setup<'a> {
    engine: &'a Engine,
    table: &'a Table,
}

impl Setup<'_> {
    /// Does one call about the table; members of `body` that are null are left out.
    fn call(&self, operation: &str, body: Value) -> Result<Value, DynoxideError> {
        let mut members = match body {
            Value::Object(members) => members,
            _ => Map::new(),
        };
        members.retain(|_, value| !value.is_null());
        members.insert("TableName".to_owned(), json!(self.table.name));
        let answer = self
            .engine
            .call(operation, &Value::Object(members).to_string())?;
        Ok(serde_json::from_str(&answer).unwrap_or_default())
    }

    fn failed(&self, error: &DynoxideError) -> StartError {
        let message = format!("the table `{}`: {error}", self.table.name);
        StartError::Emulator {
            name: "DynamoDB",
            message,
        }
    }

    fn describe(&self) -> Result<Value, DynoxideError> {
        let answer = self.call("DescribeTable", json!({}))?;
        Ok(answer.get("Table").cloned().unwrap_or_default())
    }

    fn create(&self) -> Result<(), StartError> {
        let indexes: Vec<Value> = self.table.indexes.iter().map(index).collect();
        let stream = self.table.stream_view.as_ref();
        let body = json!({
            "KeySchema": key(&self.table.key),
            "AttributeDefinitions": self.definitions(),
            "BillingMode": "PAY_PER_REQUEST",
            "DeletionProtectionEnabled": self.table.deletion_protection,
            "GlobalSecondaryIndexes": (!indexes.is_empty()).then_some(indexes),
            "StreamSpecification":
                stream.map(|view| json!({"StreamEnabled": true, "StreamViewType": view})),
        });
        self.call("CreateTable", body)
            .map(|_| ())
            .map_err(|error| self.failed(&error))
    }

    fn definitions(&self) -> Value {
        let definition = |(name, kind)| json!({"AttributeName": name, "AttributeType": kind});
        self.table
            .attributes
            .iter()
            .map(|one| (&one.name, &one.kind))
            .map(definition)
            .collect()
    }

    fn update(&self, known: &Value) -> Result<(), StartError> {
        if known.get("KeySchema") != Some(&key(&self.table.key)) || self.retyped(known) {
            return Err(StartError::KeyChanged {
                table: self.table.name.clone(),
            });
        }
        let kept = known
            .get("GlobalSecondaryIndexes")
            .and_then(Value::as_array);
        let kept = kept.map(Vec::as_slice).unwrap_or_default();
        // One change a call, as DynamoDB wants it.
        for old in kept {
            if !self.table.indexes.iter().any(|wanted| same(old, wanted)) {
                let delete = json!([{"Delete": {"IndexName": old.get("IndexName")}}]);
                self.change(json!({"GlobalSecondaryIndexUpdates": delete}))?;
            }
        }
        for wanted in &self.table.indexes {
            if !kept.iter().any(|old| same(old, wanted)) {
                self.change(json!({
                    "AttributeDefinitions": self.definitions(),
                    "GlobalSecondaryIndexUpdates": [{"Create": index(wanted)}],
                }))?;
            }
        }
        let protected = known
            .get("DeletionProtectionEnabled")
            .and_then(Value::as_bool)
            .unwrap_or(false);
        if protected != self.table.deletion_protection {
            self.change(json!({"DeletionProtectionEnabled": self.table.deletion_protection}))?;
        }
        let view = known
            .pointer("/StreamSpecification/StreamViewType")
            .and_then(Value::as_str);
        if view != self.table.stream_view.as_deref() {
            if view.is_some() {
                self.change(json!({"StreamSpecification": {"StreamEnabled": false}}))?;
            }
            if let Some(view) = &self.table.stream_view {
                let stream = json!({"StreamEnabled": true, "StreamViewType": view});
                self.change(json!({"StreamSpecification": stream}))?;
            }
        }
        Ok(())
    }

    fn change(&self, body: Value) -> Result<(), StartError> {
        self.call("UpdateTable", body)
            .map(|_| ())
            .map_err(|error| self.failed(&error))
    }

    /// Whether an attribute of the table's own key has another type than it had.
    fn retyped(&self, known: &Value) -> bool {
        let old = known.get("AttributeDefinitions").and_then(Value::as_array);
        old.into_iter().flatten().any(|old| {
            let member = |name: &str| old.get(name).and_then(Value::as_str).unwrap_or_default();
            let (name, kind) = (member("AttributeName"), member("AttributeType"));
            let in_key = self
                .table
                .key
                .iter()
                .any(|element| element.attribute == name);
            let same = |wanted: &AttributeType| wanted.name == name && wanted.kind == kind;
            in_key && !self.table.attributes.iter().any(same)
        })
    }

    fn set_expiry(&self) -> Result<(), StartError> {
        let described = self
            .call("DescribeTimeToLive", json!({}))
            .map_err(|error| self.failed(&error))?;
        let member = |name: &str| {
            described
                .pointer(&format!("/TimeToLiveDescription/{name}"))
                .and_then(Value::as_str)
        };
        let enabled = member("TimeToLiveStatus") == Some("ENABLED");
        let old = member("AttributeName").filter(|_| enabled);
        if old == self.table.expiry_attribute.as_deref() {
            return Ok(());
        }
        let changes = old.map(|old| (old, false));
        let changes = changes.into_iter().chain(
            self.table
                .expiry_attribute
                .as_deref()
                .map(|new| (new, true)),
        );
        for (attribute, enabled) in changes {
            let expiry = json!({"AttributeName": attribute, "Enabled": enabled});
            self.call(
                "UpdateTimeToLive",
                json!({"TimeToLiveSpecification": expiry}),
            )
            .map_err(|error| self.failed(&error))?;
        }
        Ok(())
    }
}

fn key(elements: &[KeyElement]) -> Value {
    let element = |one: &KeyElement| json!({"AttributeName": one.attribute, "KeyType": one.kind});
    elements.iter().map(element).collect()
}

fn index(index: &Index) -> Value {
    let projection = if index.included.is_empty() {
        json!({"ProjectionType": index.projection})
    } else {
        json!({"ProjectionType": index.projection, "NonKeyAttributes": index.included})
    };
    json!({"IndexName": index.name, "KeySchema": key(&index.key), "Projection": projection})
}

fn same(known: &Value, wanted: &Index) -> bool {
    let wanted = index(wanted);
    ["IndexName", "KeySchema", "Projection"]
        .iter()
        .all(|name| known.get(name) == wanted.get(name))
}
