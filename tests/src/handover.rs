//! An account that one tenant gives up and another claims: in no order and at no moment is one tenant's traffic filed
//! under the other.

mod interleavings;
mod world;

use local::emulators::faults::{AwsError, Effect, Matching, Times};
use shared::onboarding::OnboardingError;
use shared::store::StoreError;

use self::world::{QUARANTINE, WARM, Who, World};

#[tokio::test]
async fn a_released_account_is_refused_to_others_for_16_minutes_with_the_reason() {
    let world = World::new(1).await;
    world.claim(Who::A).await.unwrap();
    let while_held = world.claim(Who::B).await.unwrap_err().to_string();
    world.release(Who::A).await.unwrap();
    let mut refusals = vec![while_held];
    for seconds in [0, 1, WARM - 1, 59] {
        world.clock.advance(seconds);
        refusals.push(world.claim(Who::B).await.unwrap_err().to_string());
    }
    for (number, refusal) in refusals.iter().enumerate() {
        let reason = match number {
            0 => "the Twilio account belongs to another tenant",
            _ => "another tenant gave the Twilio account up less than 16 minutes ago",
        };
        assert!(refusal.contains(reason), "{refusal}");
        assert!(!refusal.contains(world.id(Who::A).as_str()), "{refusal}");
    }
    world.clock.advance(1);
    world.claim(Who::B).await.unwrap();
    assert_eq!(
        world.holder_of(&world.account).await,
        Some(world.id(Who::B))
    );
}

#[tokio::test]
async fn who_released_an_account_may_claim_it_again_at_once() {
    let world = World::new(2).await;
    world.claim(Who::A).await.unwrap();
    world.release(Who::A).await.unwrap();
    assert_eq!(world.holder_of(&world.account).await, None);
    world.claim(Who::A).await.unwrap();
    assert_eq!(
        world.holder_of(&world.account).await,
        Some(world.id(Who::A))
    );
    // What was a tombstone is none any more: no quarantine ends for it.
    world.clock.advance(2 * QUARANTINE);
    world.claim(Who::B).await.unwrap_err();
}

#[tokio::test]
async fn a_tenants_new_account_releases_the_one_before_in_the_same_transaction() {
    let world = World::new(3).await;
    world.claim(Who::A).await.unwrap();
    let wire = world.emulators().dynamodb().wire();
    let mark = wire.mark();
    world
        .claim_of(Who::A, &world.spare_account())
        .await
        .unwrap();
    let route = format!("twilio-account#{}", world.account);
    let writes = wire.since(mark).writes().partition(&route);
    let operations: Vec<_> = writes.iter().map(|call| call.operation.as_str()).collect();
    assert_eq!(operations, ["TransactWriteItems"]);
    assert_eq!(world.holder_of(&world.account).await, None);
    assert_eq!(
        world.holder_of(&world.spare_account()).await,
        Some(world.id(Who::A))
    );
    world.claim(Who::B).await.unwrap_err();
    world.clock.advance(QUARANTINE);
    world.claim(Who::B).await.unwrap();
}

#[tokio::test]
async fn a_tenant_that_cannot_have_the_new_account_keeps_the_one_before() {
    let world = World::new(4).await;
    world.claim(Who::A).await.unwrap();
    world
        .claim_of(Who::B, &world.spare_account())
        .await
        .unwrap();
    world
        .claim_of(Who::A, &world.spare_account())
        .await
        .unwrap_err();
    assert_eq!(
        world.holder_of(&world.account).await,
        Some(world.id(Who::A))
    );
    let (sid, status) = world.webhook(&world.functions[0]).await;
    assert_eq!((status, world.filed(&sid).await), (204, vec![Who::A]));
}

#[tokio::test]
async fn a_tenant_that_gave_its_account_up_may_have_another_whoever_has_the_first_now() {
    let world = World::new(5).await;
    world.claim(Who::A).await.unwrap();
    world.release(Who::A).await.unwrap();
    world
        .claim_of(Who::A, &world.spare_account())
        .await
        .unwrap();
    world.claim(Who::A).await.unwrap();
    world.release(Who::A).await.unwrap();
    world.clock.advance(QUARANTINE);
    world.claim(Who::B).await.unwrap();
    world
        .claim_of(Who::A, &world.spare_account())
        .await
        .unwrap();
    assert_eq!(
        world.holder_of(&world.account).await,
        Some(world.id(Who::B))
    );
}

#[tokio::test]
async fn of_two_tenants_that_claim_an_account_at_once_exactly_one_has_it() {
    for number in 0..20 {
        let world = World::new(100 + number).await;
        let (a, b) = tokio::join!(world.claim(Who::A), world.claim(Who::B));
        let (winner, refusal) = match (a, b) {
            (Ok(()), Err(refusal)) => (Who::A, refusal),
            (Err(refusal), Ok(())) => (Who::B, refusal),
            both => panic!("{both:?}"),
        };
        assert!(
            matches!(
                refusal,
                OnboardingError::Store(
                    StoreError::Conflict { .. } | StoreError::Unavailable { .. }
                )
            ),
            "{refusal}"
        );
        assert_eq!(
            world.holder_of(&world.account).await,
            Some(world.id(winner))
        );
        // All or nothing: the loser has no profile and no credentials either.
        let loser = world.scope(winner.other());
        assert!(world.tenants.record(&loser).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn a_cold_function_refuses_the_webhooks_of_a_released_account() {
    let world = World::new(6).await;
    world.claim(Who::A).await.unwrap();
    let [warm, cold] = &world.functions;
    world.webhook(warm).await;
    world.release(Who::A).await.unwrap();
    let (sid, status) = world.webhook(cold).await;
    assert_eq!((status, world.filed(&sid).await), (403, vec![]));
    // As documented: who knew the holder knows it for five minutes more.
    let (sid, status) = world.webhook(warm).await;
    assert_eq!((status, world.filed(&sid).await), (204, vec![Who::A]));
    world.clock.advance(5 * 60);
    let (sid, status) = world.webhook(warm).await;
    assert_eq!((status, world.filed(&sid).await), (403, vec![]));
}

#[tokio::test]
async fn while_the_stores_are_down_a_warm_function_serves_the_last_holder_for_15_minutes_and_no_longer()
 {
    let world = World::new(7).await;
    world.claim(Who::A).await.unwrap();
    let warm = &world.functions[0];
    world.webhook(warm).await;
    world.release(Who::A).await.unwrap();
    let route = Matching::operations(["GetItem"])
        .on(world.variable("ROUTES_TABLE"))
        .partition(format!("twilio-account#{}", world.account));
    let faults = world.emulators().dynamodb().faults();
    let outage = faults.inject(route, Effect::Refuse(AwsError::internal()), Times::Always);
    world.clock.advance(WARM - 1);
    let (sid, status) = world.webhook(warm).await;
    assert_eq!((status, world.filed(&sid).await), (204, vec![Who::A]));
    world.clock.advance(1);
    let (sid, status) = world.webhook(warm).await;
    assert_eq!((status, world.filed(&sid).await), (503, vec![]));
    world.clock.advance(QUARANTINE - WARM);
    world.claim(Who::B).await.unwrap();
    faults.remove(outage);
    let (sid, status) = world.webhook(warm).await;
    assert_eq!((status, world.filed(&sid).await), (204, vec![Who::B]));
}

/// A sandbox is frozen in the middle of a load, thaws after the account has changed hands, and then sees what it asked for.
#[tokio::test]
async fn what_a_function_began_to_read_before_the_account_changed_hands_is_not_believed_after() {
    let world = World::new(8).await;
    world.claim(Who::A).await.unwrap();
    let holder = Matching::operations(["Query"])
        .on(world.variable("TENANTS_TABLE"))
        .partition(format!("{}#", world.id(Who::A)));
    let dynamodb = world.emulators().dynamodb();
    let frozen = dynamodb
        .faults()
        .inject(holder, Effect::Hang, Times::Always);
    let mark = dynamodb.wire().mark();
    let change = async {
        // By now the function has read that A holds the account.
        let asked = || {
            let calls = dynamodb.wire().since(mark).operation("Query");
            calls.filter(|call| call.disturbed).count() > 0
        };
        while !asked() {
            tokio::task::yield_now().await;
        }
        world.release(Who::A).await.unwrap();
        world.clock.advance(QUARANTINE);
        world.claim(Who::B).await.unwrap();
        dynamodb.faults().remove(frozen);
    };
    let ((sid, status), ()) = tokio::join!(world.webhook(&world.functions[0]), change);
    // In time for the second look it is B's; too late for it, nobody's.
    match status {
        204 => assert_eq!(world.filed(&sid).await, [Who::B]),
        status => assert_eq!((status, world.filed(&sid).await), (503, vec![])),
    }
}
