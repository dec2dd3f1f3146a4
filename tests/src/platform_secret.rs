//! The platform's own secret: one for all processes, made by the first.

use aws_sdk_dynamodb::types::AttributeValue;
use local::emulators::faults::{AwsError, Effect, Matching, Times};
use shared::aws::{Aws, Patience};
use shared::clock::Clock;
use shared::environment::Environment;
use shared::platform::{CursorContext, PlatformSecrets};
use shared::store::PlatformItems;
use shared::vault::{KeyArn, Vault};

use crate::harness::Harness;

/// One process's.
fn secrets(harness: &Harness) -> PlatformSecrets {
    let environment = Environment::of(harness.stack.environment().clone());
    let aws = Aws::from_environment(&environment, Patience::BACKGROUND).unwrap();
    let key = KeyArn::from_environment(&environment).unwrap();
    let table = harness.variable("TENANTS_TABLE").to_owned();
    let items = PlatformItems::new(aws.dynamodb(), table, Clock::system());
    PlatformSecrets::new(items, Vault::new(aws.kms(), key))
}

#[tokio::test]
async fn processes_that_start_at_once_agree_on_one_secret_and_load_it_once_each() {
    const PROCESSES: usize = 8;
    let harness = Harness::start(|_| {});
    let processes: Vec<_> = (0..PROCESSES).map(|_| secrets(&harness)).collect();

    // One that cannot ask is not stuck with that.
    let dynamodb = harness.stack.emulators().dynamodb();
    let reads = Matching::reads().partition("platform#");
    let denied = Effect::Refuse(AwsError::access_denied());
    dynamodb.faults().inject(reads, denied, Times::Next(1));
    let error = processes[0].get().await.unwrap_err();
    assert!(!error.is_unavailable(), "{error}");

    let (at_dynamodb, kms) = (dynamodb.wire().mark(), harness.stack.emulators().kms());
    let at_kms = kms.wire().mark();
    let loads: Vec<_> = (0..PROCESSES * 25)
        .map(|number| {
            let secrets = processes[number % PROCESSES].clone();
            tokio::spawn(async move { secrets.get().await.unwrap().fingerprint_key() })
        })
        .collect();
    let mut keys = Vec::new();
    for load in loads {
        keys.push(load.await.unwrap());
    }
    assert!(keys.iter().all(|key| *key == keys[0]));
    assert_ne!(*keys[0], [0; 32]);
    let calls = dynamodb
        .wire()
        .since(at_dynamodb)
        .partition("platform#tenant");
    assert_eq!(calls.clone().reads().count(), PROCESSES);
    assert!((1..=PROCESSES).contains(&calls.writes().count()));
    let opened = kms.wire().since(at_kms).operation("Decrypt");
    assert_eq!(opened.count(), PROCESSES);

    // A process of tomorrow reads it, and makes none.
    let (at_dynamodb, at_kms) = (dynamodb.wire().mark(), kms.wire().mark());
    let later = secrets(&harness);
    let context = CursorContext::of_platform("tenants", &[]);
    let cursor = later
        .get()
        .await
        .unwrap()
        .cursors()
        .seal(&context, "position");
    let cursor = cursor.unwrap();
    assert_eq!(dynamodb.wire().since(at_dynamodb).count(), 1);
    assert_eq!(kms.wire().since(at_kms).count(), 1);
    // What one process sealed, another opens.
    let opened = processes[0]
        .get()
        .await
        .unwrap()
        .cursors()
        .open(&context, &cursor);
    assert_eq!(opened.as_deref(), Ok("position"));
}

#[tokio::test]
async fn a_secret_that_cannot_be_opened_is_an_error_and_is_not_made_anew() {
    let harness = Harness::start(|_| {});
    secrets(&harness).get().await.unwrap();
    let dynamodb = harness.dynamodb();
    let table = harness.variable("TENANTS_TABLE");
    let key = |attribute: &str| AttributeValue::S(attribute.to_owned());
    let get = dynamodb.get_item().table_name(table);
    let get = get
        .key("pk", key("platform#tenant"))
        .key("sk", key("platform-secret"));
    let mut item = get.send().await.unwrap().item.unwrap();
    let mut message = item["message"].as_b().unwrap().clone().into_inner();
    *message.last_mut().unwrap() ^= 1;
    item.insert("message".to_owned(), AttributeValue::B(message.into()));
    let put = dynamodb.put_item().table_name(table);
    put.set_item(Some(item.clone())).send().await.unwrap();

    let process = secrets(&harness);
    let error = process.get().await.unwrap_err();
    assert!(!error.is_unavailable(), "{error}");
    let get = dynamodb.get_item().table_name(table);
    let get = get
        .key("pk", key("platform#tenant"))
        .key("sk", key("platform-secret"));
    assert_eq!(get.send().await.unwrap().item.unwrap(), item);
}
