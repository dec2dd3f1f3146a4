//! TwiML Apps: made once, whoever and however many ask.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use shared::applications::{Applications, EnsureError};
use shared::audit::{Action, Actor};
use shared::cache::LoadError;
use shared::credentials::TwilioTenant;
use shared::sid::ApplicationSid;
use shared::store::{Expected, Leasing, StoredApplication, WriteConflict};
use shared::tenant::{Provider, Settings, TenantScope, TenantStatus};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::world::World;

const VOICE_URL: &str = "https://voice.example.com/voice/outbound";

/// Why no App could be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refused {
    ForCertain,
    Perhaps,
}

impl LoadError for Refused {
    fn is_unavailable(&self) -> bool {
        *self == Self::Perhaps
    }
}

/// Twilio, as far as it makes Apps, and how often it was asked to.
#[derive(Default)]
struct Maker {
    made: AtomicU32,
}

impl Maker {
    async fn make(&self) -> Result<(ApplicationSid, Action), Refused> {
        let number = self.made.fetch_add(1, Ordering::SeqCst) + 1;
        // Long enough for everybody else to arrive.
        tokio::time::sleep(Duration::from_millis(100)).await;
        Ok((sid(number), Action::TwimlAppCreated))
    }

    fn made(&self) -> u32 {
        self.made.load(Ordering::SeqCst)
    }
}

fn sid(number: u32) -> ApplicationSid {
    format!("AP{number:032x}").parse().unwrap()
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

/// A process that makes sure of Apps.
fn process(world: &World) -> Applications<Refused> {
    Applications::new(world.memory(), &world.clock, Actor::Function("token"))
}

/// A tenant with credentials, as a process that knows of no App sees it.
async fn tenant(world: &World) -> (TenantScope, TwilioTenant) {
    let tenant = world.seeded().await;
    let twilio = TwilioTenant {
        tenant_id: tenant.id.clone(),
        status: TenantStatus::Active,
        settings: Settings::default(),
        credentials: tenant.console.credentials(&tenant.id).await.unwrap(),
        is_active: true,
        capabilities: Vec::new(),
        last_used_at: None,
        use_is_kept: AtomicBool::new(false),
        application: None,
        own_numbers: None,
    };
    (tenant.console.scope(&tenant.id), twilio)
}

#[tokio::test]
async fn fifty_who_ask_at_once_in_ten_processes_make_one_app() {
    let world = World::new().await;
    let (scope, twilio) = tenant(&world).await;
    let (twilio, maker) = (Arc::new(twilio), Arc::new(Maker::default()));
    let processes: Vec<_> = (0..10).map(|_| Arc::new(process(&world))).collect();
    let mark = world.harness.stack.emulators().dynamodb().wire().mark();
    let mut asked = JoinSet::new();
    for number in 0..50 {
        let process = Arc::clone(&processes[number % 10]);
        let (scope, twilio, maker) = (scope.clone(), Arc::clone(&twilio), Arc::clone(&maker));
        asked.spawn(async move {
            let make = || maker.make();
            let ensured = process.ensure(&scope, &twilio, VOICE_URL, None, make, soon());
            ensured.await
        });
    }
    let ensured = asked.join_all().await;
    assert_eq!(ensured.len(), 50);
    for ensured in ensured {
        assert_eq!(ensured.unwrap(), sid(1));
    }
    assert_eq!(maker.made(), 1);
    let log = world.log(&scope).await;
    let [entry] = &*log else { panic!("{log:?}") };
    assert_eq!(
        (&*entry.actor, &*entry.action, &*entry.target),
        ("function:token", "twiml_app_created", sid(1).as_str())
    );
    // Of one process one asks the store.
    let wire = world.harness.stack.emulators().dynamodb().wire();
    let partition = format!("{}#tenant", scope.tenant_id());
    let leases = wire
        .since(mark)
        .operation("UpdateItem")
        .partition(&partition);
    assert!((10..=30).contains(&leases.count()), "{}", leases.count());

    // Who reads the tenant, reads the App with it, and asks nobody any more.
    let record = crate::storing::tenants(world.harness).record(&scope).await;
    let application = record.unwrap().unwrap().application;
    let expected = StoredApplication {
        account_sid: twilio.credentials.account_sid.clone(),
        application_sid: sid(1),
        voice_url: VOICE_URL.to_owned(),
    };
    assert_eq!(application.as_ref(), Some(&expected));
    let mark = wire.mark();
    let mut twilio = Arc::into_inner(twilio).unwrap();
    twilio.application = application;
    let fresh = process(&world);
    let known = fresh.ensure(&scope, &twilio, VOICE_URL, None, || maker.make(), soon());
    assert_eq!(known.await.unwrap(), sid(1));
    // So does the process that made sure of it, whatever the tenant is said to know.
    twilio.application = None;
    let known = processes[3].ensure(&scope, &twilio, VOICE_URL, None, || maker.make(), soon());
    assert_eq!(known.await.unwrap(), sid(1));
    assert_eq!(wire.since(mark).partition(&partition).count(), 0);
}

#[tokio::test]
async fn an_app_of_another_account_or_with_another_url_is_made_sure_of_anew() {
    let world = World::new().await;
    let (scope, mut twilio) = tenant(&world).await;
    let maker = Maker::default();
    let process = process(&world);
    for (expected, url) in [
        (1, VOICE_URL),
        (2, "https://new.example.com/"),
        (2, "https://new.example.com/"),
    ] {
        let ensured = process.ensure(&scope, &twilio, url, None, || maker.make(), soon());
        assert_eq!(ensured.await.unwrap(), sid(expected));
    }
    twilio.application = world.memory().look(&scope).await.unwrap().application;
    twilio.credentials.account_sid = "AC00000000000000000000000000abcdef".parse().unwrap();
    let ensured = process.ensure(
        &scope,
        &twilio,
        "https://new.example.com/",
        None,
        || maker.make(),
        soon(),
    );
    assert_eq!(ensured.await.unwrap(), sid(3));
}

#[tokio::test]
async fn who_dies_with_the_lease_keeps_others_off_until_it_ends_and_no_longer() {
    let world = World::new().await;
    let (scope, twilio) = tenant(&world).await;
    let memory = world.memory();
    let taken = memory.lease(&scope, "dead", world.clock.now(), 30).await;
    let Leasing::Taken(dead) = taken.unwrap() else {
        panic!("nobody else has it")
    };
    let maker = Maker::default();
    let ask = |deadline| {
        let process = process(&world);
        let (scope, twilio, maker) = (&scope, &twilio, &maker);
        async move {
            process
                .ensure(scope, twilio, VOICE_URL, None, || maker.make(), deadline)
                .await
        }
    };
    world.clock.advance(29);
    let refused = ask(Instant::now() + Duration::from_millis(300)).await;
    assert!(matches!(refused, Err(EnsureError::TimedOut)), "{refused:?}");
    assert_eq!(maker.made(), 0);
    world.clock.advance(1);
    assert_eq!(ask(soon()).await.unwrap(), sid(1));
    // It was not dead after all, and is too late.
    let late = StoredApplication {
        account_sid: twilio.credentials.account_sid.clone(),
        application_sid: sid(9),
        voice_url: VOICE_URL.to_owned(),
    };
    let entry = world.entry(Action::TwimlAppCreated);
    assert!(!memory.remember(&scope, &dead, &late, &entry).await.unwrap());
    memory.release(&scope, dead).await.unwrap();
    let seen = memory.look(&scope).await.unwrap();
    assert_eq!(seen.application.unwrap().application_sid, sid(1));
    assert_eq!(world.log(&scope).await.len(), 1);
}

#[tokio::test]
async fn a_lease_is_one_owners_until_it_ends_or_is_ended() {
    let world = World::new().await;
    let (scope, _) = tenant(&world).await;
    let memory = world.memory();
    let now = world.clock.now();
    let lease = async |owner| memory.lease(&scope, owner, now, 30).await.unwrap();
    let Leasing::Taken(first) = lease("first").await else {
        panic!("free")
    };
    let Leasing::Held { until } = lease("second").await else {
        panic!("held")
    };
    assert_eq!(until.duration_since(now).as_secs(), 30);
    assert!(matches!(lease("first").await, Leasing::Taken(_)));
    memory.release(&scope, first).await.unwrap();
    let seen = memory.look(&scope).await.unwrap();
    assert_eq!((seen.application, seen.leased_until), (None, None));
    assert!(matches!(lease("second").await, Leasing::Taken(_)));
}

#[tokio::test]
async fn what_failed_for_certain_may_be_tried_again_at_once_and_what_may_not_have_failed_later() {
    let world = World::new().await;
    let (scope, twilio) = tenant(&world).await;
    let maker = Maker::default();
    for (refusal, ends_after) in [(Refused::ForCertain, None), (Refused::Perhaps, Some(5))] {
        let process = process(&world);
        let fail = || async move { Err(refusal) };
        let failed = process.ensure(&scope, &twilio, VOICE_URL, None, fail, soon());
        let error = failed.await.unwrap_err();
        assert!(
            matches!(error, EnsureError::Make(made) if made == refusal),
            "{error:?}"
        );
        let seen = world.memory().look(&scope).await.unwrap();
        let left = seen
            .leased_until
            .map(|until| until.duration_since(world.clock.now()).as_secs());
        assert_eq!(left, ends_after);
    }
    world.clock.advance(5);
    let process = process(&world);
    let ensured = process.ensure(&scope, &twilio, VOICE_URL, None, || maker.make(), soon());
    assert_eq!(ensured.await.unwrap(), sid(1));
}

#[tokio::test]
async fn the_app_is_forgotten_with_the_credentials_and_not_remembered_after_them() {
    let world = World::new().await;
    let (scope, twilio) = tenant(&world).await;
    let maker = Maker::default();
    let ensure = async || {
        let process = process(&world);
        let ensured = process.ensure(&scope, &twilio, VOICE_URL, None, || maker.make(), soon());
        ensured.await
    };
    ensure().await.unwrap();
    let entry = world.entry(Action::CredentialDeleted);
    let delete = async || {
        let deleted = world
            .integrations
            .delete(&scope, Provider::Twilio, Expected::Any, &entry);
        deleted.await.unwrap().unwrap();
    };
    delete().await;
    let seen = world.memory().look(&scope).await.unwrap();
    assert_eq!(seen.application, None);

    // Whoever is at it when they are deleted remembers nothing.
    let taken = world
        .memory()
        .lease(&scope, "late", world.clock.now(), 30)
        .await;
    let Leasing::Taken(lease) = taken.unwrap() else {
        panic!("nobody else has it")
    };
    let account = &twilio.credentials.account_sid;
    let new = world.twilio(account, "again", None);
    let put = world
        .integrations
        .put(&scope, &new, Expected::Absent, &entry);
    put.await.unwrap();
    delete().await;
    let made = StoredApplication {
        account_sid: account.clone(),
        application_sid: sid(7),
        voice_url: VOICE_URL.to_owned(),
    };
    let remembered = world.memory().remember(&scope, &lease, &made, &entry).await;
    assert!(!remembered.unwrap());
    let seen = world.memory().look(&scope).await.unwrap();
    assert_eq!((seen.application, seen.leased_until), (None, None));
}

#[tokio::test]
async fn a_tenant_that_is_being_deleted_gets_no_app() {
    let world = World::new().await;
    let (scope, twilio) = tenant(&world).await;
    world.begin_deletion(&scope).await;
    let maker = Maker::default();
    let process = process(&world);
    let ensured = process.ensure(&scope, &twilio, VOICE_URL, None, || maker.make(), soon());
    let error = ensured.await.unwrap_err();
    let expected = WriteConflict::TenantDeleting;
    assert!(
        matches!(error, EnsureError::Tenant(conflict) if conflict == expected),
        "{error:?}"
    );
    assert_eq!(world.memory().look(&scope).await.unwrap().application, None);
}
