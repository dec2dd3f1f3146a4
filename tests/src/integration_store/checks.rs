//! What checks found of credentials.

use shared::audit::Action;
use shared::store::{Expected, IntegrationRecord};
use shared::tenant::{Provider, TenantScope};
use shared::verification::Outcome;

use super::world::World;

async fn checked(
    world: &World,
    scope: &TenantScope,
    version: u64,
    outcome: Outcome,
) -> Option<IntegrationRecord> {
    world.clock.advance(60);
    let check = world.check(outcome);
    let record = world.integrations.record_verification(
        scope,
        Provider::Twilio,
        version,
        &check,
        &world.admin,
    );
    let record = record.await.unwrap().map(|kept| kept.record);
    if record.is_some() {
        let read = world.integrations.read(scope, Provider::Twilio).await;
        assert_eq!(read.unwrap(), record);
    }
    record
}

#[tokio::test]
async fn only_the_second_invalid_in_a_row_deactivates_and_proof_reactivates() {
    let world = World::new().await;
    let tenant = world.seeded().await;
    let scope = tenant.console.scope(&tenant.id);
    let check = async |outcome| checked(&world, &scope, 1, outcome).await.unwrap();
    assert!(check(Outcome::Invalid).await.is_active);
    for outcome in [Outcome::RateLimited, Outcome::Unreachable] {
        let kept = check(outcome).await;
        assert!(kept.is_active);
        assert_eq!((kept.status, kept.consecutive_invalid), (Some(outcome), 1));
    }
    assert!(world.log(&scope).await.is_empty());
    let off = check(Outcome::Invalid).await;
    assert_eq!((off.is_active, off.version), (false, 1));
    assert_eq!(off.verification_error.as_deref(), Some("it is invalid"));
    assert_eq!(off.last_verified_at, Some(world.clock.now()));
    assert_eq!(world.actions(&scope).await, ["credential_deactivated"]);
    // Webhooks are verified all the same.
    let account = &tenant.sender.account().sid;
    let held = Some((tenant.id.clone(), true));
    assert_eq!(world.holder(account).await, held);

    let on = check(Outcome::Valid).await;
    assert_eq!((on.is_active, on.consecutive_invalid), (true, 0));
    assert_eq!(on.verification_error, None);
    let log = world.log(&scope).await;
    let last = log.last().unwrap();
    assert_eq!(
        (&*last.action, &*last.target),
        ("credential_reactivated", "twilio")
    );
    assert_eq!(last.actor, "user:auth0|admin");
    assert_eq!(log.len(), 2);
}

#[tokio::test]
async fn a_check_of_credentials_that_were_replaced_meanwhile_is_dropped() {
    let world = World::new().await;
    let tenant = world.seeded().await;
    let scope = tenant.console.scope(&tenant.id);
    world.store(&tenant.document).await;
    for _ in 0..2 {
        let check = checked(&world, &scope, 1, Outcome::Invalid).await;
        assert_eq!(check, None);
    }
    let read = world.integrations.read(&scope, Provider::Twilio).await;
    let read = read.unwrap().unwrap();
    assert_eq!((read.version, read.is_active, read.status), (2, true, None));
    // So is one that is older than what is known.
    checked(&world, &scope, 2, Outcome::Valid).await.unwrap();
    world.clock.advance(-120);
    assert_eq!(checked(&world, &scope, 2, Outcome::Invalid).await, None);
    // And one of credentials that there are none.
    let (bare, _) = world.bare().await;
    assert_eq!(checked(&world, &bare, 1, Outcome::Valid).await, None);
}

#[tokio::test]
async fn a_save_that_meets_checks_is_neither_refused_nor_undone() {
    let world = World::new().await;
    for _ in 0..5 {
        let (scope, account) = world.bare().await;
        let entry = world.entry(Action::CredentialStored);
        let first = world.twilio(&account, "first", None);
        let put = world
            .integrations
            .put(&scope, &first, Expected::Absent, &entry);
        put.await.unwrap();
        let mut second = world.twilio(&account, "first", None);
        second
            .summary
            .insert("phone_number".to_owned(), "+15005550006".into());
        let check = world.check(Outcome::Valid);
        let verify = || {
            let integrations = &world.integrations;
            integrations.record_verification(&scope, Provider::Twilio, 1, &check, &world.admin)
        };
        let (put, one, two, three) = tokio::join!(
            world
                .integrations
                .put(&scope, &second, Expected::Version(1), &entry),
            verify(),
            verify(),
            verify(),
        );
        assert_eq!(put.unwrap().record.version, 2);
        let kept = [one, two, three].map(|verified| verified.unwrap().is_some());
        let read = world.integrations.read(&scope, Provider::Twilio).await;
        let read = read.unwrap().unwrap();
        assert_eq!(read.summary, second.summary);
        // What was kept before the save is still known after it: the secrets are the same.
        let status = kept.contains(&true).then_some(Outcome::Valid);
        assert_eq!(read.status, status);
        let holder = Some((scope.tenant_id().clone(), status.is_none()));
        assert_eq!(world.holder(&account).await, holder);
    }
}
