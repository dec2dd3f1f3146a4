//! The rotation of a Twilio auth token: its stages, who may do what to it, and what ends it.

mod interruptions;
mod refusals;
mod under_traffic;
mod world;

use jiff::SignedDuration;
use local::double::Misbehaviour;
use local::emulators::faults::Times;
use serde_json::json;
use shared::integrations::{Continued, RotationAction, RotationError};
use shared::store::{DueWork, Work};
use shared::twilio::RotationStage;

use crate::harness::Harness;
use world::{World, rotations};

const ROTATE: &str = "/api/integrations/twilio/rotate";
const TWILIO: &str = "/api/integrations/twilio";

#[tokio::test]
async fn a_rotation_goes_from_stage_to_stage_and_webhooks_are_taken_at_each() {
    let world = World::new().await;
    let version = world.stored().await.0.version;

    let stored = world.advance().await.unwrap();
    assert_eq!(stored.stage, RotationStage::Stored);
    let promote_after = stored.promote_after.unwrap();
    let wait = promote_after.duration_since(world.clock.now());
    assert_eq!(wait, SignedDuration::from_secs(10));
    assert_eq!(world.newcomer.account.auth_token().unwrap(), world.old);
    world.assert_signatures_are_taken().await;
    // Before its time nothing happens.
    assert_eq!(world.advance().await.unwrap(), stored);

    world.clock.advance(10);
    let promoted = world.advance().await.unwrap();
    assert_eq!(promoted.stage, RotationStage::Promoted);
    assert_ne!(world.newcomer.account.auth_token().unwrap(), world.old);
    let grace = promoted
        .old_token_until
        .unwrap()
        .duration_since(world.clock.now());
    assert_eq!(grace, SignedDuration::from_mins(15));
    world.assert_signatures_are_taken().await;
    assert_eq!(
        world.advance().await.unwrap().stage,
        RotationStage::Promoted
    );

    world.clock.advance(15 * 60);
    let done = world.advance().await.unwrap();
    assert_eq!(
        (done.stage, done.ended_at),
        (RotationStage::Done, Some(world.clock.now()))
    );
    world.assert_rotated().await;
    assert_eq!(
        world.told().await,
        ["creating", "done", "promoted", "promoting", "stored"]
    );
    // The tokens changed three times, and nothing else was stored.
    assert_eq!(world.stored().await.0.version, version + 3);
}

#[tokio::test]
async fn the_api_shows_each_stage_and_refuses_what_is_no_action() {
    let harness = Harness::shared().await;
    let newcomer = harness.connected().await;
    let admin = &newcomer.admin;
    let wrong = admin
        .post(ROTATE, &json!({"action": "undo", "now": true}))
        .await;
    assert_eq!(wrong.faulty_fields(), ["action", "now"]);
    let nothing = admin.post(ROTATE, &json!({"action": "roll_back"})).await;
    assert_eq!(nothing.refusal(), (409, "rotation_not_possible"));
    let shown = admin.get(TWILIO).await.document(200);
    assert!(shown.get("rotation").is_none());

    let begun = admin.post(ROTATE, &json!({})).await.document(202);
    assert_eq!(begun["stage"], "stored");
    let shown = admin.get(TWILIO).await.document(200);
    assert_eq!(shown["rotation"], begun);
    let secondary = newcomer.account.secondary_auth_token().unwrap();
    let masked = format!("••••{}", &secondary[secondary.len() - 4..]);
    assert_eq!(shown["config"]["secondary_auth_token"], masked.as_str());
    assert!(!begun.to_string().contains(&secondary));

    let rolled_back = admin.post(ROTATE, &json!({"action": "roll_back"})).await;
    assert_eq!(rolled_back.document(200)["stage"], "rolled_back");
    assert_eq!(newcomer.account.secondary_auth_token(), None);
    let shown = admin.get(TWILIO).await.document(200);
    assert!(shown["config"].get("secondary_auth_token").is_none());
    let member = harness.user(&newcomer.id, "member");
    let refused = member.post(ROTATE, &json!({})).await;
    assert_eq!(refused.refusal(), (403, "role_required"));
}

#[tokio::test]
async fn without_credentials_there_is_nothing_to_rotate() {
    let newcomer = Harness::shared().await.newcomer().await;
    let refused = newcomer.admin.post(ROTATE, &json!({})).await;
    assert_eq!(refused.refusal(), (404, "integration_not_found"));
}

#[tokio::test]
async fn inactive_credentials_are_not_rotated() {
    let world = World::new().await;
    world
        .newcomer
        .account
        .set_auth_token("somebody-else-changed-it");
    for _ in 0..2 {
        let path = format!("{TWILIO}/verify");
        world
            .newcomer
            .admin
            .post(&path, &json!({}))
            .await
            .document(200);
    }
    let refused = world.newcomer.admin.post(ROTATE, &json!({})).await;
    assert_eq!(refused.refusal(), (409, "credentials_inactive"));
    assert_eq!(world.token_calls("").count(), 0);
}

#[tokio::test]
async fn whoever_looks_at_what_is_due_finishes_a_rotation_that_nobody_asks_for_any_more() {
    let harness = Box::leak(Box::new(Harness::start(|_| {})));
    let newcomer = harness.connected().await;
    newcomer.admin.post(ROTATE, &json!({})).await.document(202);
    let clock = shared::clock::Clock::fixed(shared::clock::Clock::system().now());
    let table = harness.variable("TENANTS_TABLE").to_owned();
    let list = DueWork::new(harness.dynamodb(), table, clock.clone());
    let rotations = rotations(harness, &clock);
    let mut looks = 0;
    loop {
        clock.advance(60);
        let taken = list
            .take(10, clock.now() + SignedDuration::from_secs(50))
            .await;
        for due in taken.unwrap() {
            assert_eq!(
                (due.work, due.scope.tenant_id()),
                (Work::Rotation, &newcomer.id)
            );
            let actor = shared::audit::Actor::Function("verifier");
            let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
            let continued = rotations.continue_rotation(&due.scope, actor, deadline);
            match continued.await.unwrap() {
                Continued::Finished => list.done(&due).await.unwrap(),
                Continued::At(at) => list.later(&due, at).await.unwrap(),
            }
        }
        let shown = newcomer.admin.get(TWILIO).await.document(200);
        if shown["rotation"]["stage"] == "done" {
            break;
        }
        looks += 1;
        assert!(looks < 20, "{shown}");
    }
    // Of what is left on the list nothing is to be done, and it goes.
    clock.advance(60 * 60);
    for due in list
        .take(10, clock.now() + SignedDuration::from_secs(50))
        .await
        .unwrap()
    {
        let actor = shared::audit::Actor::Function("verifier");
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
        let continued = rotations
            .continue_rotation(&due.scope, actor, deadline)
            .await;
        assert_eq!(continued.unwrap(), Continued::Finished);
        list.done(&due).await.unwrap();
    }
    let audit = newcomer.audit().await;
    let by_verifier = |[_, actor, ..]: &&[String; 4]| actor == "function:verifier";
    assert!(audit.iter().filter(by_verifier).count() >= 3, "{audit:?}");
}

#[tokio::test]
async fn of_several_who_rotate_at_once_one_makes_each_step() {
    let world = World::new().await;
    let others = [(); 3].map(|()| rotations(world.harness, &world.clock));
    for (step, wait) in [("Secondary", 10), ("Promote", 15 * 60)] {
        let scope = world.scope();
        let ask = |by| world::ask(by, &scope, RotationAction::Advance);
        let [one, two, three] = &others;
        let answers = tokio::join!(ask(one), ask(two), ask(three));
        for answer in [answers.0, answers.1, answers.2] {
            answer.unwrap();
        }
        let made = world
            .token_calls(step)
            .filter(|call| call.operation.starts_with("POST"));
        assert_eq!(made.count(), 1, "{made:?}");
        world.assert_signatures_are_taken().await;
        world.clock.advance(wait);
    }
    world.finish().await;
    world.assert_rotated().await;
}

#[tokio::test]
async fn a_rotation_is_rolled_back_until_its_promotion_and_not_after_it() {
    let world = World::new().await;
    world.advance().await.unwrap();
    let ended = world.ask(RotationAction::RollBack).await.unwrap();
    assert_eq!(ended.stage, RotationStage::RolledBack);
    let (_, credentials) = world.stored().await;
    assert!(credentials.secondary_auth_token.is_none());
    assert_eq!(credentials.auth_token.expose(), world.old);
    assert_eq!(world.newcomer.account.secondary_auth_token(), None);

    // Another begins at once, and is promoted.
    world.advance().await.unwrap();
    world.clock.advance(10);
    assert_eq!(
        world.advance().await.unwrap().stage,
        RotationStage::Promoted
    );
    let refused = world.ask(RotationAction::RollBack).await.unwrap_err();
    assert!(
        matches!(refused, RotationError::NotPossible(_)),
        "{refused}"
    );
    assert_eq!(world.stage().await, RotationStage::Promoted);
    world.finish().await;
    world.assert_rotated().await;
}

#[tokio::test]
async fn a_rotation_that_is_done_is_not_begun_again_by_whoever_only_asks_it_to_go_on() {
    let world = World::new().await;
    world.advance().await.unwrap();
    let done = world.finish().await;
    assert_eq!(done.stage, RotationStage::Done);
    assert_eq!(world.advance().await.unwrap(), done);
    let again = world.ask(RotationAction::Start).await.unwrap();
    assert_eq!(again.stage, RotationStage::Stored);
    world.ask(RotationAction::RollBack).await.unwrap();
    assert_eq!(world.advance().await.unwrap().stage, RotationStage::Stored);
}

#[tokio::test]
async fn credentials_that_are_stored_whole_end_the_rotation_and_count() {
    let world = World::new().await;
    world.advance().await.unwrap();
    world.put(&world.old).await;
    let (record, credentials) = world.stored().await;
    assert_eq!(record.rotation.unwrap().stage, RotationStage::Superseded);
    assert!(credentials.secondary_auth_token.is_none());
    world.clock.advance(60);
    assert_eq!(world.go_on().await, Continued::Finished);
    assert_eq!(world.token_calls("Promote").count(), 0);
    assert_eq!(world.told().await, ["creating", "stored", "superseded"]);
}

#[tokio::test]
async fn a_token_that_is_stored_in_the_grace_period_ends_it_and_the_old_token_with_it() {
    let world = World::new().await;
    world.advance().await.unwrap();
    world.clock.advance(10);
    world.advance().await.unwrap();
    world
        .newcomer
        .account
        .set_auth_token("changed-in-the-console-too");
    world
        .patch(json!({"auth_token": "changed-in-the-console-too"}))
        .await;
    let (record, credentials) = world.stored().await;
    assert_eq!(record.rotation.unwrap().stage, RotationStage::Superseded);
    assert!(credentials.previous_auth_token.is_none());
}

#[tokio::test]
async fn what_is_changed_besides_the_tokens_stays_and_the_rotation_goes_on() {
    let world = World::new().await;
    world.advance().await.unwrap();
    world.patch(json!({"phone_number": "+15005550006"})).await;
    assert_eq!(world.stage().await, RotationStage::Stored);
    world.clock.advance(10);
    world.advance().await.unwrap();
    world
        .patch(json!({"whatsapp_sender": "+15005550007"}))
        .await;
    world.finish().await;
    world.assert_rotated().await;
    let (_, credentials) = world.stored().await;
    assert!(credentials.phone_number.is_some() && credentials.whatsapp_sender.is_some());
}

#[tokio::test]
async fn a_secondary_token_that_the_tenant_stored_itself_is_the_one_to_rotate_to() {
    let world = World::new().await;
    let own = "00000000000000000000000000000042";
    world.newcomer.account.set_secondary_auth_token(Some(own));
    world.patch(json!({"secondary_auth_token": own})).await;
    world.advance().await.unwrap();
    assert_eq!(world.token_calls("Secondary").count(), 0);
    world.finish().await;
    world.assert_rotated().await;
    assert_eq!(world.newcomer.account.auth_token().unwrap(), own);
}

#[tokio::test]
async fn a_secondary_token_that_somebody_removed_at_twilio_is_not_promoted() {
    let world = World::new().await;
    world.advance().await.unwrap();
    world.newcomer.account.set_secondary_auth_token(None);
    world.clock.advance(10);
    let ended = world.advance().await.unwrap();
    assert_eq!(ended.stage, RotationStage::RolledBack);
    assert!(ended.problem.unwrap().contains("does not accept"));
    let (_, credentials) = world.stored().await;
    assert!(credentials.secondary_auth_token.is_none());
    assert_eq!(world.token_calls("Promote").count(), 0);
}

#[tokio::test]
async fn a_rotation_waits_for_twilio_and_says_so() {
    let world = World::new().await;
    let faults = world.harness.stack.twilio().faults();
    let fault = world
        .newcomer
        .account
        .misbehave(Misbehaviour::Unavailable, Times::Always);
    let refused = world.newcomer.admin.post(ROTATE, &json!({})).await;
    assert_eq!(refused.refusal(), (503, "provider_unavailable"));
    let shown = world.newcomer.admin.get(TWILIO).await.document(200);
    assert_eq!(shown["rotation"]["stage"], "creating");
    assert!(
        shown["rotation"]["problem"]
            .as_str()
            .unwrap()
            .contains("tried again")
    );
    let Continued::At(at) = world.go_on().await else {
        panic!("it is not given up");
    };
    assert!(at > world.clock.now());
    faults.remove(fault);
    world.finish().await;
    world.assert_rotated().await;
    assert!(world.stored().await.0.rotation.unwrap().problem.is_none());
}
