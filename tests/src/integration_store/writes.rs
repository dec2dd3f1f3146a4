//! Credentials that people store and delete.

use serde_json::json;
use shared::audit::Action;
use shared::store::{Expected, WriteConflict};
use shared::tenant::Provider;
use shared::verification::Outcome;

use super::world::{World, conflict, text};

#[tokio::test]
async fn seeded_credentials_read_as_never_checked_and_show_no_secret() {
    let world = World::new().await;
    let tenant = world.seeded().await;
    let scope = tenant.console.scope(&tenant.id);
    let twilio = world.integrations.read(&scope, Provider::Twilio).await;
    let twilio = twilio.unwrap().unwrap();
    assert_eq!((twilio.version, twilio.is_active), (1, true));
    assert_eq!((twilio.status, twilio.last_verified_at), (None, None));
    assert_eq!(twilio.fingerprint, None);
    let account = &tenant.sender.account().sid;
    assert_eq!(twilio.account_sid.as_ref(), Some(account));
    assert_eq!(twilio.summary["account_sid"], account.as_str());
    let shown = serde_json::to_string(&twilio.summary).unwrap();
    assert!(!shown.contains(tenant.token().expose()), "{shown}");
    assert_eq!(world.integrations.list(&scope).await.unwrap(), [twilio]);
    assert_eq!(world.holder(account).await, Some((tenant.id.clone(), true)));
}

#[tokio::test]
async fn an_item_of_before_there_were_checks_is_read_and_written_over() {
    let world = World::new().await;
    let tenant = world.seeded().await;
    let scope = tenant.console.scope(&tenant.id);
    let account = &tenant.sender.account().sid;
    let partition = text(&format!("{}#tenant", tenant.id));
    let strip = world.harness.dynamodb().update_item();
    let strip = strip
        .table_name(world.harness.variable("TENANTS_TABLE"))
        .key("pk", partition)
        .key("sk", text("integration#twilio"))
        .update_expression(
            "REMOVE summary, capabilities, consecutive_invalid, rotated_at, state_version",
        );
    strip.send().await.unwrap();
    let read = world.integrations.read(&scope, Provider::Twilio).await;
    assert!(read.unwrap().unwrap().summary.is_empty());
    let new = world.twilio(account, "new", Some(Outcome::Valid));
    let entry = world.entry(Action::CredentialUpdated);
    let put = world
        .integrations
        .put(&scope, &new, Expected::Version(1), &entry);
    assert_eq!(put.await.unwrap().record.version, 2);
    // And by whoever stores the tenant whole.
    world.store(&tenant.document).await;
    let read = world.integrations.read(&scope, Provider::Twilio).await;
    let read = read.unwrap().unwrap();
    assert_eq!((read.version, read.status), (3, None));
    assert_eq!(read.updated_by, "console");
}

#[tokio::test]
async fn what_is_stored_is_read_back_whole_and_in_the_order_of_the_providers() {
    let world = World::new().await;
    let (scope, account) = world.bare().await;
    assert!(world.integrations.list(&scope).await.unwrap().is_empty());
    let mut stored = Vec::new();
    for provider in Provider::ALL.into_iter().rev() {
        let mut new = world.twilio(&account, "secrets", Some(Outcome::Restricted));
        new.provider = provider;
        new.expires_at = Some("2026-12-24T12:00:00Z".parse().unwrap());
        if provider != Provider::Twilio {
            new.account_sid = None;
        }
        let entry = world.entry(Action::CredentialStored);
        let put = world
            .integrations
            .put(&scope, &new, Expected::Absent, &entry);
        let put = put.await.unwrap().record;
        assert_eq!((put.version, put.is_active), (1, true));
        assert_eq!(put.status, Some(Outcome::Restricted));
        assert_eq!(put.rotated_at, Some(world.clock.now()));
        assert_eq!(put.updated_by, "user:auth0|admin");
        stored.insert(0, put);
    }
    assert_eq!(world.integrations.list(&scope).await.unwrap(), stored);
    assert_eq!(world.log(&scope).await.len(), 5);
}

#[tokio::test]
async fn a_write_over_another_version_than_expected_is_refused_and_leaves_no_trace() {
    let world = World::new().await;
    let (scope, account) = world.bare().await;
    let new = world.twilio(&account, "one", None);
    let entry = world.entry(Action::CredentialStored);
    let put = async |expected| {
        let put = world.integrations.put(&scope, &new, expected, &entry);
        put.await.map(|stored| stored.record)
    };
    let delete = async |expected| {
        let delete = world
            .integrations
            .delete(&scope, Provider::Twilio, expected, &entry);
        delete.await
    };
    assert!(delete(Expected::Any).await.unwrap().is_none());
    let mismatch = WriteConflict::VersionMismatch;
    assert_eq!(conflict(put(Expected::Version(1)).await), mismatch);
    assert_eq!(conflict(delete(Expected::Version(1)).await), mismatch);
    assert_eq!(put(Expected::Absent).await.unwrap().version, 1);
    assert_eq!(conflict(put(Expected::Absent).await), mismatch);
    assert_eq!(put(Expected::Any).await.unwrap().version, 2);
    assert_eq!(put(Expected::Version(2)).await.unwrap().version, 3);
    assert_eq!(conflict(put(Expected::Version(2)).await), mismatch);
    assert_eq!(conflict(delete(Expected::Version(2)).await), mismatch);
    assert_eq!(world.log(&scope).await.len(), 3);
    assert_eq!(
        delete(Expected::Version(3)).await.unwrap().unwrap().version,
        3
    );
    assert_eq!(world.log(&scope).await.len(), 4);
}

#[tokio::test]
async fn of_two_who_store_at_once_exactly_one_is_refused() {
    let world = World::new().await;
    for expected in [Expected::Version(1), Expected::Any] {
        let (scope, account) = world.bare().await;
        let entry = world.entry(Action::CredentialStored);
        let first = world.twilio(&account, "first", None);
        let put = world
            .integrations
            .put(&scope, &first, Expected::Absent, &entry);
        put.await.unwrap();
        let (one, other) = (
            world.twilio(&account, "one", None),
            world.twilio(&account, "other", None),
        );
        let (one, other) = tokio::join!(
            world.integrations.put(&scope, &one, expected, &entry),
            world.integrations.put(&scope, &other, expected, &entry),
        );
        // Without a version one may also have begun when the other was done.
        if expected == Expected::Any && one.is_ok() && other.is_ok() {
            continue;
        }
        let (winner, refused) = match (one, other) {
            (Ok(winner), refused) | (refused, Ok(winner)) => (winner, refused),
            both => panic!("{both:?}"),
        };
        assert_eq!(conflict(refused), WriteConflict::VersionMismatch);
        let read = world.integrations.read(&scope, Provider::Twilio).await;
        assert_eq!(read.unwrap(), Some(winner.record));
        assert_eq!(world.log(&scope).await.len(), 2);
    }
}

#[tokio::test]
async fn unchanged_secrets_keep_what_is_known_of_them_and_changed_ones_do_not() {
    let world = World::new().await;
    let (scope, account) = world.bare().await;
    let entry = world.entry(Action::CredentialStored);
    let put = async |secrets, outcome| {
        world.clock.advance(60);
        let new = world.twilio(&account, secrets, outcome);
        let put = world.integrations.put(&scope, &new, Expected::Any, &entry);
        put.await.unwrap().record
    };
    let me = scope.tenant_id().clone();
    let first = put("one", Some(Outcome::Valid)).await;
    assert_eq!(world.holder(&account).await, Some((me.clone(), false)));
    for outcome in [None, Some(Outcome::Unreachable), Some(Outcome::RateLimited)] {
        let same = put("one", outcome).await;
        assert_eq!(same.rotated_at, first.rotated_at);
        assert_eq!(same.capabilities, first.capabilities);
        assert_eq!(same.status, outcome.or(first.status));
        assert_eq!(world.holder(&account).await, Some((me.clone(), false)));
    }
    let changed = put("other", None).await;
    assert_eq!(changed.rotated_at, Some(world.clock.now()));
    assert_eq!((changed.status, changed.last_verified_at), (None, None));
    assert!(changed.capabilities.is_empty());
    // Nobody proved these.
    assert_eq!(world.holder(&account).await, Some((me.clone(), true)));
    put("other", Some(Outcome::Restricted)).await;
    assert_eq!(world.holder(&account).await, Some((me, false)));
}

#[tokio::test]
async fn a_tenant_that_is_not_there_or_being_deleted_stores_and_deletes_nothing() {
    let world = World::new().await;
    let (scope, account) = world.bare().await;
    let new = world.twilio(&account, "one", None);
    let entry = world.entry(Action::CredentialStored);
    let put = async |scope, expected| world.integrations.put(scope, &new, expected, &entry).await;
    let nobody = world
        .harness
        .console()
        .scope(&"nobody-at-all".parse().unwrap());
    let missing = conflict(put(&nobody, Expected::Any).await);
    assert_eq!(missing, WriteConflict::TenantMissing);
    put(&scope, Expected::Any).await.unwrap();
    world.begin_deletion(&scope).await;
    let deleting = WriteConflict::TenantDeleting;
    assert_eq!(conflict(put(&scope, Expected::Any).await), deleting);
    let delete = world
        .integrations
        .delete(&scope, Provider::Twilio, Expected::Any, &entry);
    assert_eq!(conflict(delete.await), deleting);
    let check = world.check(Outcome::Valid);
    let record =
        world
            .integrations
            .record_verification(&scope, Provider::Twilio, 1, &check, &world.admin);
    assert_eq!(conflict(record.await), deleting);
    assert_eq!(world.log(&scope).await.len(), 1);
}

#[tokio::test]
async fn a_summary_of_any_form_is_read_back_as_it_was_stored() {
    let world = World::new().await;
    let (scope, _) = world.bare().await;
    let summary = json!({"calendars": [{"id": "a"}, {"id": "b"}], "name": "Käse", "limit": 3});
    let mut new = world.twilio(
        &"AC0000000000000000000000000000dead".parse().unwrap(),
        "s",
        None,
    );
    new.provider = Provider::GoogleCalendar;
    new.account_sid = None;
    new.summary = summary.as_object().unwrap().clone();
    let entry = world.entry(Action::CredentialStored);
    let put = world.integrations.put(&scope, &new, Expected::Any, &entry);
    put.await.unwrap();
    let read = world.integrations.read(&scope, Provider::GoogleCalendar);
    let read = read.await.unwrap().unwrap();
    assert_eq!(serde_json::Value::Object(read.summary), summary);
}

#[tokio::test]
async fn a_use_is_kept_unless_one_is_kept_of_lately_and_of_nothing_that_is_not_there() {
    let world = World::new().await;
    let tenant = world.seeded().await;
    let scope = tenant.console.scope(&tenant.id);
    let first = world.clock.now();
    let minutes = |minutes| jiff::SignedDuration::from_mins(minutes);
    for (at, kept) in [
        (first, first),
        (first + minutes(59), first),
        (first + minutes(60), first),
        (first + minutes(61), first + minutes(61)),
    ] {
        let since = at - minutes(60);
        let used = world.integrations.used(&scope, Provider::Twilio, at, since);
        used.await.unwrap();
        let twilio = world.integrations.read(&scope, Provider::Twilio).await;
        assert_eq!(twilio.unwrap().unwrap().last_used_at, Some(kept));
    }
    let used = world
        .integrations
        .used(&scope, Provider::Vapi, first, first - minutes(60));
    used.await.unwrap();
    let vapi = world.integrations.read(&scope, Provider::Vapi).await;
    assert!(vapi.unwrap().is_none());
}
