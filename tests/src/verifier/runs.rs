//! Runs: what there is no time for, what was missed, and who else is at it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use local::double::Misbehaviour;
use local::emulators::faults::{Matching, Times};
use serde_json::json;
use shared::tenant::TenantId;
use tokio::time::{sleep, timeout};

use super::sweep::{Seeds, account_of};
use super::{MIDNIGHT, PATIENCE, World, moment_of, run_of, text};
use crate::harness::workspace;

fn midnight() -> Timestamp {
    MIDNIGHT.parse().unwrap()
}

#[tokio::test]
async fn what_there_is_no_time_for_is_verified_by_way_of_the_queue() {
    let template = std::fs::read_to_string(workspace().join("template.yaml")).unwrap();
    // 9 seconds: 5 to end, 2 for a tenant that was begun, 2 to begin.
    let template = template.replacen("Timeout: 120\n", "Timeout: 9\n", 1);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), template).unwrap();
    let world = World::with(|options| options.template = file.path().to_owned());
    let seeds = Seeds::store(&world, 150, midnight()).await;
    let slow = Misbehaviour::Delay(Duration::from_millis(900));
    let faults = world.harness.stack.twilio().faults();
    let slow = faults.inject(Matching::any(), slow, Times::Always);

    let answer = world.minute(midnight()).await;
    assert_eq!(answer["state"], "done", "{answer}");
    let counts = &answer["counts"];
    let (done, put_off) = (&counts["valid"], &counts["put_off"]);
    let (done, put_off) = (done.as_u64().unwrap(), put_off.as_u64().unwrap());
    assert!(done >= 32 && put_off >= 1, "{answer}");
    assert_eq!(done + put_off, 150);
    faults.remove(slow);

    let run = run_of(midnight());
    let all_are_verified = async {
        for tenant in &seeds.tenants {
            while text(&world.twilio_item(tenant).await, "verified_run") != run {
                sleep(Duration::from_millis(50)).await;
            }
        }
    };
    timeout(PATIENCE, all_are_verified).await.unwrap();
    for tenant in &seeds.tenants {
        let item = world.twilio_item(tenant).await;
        assert_eq!(item["state_version"].as_n().unwrap(), "2", "{tenant}");
    }
}

#[tokio::test]
async fn a_minute_that_was_missed_is_made_good_and_one_that_was_not_is_not_made_again() {
    let world = World::start();
    let newcomer = world.harness.connected().await;
    let own = moment_of(&newcomer.id);
    let hour = SignedDuration::from_mins(60);
    // The oldest four first: of an hour ago, and the three after it.
    let answer = world.minute(own + hour).await;
    let missed = answer["caught_up"].as_array().unwrap();
    assert_eq!(missed.len(), 4);
    assert_eq!(missed[0], run_of(own).as_str());
    let item = world.twilio_item(&newcomer.id).await;
    assert_eq!(text(&item, "verified_run"), run_of(own));
    let calls = newcomer.account.calls().count();
    assert_eq!(world.minute(own).await["state"], "finished");
    assert_eq!(newcomer.account.calls().count(), calls);
    // Longer ago than an hour, it is left to the next day.
    let other = world.harness.connected().await;
    let late = moment_of(&other.id) + hour + SignedDuration::from_mins(1);
    world.minute(late).await;
    let item = world.twilio_item(&other.id).await;
    assert_eq!(text(&item, "verified_run"), "");
}

#[tokio::test]
async fn a_run_that_somebody_is_at_is_left_to_him_until_his_time_is_over() {
    let world = World::with(|options| {
        let name = "VerificationTimeoutSeconds".to_owned();
        options.parameters.insert(name, "30".to_owned());
    });
    let newcomer = world.harness.connected().await;
    let at = moment_of(&newcomer.id);
    let hold = newcomer
        .account
        .misbehave(Misbehaviour::Hold, Times::Always);
    let event = super::scheduled(at);
    let (first, second) = tokio::join!(world.ask(&event), async {
        let begun = async {
            while world.item("platform#runs", &run_of(at)).await.is_none() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, begun).await.unwrap();
        let second = world.ask(&event).await;
        world.harness.stack.twilio().faults().remove(hold);
        second
    });
    assert_eq!(
        (&first["state"], &second["state"]),
        (&json!("done"), &json!("held"))
    );
    assert_eq!(first["counts"]["tenants"], 1);
}

#[tokio::test]
async fn one_tenant_that_hangs_does_not_hold_the_others() {
    let world = World::start();
    let seeds = Seeds::store(&world, 40, midnight()).await;
    let hanging: TenantId = seeds.tenants[0].clone();
    let account = world.harness.stack.twilio().account(&account_of(0));
    account.misbehave(Misbehaviour::Hang(Duration::from_secs(60)), Times::Always);
    let answer = world.minute(midnight()).await;
    let counts = &answer["counts"];
    let told = [&counts["tenants"], &counts["valid"], &counts["unreachable"]];
    assert_eq!(told, [&json!(40), &json!(39), &json!(1)], "{answer}");
    assert_eq!(world.due_of(&hanging).await.len(), 1);
}
