//! What Twilio refuses in the middle of a rotation, and who may not go on with one: no word against a call is taken for what became of
//! a token.

use local::double::Misbehaviour;
use local::emulators::faults::{Matching, Times};
use serde_json::json;
use shared::integrations::{Continued, RotationAction, RotationError, RotationRequest};
use shared::twilio::RotationStage;
use tokio::time::{Duration, Instant};

use super::world::{LEASE, World};

const PROMOTE: &str = "POST /v1/AuthTokens/Promote";
const REMOVE: &str = "DELETE /v1/AuthTokens/Secondary";

/// Twilio answers the tenant's next call of this operation so.
fn answers(world: &World, operation: &'static str, with: Misbehaviour) {
    let matching = Matching::operations([operation]).on(world.newcomer.account.sid().as_str());
    let faults = world.harness.stack.twilio().faults();
    faults.inject(matching, with, Times::Next(1));
}

/// A rotation whose promotion happened at Twilio, and was not heard of.
async fn promoted_unheard() -> World {
    let world = World::new().await;
    world.advance().await.unwrap();
    world.clock.advance(10);
    answers(&world, PROMOTE, Misbehaviour::LoseAnswer);
    world.advance().await.unwrap_err();
    assert_eq!(world.stage().await, RotationStage::Promoting);
    assert_ne!(world.newcomer.account.auth_token().unwrap(), world.old);
    world
}

#[tokio::test]
async fn a_promotion_that_finds_no_secondary_token_does_not_forget_the_one_that_signs() {
    // An edge of Twilio's that takes the old token a moment longer answers so, and one that words it as a bad request.
    for refusal in [Misbehaviour::NotFound, Misbehaviour::JsonEcho(400)] {
        let world = promoted_unheard().await;
        world.clock.advance(LEASE + 1);
        answers(&world, PROMOTE, refusal);
        let promoted = world.advance().await.unwrap();
        assert_eq!(promoted.stage, RotationStage::Promoted);
        world.assert_signatures_are_taken().await;
        assert_eq!(world.finish().await.stage, RotationStage::Done);
        world.assert_rotated().await;
    }
}

#[tokio::test]
async fn a_promotion_that_is_refused_and_did_not_happen_is_made_again() {
    let world = World::new().await;
    world.advance().await.unwrap();
    world.clock.advance(10);
    answers(&world, PROMOTE, Misbehaviour::NotFound);
    let error = world.advance().await.unwrap_err();
    assert!(matches!(error, RotationError::Twilio(_)), "{error}");
    assert_eq!(world.stage().await, RotationStage::Promoting);
    let (_, credentials) = world.stored().await;
    assert!(credentials.secondary_auth_token.is_some());
    world.finish().await;
    world.assert_rotated().await;
}

#[tokio::test]
async fn a_promotion_of_which_twilio_says_nothing_is_left_alone_until_it_is_over() {
    let world = promoted_unheard().await;
    let Continued::At(at) = world.go_on().await else {
        panic!("it is not given up");
    };
    assert!(at.duration_since(world.clock.now()).as_secs() > LEASE - 5);
    assert_eq!(world.token_calls("Promote").count(), 1);
}

#[tokio::test]
async fn an_unheard_promotion_is_not_rolled_back_though_there_is_nothing_to_remove() {
    let world = promoted_unheard().await;
    world.clock.advance(LEASE + 1);
    answers(&world, REMOVE, Misbehaviour::NotFound);
    let refused = world.ask(RotationAction::RollBack).await.unwrap_err();
    assert!(
        matches!(refused, RotationError::NotPossible(_)),
        "{refused}"
    );
    world.assert_signatures_are_taken().await;
    world.finish().await;
    world.assert_rotated().await;
}

#[tokio::test]
async fn a_rotation_begins_however_twilio_says_that_there_is_no_secondary_token() {
    let world = World::new().await;
    answers(&world, REMOVE, Misbehaviour::JsonEcho(400));
    assert_eq!(world.advance().await.unwrap().stage, RotationStage::Stored);
}

#[tokio::test]
async fn a_secondary_token_in_the_place_of_the_stored_one_is_not_left_at_twilio() {
    let world = World::new().await;
    world.advance().await.unwrap();
    let late = "00000000000000000000000000000043";
    world.newcomer.account.set_secondary_auth_token(Some(late));
    world.clock.advance(10);
    let ended = world.advance().await.unwrap();
    assert_eq!(ended.stage, RotationStage::RolledBack);
    assert_eq!(world.newcomer.account.secondary_auth_token(), None);
}

#[tokio::test]
async fn calls_go_on_by_the_secondary_token_while_a_promotion_was_not_heard_of() {
    let world = promoted_unheard().await;
    let (_, mut credentials) = world.stored().await;
    (credentials.api_key_sid, credentials.api_key_secret) = (None, None);
    let environment =
        shared::environment::Environment::of(world.harness.stack.environment().clone());
    let outbound = shared::outbound::Outbound::from_environment(&environment).unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    let client = shared::twilio::TwilioClient::new(&outbound, &credentials, deadline);
    client.applications_named("any").await.unwrap();
}

#[tokio::test]
async fn a_roll_back_is_done_or_refused_while_somebody_else_is_at_it() {
    let world = World::new().await;
    world.advance().await.unwrap();
    world.clock.advance(10);
    // Whoever is to promote it dies with the lease.
    let fault = world.lose_store_after(3);
    world.advance().await.unwrap_err();
    world.mend_store(fault);
    let request = |seconds| RotationRequest {
        action: RotationAction::RollBack,
        actor: shared::audit::Actor::User("auth0|admin".to_owned()),
        deadline: Instant::now() + Duration::from_secs(seconds),
    };
    let scope = world.scope();
    let refused = world.rotations.rotate(&scope, request(1)).await;
    assert!(matches!(refused, Err(RotationError::Held)), "{refused:?}");
    let (rolled_back, ()) = tokio::join!(world.rotations.rotate(&scope, request(20)), async {
        world.clock.advance(LEASE + 1);
    });
    assert_eq!(rolled_back.unwrap().stage, RotationStage::RolledBack);
    assert_eq!(world.newcomer.account.secondary_auth_token(), None);
    assert_eq!(world.newcomer.account.auth_token().unwrap(), world.old);
}

#[tokio::test]
async fn a_rotation_of_an_account_that_another_tenant_took_over_is_given_up() {
    let world = World::unproven().await;
    world.advance().await.unwrap();
    let taker = world.harness.newcomer().await;
    let credentials = &world.newcomer.credentials;
    let taken = taker.admin.put("/api/integrations/twilio", credentials);
    taken.await.document(201);
    let (record, _) = world.stored().await;
    assert!(!record.is_active);
    world.clock.advance(60);
    assert_eq!(world.go_on().await, Continued::Finished);
    assert_eq!(world.stage().await, RotationStage::RolledBack);
    assert_eq!(world.newcomer.account.auth_token().unwrap(), world.old);
    assert_eq!(world.newcomer.account.secondary_auth_token(), None);
    assert_eq!(world.token_calls("Promote").count(), 0);
    let shown = world.newcomer.admin.get("/api/integrations/twilio").await;
    let shown = shown.document(200);
    assert_eq!(
        shown["rotation"]["problem"],
        json!("the credentials are not active any more")
    );
}
