//! Settings and their version.

use serde_json::json;
use shared::audit::Action;
use shared::store::WriteConflict;
use shared::tenant::Settings;

use super::world::{World, conflict, text};

fn greeting(greeting: &str) -> Settings {
    Settings {
        greeting: Some(greeting.to_owned()),
        ..Settings::default()
    }
}

#[tokio::test]
async fn settings_are_stored_over_the_version_that_was_read_and_no_other() {
    let world = World::new().await;
    let (scope, _) = world.bare().await;
    let entry = world.entry(Action::SettingsUpdated);
    let put = async |settings: &Settings, expected| {
        world.settings.put(&scope, settings, expected, &entry).await
    };
    let seeded = world.settings.read(&scope).await.unwrap();
    assert_eq!(seeded.settings, Settings::default());
    let stored = put(&greeting("Servus"), seeded.version).await.unwrap();
    assert_eq!(stored.version, seeded.version + 1);
    assert_eq!(stored.updated_by.as_deref(), Some("user:auth0|admin"));
    assert_eq!(world.settings.read(&scope).await.unwrap(), stored);
    for stale in [0, 1, seeded.version, stored.version + 1] {
        let refused = conflict(put(&greeting("Stale"), stale).await);
        assert_eq!(refused, WriteConflict::VersionMismatch, "{stale}");
    }
    assert_eq!(world.settings.read(&scope).await.unwrap(), stored);
    assert_eq!(world.actions(&scope).await, ["settings_updated"]);
    let (one, other) = (greeting("One"), greeting("Other"));
    let (one, other) = tokio::join!(put(&one, stored.version), put(&other, stored.version));
    let (winner, refused) = match (one, other) {
        (Ok(winner), refused) | (refused, Ok(winner)) => (winner, refused),
        both => panic!("{both:?}"),
    };
    assert_eq!(conflict(refused), WriteConflict::VersionMismatch);
    assert_eq!(world.settings.read(&scope).await.unwrap(), winner);
    // Who serves traffic reads the same.
    let record = crate::storing::tenants(world.harness).record(&scope).await;
    assert_eq!(record.unwrap().unwrap().settings, winner.settings);
}

#[tokio::test]
async fn where_no_settings_are_stored_the_defaults_are_read_with_version_0() {
    let world = World::new().await;
    let (scope, _) = world.bare().await;
    let delete = world.harness.dynamodb().delete_item();
    let delete = delete
        .table_name(world.harness.variable("TENANTS_TABLE"))
        .key("pk", text(&format!("{}#tenant", scope.tenant_id())))
        .key("sk", text("settings"));
    delete.send().await.unwrap();
    let none = world.settings.read(&scope).await.unwrap();
    assert_eq!((none.version, none.settings), (0, Settings::default()));
    let entry = world.entry(Action::SettingsUpdated);
    let put = world.settings.put(&scope, &greeting("Hi"), 0, &entry).await;
    assert_eq!(put.unwrap().version, 1);
    let again = world.settings.put(&scope, &greeting("Ho"), 0, &entry).await;
    assert_eq!(conflict(again), WriteConflict::VersionMismatch);
}

#[tokio::test]
async fn settings_of_before_there_were_versions_are_version_1_until_anybody_stores_them() {
    let world = World::new().await;
    for seeds in [false, true] {
        let tenant = world.harness.tenant(json!({"greeting": "Before"})).await;
        let scope = tenant.console.scope(&tenant.id);
        let strip = world.harness.dynamodb().update_item();
        let strip = strip
            .table_name(world.harness.variable("TENANTS_TABLE"))
            .key("pk", text(&format!("{}#tenant", tenant.id)))
            .key("sk", text("settings"))
            .update_expression("REMOVE version, updated_by");
        strip.send().await.unwrap();
        let before = world.settings.read(&scope).await.unwrap();
        assert_eq!((before.version, before.updated_by), (1, None));
        let entry = world.entry(Action::SettingsUpdated);
        if seeds {
            world.store(&tenant.document).await;
        } else {
            let put = world
                .settings
                .put(&scope, &greeting("After"), 1, &entry)
                .await;
            assert_eq!(put.unwrap().version, 2);
        }
        let late = world
            .settings
            .put(&scope, &greeting("Late"), 1, &entry)
            .await;
        assert_eq!(conflict(late), WriteConflict::VersionMismatch);
    }
}

#[tokio::test]
async fn a_tenant_that_is_not_there_or_being_deleted_has_no_settings_to_store() {
    let world = World::new().await;
    let (scope, _) = world.bare().await;
    let version = world.settings.read(&scope).await.unwrap().version;
    let entry = world.entry(Action::SettingsUpdated);
    world.begin_deletion(&scope).await;
    let put = world
        .settings
        .put(&scope, &greeting("Hi"), version, &entry)
        .await;
    assert_eq!(conflict(put), WriteConflict::TenantDeleting);
    let nobody = world
        .harness
        .console()
        .scope(&"nobody-at-all".parse().unwrap());
    let put = world
        .settings
        .put(&nobody, &greeting("Hi"), 0, &entry)
        .await;
    assert_eq!(conflict(put), WriteConflict::TenantMissing);
}
