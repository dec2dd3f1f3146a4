//! Which tables and partitions a DynamoDB call touches.

use std::collections::HashMap;

use serde_json::Value;

use super::super::wire::Target;
use crate::template::Template;

/// The partition key attributes of the tables and their indexes, by table.
#[derive(Debug, Default)]
pub(super) struct PartitionKeys(HashMap<String, Vec<String>>);

impl PartitionKeys {
    pub(super) fn of(template: &Template) -> Self {
        let tables = template.tables().map(|(_, table)| {
            let indexes = table.indexes.iter().map(|index| &index.key);
            let keys = std::iter::once(&table.key).chain(indexes);
            let attributes = keys
                .filter_map(|key| key.first())
                .map(|element| element.attribute.clone())
                .collect();
            (table.name.clone(), attributes)
        });
        Self(tables.collect())
    }

    /// What a call is about.
    pub(super) fn targets(&self, operation: &str, body: &Value) -> Vec<Target> {
        let table = || body["TableName"].as_str().unwrap_or_default();
        match operation {
            "GetItem" | "UpdateItem" | "DeleteItem" => self.one(table(), &body["Key"]),
            "PutItem" => self.one(table(), &body["Item"]),
            "Query" => {
                let partition = self.queried(table(), body);
                vec![Target {
                    resource: table().to_owned(),
                    partition,
                    index: body["IndexName"].as_str().map(str::to_owned),
                    action: None,
                }]
            }
            "TransactGetItems" | "TransactWriteItems" => {
                let actions = body["TransactItems"].as_array().into_iter().flatten();
                let actions = actions.filter_map(Value::as_object).flatten();
                actions
                    .flat_map(|(name, action)| {
                        let table = action["TableName"].as_str().unwrap_or_default();
                        let key = action.get("Key").unwrap_or(&action["Item"]);
                        let mut targets = self.one(table, key);
                        for target in &mut targets {
                            target.action = Some(name.clone());
                        }
                        targets
                    })
                    .collect()
            }
            "BatchGetItem" | "BatchWriteItem" => self.batch(&body["RequestItems"]),
            _ if body["TableName"].is_string() => {
                vec![Target {
                    resource: table().to_owned(),
                    partition: None,
                    index: None,
                    action: None,
                }]
            }
            _ => Vec::new(),
        }
    }

    fn one(&self, table: &str, item: &Value) -> Vec<Target> {
        let attribute = self.0.get(table).and_then(|attributes| attributes.first());
        let partition = attribute.and_then(|attribute| text(&item[attribute]));
        vec![Target {
            resource: table.to_owned(),
            partition,
            index: None,
            action: None,
        }]
    }

    fn batch(&self, requests: &Value) -> Vec<Target> {
        let tables = requests.as_object().into_iter().flatten();
        tables
            .flat_map(|(table, requests)| {
                let items = requests.as_array().or_else(|| requests["Keys"].as_array());
                items.into_iter().flatten().flat_map(move |item| {
                    let item = item
                        .pointer("/PutRequest/Item")
                        .or_else(|| item.pointer("/DeleteRequest/Key"))
                        .unwrap_or(item);
                    self.one(table, item)
                })
            })
            .collect()
    }

    /// The partition that a query reads: the value that a partition key attribute must equal.
    fn queried(&self, table: &str, body: &Value) -> Option<String> {
        let attributes = self.0.get(table)?;
        let condition = body["KeyConditionExpression"].as_str()?;
        condition
            .split(" AND ")
            .flat_map(|part| part.split(" and "))
            .find_map(|part| {
                let (name, value) = part.split_once('=')?;
                let name = name.trim().trim_start_matches('(').trim();
                let value = value.trim().trim_end_matches(')').trim();
                let names = body.get("ExpressionAttributeNames");
                let name = names
                    .and_then(|names| names.get(name)?.as_str())
                    .unwrap_or(name);
                let known = attributes.iter().any(|attribute| attribute == name);
                let value = body.get("ExpressionAttributeValues")?.get(value)?;
                known.then(|| text(value)).flatten()
            })
    }
}

/// A key's value: text, a number, or bytes in Base64.
fn text(value: &Value) -> Option<String> {
    ["S", "N", "B"]
        .iter()
        .find_map(|kind| value[*kind].as_str())
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn partitions(operation: &str, body: &Value) -> Vec<Option<String>> {
        let attributes = vec!["pk".to_owned(), "time_pk".to_owned()];
        let keys = PartitionKeys(HashMap::from([("activity".to_owned(), attributes)]));
        let targets = keys.targets(operation, body);
        assert!(
            targets.iter().all(|target| target.resource == "activity"),
            "{targets:?}"
        );
        targets.into_iter().map(|target| target.partition).collect()
    }

    #[test]
    fn the_partition_of_each_kind_of_call_is_found() {
        let key = json!({"pk": {"S": "acme#1"}, "sk": {"S": "call"}});
        let acme = [Some("acme#1".to_owned())];
        let table = "activity";
        for (operation, body) in [
            ("GetItem", json!({"TableName": table, "Key": key})),
            ("PutItem", json!({"TableName": table, "Item": key})),
            (
                "Query",
                json!({
                    "TableName": table,
                    "KeyConditionExpression": "begins_with(sk, :s) AND (#p = :p)",
                    "ExpressionAttributeNames": {"#p": "pk"},
                    "ExpressionAttributeValues": {":p": {"S": "acme#1"}, ":s": {"S": "c"}},
                }),
            ),
            (
                "Query",
                json!({
                    "TableName": table,
                    "IndexName": "by_time",
                    "KeyConditionExpression": "time_pk = :p",
                    "ExpressionAttributeValues": {":p": {"S": "acme#1"}},
                }),
            ),
            (
                "TransactWriteItems",
                json!({"TransactItems": [{"Put": {"TableName": table, "Item": key}}]}),
            ),
            (
                "BatchWriteItem",
                json!({"RequestItems": {table: [{"PutRequest": {"Item": key}}]}}),
            ),
            (
                "BatchGetItem",
                json!({"RequestItems": {table: {"Keys": [key]}}}),
            ),
        ] {
            assert_eq!(partitions(operation, &body), acme, "{operation}");
        }
        assert_eq!(partitions("Scan", &json!({"TableName": table})), [None]);
    }

    #[test]
    fn a_transaction_tells_what_it_does_to_each_item() {
        let key = json!({"pk": {"S": "acme#1"}});
        let body = json!({"TransactItems": [
            {"ConditionCheck": {"TableName": "activity", "Key": key}},
            {"Put": {"TableName": "activity", "Item": key}},
        ]});
        let targets = PartitionKeys::default().targets("TransactWriteItems", &body);
        let actions = targets.into_iter().filter_map(|target| target.action);
        assert_eq!(actions.collect::<Vec<_>>(), ["ConditionCheck", "Put"]);
    }
}
