//! The demo tenants of a stack on whose data somebody has been at work before.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::SignedDuration;
use serde_json::{Value, json};
use shared::audit::Actor;
use shared::aws::{Aws, Patience};
use shared::clock::Clock;
use shared::environment::Environment;
use shared::store::{Expected, TableNames};
use shared::tenants::{Deletion, TenantAdministration};
use tokio::time::Instant;

use super::program::{Up, command, run_with_input};
use super::type_in;
use crate::tenant_store::scope;

/// For how long warm functions may serve a tenant, in seconds, and one more.
const SERVED_SECONDS: i64 = 16 * 60 + 1;

/// Deletes a tenant of a running stack to the end, as if it had been asked for so long ago.
async fn delete(up: &Up, id: &str, ago: SignedDuration) {
    let announced = std::fs::read(format!("{}/stack.json", up.data)).unwrap();
    let announced: Value = serde_json::from_slice(&announced).unwrap();
    let variables: BTreeMap<String, String> =
        serde_json::from_value(announced["environment"].clone()).unwrap();
    let environment = Environment::of(variables);
    let tables = TableNames::from_environment(&environment).unwrap();
    let aws = Aws::from_environment(&environment, Patience::BACKGROUND).unwrap();
    let clock = Clock::fixed(Clock::system().now() - ago);
    let administration = TenantAdministration::new(&aws, &tables, clock.clone());
    let scope = scope(id);
    for is_last in [false, true] {
        let deadline = Instant::now() + Duration::from_secs(60);
        let deletion = administration.delete(&scope, Expected::Any, &Actor::Console, deadline);
        let deletion = deletion.await.unwrap();
        assert_eq!(deletion == Deletion::Finished, is_last, "{deletion:?}");
        clock.advance(SERVED_SECONDS);
    }
}

/// The row of a tenant on the screen.
fn shows(up: &Up, id: &str) -> bool {
    let screen = up.screen();
    let (_, rest) = screen.split_once("\nTenants\n").unwrap();
    let (rows, _) = rest.split_once("\n\n").unwrap();
    rows.lines().any(|row| row.trim_start().starts_with(id))
}

#[tokio::test]
async fn a_stack_whose_first_demo_tenant_was_deleted_comes_up_with_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let up = Up::start(folder.path(), &[]).await;
    delete(&up, "acme", SignedDuration::from_mins(20)).await;
    up.interrupt().await;

    let up = Up::start(folder.path(), &[]).await;

    assert!(
        !shows(&up, "acme") && shows(&up, "globex"),
        "{}",
        up.screen()
    );
    assert!(up.screen().contains(" (an admin of globex, for 12 hours)"));
    let shown = type_in(&up.next_command()).await;
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert!(shown.output.contains("Stored for globex:"), "{shown:?}");
    let (_, said) = up.interrupt().await;
    let expected = "The demo tenant acme is left out: a tenant of this id was deleted too lately \
        (in the last 2 minutes, or 15 days if it had an account): use another id.\n";
    assert!(said.contains(expected), "{said}");
}

#[tokio::test]
async fn a_stack_on_which_another_tenant_has_a_demo_tenants_account_comes_up_without_that() {
    let folder = tempfile::tempdir().unwrap();
    let up = Up::start(folder.path(), &[]).await;
    // Its id is free again by now.
    delete(&up, "globex", SignedDuration::from_hours(16 * 24)).await;
    let heir = json!([{
        "tenant_id": "heir",
        "name": "Another tenant",
        "twilio": {
            "account_sid": "ACbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
            "auth_token": "bbbb2222bbbb2222bbbb2222bbbb2222",
        },
    }]);
    let seed = command(&["seed", "--data", &up.data]).await;
    let seeded = run_with_input(seed, &heir.to_string()).await;
    assert_eq!(seeded.code, Some(0), "{seeded:?}");
    up.interrupt().await;

    let up = Up::start(folder.path(), &[]).await;

    assert!(
        shows(&up, "acme") && !shows(&up, "globex"),
        "{}",
        up.screen()
    );
    let (_, said) = up.interrupt().await;
    let expected = "The demo tenant globex is left out: the Twilio account belongs to another";
    assert!(said.contains(expected), "{said}");
}
