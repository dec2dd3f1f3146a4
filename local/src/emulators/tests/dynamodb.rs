//! DynamoDB: items, tables that change, and what survives.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use tempfile::TempDir;

use super::{TABLE, TEMPLATE, dynamodb, kept, memory};
use crate::emulators::{Emulators, StartError, Storage};
use crate::template::Template;

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

async fn put(client: &aws_sdk_dynamodb::Client, pk: &str) {
    let put = client
        .put_item()
        .table_name(TABLE)
        .item("pk", text(pk))
        .item("sk", text("one"));
    put.item("time_pk", text("today")).send().await.unwrap();
}

async fn exists(client: &aws_sdk_dynamodb::Client, pk: &str) -> bool {
    let get = client
        .get_item()
        .table_name(TABLE)
        .key("pk", text(pk))
        .key("sk", text("one"));
    get.send().await.unwrap().item.is_some()
}

#[tokio::test]
async fn every_call_is_recorded_with_its_tenant() {
    let emulators = memory().await;
    let client = dynamodb(&emulators, 0);
    put(&client, "acme#message#SM1").await;
    let mark = emulators.dynamodb().wire().mark();
    assert!(exists(&client, "acme#message#SM1").await);
    assert!(!exists(&client, "globex#message#SM1").await);
    let wire = emulators.dynamodb().wire();
    assert_eq!(
        wire.calls()
            .resource(TABLE)
            .writes()
            .partition("acme#")
            .count(),
        1
    );
    assert_eq!(wire.since(mark).reads().count(), 2);
    assert_eq!(wire.since(mark).partition("globex#").count(), 1);
    assert!(
        wire.calls()
            .iter()
            .all(|call| call.status == Some(200) && call.took.is_some())
    );
}

#[tokio::test]
async fn a_bare_get_that_opens_a_connection_is_no_call() {
    let emulators = memory().await;
    crate::http_client::client()
        .get(emulators.dynamodb().url())
        .send()
        .await
        .unwrap();
    assert_eq!(emulators.dynamodb().wire().calls().count(), 0);
}

#[tokio::test]
async fn a_condition_that_fails_is_the_error_that_the_sdk_knows() {
    let emulators = memory().await;
    let client = dynamodb(&emulators, 0);
    put(&client, "acme#1").await;
    let put = client
        .put_item()
        .table_name(TABLE)
        .item("pk", text("acme#1"))
        .item("sk", text("one"));
    let error = put
        .condition_expression("attribute_not_exists(pk)")
        .send()
        .await
        .unwrap_err();
    assert!(
        error
            .into_service_error()
            .is_conditional_check_failed_exception()
    );
}

#[tokio::test]
async fn a_request_without_a_signature_is_refused() {
    let emulators = memory().await;
    let response = crate::http_client::client()
        .post(emulators.dynamodb().url())
        .header("x-amz-target", "DynamoDB_20120810.ListTables")
        .body("{}")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 400);
    assert!(
        response
            .text()
            .await
            .unwrap()
            .contains("MissingAuthenticationToken")
    );
}

#[tokio::test]
async fn items_survive_a_restart() {
    let directory = TempDir::new().unwrap();
    let emulators = kept(directory.path()).await;
    put(&dynamodb(&emulators, 0), "acme#1").await;
    emulators.stop().await.unwrap();

    let emulators = kept(directory.path()).await;
    assert!(exists(&dynamodb(&emulators, 0), "acme#1").await);
}

#[tokio::test]
async fn one_state_directory_serves_one_stack() {
    let directory = TempDir::new().unwrap();
    let emulators = kept(directory.path()).await;
    let storage = || Storage::Directory(directory.path().to_owned());
    let second = Emulators::start(&super::template(), storage()).await;
    assert!(
        matches!(second, Err(StartError::InUse { .. })),
        "{second:?}"
    );
    drop(emulators);
    Emulators::start(&super::template(), storage())
        .await
        .unwrap();
}

async fn restarted(directory: &TempDir, from: &str, to: &str) -> Result<Emulators, StartError> {
    assert!(TEMPLATE.contains(from));
    let template = Template::read(&TEMPLATE.replace(from, to), &BTreeMap::new()).unwrap();
    Emulators::start(&template, Storage::Directory(directory.path().to_owned())).await
}

#[tokio::test]
async fn a_kept_table_with_another_key_is_refused() {
    let directory = TempDir::new().unwrap();
    kept(directory.path()).await.stop().await.unwrap();
    for (from, to) in [
        (", {AttributeName: sk, KeyType: RANGE}]", "]"),
        (
            "AttributeName: pk, AttributeType: S",
            "AttributeName: pk, AttributeType: N",
        ),
    ] {
        // The attribute is then in no key any more.
        let template = TEMPLATE.replace(from, to);
        let template = match to {
            "]" => template.replace("        - {AttributeName: sk, AttributeType: S}\n", ""),
            _ => template,
        };
        let template = Template::read(&template, &BTreeMap::new()).unwrap();
        let storage = Storage::Directory(directory.path().to_owned());
        let error = Emulators::start(&template, storage).await.unwrap_err();
        assert!(
            matches!(&error, StartError::KeyChanged { table } if table == TABLE),
            "{error}"
        );
        assert!(error.to_string().contains("--ephemeral"));
    }
}

#[tokio::test]
async fn a_kept_table_takes_new_indexes_expiry_and_stream() {
    let directory = TempDir::new().unwrap();
    let emulators = kept(directory.path()).await;
    put(&dynamodb(&emulators, 0), "acme#1").await;
    emulators.stop().await.unwrap();

    let emulators = restarted(&directory, "by_time", "by_day").await.unwrap();
    let client = dynamodb(&emulators, 0);
    let query = client.query().table_name(TABLE).index_name("by_day");
    let query = query.key_condition_expression("time_pk = :today");
    let query = query.expression_attribute_values(":today", text("today"));
    assert_eq!(query.send().await.unwrap().count, 1);
    let described = client
        .describe_table()
        .table_name(TABLE)
        .send()
        .await
        .unwrap();
    assert_eq!(described.table.unwrap().global_secondary_indexes().len(), 1);
    emulators.stop().await.unwrap();

    let emulators = restarted(
        &directory,
        "AttributeName: expires_at",
        "AttributeName: gone_at",
    )
    .await
    .unwrap();
    let client = dynamodb(&emulators, 0);
    let expiry = client
        .describe_time_to_live()
        .table_name(TABLE)
        .send()
        .await
        .unwrap();
    let expiry = expiry.time_to_live_description.unwrap();
    assert_eq!(expiry.attribute_name.as_deref(), Some("gone_at"));
    emulators.stop().await.unwrap();

    let emulators = restarted(&directory, "NEW_AND_OLD_IMAGES", "KEYS_ONLY")
        .await
        .unwrap();
    let described = dynamodb(&emulators, 0)
        .describe_table()
        .table_name(TABLE)
        .send()
        .await
        .unwrap();
    let stream = described.table.unwrap().stream_specification.unwrap();
    assert_eq!(stream.stream_view_type.unwrap().as_str(), "KEYS_ONLY");
    emulators.stop().await.unwrap();

    let emulators = restarted(
        &directory,
        "DeletionProtectionEnabled: true",
        "DeletionProtectionEnabled: false",
    );
    let emulators = emulators.await.unwrap();
    dynamodb(&emulators, 0)
        .delete_table()
        .table_name(TABLE)
        .send()
        .await
        .unwrap();
}
