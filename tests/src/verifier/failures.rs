//! What fails here is left to the queue, harms nobody else, and ends among the dead letters.

use local::emulators::faults::{AwsError, Effect, Matching, Times};
use serde_json::json;
use shared::tenant::{Provider, TenantId};
use tokio::time::{sleep, timeout};

use super::sweep::Seeds;
use super::{MIDNIGHT, PATIENCE, World, run_of, text};

/// The partition of what is stored of a tenant.
fn partition(tenant: &TenantId) -> String {
    format!("{tenant}#tenant")
}

/// Waits until a run has verified a tenant.
async fn verified(world: &World, tenant: &TenantId, run: &str) {
    let is_verified = async {
        while text(&world.twilio_item(tenant).await, "verified_run") != run {
            sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, is_verified).await.unwrap();
}

#[tokio::test]
async fn a_tenant_that_the_store_failed_in_is_left_to_the_queue_and_the_others_are_verified() {
    let world = World::start();
    let at = MIDNIGHT.parse().unwrap();
    let seeds = Seeds::store(&world, 10, at).await;
    let failing = &seeds.tenants[3];
    let faults = world.harness.stack.emulators().dynamodb().faults();
    let reads = Matching::operations(["Query"]).partition(partition(failing));
    let outage = faults.inject(reads, Effect::Refuse(AwsError::internal()), Times::Always);
    let answer = world.minute(at).await;
    let counts = &answer["counts"];
    let told = [&counts["tenants"], &counts["valid"], &counts["put_off"]];
    assert_eq!(told, [&json!(9), &json!(9), &json!(1)], "{answer}");
    faults.remove(outage);
    verified(&world, failing, &run_of(at)).await;
    for tenant in &seeds.tenants {
        let item = world.twilio_item(tenant).await;
        assert_eq!(item["state_version"].as_n().unwrap(), "2", "{tenant}");
    }
}

#[tokio::test]
async fn credentials_that_cannot_be_opened_for_want_of_the_key_are_left_to_the_queue() {
    let world = World::start();
    let at = MIDNIGHT.parse().unwrap();
    let seeds = Seeds::store(&world, 3, at).await;
    let faults = world.harness.stack.emulators().kms().faults();
    let opening = Matching::operations(["Decrypt"]);
    let outage = faults.inject(opening, Effect::Refuse(AwsError::internal()), Times::Always);
    let answer = world.minute(at).await;
    assert_eq!(answer["counts"]["put_off"], 3, "{answer}");
    faults.remove(outage);
    for tenant in &seeds.tenants {
        verified(&world, tenant, &run_of(at)).await;
    }
}

#[tokio::test]
async fn the_platforms_own_credentials_are_verified_in_the_first_minute_of_a_day() {
    let world = World::start();
    let account = crate::client_api::subaccounts::store_platforms_account(&world.harness).await;
    world.minute(MIDNIGHT.parse().unwrap()).await;
    let platform = world.item("platform#tenant", "integration#twilio").await;
    assert_eq!(text(&platform.unwrap(), "status"), "valid");
    account.set_auth_token("somebody-made-another-token");
    let other: jiff::Timestamp = MIDNIGHT.parse().unwrap();
    let minute_later = other + jiff::SignedDuration::from_mins(1);
    let (calls, asked) = (account.calls().count(), || account.calls().count());
    world.minute(minute_later).await;
    assert_eq!(asked(), calls);
    world.minute(other).await;
    let entries = world.partition("platform#due").await;
    let work: Vec<String> = entries.iter().map(|entry| text(entry, "work")).collect();
    assert_eq!(work, [format!("recheck#{}", Provider::Twilio)]);
}
