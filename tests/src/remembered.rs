//! Tenants that a warm function remembers, when their stores do not answer; and what it forgets.

use std::sync::OnceLock;
use std::time::Duration;

use local::emulators::faults::{Effect, FaultId, Faults, Matching, Times};
use serde_json::{Value, json};
use shared::activity::Route;
use shared::aws::{Aws, Patience};
use shared::cache::Source;
use shared::clock::Clock;
use shared::credentials::{CredentialError, CredentialVault};
use shared::environment::Environment;
use shared::secret::Secret;
use shared::vault::KeyArn;
use tokio::time::Instant;

use crate::harness::{Harness, Tenant};
use crate::storing::tenants;
use crate::traffic;
use crate::webhook_process::WebhookProcess;

const MINUTE: i64 = 60;

/// A function inside this process, whose clock a test sets, and a tenant.
pub(crate) struct Remembering {
    pub(crate) harness: &'static Harness,
    pub(crate) tenant: Tenant,
    pub(crate) clock: Clock,
    function: WebhookProcess,
}

impl Remembering {
    /// On a stack that tests of this module may break, each for its own tenant or in turn.
    pub(crate) async fn start() -> Self {
        static STACK: OnceLock<Harness> = OnceLock::new();
        let harness = Harness::once(&STACK, |_| {}).await;
        Self::on(harness).await
    }

    async fn on(harness: &'static Harness) -> Self {
        let tenant = harness.tenant(json!({})).await;
        let clock = Clock::fixed("2026-03-01T12:00:00Z".parse().unwrap());
        let function = WebhookProcess::start(harness, &clock).await;
        Self {
            harness,
            tenant,
            clock,
            function,
        }
    }

    /// The tenant's account reports a message's status to the function, which answers with this status.
    pub(crate) async fn webhook(&self) -> u16 {
        self.webhook_of(
            self.tenant.sender.account().sid.as_str(),
            self.tenant.token(),
        )
        .await
    }

    async fn webhook_of(&self, account: &str, token: &Secret) -> u16 {
        self.function.report_status(account, token).await
    }

    fn dynamodb(&self) -> &Faults {
        self.harness.stack.emulators().dynamodb().faults()
    }

    fn kms(&self) -> &Faults {
        self.harness.stack.emulators().kms().faults()
    }

    /// Has the reads of the tenant's route hang.
    fn hang_route(&self) -> FaultId {
        let route = format!("twilio-account#{}", self.tenant.sender.account().sid);
        let reads = Matching::operations(["GetItem"]).partition(route);
        self.dynamodb().inject(reads, Effect::Hang, Times::Always)
    }

    /// Has the queries of the tenant's configuration hang.
    fn hang_configuration(&self) -> FaultId {
        let reads = Matching::operations(["Query"]).partition(self.tenant.partition());
        self.dynamodb().inject(reads, Effect::Hang, Times::Always)
    }

    /// Is answered from what is 6 minutes old, and then, when that is 15 minutes old, not at all.
    async fn is_remembered_for_15_minutes(&self) {
        self.clock.advance(6 * MINUTE);
        assert_eq!(self.webhook().await, 204, "6 minutes old");
        self.clock.advance(9 * MINUTE - 1);
        assert_eq!(self.webhook().await, 204, "a second before");
        self.clock.advance(1);
        assert_eq!(self.webhook().await, 503, "15 minutes old");
    }
}

#[tokio::test]
async fn a_route_that_does_not_answer_is_remembered_for_15_minutes() {
    let remembering = Remembering::start().await;
    assert_eq!(remembering.webhook().await, 204);
    let fault = remembering.hang_route();
    remembering.is_remembered_for_15_minutes().await;
    remembering.dynamodb().remove(fault);
    assert_eq!(remembering.webhook().await, 204);
}

#[tokio::test]
async fn a_configuration_that_does_not_answer_is_remembered_for_15_minutes() {
    let remembering = Remembering::start().await;
    assert_eq!(remembering.webhook().await, 204);
    let fault = remembering.hang_configuration();
    remembering.is_remembered_for_15_minutes().await;
    remembering.dynamodb().remove(fault);
    assert_eq!(remembering.webhook().await, 204);
}

#[tokio::test]
async fn credentials_are_remembered_for_15_minutes_while_kms_does_not_answer() {
    // KMS's calls name no tenant: a stack of its own.
    let harness: &'static Harness = Box::leak(Box::new(Harness::start(|_| {})));
    let remembering = Remembering::on(harness).await;
    assert_eq!(remembering.webhook().await, 204);
    let decrypt = Matching::operations(["Decrypt"]);
    let fault = remembering
        .kms()
        .inject(decrypt, Effect::Hang, Times::Always);
    remembering.is_remembered_for_15_minutes().await;
    remembering.kms().remove(fault);
    assert_eq!(remembering.webhook().await, 204);
}

#[tokio::test]
async fn a_function_that_remembers_nothing_answers_in_time_while_a_store_hangs() {
    let remembering = Remembering::start().await;
    let fault = remembering.hang_configuration();
    let begun = Instant::now();
    assert_eq!(remembering.webhook().await, 503);
    assert!(begun.elapsed() < Duration::from_millis(950));
    remembering.dynamodb().remove(fault);
    assert_eq!(remembering.webhook().await, 204);
}

#[tokio::test]
async fn a_tenants_new_account_is_served_at_once_by_a_function_that_remembers_the_one_before() {
    let remembering = Remembering::start().await;
    let before = remembering.tenant.sender.account().sid.clone();
    assert_eq!(remembering.webhook().await, 204);
    let mut document = remembering.tenant.document.clone();
    let account = remembering.tenant.sender.sids().sid("AC");
    document["twilio"]["account_sid"] = json!(account);
    let after = remembering.harness.store(document).await;
    for _ in 0..2 {
        let status = remembering.webhook_of(&account, after.token());
        assert_eq!(status.await, 204);
        // It was given up.
        let status = remembering.webhook_of(before.as_str(), remembering.tenant.token());
        assert_eq!(status.await, 403);
    }
}

fn vault(harness: &Harness) -> CredentialVault {
    let environment = Environment::of(harness.stack.environment().clone());
    let aws = Aws::from_environment(&environment, Patience::BACKGROUND).unwrap();
    CredentialVault::new(
        &aws,
        tenants(harness),
        KeyArn::from_environment(&environment).unwrap(),
        &Clock::system(),
    )
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

#[tokio::test]
async fn credentials_are_found_by_tenant_remembered_and_read_anew_once_they_are_invalidated() {
    let harness = Harness::shared().await;
    let tenant = harness.tenant(json!({})).await;
    let (vault, scope) = (vault(harness), tenant.console.scope(&tenant.id));
    let mut document = tenant.document.clone();
    let mut found = Vec::new();
    for token in ["the-first-auth-token", "the-second-auth-token"] {
        document["twilio"]["auth_token"] = json!(token);
        harness.store(document.clone()).await;
        if token == "the-second-auth-token" {
            found.push(vault.twilio(&scope, soon()).await.unwrap());
            vault.invalidate(&scope);
        }
        found.push(vault.twilio(&scope, soon()).await.unwrap());
    }
    let told: Vec<_> = found
        .iter()
        .map(|cached| (cached.source, cached.value.credentials.auth_token.expose()))
        .collect();
    let expected = [
        (Source::Loaded, "the-first-auth-token"),
        (Source::Memory, "the-first-auth-token"),
        (Source::Loaded, "the-second-auth-token"),
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn missing_credentials_are_an_error_that_says_whose() {
    let harness = Harness::shared().await;
    let mut document = Harness::document(json!({}));
    document.as_object_mut().unwrap().remove("twilio");
    let console = harness.console();
    let tenant = serde_json::from_value(document.clone()).unwrap();
    console.store(&tenant).await.unwrap();
    for id in [&tenant.tenant_id, &"no-such-tenant".parse().unwrap()] {
        let found = vault(harness).twilio(&console.scope(id), soon()).await;
        let error = found.unwrap_err();
        assert!(matches!(error, CredentialError::Missing { .. }), "{error}");
        let expected = format!("the tenant {id} has no credentials of twilio");
        assert_eq!(error.to_string(), expected);
    }
}

#[tokio::test]
async fn the_log_says_where_credentials_came_from_and_whose_could_not_be_read() {
    let harness = Harness::start(|options| options.concurrency = 1);
    let tenant = harness.tenant(json!({})).await;
    let kms = harness.stack.emulators().kms().faults();
    kms.inject(Matching::any(), Effect::Hang, Times::Always);
    let event = traffic::event(&tenant, Route::SmsStatus);
    let mut once = event.webhook.clone();
    once.url.push_str("#rc=0");
    assert_eq!(tenant.sender.deliver(&once).await.status(), Some(503));
    kms.clear();
    for _ in 0..2 {
        assert_eq!(traffic::deliver(&tenant, &event).await, 204);
    }
    let logs = harness.stack.logs();
    let is_last = |line: &local::logs::Line| line.text.contains(r#""credentials":"memory""#);
    logs.wait_for(is_last, Duration::from_secs(10))
        .await
        .unwrap();
    let lines: Vec<Value> = logs
        .lines()
        .iter()
        .filter_map(|line| serde_json::from_str(&line.text).ok())
        .collect();
    let unread = |line: &&Value| line["message"] == "the account's holder cannot be asked for";
    let unread = lines.iter().find(unread).unwrap();
    assert_eq!(unread["tenant_id"], tenant.id.as_str());
    assert_eq!(unread["error"], "the stores did not answer in time");
    let sources: Vec<_> = lines
        .iter()
        .filter(|line| line["message"] == "webhook answered")
        .map(|line| &line["credentials"])
        .collect();
    assert_eq!(sources, ["loaded", "memory"]);
}
