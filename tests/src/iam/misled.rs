//! A function whose keys are another tenant's: the defect that sessions of tenants are there for, in a process of its own and
//! behind the gate of the client API.

use std::path::PathBuf;
use std::sync::Arc;

use local::lambda::{Function, Platform};
use serde_json::{Value, json};
use shared::clock::Clock;
use shared::tenant::TenantId;

use super::sessions::tenant_of;
use crate::harness::Harness;

/// What each function's role of tenants allows of the kinds of calls that there are.
const WORKS: [(&str, &[&str]); 4] = [
    ("token", &["read", "list", "update"]),
    (
        "credentials",
        &["read", "list", "update", "write", "write-together"],
    ),
    (
        "messaging",
        &["read", "list", "update", "index", "read-batch"],
    ),
    (
        "tenants",
        &[
            "read",
            "list",
            "update",
            "index",
            "delete-batch",
            "write",
            "write-together",
        ],
    ),
];

/// The function that has the defect, with role and variables of one that has not.
fn misled(harness: &Harness, instead_of: &str) -> Function {
    let mut spec = harness.stack.function(instead_of).unwrap().spec().clone();
    "misled_function".clone_into(&mut spec.binary);
    let binary = std::env::current_exe().unwrap();
    let examples: PathBuf = binary.parent().unwrap().with_file_name("examples");
    assert!(
        examples.join("misled_function").is_file(),
        "build the function that this test runs: cargo build -p end-to-end --examples"
    );
    let platform = Platform {
        environment: harness.stack.emulators().endpoints(),
        ..Platform::new(examples, "us-east-1", "123456789012")
    };
    let logs = harness.stack.logs().clone();
    Function::new(spec, Arc::new(platform), logs, Clock::system())
}

/// The status and the code of the answer to a call that is admitted for `admitted`, and asks for keys of `keys_of`.
async fn answered(
    harness: &Harness,
    function: &Function,
    work: &str,
    (admitted, keys_of): (&TenantId, &TenantId),
) -> (u64, Value) {
    let event = json!({
        "version": "2.0", "rawPath": "/api/settings", "rawQueryString": "",
        "headers": {
            "host": "api.example.com", "x-tenant-id": admitted, "x-misled-to": keys_of, "x-work": work,
        },
        "requestContext": {
            "domainName": "api.example.com", "http": {"method": "GET"},
            "authorizer": {
                "jwt": {"claims": {"sub": "an operator", "roles": "[operator]"}, "scopes": null}
            }
        },
        "isBase64Encoded": false
    });
    let (function, event) = (function.clone(), event.to_string());
    let answer = harness.on_stack(async move { function.invoke(event.into()).await });
    let answer: Value = serde_json::from_slice(&answer.await.unwrap()).unwrap();
    let body = answer["body"].as_str().unwrap_or_default();
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    (answer["statusCode"].as_u64().unwrap(), body["code"].clone())
}

#[tokio::test]
async fn a_function_whose_keys_are_another_tenants_reaches_nothing_of_it() {
    let harness = Harness::start(|options| options.feeds_streams = false);
    harness.expect_denials();
    let (ours, theirs) = (harness.connected().await.id, harness.connected().await.id);
    for (instead_of, works) in WORKS {
        let function = misled(&harness, instead_of);
        for work in works {
            let emulators = harness.stack.emulators();
            let (mark, denied) = (
                emulators.dynamodb().wire().mark(),
                emulators.access().denials().len(),
            );
            let broken = answered(&harness, &function, work, (&ours, &theirs)).await;
            assert_eq!(broken, (500, json!("internal")), "{instead_of}: {work}");
            let calls = emulators.dynamodb().wire().since(mark);
            let calls = calls.partition(&format!("{theirs}#"));
            assert!(calls.clone().count() > 0, "{instead_of}: {work}");
            for call in calls.iter() {
                let by = tenant_of(call);
                assert_eq!((by, call.status), (Some(ours.as_str()), Some(400)));
            }
            assert!(emulators.access().denials().len() > denied);

            let right = answered(&harness, &function, work, (&ours, &ours)).await;
            assert_eq!(right, (204, Value::Null), "{instead_of}: {work}");
        }
        harness.on_stack(async move { function.stop().await }).await;
    }
}
