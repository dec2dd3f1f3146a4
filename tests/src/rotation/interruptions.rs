//! A rotation that is cut off anywhere: what goes on with it ends as if nothing had happened, and what Twilio signs is taken all
//! the while.

use local::double::Misbehaviour;
use local::emulators::faults::{Matching, Times};
use shared::integrations::RotationAction;
use shared::twilio::RotationStage;

use super::world::{LEASE, World};

/// Whoever is at the rotation dies after so many calls to the store; says whether that was before the end of what it had to do.
async fn cut_off_after(world: &World, calls: u32) -> bool {
    let fault = world.lose_store_after(calls);
    let made = world.advance().await;
    world.mend_store(fault);
    world.assert_signatures_are_taken().await;
    // Nobody else goes on before the lease is over.
    world.clock.advance(LEASE + 1);
    made.is_err()
}

/// Cuts a step off after every call to the store, and finishes each time.
async fn is_finished_wherever_it_is_cut_off(before: &[i64]) {
    for calls in 0..60 {
        let world = World::new().await;
        for wait in before {
            world.advance().await.unwrap();
            world.clock.advance(*wait);
        }
        let was_cut_off = cut_off_after(&world, calls).await;
        // It may be that nothing was noted yet.
        world.advance().await.unwrap();
        world.assert_signatures_are_taken().await;
        assert_eq!(world.finish().await.stage, RotationStage::Done, "{calls}");
        world.assert_rotated().await;
        if !was_cut_off {
            assert!(calls > 3, "{calls}");
            return;
        }
    }
    panic!("a step of a rotation takes more calls than that");
}

#[tokio::test]
async fn a_rotation_that_is_cut_off_while_it_begins_is_finished() {
    is_finished_wherever_it_is_cut_off(&[]).await;
}

#[tokio::test]
async fn a_rotation_that_is_cut_off_while_it_promotes_is_finished() {
    is_finished_wherever_it_is_cut_off(&[10]).await;
}

#[tokio::test]
async fn a_rotation_that_is_cut_off_while_it_retires_the_old_token_is_finished() {
    is_finished_wherever_it_is_cut_off(&[10, 15 * 60]).await;
}

#[tokio::test]
async fn a_rotation_that_is_cut_off_while_it_is_rolled_back_is_rolled_back() {
    for calls in 0..60 {
        let world = World::new().await;
        world.advance().await.unwrap();
        let fault = world.lose_store_after(calls);
        let made = world.ask(RotationAction::RollBack).await;
        world.mend_store(fault);
        world.assert_signatures_are_taken().await;
        world.clock.advance(LEASE + 1);
        if world.stage().await != RotationStage::RolledBack {
            world.ask(RotationAction::RollBack).await.unwrap();
        }
        assert_eq!(world.stage().await, RotationStage::RolledBack, "{calls}");
        let (_, credentials) = world.stored().await;
        assert!(credentials.secondary_auth_token.is_none());
        assert_eq!(world.newcomer.account.secondary_auth_token(), None);
        assert_eq!(world.newcomer.account.auth_token().unwrap(), world.old);
        if made.is_ok() {
            assert!(calls > 3, "{calls}");
            return;
        }
    }
    panic!("a roll-back takes more calls than that");
}

#[tokio::test]
async fn twilios_answers_may_be_lost_from_any_call_on() {
    for (before, most) in [(None, 6), (Some(10), 6)] {
        for calls in 0..most {
            let world = World::new().await;
            if let Some(wait) = before {
                world.advance().await.unwrap();
                world.clock.advance(wait);
            }
            let faults = world.harness.stack.twilio().faults();
            let matching = Matching::any().on(world.newcomer.account.sid().as_str());
            let lost = Misbehaviour::LoseAnswer;
            let fault = faults.inject(matching, lost, Times::AlwaysAfter(calls));
            // Whether it fails depends on which answer is lost.
            let _ = world.advance().await;
            faults.remove(fault);
            world.assert_signatures_are_taken().await;
            assert_eq!(world.finish().await.stage, RotationStage::Done, "{calls}");
            world.assert_rotated().await;
        }
    }
}

#[tokio::test]
async fn credentials_that_are_stored_while_a_promotion_is_not_heard_of_do_not_lose_the_token() {
    let world = World::new().await;
    world.advance().await.unwrap();
    world.clock.advance(10);
    let faults = world.harness.stack.twilio().faults();
    let promotion = Matching::operations(["POST /v1/AuthTokens/Promote"]).on(world
        .newcomer
        .account
        .sid()
        .as_str());
    let held = faults.inject(promotion, Misbehaviour::Hold, Times::Next(1));
    let (promoted, ()) = tokio::join!(world.advance(), async {
        while world.stage().await != RotationStage::Promoting {
            tokio::task::yield_now().await;
        }
        // The token that is stored is the one that is about to go.
        world.put(&world.old).await;
        faults.remove(held);
    });
    assert_eq!(promoted.unwrap().stage, RotationStage::Promoted);
    world.assert_signatures_are_taken().await;
    world.finish().await;
    world.assert_rotated().await;
}

#[tokio::test]
async fn a_promotion_that_was_not_heard_of_is_not_rolled_back() {
    let world = World::new().await;
    world.advance().await.unwrap();
    world.clock.advance(10);
    // Twilio promotes, and the answer and everything after it is lost.
    let faults = world.harness.stack.twilio().faults();
    let matching = Matching::any().on(world.newcomer.account.sid().as_str());
    let lost = faults.inject(matching, Misbehaviour::LoseAnswer, Times::AlwaysAfter(1));
    world.advance().await.unwrap_err();
    faults.remove(lost);
    assert_eq!(world.stage().await, RotationStage::Promoting);
    assert_ne!(world.newcomer.account.auth_token().unwrap(), world.old);
    // Nobody else goes on before the lease is over.
    world.clock.advance(LEASE + 1);
    let ask = world.ask(RotationAction::RollBack);
    ask.await.unwrap_err();
    assert_eq!(world.finish().await.stage, RotationStage::Done);
    world.assert_rotated().await;
}
