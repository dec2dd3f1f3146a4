//! Whose an account is: with proof, without, given up, taken.

use std::sync::atomic::{AtomicBool, Ordering};

use shared::audit::{Action, Actor, AuditEntry};
use shared::sid::AccountSid;
use shared::store::{Expected, NewIntegration, WriteConflict};
use shared::tenant::{Provider, TenantScope};
use shared::verification::Outcome;

use super::world::{World, conflict};

async fn put(
    world: &World,
    scope: &TenantScope,
    account: &AccountSid,
    outcome: Option<Outcome>,
) -> Result<(), shared::store::WriteError> {
    let secrets = format!("of {}", scope.tenant_id());
    let new = world.twilio(account, &secrets, outcome);
    let entry = world.entry(Action::CredentialStored);
    let put = world.integrations.put(scope, &new, Expected::Any, &entry);
    put.await.map(|_| ())
}

async fn delete(world: &World, scope: &TenantScope) {
    let entry = world.entry(Action::CredentialDeleted);
    let delete = world
        .integrations
        .delete(scope, Provider::Twilio, Expected::Any, &entry);
    delete.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_function_that_takes_an_account_by_itself_is_named_to_who_loses_it() {
    let world = World::new().await;
    let squatter = world.seeded().await;
    let account = squatter.sender.account().sid.clone();
    let loser = squatter.console.scope(&squatter.id);
    let (owner, _) = world.bare().await;
    let new = world.twilio(&account, "its own", Some(Outcome::Valid));
    let entry = AuditEntry {
        actor: Actor::Function("verifier"),
        ..world.entry(Action::CredentialStored)
    };
    let put = world
        .integrations
        .put(&owner, &new, Expected::Any, &entry)
        .await;
    put.unwrap();
    let log = world.log(&loser).await;
    let [told] = &*log else { panic!("{log:?}") };
    assert_eq!(
        (&*told.actor, &*told.action),
        ("function:verifier", "account_taken_over")
    );
}

#[tokio::test]
async fn who_proves_an_account_takes_it_from_who_did_not_and_both_logs_say_so() {
    let world = World::new().await;
    let squatter = world.seeded().await;
    let account = squatter.sender.account().sid.clone();
    let loser = squatter.console.scope(&squatter.id);
    let (owner, _) = world.bare().await;

    // Without proof the first has it.
    for outcome in [None, Some(Outcome::Unreachable), Some(Outcome::RateLimited)] {
        let refused = conflict(put(&world, &owner, &account, outcome).await);
        assert_eq!(refused, WriteConflict::AccountTaken);
    }
    let provisional = Some((squatter.id.clone(), true));
    assert_eq!(world.holder(&account).await, provisional);
    assert!(world.log(&owner).await.is_empty());

    let valid = Some(Outcome::Valid);
    put(&world, &owner, &account, valid).await.unwrap();
    let proven = Some((owner.tenant_id().clone(), false));
    assert_eq!(world.holder(&account).await, proven);

    let lost = world.integrations.read(&loser, Provider::Twilio).await;
    let lost = lost.unwrap().unwrap();
    assert_eq!((lost.is_active, lost.version), (false, 1));
    let error = lost.verification_error.unwrap();
    assert!(error.contains("another tenant proved"), "{error}");

    let log = world.log(&loser).await;
    let [told] = &*log else { panic!("{log:?}") };
    assert_eq!(told.action, "account_taken_over");
    assert_eq!(
        (&*told.actor, &*told.target),
        ("function:credentials", account.as_str())
    );
    let names = |text: &str, scope: &TenantScope| text.contains(scope.tenant_id().as_str());
    assert!(!names(&format!("{told:?}{error}"), &owner), "{told:?}");
    let actions = world.actions(&owner).await;
    assert_eq!(actions, ["account_taken_over", "credential_stored"]);
    let log = format!("{:?}", world.log(&owner).await);
    assert!(!names(&log, &loser), "{log}");

    // It is lost for good, proof or not.
    for outcome in [None, valid] {
        let refused = conflict(put(&world, &loser, &account, outcome).await);
        assert_eq!(refused, WriteConflict::AccountTaken);
    }
    let check = world.check(Outcome::Valid);
    let late =
        world
            .integrations
            .record_verification(&loser, Provider::Twilio, 1, &check, &world.admin);
    assert_eq!(conflict(late.await), WriteConflict::AccountTaken);
    // To clear up after it does not touch what is the other's now.
    delete(&world, &loser).await;
    assert_eq!(world.holder(&account).await, proven);
}

#[tokio::test]
async fn proof_counts_whatever_the_outcome_and_an_outcome_without_it_does_not() {
    let world = World::new().await;
    for outcome in [Outcome::RateLimited, Outcome::Unreachable] {
        let (squatter, account) = world.bare().await;
        let (owner, _) = world.bare().await;
        put(&world, &squatter, &account, None).await.unwrap();
        let entry = world.entry(Action::CredentialStored);
        let mut new = world.twilio(&account, "the owner's", Some(outcome));
        let store = async |new: &NewIntegration| {
            let integrations = &world.integrations;
            integrations.put(&owner, new, Expected::Any, &entry).await
        };
        let refused = store(&new).await;
        assert_eq!(conflict(refused), WriteConflict::AccountTaken);
        new.verification.as_mut().unwrap().proves_account = true;
        let stored = store(&new).await.unwrap();
        // What was found of them is kept as it was found.
        assert_eq!(stored.record.status, Some(outcome));
        let proven = Some((owner.tenant_id().clone(), false));
        assert_eq!(world.holder(&account).await, proven);
    }
}

#[tokio::test]
async fn a_check_on_demand_proves_an_account_even_where_the_rest_fails() {
    let world = World::new().await;
    for outcome in [Outcome::RateLimited, Outcome::Unreachable, Outcome::Invalid] {
        let (scope, account) = world.bare().await;
        put(&world, &scope, &account, None).await.unwrap();
        for proves_account in [false, true] {
            let mut check = world.check(outcome);
            check.proves_account = proves_account;
            let integrations = &world.integrations;
            let record =
                integrations.record_verification(&scope, Provider::Twilio, 1, &check, &world.admin);
            assert_eq!(record.await.unwrap().unwrap().record.status, Some(outcome));
            let holder = Some((scope.tenant_id().clone(), !proves_account));
            assert_eq!(world.holder(&account).await, holder, "{outcome:?}");
        }
    }
}

#[tokio::test]
async fn a_check_on_demand_proves_an_account_and_takes_it_over_too() {
    let world = World::new().await;
    let (first, account) = world.bare().await;
    let (second, _) = world.bare().await;
    put(&world, &first, &account, None).await.unwrap();
    let check = world.check(Outcome::Restricted);
    let verify = async |scope| {
        let record = world.integrations.record_verification(
            scope,
            Provider::Twilio,
            1,
            &check,
            &world.admin,
        );
        record.await
    };
    let kept = verify(&first).await.unwrap().unwrap();
    assert!(kept.record.is_active && kept.displaced.is_none());
    let proven = Some((first.tenant_id().clone(), false));
    assert_eq!(world.holder(&account).await, proven);
    let refused = put(&world, &second, &account, Some(Outcome::Valid)).await;
    assert_eq!(conflict(refused), WriteConflict::AccountTaken);

    // The proof is of credentials that are replaced now: whoever proves it has a better claim.
    let replaced = world.twilio(&account, "invented", None);
    let entry = world.entry(Action::CredentialUpdated);
    let put_replaced = world
        .integrations
        .put(&first, &replaced, Expected::Any, &entry);
    put_replaced.await.unwrap();
    put(&world, &second, &account, Some(Outcome::Valid))
        .await
        .unwrap();
    let proven = Some((second.tenant_id().clone(), false));
    assert_eq!(world.holder(&account).await, proven);
}

#[tokio::test]
async fn proof_does_not_shorten_the_quarantine_of_an_account_that_was_given_up() {
    let world = World::new().await;
    let (first, account) = world.bare().await;
    let (second, _) = world.bare().await;
    let valid = Some(Outcome::Valid);
    put(&world, &first, &account, valid).await.unwrap();
    delete(&world, &first).await;
    assert_eq!(world.holder(&account).await, None);
    for seconds in [0, 16 * 60 - 1] {
        world.clock.advance(seconds);
        let refused = conflict(put(&world, &second, &account, valid).await);
        assert_eq!(refused, WriteConflict::AccountInQuarantine);
    }
    // Who gave it up may have it at once. Its earlier proof was of what it deleted.
    put(&world, &first, &account, None).await.unwrap();
    let provisional = Some((first.tenant_id().clone(), true));
    assert_eq!(world.holder(&account).await, provisional);
    delete(&world, &first).await;
    world.clock.advance(16 * 60);
    put(&world, &second, &account, None).await.unwrap();
    let provisional = Some((second.tenant_id().clone(), true));
    assert_eq!(world.holder(&account).await, provisional);
}

#[tokio::test]
async fn proof_need_not_wait_for_the_quarantine_after_one_who_had_none() {
    let world = World::new().await;
    let (squatter, account) = world.bare().await;
    let (other, _) = world.bare().await;
    let (owner, _) = world.bare().await;
    put(&world, &squatter, &account, None).await.unwrap();
    delete(&world, &squatter).await;
    // Without proof it is as any other that was given up.
    for outcome in [None, Some(Outcome::Unreachable), Some(Outcome::RateLimited)] {
        let refused = conflict(put(&world, &other, &account, outcome).await);
        assert_eq!(refused, WriteConflict::AccountInQuarantine);
    }
    let valid = Some(Outcome::Valid);
    put(&world, &owner, &account, valid).await.unwrap();
    let proven = Some((owner.tenant_id().clone(), false));
    assert_eq!(world.holder(&account).await, proven);
    let refused = conflict(put(&world, &squatter, &account, None).await);
    assert_eq!(refused, WriteConflict::AccountTaken);
    // Nobody had it when it was claimed.
    assert_eq!(world.actions(&owner).await, ["credential_stored"]);
}

#[tokio::test]
async fn a_tombstone_tells_whether_its_last_holder_had_proof() {
    let world = World::new().await;
    let (first, account) = world.bare().await;
    let (second, _) = world.bare().await;
    let valid = Some(Outcome::Valid);
    // Moved away from, an account leaves the same tombstone as one that was deleted.
    let (_, spare) = world.bare().await;
    put(&world, &first, &account, None).await.unwrap();
    put(&world, &first, &spare, None).await.unwrap();
    put(&world, &second, &account, valid).await.unwrap();
    // And the tombstone of who proved it is one of proof, though another's before it was none.
    delete(&world, &second).await;
    let refused = conflict(put(&world, &first, &account, valid).await);
    assert_eq!(refused, WriteConflict::AccountInQuarantine);
}

#[tokio::test]
async fn who_claims_and_gives_up_over_and_over_does_not_keep_out_who_proves_the_account() {
    let world = World::new().await;
    for _ in 0..10 {
        let ((squatter, account), (owner, _)) = (world.bare().await, world.bare().await);
        let is_over = AtomicBool::new(false);
        let squat = async {
            // Until it is the other's.
            while !is_over.load(Ordering::Relaxed)
                && put(&world, &squatter, &account, None).await.is_ok()
            {
                let entry = world.entry(Action::CredentialDeleted);
                let integrations = &world.integrations;
                let given_up =
                    integrations.delete(&squatter, Provider::Twilio, Expected::Any, &entry);
                if given_up.await.is_err() {
                    return;
                }
            }
        };
        let prove = async {
            let proved = put(&world, &owner, &account, Some(Outcome::Valid)).await;
            is_over.store(true, Ordering::Relaxed);
            proved
        };
        let ((), proved) = tokio::join!(squat, prove);
        proved.unwrap();
        let proven = Some((owner.tenant_id().clone(), false));
        assert_eq!(world.holder(&account).await, proven);
    }
}

#[tokio::test]
async fn another_account_releases_the_one_before() {
    let world = World::new().await;
    let (scope, before) = world.bare().await;
    let (_, after) = world.bare().await;
    let (other, _) = world.bare().await;
    let valid = Some(Outcome::Valid);
    put(&world, &scope, &before, valid).await.unwrap();
    put(&world, &scope, &after, valid).await.unwrap();
    assert_eq!(world.holder(&before).await, None);
    let proven = Some((scope.tenant_id().clone(), false));
    assert_eq!(world.holder(&after).await, proven);
    let refused = conflict(put(&world, &other, &before, valid).await);
    assert_eq!(refused, WriteConflict::AccountInQuarantine);
    // And one that cannot be had releases nothing.
    world.clock.advance(16 * 60);
    put(&world, &other, &before, valid).await.unwrap();
    let refused = conflict(put(&world, &scope, &before, valid).await);
    assert_eq!(refused, WriteConflict::AccountTaken);
    assert_eq!(world.holder(&after).await, proven);
}

#[tokio::test]
async fn of_two_who_prove_a_provisional_account_at_once_exactly_one_has_it() {
    let world = World::new().await;
    for _ in 0..5 {
        let (squatter, account) = world.bare().await;
        let ((one, _), (other, _)) = (world.bare().await, world.bare().await);
        put(&world, &squatter, &account, None).await.unwrap();
        let valid = Some(Outcome::Valid);
        let (first, second) = tokio::join!(
            put(&world, &one, &account, valid),
            put(&world, &other, &account, valid),
        );
        let (winner, refused) = match (first, second) {
            (Ok(()), refused) => (one, refused),
            (refused, Ok(())) => (other, refused),
            both => panic!("{both:?}"),
        };
        assert_eq!(conflict(refused), WriteConflict::AccountTaken);
        let proven = Some((winner.tenant_id().clone(), false));
        assert_eq!(world.holder(&account).await, proven);
        let told = world.actions(&squatter).await;
        assert_eq!(told, ["account_taken_over", "credential_stored"]);
    }
}

#[tokio::test]
async fn a_holder_that_is_being_deleted_is_not_written_to() {
    let world = World::new().await;
    let (holder, account) = world.bare().await;
    let (owner, _) = world.bare().await;
    put(&world, &holder, &account, None).await.unwrap();
    world.begin_deletion(&holder).await;
    let refused = put(&world, &owner, &account, Some(Outcome::Valid)).await;
    // Its deletion gives the account up; until then the other one is to try again.
    let error = refused.unwrap_err().to_string();
    assert!(error.contains("over and over"), "{error}");
    assert_eq!(world.actions(&holder).await, ["credential_stored"]);
}
