//! What the function does that seals credentials anew.

use serde_json::json;

use crate::re_encryption::Moving;

/// Credentials move to another key, one does not open until it is stored anew, and the old key is retired. The stack is one that
/// has just been told of the other key.
pub(in crate::iam) async fn ways_of_re_encryptor() -> Moving {
    let moving = Moving::with(2).await;
    let spoiled = moving.tenants().last().unwrap();
    moving.spoil(&spoiled).await;
    let begun = moving.ask(&json!({"start": true})).await.unwrap();
    assert_eq!(begun["quarantined"][0]["tenant_id"], spoiled.as_str());
    for request in [json!({}), json!({"status": true})] {
        let report = moving.ask(&request).await.unwrap();
        assert_eq!(report["is_finished"], true, "{request}");
    }
    moving.harness.store(moving.documents[1].clone()).await;
    let retire = json!({"retire": moving.old});
    let retired = moving.ask(&retire).await.unwrap();
    assert_eq!(retired["retired"], moving.old.as_str());
    let again = moving.ask(&json!({"start": true})).await.unwrap();
    assert_eq!(again["quarantined"], json!([]));
    moving
}
