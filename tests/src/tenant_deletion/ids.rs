//! The ids of tenants that were deleted: they rest before anybody has them again.

use local::emulators::faults::{Effect, Matching, Times};
use serde_json::json;
use shared::tenants::{Deletion, TenantError};

use crate::harness::Harness;
use crate::tenant_store::Opened;

#[tokio::test]
async fn a_deletion_that_is_finished_says_so_again_and_its_id_rests() {
    let harness = Harness::shared().await;
    let opened = Opened::of(harness);
    let tenant = harness.tenant(json!({})).await;
    let id = tenant.id.as_str();
    opened.delete(id).await.unwrap();
    opened.clock.advance(16 * 60 + 1);
    for _ in 0..2 {
        assert_eq!(opened.delete(id).await.unwrap(), Deletion::Finished);
    }
    let refused = opened.create(id, None).await.unwrap_err();
    assert!(matches!(refused, TenantError::RecentlyDeleted), "{refused}");
    opened.clock.advance(15 * 24 * 60 * 60);
    opened.create(id, None).await.unwrap();
}

#[tokio::test]
async fn a_tenant_that_never_had_an_account_is_deleted_at_once_and_its_id_is_free_after_two_minutes()
 {
    let opened = Opened::of(Harness::shared().await);
    let unknown = opened.delete("never-there").await.unwrap_err();
    assert!(matches!(unknown, TenantError::NotFound), "{unknown}");
    opened.create("short-lived", Some("short")).await.unwrap();
    assert_eq!(
        opened.delete("short-lived").await.unwrap(),
        Deletion::Finished
    );
    let label = "short".parse().unwrap();
    assert_eq!(opened.subdomains.resolve(&label).await.unwrap(), None);
    for seconds in [0, 2 * 60 - 1] {
        opened.clock.advance(seconds);
        let refused = opened.create("short-lived", None).await.unwrap_err();
        assert!(matches!(refused, TenantError::RecentlyDeleted), "{refused}");
    }
    opened.clock.advance(1);
    let created = opened.create("short-lived", Some("short")).await.unwrap();
    assert_eq!(created.version, 1);
    // Entries of one moment are in no order.
    let mut told = opened.platform_told("short-lived").await;
    told.sort_unstable();
    assert_eq!(
        told,
        [
            "tenant_created",
            "tenant_created",
            "tenant_deleted",
            "tenant_deletion_requested"
        ]
    );
}

#[tokio::test]
async fn an_id_is_nobody_elses_while_another_request_may_still_be_sweeping() {
    let harness = Harness::start(|_| {});
    let opened = Opened::of(&harness);
    let id = "made-again";
    opened.create(id, None).await.unwrap();
    // Two ask for the deletion. The first hangs in the middle of its sweep, the other finishes.
    let dynamodb = harness.stack.emulators().dynamodb();
    let deletes = Matching::operations(["BatchWriteItem"]).partition(format!("{id}#"));
    let hanging = dynamodb
        .faults()
        .inject(deletes, Effect::Hang, Times::Next(1));
    let mark = dynamodb.wire().mark();
    let meanwhile = async {
        let sweeps = dynamodb.wire().wait_until(mark, |calls| {
            calls.clone().operation("BatchWriteItem").count() == 1
        });
        sweeps.await;
        assert_eq!(opened.delete(id).await.unwrap(), Deletion::Finished);
        // For as long as an invocation can last.
        for seconds in [0, 30] {
            opened.clock.advance(seconds);
            let refused = opened.create(id, None).await.unwrap_err();
            assert!(matches!(refused, TenantError::RecentlyDeleted), "{refused}");
        }
        dynamodb.faults().remove(hanging);
    };
    let (slow, ()) = tokio::join!(opened.delete(id), meanwhile);
    assert_eq!(slow.unwrap(), Deletion::Finished);
    opened.clock.advance(2 * 60);
    opened.create(id, None).await.unwrap();
}
