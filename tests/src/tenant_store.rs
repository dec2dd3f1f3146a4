//! The registry of the tenants: what is created, changed and listed, and what stands against it.

use aws_sdk_dynamodb::types::AttributeValue;
use local::console::operator;
use shared::audit::Actor;
use shared::aws::{Aws, Patience};
use shared::clock::Clock;
use shared::environment::Environment;
use shared::store::{
    Audit, AuditRecord, Expected, NewProfile, Page, ProfileChanges, StoredProfile, Subdomains,
    TableNames,
};
use shared::tenant::{Subdomain, TenantScope, TenantStatus};
use shared::tenants::{TenantAdministration, TenantError};
use tokio::task::JoinSet;

use crate::harness::Harness;

/// The stores of a stack, with a clock that a test moves.
pub(crate) struct Opened {
    pub(crate) administration: TenantAdministration,
    pub(crate) audit: Audit,
    pub(crate) subdomains: Subdomains,
    pub(crate) clock: Clock,
}

impl Opened {
    pub(crate) fn of(harness: &Harness) -> Self {
        let environment = Environment::of(harness.stack.environment().clone());
        let tables = TableNames::from_environment(&environment).unwrap();
        let aws = Aws::from_environment(&environment, Patience::BACKGROUND).unwrap();
        let clock = Clock::fixed(Clock::system().now());
        Self {
            administration: TenantAdministration::new(&aws, &tables, clock.clone()),
            audit: Audit::new(aws.dynamodb(), tables.tenants),
            subdomains: Subdomains::new(aws.dynamodb(), tables.routes, clock.clone()),
            clock,
        }
    }

    pub(crate) async fn create(
        &self,
        id: &str,
        subdomain: Option<&str>,
    ) -> Result<StoredProfile, TenantError> {
        let new = NewProfile {
            has_subaccount: false,
            name: format!("Tenant {id}"),
            status: TenantStatus::Active,
            subdomain: subdomain.map(label),
        };
        self.administration
            .create(&scope(id), new, &Actor::Console)
            .await
    }

    async fn update(
        &self,
        id: &str,
        changes: ProfileChanges,
        expected: Option<u64>,
    ) -> Result<StoredProfile, TenantError> {
        let actor = Actor::User("root".to_owned());
        let expected = expected.map_or(Expected::Any, Expected::Version);
        let administration = &self.administration;
        administration
            .update(&scope(id), changes, expected, &actor)
            .await
    }

    async fn selected(&self, subdomain: &str) -> Option<String> {
        let tenant = self.subdomains.resolve(&label(subdomain)).await.unwrap();
        tenant.map(String::from)
    }

    /// A tenant's audit log, oldest first: who did what, and to what of it.
    async fn told(&self, id: &str) -> Vec<(String, String, String)> {
        let page = Page::new(100, None);
        let (records, _) = self.audit.list(&scope(id), &page).await.unwrap();
        let told = records.into_iter().rev();
        told.map(
            |AuditRecord {
                 actor,
                 action,
                 detail,
                 ..
             }| (actor, action, detail),
        )
        .collect()
    }
}

pub(crate) fn scope(id: &str) -> TenantScope {
    operator().scope(id.parse().unwrap())
}

fn label(text: &str) -> Subdomain {
    Subdomain::from_input(text).unwrap()
}

fn renamed(name: &str) -> ProfileChanges {
    ProfileChanges {
        name: Some(name.to_owned()),
        ..ProfileChanges::default()
    }
}

fn moved(subdomain: Option<&str>) -> ProfileChanges {
    ProfileChanges {
        subdomain: Some(subdomain.map(label)),
        ..ProfileChanges::default()
    }
}

fn in_status(status: TenantStatus) -> ProfileChanges {
    ProfileChanges {
        status: Some(status),
        ..ProfileChanges::default()
    }
}

#[tokio::test]
async fn of_many_who_create_one_tenant_at_once_one_does() {
    let harness = Harness::shared().await;
    let mut creations = JoinSet::new();
    for _ in 0..10 {
        let opened = Opened::of(harness);
        creations.spawn(async move { opened.create("created-once", Some("once")).await });
    }
    let outcomes = creations.join_all().await;
    let created: Vec<_> = outcomes
        .iter()
        .filter_map(|made| made.as_ref().ok())
        .collect();
    // Who meets another's transaction in the middle is told to try again.
    let refused = outcomes.iter().filter_map(|made| made.as_ref().err());
    for error in refused {
        let is_busy = matches!(error, TenantError::Store(error) if error.is_unavailable());
        assert!(matches!(error, TenantError::Exists) || is_busy, "{error}");
    }
    assert_eq!(created.len(), 1);

    let opened = Opened::of(harness);
    let read = opened
        .administration
        .read(&scope("created-once"))
        .await
        .unwrap();
    assert_eq!(read, *created[0]);
    assert_eq!((read.version, read.deletion), (1, None));
    assert_eq!(
        opened.selected("once").await.as_deref(),
        Some("created-once")
    );
    let told = (
        "console".to_owned(),
        "tenant_created".to_owned(),
        String::new(),
    );
    assert_eq!(opened.told("created-once").await, [told]);
    let again = opened.create("created-once", None).await.unwrap_err();
    assert!(matches!(again, TenantError::Exists), "{again}");
}

#[tokio::test]
async fn the_platforms_own_id_and_the_status_of_a_deletion_are_given_to_nobody() {
    let opened = Opened::of(Harness::shared().await);
    let refused = opened.create("platform", None).await.unwrap_err();
    assert!(matches!(refused, TenantError::ReservedId), "{refused}");
    opened.create("kept-alive", None).await.unwrap();
    let deleting = in_status(TenantStatus::Deleting);
    let refused = opened
        .update("kept-alive", deleting, None)
        .await
        .unwrap_err();
    assert!(matches!(refused, TenantError::InvalidStatus), "{refused}");
    let read = opened
        .administration
        .read(&scope("kept-alive"))
        .await
        .unwrap();
    assert_eq!(read.profile.status, TenantStatus::Active);
}

#[tokio::test]
async fn a_tenant_whose_subdomain_is_taken_is_not_created_at_all() {
    let harness = Harness::shared().await;
    let opened = Opened::of(harness);
    opened.create("has-corner", Some("corner")).await.unwrap();
    let refused = opened
        .create("wants-corner", Some("corner"))
        .await
        .unwrap_err();
    let held = TenantError::SubdomainTaken {
        was_released: false,
    };
    assert_eq!(refused.to_string(), held.to_string());
    let read = opened.administration.read(&scope("wants-corner")).await;
    assert!(matches!(read, Err(TenantError::NotFound)));
    assert_eq!(opened.told("wants-corner").await, []);
    let table = harness.variable("TENANTS_TABLE");
    let query = harness.dynamodb().query().table_name(table);
    let query = query
        .key_condition_expression("pk = :directory")
        .filter_expression("tenant_id = :id")
        .expression_attribute_values(":directory", text("platform#tenants"))
        .expression_attribute_values(":id", text("wants-corner"));
    assert_eq!(query.send().await.unwrap().count, 0);
}

#[tokio::test]
async fn a_subdomain_that_was_given_up_rests_before_another_tenant_gets_it() {
    let opened = Opened::of(Harness::shared().await);
    opened.create("first-of-bay", Some("bay")).await.unwrap();
    opened.create("next-of-bay", None).await.unwrap();
    let moved_on = opened
        .update("first-of-bay", moved(Some("cape")), None)
        .await
        .unwrap();
    assert_eq!(moved_on.profile.subdomain, Some(label("cape")));
    assert_eq!(opened.selected("bay").await, None);
    assert_eq!(
        opened.selected("cape").await.as_deref(),
        Some("first-of-bay")
    );

    for (seconds, was_released) in [(0, true), (15 * 60, true)] {
        opened.clock.advance(seconds);
        let refused = opened.update("next-of-bay", moved(Some("bay")), None).await;
        let expected = TenantError::SubdomainTaken { was_released };
        assert_eq!(refused.unwrap_err().to_string(), expected.to_string());
    }
    opened.clock.advance(60);
    opened
        .update("next-of-bay", moved(Some("bay")), None)
        .await
        .unwrap();
    assert_eq!(opened.selected("bay").await.as_deref(), Some("next-of-bay"));

    opened
        .update("first-of-bay", moved(None), None)
        .await
        .unwrap();
    let read = opened
        .administration
        .read(&scope("first-of-bay"))
        .await
        .unwrap();
    assert_eq!((read.profile.subdomain, read.version), (None, 3));
    assert_eq!(opened.selected("cape").await, None);
    // Its last holder may have it back at once.
    opened
        .update("first-of-bay", moved(Some("cape")), None)
        .await
        .unwrap();
    assert_eq!(
        opened.selected("cape").await.as_deref(),
        Some("first-of-bay")
    );
}

#[tokio::test]
async fn of_two_who_save_at_once_one_is_told_that_somebody_else_was_first() {
    let opened = Opened::of(Harness::shared().await);
    let created = opened.create("saved-twice", None).await.unwrap();
    let expected = Some(created.version);
    let (one, other) = tokio::join!(
        opened.update("saved-twice", renamed("One"), expected),
        opened.update("saved-twice", renamed("Other"), expected),
    );
    let (saved, refused) = match (one, other) {
        (Ok(saved), Err(refused)) | (Err(refused), Ok(saved)) => (saved, refused),
        outcomes => panic!("{outcomes:?}"),
    };
    let is_busy = matches!(&refused, TenantError::Store(error) if error.is_unavailable());
    assert!(
        matches!(refused, TenantError::VersionMismatch) || is_busy,
        "{refused}"
    );
    let read = opened
        .administration
        .read(&scope("saved-twice"))
        .await
        .unwrap();
    assert_eq!(read, saved);
    assert_eq!(read.version, 2);
    let stale = opened
        .update("saved-twice", renamed("Late"), expected)
        .await;
    assert!(matches!(stale, Err(TenantError::VersionMismatch)));
}

#[tokio::test]
async fn every_change_is_in_the_audit_log_by_the_names_of_its_fields_and_nothing_else_is_written() {
    let harness = Harness::shared().await;
    let opened = Opened::of(harness);
    opened.create("audited", None).await.unwrap();
    let changes = [
        in_status(TenantStatus::Suspended),
        ProfileChanges {
            status: Some(TenantStatus::Active),
            ..renamed("Audited Ltd")
        },
        moved(Some("audited")),
    ];
    for changes in changes {
        opened.clock.advance(1);
        opened.update("audited", changes, None).await.unwrap();
    }
    let mark = harness.stack.emulators().dynamodb().wire().mark();
    let same = opened.update("audited", renamed("Audited Ltd"), None).await;
    assert_eq!(same.unwrap().version, 4);
    let calls = harness.stack.emulators().dynamodb().wire().since(mark);
    let writes = calls.operation("TransactWriteItems").partition("audited#");
    assert_eq!(writes.count(), 0);

    let told = opened.told("audited").await;
    let told: Vec<_> = told
        .iter()
        .map(|(actor, action, detail)| (actor.as_str(), action.as_str(), detail.as_str()))
        .collect();
    assert_eq!(told[0], ("console", "tenant_created", ""));
    assert_eq!(told[1], ("user:root", "tenant_suspended", ""));
    // Both in one transaction, and so at one moment.
    let mut resumed = told[2..4].to_vec();
    resumed.sort_unstable();
    assert_eq!(
        resumed,
        [
            ("user:root", "tenant_resumed", ""),
            ("user:root", "tenant_updated", "name")
        ]
    );
    assert_eq!(told[4..], [("user:root", "tenant_updated", "subdomain")]);
}

#[tokio::test]
async fn an_audit_log_is_listed_page_by_page_newest_first() {
    let opened = Opened::of(Harness::shared().await);
    opened.create("much-audited", None).await.unwrap();
    for number in 0..7 {
        opened.clock.advance(1);
        let name = renamed(&format!("Name {number}"));
        opened.update("much-audited", name, None).await.unwrap();
    }
    let (mut after, mut sizes, mut listed) = (None, Vec::new(), Vec::new());
    loop {
        let page = Page::new(4, after);
        let (records, next) = opened
            .audit
            .list(&scope("much-audited"), &page)
            .await
            .unwrap();
        sizes.push(records.len());
        listed.extend(records);
        after = next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(sizes, [4, 4]);
    assert!(listed.is_sorted_by(|newer, older| newer.at > older.at));
    assert_eq!(listed[7].action, "tenant_created");
}

pub(crate) fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}
