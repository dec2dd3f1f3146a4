//! What the session of one tenant reaches when the keys are another's: the bug that they are there for.

use std::fmt::Debug;

use local::emulators::wire::Mark;
use shared::audit::Actor;
use shared::aws::Aws;
use shared::clock::Clock;
use shared::environment::Environment;
use shared::store::{
    Integrations, Interval, Listings, NewProfile, Page, Registry, StoreError, TableNames,
};
use shared::tenant::{Provider, TenantId, TenantScope, TenantStatus};
use shared::tenants::TenantError;
use shared::twilio::TwilioCredentials;
use shared::vault::{CredentialKeys, EncryptionContext, Purpose, Vault};
use tokio::task::JoinSet;

use super::{aws_of, crossings, sessions_of, still, tenant_of};
use crate::harness::Harness;
use crate::tenant_deletion::numbered;

/// How DynamoDB and KMS say no, as the stores tell it.
const DENIED: &str = "AccessDeniedException";

fn tables(harness: &Harness) -> TableNames {
    let environment = harness.stack.environment().clone();
    TableNames::from_environment(&Environment::of(environment)).unwrap()
}

/// The calls of a tenant's session that DynamoDB refused since a moment, and those that it did.
fn refused_and_done(harness: &Harness, since: Mark, tenant: &TenantId) -> (Vec<String>, usize) {
    let calls = harness.stack.emulators().dynamodb().wire().since(since);
    let calls = calls.filter(|call| tenant_of(call) == Some(tenant.as_str()));
    let refused = calls.iter().filter(|call| call.status == Some(400));
    let refused: Vec<_> = refused.map(|call| call.operation.clone()).collect();
    let done = calls.iter().filter(|call| call.status == Some(200)).count();
    (refused, done)
}

/// What a function does with keys of `scope` while it acts for `admitted`: a read, a query, a write and many reads at once.
async fn ask(
    harness: &Harness,
    aws: &Aws,
    admitted: &TenantId,
    scope: &TenantScope,
) -> Vec<Result<(), StoreError>> {
    let (tables, clock) = (tables(harness), still());
    let client = aws.dynamodb();
    let integrations = Integrations::new(&client, &tables, &clock);
    let work = async {
        let now = clock.now();
        vec![
            integrations.read(scope, Provider::Twilio).await.map(drop),
            integrations.list(scope).await.map(drop),
            integrations
                .used(scope, Provider::Twilio, now, now)
                .await
                .map(drop),
        ]
    };
    aws.as_tenant(admitted, work).await.unwrap()
}

fn is_denied<T: Debug>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(error @ StoreError::Refused { .. }) if error.to_string().contains(DENIED))
}

#[tokio::test]
async fn keys_of_another_tenant_are_refused_and_those_of_the_admitted_one_are_not() {
    let harness = Harness::start(|options| options.feeds_streams = false);
    harness.expect_denials();
    let (ours, theirs) = (harness.connected().await, harness.connected().await);
    let console = harness.console();
    let aws = aws_of(&harness, "Credentials", &still());
    let mark = harness.stack.emulators().dynamodb().wire().mark();

    let broken = ask(&harness, &aws, &ours.id, &console.scope(&theirs.id)).await;
    assert!(broken.iter().all(is_denied), "{broken:?}");
    let (refused, done) = refused_and_done(&harness, mark, &ours.id);
    assert_eq!(refused, ["GetItem", "Query", "UpdateItem"]);
    assert_eq!(done, 0);

    let right = ask(&harness, &aws, &ours.id, &console.scope(&ours.id)).await;
    assert!(right.iter().all(Result::is_ok), "{right:?}");
}

#[tokio::test]
async fn a_transaction_with_keys_of_another_tenant_is_refused_whole() {
    let harness = Harness::start(|options| options.feeds_streams = false);
    harness.expect_denials();
    let [ours, theirs] = ["our-new-one", "their-new-one"].map(|id| id.parse::<TenantId>().unwrap());
    let (console, tables, clock) = (harness.console(), tables(&harness), still());
    let aws = aws_of(&harness, "Tenants", &clock);
    let registry = Registry::new(&aws.dynamodb(), &tables, &clock);
    let new = || NewProfile {
        name: "New".to_owned(),
        status: TenantStatus::Active,
        subdomain: None,
        has_subaccount: false,
    };
    let mark = harness.stack.emulators().dynamodb().wire().mark();
    let scope = console.scope(&theirs);
    let create = registry.create(&scope, new(), &Actor::Console);
    let created = aws.as_tenant(&ours, create).await.unwrap();
    let Err(TenantError::Store(error)) = created else {
        panic!("{created:?}");
    };
    assert!(is_denied(&Err::<(), _>(error)));
    let (refused, done) = refused_and_done(&harness, mark, &ours);
    assert_eq!((refused, done), (vec!["TransactWriteItems".to_owned()], 0));
    assert!(console.record(&theirs).await.unwrap().is_none());

    let scope = console.scope(&ours);
    let create = registry.create(&scope, new(), &Actor::Console);
    let created = aws.as_tenant(&ours, create).await.unwrap();
    assert_eq!(created.unwrap().profile.tenant_id, ours);
}

#[tokio::test]
async fn credentials_of_another_tenant_do_not_open() {
    let harness = Harness::start(|options| options.feeds_streams = false);
    harness.expect_denials();
    let (ours, theirs) = (harness.connected().await, harness.connected().await);
    let environment = Environment::of(harness.stack.environment().clone());
    let keys = CredentialKeys::from_environment(&environment).unwrap();
    let console = harness.console();
    let aws = aws_of(&harness, "Token", &still());
    let vault = Vault::new(aws.kms(), keys);
    for (tenant, opens) in [(&theirs.id, false), (&ours.id, true)] {
        // What is sealed is had by whoever may, and KMS is asked with the context that it was sealed under.
        let sealed = console.record(tenant).await.unwrap().unwrap();
        let message = sealed.twilio.unwrap().message;
        let context = EncryptionContext::new(tenant, Provider::Twilio, Purpose::Credentials);
        let open = vault.open::<TwilioCredentials>(&context, &message);
        let opened = aws.as_tenant(&ours.id, open).await.unwrap();
        assert_eq!(opened.is_ok(), opens, "{:?}", opened.err());
    }
    let calls = harness.stack.emulators().kms().wire().calls();
    let calls = calls.filter(|call| tenant_of(call) == Some(ours.id.as_str()));
    let decrypted = calls.operation("Decrypt").filter(|call| {
        let by = call.by.as_ref();
        by.is_some_and(|by| by.role() == Some("TokenTenantRole"))
    });
    let statuses: Vec<_> = decrypted.iter().map(|call| call.status).collect();
    assert_eq!(statuses, [Some(400), Some(200)]);
}

#[tokio::test]
async fn whoever_acts_for_no_tenant_reaches_none() {
    let harness = Harness::start(|options| options.feeds_streams = false);
    harness.expect_denials();
    let tenant = harness.newcomer().await;
    let scope = harness.console().scope(&tenant.id);
    for name in ["Token", "Credentials", "Messaging", "Tenants"] {
        let aws = aws_of(&harness, name, &still());
        let integrations = Integrations::new(&aws.dynamodb(), &tables(&harness), &still());
        let read = integrations.read(&scope, Provider::Twilio).await;
        assert!(is_denied(&read), "{name}: {read:?}");
        let listed = integrations.list(&scope).await;
        assert!(is_denied(&listed), "{name}: {listed:?}");
    }
}

#[tokio::test]
async fn sessions_of_tenants_that_are_served_at_once_never_mix() {
    const ROUNDS: usize = 40;
    let harness = Harness::start(|options| options.feeds_streams = false);
    let tenants = [harness.newcomer().await, harness.newcomer().await];
    let console = harness.console();
    for tenant in &tenants {
        for number in 0..8 {
            let fact = numbered(number).of_account(tenant.account.sid());
            let scope = console.scope(&tenant.id);
            console.activity().keep(&scope, &fact).await.unwrap();
        }
    }
    // One client for all, as a process has it; a list of calls makes calls side by side on tasks of their own.
    let aws = aws_of(&harness, "Messaging", &still());
    let table = tables(&harness).activity;
    let listings = Listings::new(aws.dynamodb(), table, Clock::system());
    let mark = harness.stack.emulators().dynamodb().wire().mark();
    let mut tasks = JoinSet::new();
    for round in 0..ROUNDS {
        let id = tenants[round % 2].id.clone();
        let (aws, listings, scope) = (aws.clone(), listings.clone(), console.scope(&id));
        tasks.spawn(async move {
            let (every, page) = (Interval::default(), Page::new(10, None));
            let calls = listings.calls(&scope, every, None, &page);
            aws.as_tenant(&id, calls)
                .await
                .unwrap()
                .unwrap()
                .items
                .len()
        });
    }
    assert_eq!(tasks.join_all().await, [2; ROUNDS]);
    let calls = harness.stack.emulators().dynamodb().wire().since(mark);
    assert_eq!(crossings(&calls), Vec::<String>::new());
    let in_sessions = calls.filter(|call| tenant_of(call).is_some());
    let refused = in_sessions.clone().filter(|call| call.status != Some(200));
    assert_eq!(refused.count(), 0);
    for tenant in &tenants {
        let own = in_sessions.clone();
        let own = own.filter(|call| tenant_of(call) == Some(tenant.id.as_str()));
        // The list, its items, the groups of two calls, and their recordings.
        assert!(own.count() >= ROUNDS / 2 * 4, "{}", tenant.id);
        assert_eq!(sessions_of(&harness, &tenant.id, "MessagingTenantRole"), 1);
    }
}
