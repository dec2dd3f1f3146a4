//! What somebody left in the middle goes on by itself.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::SignedDuration;
use local::double::Misbehaviour;
use local::emulators::faults::Times;
use serde_json::json;
use shared::clock::Clock;
use shared::store::Work;

use super::{World, moment_of};

#[tokio::test]
async fn a_deletion_that_nobody_asks_for_again_goes_on() {
    let world = World::start();
    let newcomer = world.harness.connected().await;
    let path = format!("/api/tenants/{}", newcomer.id);
    let asked = world.harness.operator().delete(&path).await;
    assert_eq!(asked.status, 202);
    let due = world.due_of(&newcomer.id).await;
    let [(work, at)] = due.as_slice() else {
        panic!("{due:?}");
    };
    assert_eq!(work, "deletion");
    assert!(*at <= Clock::system().now() + SignedDuration::from_mins(2));

    // Not before no function can know the tenant any more: then it is due again.
    let scope = world.harness.console().scope(&newcomer.id);
    world
        .due()
        .put(&scope, Work::Deletion, Clock::system().now())
        .await
        .unwrap();
    world.minute(moment_of(&newcomer.id)).await;
    let profile = format!("{}#tenant", newcomer.id);
    assert!(world.item(&profile, "profile").await.is_some());
    let due = world.due_of(&newcomer.id).await;
    let last = due.iter().map(|(_, at)| *at).max().unwrap();
    assert!(
        last > Clock::system().now() + SignedDuration::from_mins(10),
        "{due:?}"
    );

    // As if that were over.
    let update = world.harness.dynamodb().update_item();
    let update = update
        .table_name(world.table())
        .key("pk", AttributeValue::S(profile.clone()))
        .key("sk", AttributeValue::S("profile".to_owned()))
        .update_expression("SET last_served_until = :past")
        .expression_attribute_values(
            ":past",
            AttributeValue::S("2026-03-01T00:00:00.000Z".to_owned()),
        );
    update.send().await.unwrap();
    world
        .due()
        .put(&scope, Work::Deletion, Clock::system().now())
        .await
        .unwrap();
    world.minute(moment_of(&newcomer.id)).await;
    assert_eq!(world.item(&profile, "profile").await, None);
}

#[tokio::test]
async fn work_of_a_deletion_does_nothing_to_a_tenant_that_nobody_deletes() {
    let world = World::start();
    let newcomer = world.harness.connected().await;
    let scope = world.harness.console().scope(&newcomer.id);
    world
        .due()
        .put(&scope, Work::Deletion, Clock::system().now())
        .await
        .unwrap();
    world.minute(moment_of(&newcomer.id)).await;
    assert_eq!(world.due_of(&newcomer.id).await, []);
    let shown = newcomer.admin.get("/api/integrations/twilio").await;
    shown.document(200);
}

#[tokio::test]
async fn a_rotation_goes_on_by_itself() {
    let world = World::start();
    let newcomer = world.harness.connected().await;
    let path = "/api/integrations/twilio/rotate";
    let down = newcomer
        .account
        .misbehave(Misbehaviour::Unavailable, Times::Always);
    let asked = newcomer.admin.post(path, &json!({})).await;
    assert_ne!(asked.status, 200);
    world.harness.stack.twilio().faults().remove(down);
    let before = newcomer.account.secondary_auth_token();
    assert_eq!(before, None);
    let scope = world.harness.console().scope(&newcomer.id);
    world
        .due()
        .put(&scope, Work::Rotation, Clock::system().now())
        .await
        .unwrap();
    world.minute(moment_of(&newcomer.id)).await;
    assert!(newcomer.account.secondary_auth_token().is_some());
}
