//! What a caller of DynamoDB must be allowed.
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html>

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use winterbaume_core::default_account_id;

use super::super::wire::Target;
use crate::iam::{LEADING_KEYS, Request};
use crate::template::REGION;

/// What a call with these targets asks for. Of a batch or a transaction the leading keys are all that it touches in a table: AWS
/// does not say that IAM sees fewer at a time, and what is allowed for all is allowed for each.
pub(super) fn of(operation: &str, body: &Value, targets: &[Target]) -> Vec<Request> {
    match operation {
        "BatchGetItem" | "BatchWriteItem" | "DeleteItem" | "GetItem" | "PutItem" | "Query"
        | "Scan" | "TransactGetItems" | "TransactWriteItems" | "UpdateItem" => {
            of_items(operation, targets)
        }
        _ => vec![Request::new(action(operation), about(body))],
    }
}

fn action(operation: &str) -> String {
    format!("dynamodb:{operation}")
}

fn of_items(operation: &str, targets: &[Target]) -> Vec<Request> {
    let mut keys: BTreeMap<&str, Option<BTreeSet<&str>>> = BTreeMap::new();
    for target in targets {
        let of_table = keys
            .entry(target.resource.as_str())
            .or_insert_with(|| Some(BTreeSet::new()));
        match (of_table.as_mut(), &target.partition) {
            (Some(keys), Some(partition)) => drop(keys.insert(partition)),
            // An item without a key hides what else is there: no condition on keys may hold for it.
            _ => *of_table = None,
        }
    }
    let asked: BTreeSet<(String, String, &str)> = targets
        .iter()
        .map(|target| {
            let action = match target.action.as_deref() {
                Some(part) => action(&format!("{part}Item")),
                None => action(operation),
            };
            let table = target.resource.as_str();
            let index = target.index.as_ref();
            let index = index.map(|index| format!("/index/{index}"));
            let resource = format!("{}{}", table_arn(table), index.unwrap_or_default());
            (action, resource, table)
        })
        .collect();
    let requests = asked.into_iter().map(|(action, resource, table)| {
        let keys = keys.get(table).cloned().flatten().unwrap_or_default();
        Request::new(action, resource).with(LEADING_KEYS, keys)
    });
    requests.collect()
}

/// The resource of a call that is not about items.
fn about(body: &Value) -> String {
    let text = |name: &str| body[name].as_str();
    if let Some(arn) = text("StreamArn").or(text("ResourceArn")) {
        return arn.to_owned();
    }
    text("TableName").map_or_else(|| "*".to_owned(), table_arn)
}

/// The ARN of a table, which may be named by it already.
pub(super) fn table_arn(table: &str) -> String {
    if table.starts_with("arn:") {
        return table.to_owned();
    }
    let account = default_account_id();
    format!("arn:aws:dynamodb:{REGION}:{account}:table/{table}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TABLE: &str = "arn:aws:dynamodb:us-east-1:123456789012:table/activity";

    fn target(partition: Option<&str>, index: Option<&str>, action: Option<&str>) -> Target {
        Target {
            resource: "activity".to_owned(),
            partition: partition.map(str::to_owned),
            index: index.map(str::to_owned),
            action: action.map(str::to_owned),
        }
    }

    #[test]
    fn a_query_of_an_index_is_about_the_index() {
        let targets = [target(Some("acme#call#0"), Some("by_time"), None)];
        let asked = Request::new("dynamodb:Query", format!("{TABLE}/index/by_time"));
        let asked = asked.with(LEADING_KEYS, ["acme#call#0"]);
        assert_eq!(of("Query", &Value::Null, &targets), [asked]);
    }

    #[test]
    fn a_transaction_asks_for_each_of_its_actions_with_all_of_its_keys() {
        let targets = [
            target(Some("acme#tenant"), None, Some("ConditionCheck")),
            target(Some("acme#audit"), None, Some("Put")),
            target(Some("acme#tenant"), None, Some("Put")),
        ];
        let asked = ["dynamodb:ConditionCheckItem", "dynamodb:PutItem"];
        let asked = asked.map(|action| {
            Request::new(action, TABLE).with(LEADING_KEYS, ["acme#audit", "acme#tenant"])
        });
        assert_eq!(of("TransactWriteItems", &Value::Null, &targets), asked);
    }

    #[test]
    fn a_scan_and_an_item_without_a_key_have_no_leading_keys() {
        for targets in [
            &[target(None, None, None)][..],
            &[
                target(Some("acme#tenant"), None, None),
                target(None, None, None),
            ],
        ] {
            let asked = Request::new("dynamodb:Scan", TABLE);
            assert_eq!(of("Scan", &Value::Null, targets), [asked]);
        }
    }

    #[test]
    fn what_is_not_about_items_is_about_a_table_a_stream_or_nothing_in_particular() {
        for (body, resource) in [
            (json!({"TableName": "activity"}), TABLE),
            (json!({"StreamArn": "arn:stream"}), "arn:stream"),
            (json!({"ResourceArn": TABLE}), TABLE),
            (json!({}), "*"),
        ] {
            let asked = Request::new("dynamodb:Describe", resource);
            assert_eq!(of("Describe", &body, &[]), [asked]);
        }
    }
}
