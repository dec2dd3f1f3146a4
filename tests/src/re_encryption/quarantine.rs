//! What is put in the quarantine, and what leaves it.

use local::emulators::faults::{AwsError, Effect, Matching, Times};
use serde_json::json;

use super::Moving;

#[tokio::test]
async fn a_key_that_does_not_let_the_function_in_quarantines_nothing() {
    let moving = Moving::with(2).await;
    let faults = moving.harness.stack.emulators().kms().faults();
    let codes = [
        "AccessDeniedException",
        "DisabledException",
        "KMSInvalidStateException",
    ];
    let mut request = json!({"start": true});
    for code in codes {
        let refusal = AwsError::new(400, code, "");
        let fault = faults.inject(
            Matching::operations(["Decrypt"]),
            Effect::Refuse(refusal),
            Times::Always,
        );
        let (kind, message) = moving.ask(&request).await.unwrap_err();
        assert_eq!(kind, "KeyServiceFailed");
        assert!(message.contains(code), "{message}");
        let status = moving.ask(&json!({"status": true})).await.unwrap();
        assert_eq!(status["quarantined_count"], 0);
        assert_eq!(status["is_finished"], false);
        faults.remove(fault);
        request = json!({});
    }
    let report = moving.ask(&request).await.unwrap();
    assert_eq!(report["is_finished"], true);
    assert_eq!(report["quarantined"], json!([]));
    assert_eq!(moving.moved().await, 2);
}

#[tokio::test]
async fn what_did_not_open_is_looked_at_again_by_pages_without_a_new_seal() {
    let moving = Moving::with(60).await;
    for tenant in moving.tenants() {
        moving.spoil(&tenant).await;
    }
    let report = moving.ask(&json!({"start": true})).await.unwrap();
    assert_eq!(report["is_finished"], true);
    assert_eq!(report["quarantined_count"], 60);
    for document in &moving.documents[..55] {
        moving.harness.store(document.clone()).await;
    }
    let wire = moving.harness.stack.emulators().kms().wire();
    let before = wire.mark();
    let report = moving.ask(&json!({"start": true})).await.unwrap();
    assert_eq!(report["is_finished"], true);
    assert_eq!(report["quarantined_count"], 5);
    assert_eq!(report["quarantined"].as_array().unwrap().len(), 5);
    let made = wire
        .since(before)
        .filter(|call| call.operation == "GenerateDataKey");
    assert_eq!(made.count(), 0);
}
