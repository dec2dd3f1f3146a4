//! Changes of a tenant's credentials through the API, as warm webhook functions take them.

use std::sync::OnceLock;

use local::emulators::faults::{AwsError, Effect, Matching, Times};
use local::http_client;
use local::twilio::{Target, WebhookSender};
use serde_json::json;
use shared::activity::Route;
use shared::clock::Clock;
use shared::secret::Secret;
use shared::twilio::TwilioCredentials;

use super::onboarding::Newcomer;
use crate::client_api::TWILIO;
use crate::harness::{Harness, Tenant};
use crate::traffic::{RawRequest, event, facts};
use crate::webhook_process::WebhookProcess;

/// For how long a process knows a tenant without asking, in seconds.
const REMEMBERED: i64 = 5 * 60;

/// The shortest time between two readings of keys that did not match, in seconds.
const BETWEEN_READINGS: i64 = 5;

/// A stack whose functions have one process each, so that what one request taught it the next one finds.
pub(super) async fn single() -> &'static Harness {
    static STACK: OnceLock<Harness> = OnceLock::new();
    Harness::once(&STACK, |options| options.concurrency = 1).await
}

/// The tenant with its account as Twilio's side of it.
fn as_tenant(harness: &Harness, newcomer: &Newcomer) -> Tenant {
    let credentials = TwilioCredentials::from_input(&newcomer.credentials).unwrap();
    let target = Target::new(&credentials, harness.urls());
    Tenant {
        id: newcomer.id.clone(),
        sender: WebhookSender::new(target.account.clone()),
        target,
        document: json!({}),
        console: harness.console(),
        undenied: harness.undenied(),
    }
}

/// The status of an SMS that is signed with a token, and whether it is kept as this tenant's.
async fn sms(tenant: &Tenant, token: &Secret) -> (u16, bool) {
    let sms = event(tenant, Route::Sms);
    let webhook = &sms.webhook;
    let request = RawRequest::signed(&webhook.url, &webhook.parameters, token);
    let answer = request.insist(&http_client::client()).await;
    (answer.status, facts(tenant, &sms.resource).await == 1)
}

const TAKEN: (u16, bool) = (200, true);
const REFUSED: (u16, bool) = (403, false);

/// Another auth token, at Twilio and stored.
async fn change_token(newcomer: &Newcomer, token: &str) -> Secret {
    newcomer.account.set_auth_token(token);
    let change = json!({"auth_token": token});
    newcomer.admin.patch(TWILIO, &change).await.document(200);
    Secret::from(token)
}

/// A process that knows a tenant, whose clock stands until it is moved.
struct Warm {
    newcomer: Newcomer,
    process: WebhookProcess,
    clock: Clock,
    old: Secret,
}

impl Warm {
    async fn start(harness: &'static Harness) -> Self {
        let newcomer = harness.connected().await;
        let warm = Self::cold(harness, newcomer).await;
        assert_eq!(warm.report(&warm.old).await, 204);
        warm
    }

    async fn cold(harness: &'static Harness, newcomer: Newcomer) -> Self {
        let clock = Clock::fixed(Clock::system().now());
        Self {
            process: WebhookProcess::start(harness, &clock).await,
            old: Secret::from(newcomer.credentials["auth_token"].as_str().unwrap()),
            newcomer,
            clock,
        }
    }

    /// What the process answers to a webhook of the tenant's account, signed with a token.
    async fn report(&self, token: &Secret) -> u16 {
        let account = self.newcomer.account.sid().as_str();
        self.process.report_status(account, token).await
    }

    async fn report_forged(&self) -> u16 {
        self.report(&Secret::from("nobodys-token")).await
    }
}

#[tokio::test]
async fn a_new_auth_token_is_in_force_with_the_next_webhook_and_the_old_one_is_not_after_it() {
    let harness = single().await;
    let newcomer = harness.connected().await;
    let tenant = as_tenant(harness, &newcomer);
    assert_eq!(sms(&tenant, tenant.token()).await, TAKEN);
    let new = change_token(&newcomer, "00000000000000000000000000000001").await;
    assert_eq!(sms(&tenant, &new).await, TAKEN);
    assert_eq!(sms(&tenant, tenant.token()).await, REFUSED);
    assert_eq!(sms(&tenant, &new).await, TAKEN);
}

#[tokio::test]
async fn a_secondary_token_is_in_force_with_the_next_webhook() {
    let harness = single().await;
    let newcomer = harness.connected().await;
    let tenant = as_tenant(harness, &newcomer);
    assert_eq!(sms(&tenant, tenant.token()).await, TAKEN);
    let secondary = "00000000000000000000000000000002";
    newcomer.account.set_secondary_auth_token(Some(secondary));
    let change = json!({"secondary_auth_token": secondary});
    newcomer.admin.patch(TWILIO, &change).await.document(200);
    assert_eq!(sms(&tenant, &Secret::from(secondary)).await, TAKEN);
    assert_eq!(sms(&tenant, tenant.token()).await, TAKEN);
}

#[tokio::test]
async fn after_forged_webhooks_a_new_auth_token_is_in_force_within_five_seconds() {
    let warm = Warm::start(Harness::shared().await).await;
    assert_eq!(warm.report_forged().await, 403);
    let new = change_token(&warm.newcomer, "00000000000000000000000000000003").await;
    // The forged one had the keys read just before they were changed.
    assert_eq!(warm.report(&new).await, 403);
    warm.clock.advance(BETWEEN_READINGS - 1);
    assert_eq!(warm.report_forged().await, 403);
    warm.clock.advance(1);
    // Whose signature brings the reading about does not matter.
    assert_eq!(warm.report_forged().await, 403);
    assert_eq!(warm.report(&new).await, 204);
    assert_eq!(warm.report(&warm.old).await, 403);
}

#[tokio::test]
async fn an_account_that_was_unknown_is_served_within_ten_seconds_after_its_credentials_are_stored()
{
    let harness = Harness::shared().await;
    let warm = Warm::cold(harness, harness.newcomer().await).await;
    assert_eq!(warm.report(&warm.old).await, 403);
    warm.newcomer.store().await.document(201);
    warm.clock.advance(9);
    assert_eq!(warm.report(&warm.old).await, 403);
    warm.clock.advance(1);
    assert_eq!(warm.report(&warm.old).await, 204);
}

#[tokio::test]
async fn a_webhook_whose_keys_cannot_be_read_anew_is_not_refused_for_good() {
    let harness = Harness::shared().await;
    let warm = Warm::start(harness).await;
    let new = change_token(&warm.newcomer, "00000000000000000000000000000004").await;
    let faults = harness.stack.emulators().dynamodb().faults();
    let configuration = Matching::operations(["Query"]);
    let configuration = configuration.partition(format!("{}#tenant", warm.newcomer.id));
    let down = Effect::Refuse(AwsError::internal());
    let fault = faults.inject(configuration, down, Times::Always);
    // 503 has Twilio deliver it again, where 403 would be final.
    assert_eq!(warm.report(&new).await, 503);
    assert_eq!(warm.report(&new).await, 503);
    assert_eq!(warm.report(&warm.old).await, 204);
    faults.remove(fault);
    warm.clock.advance(BETWEEN_READINGS);
    assert_eq!(warm.report(&new).await, 204);
    assert_eq!(warm.report(&warm.old).await, 403);
}

#[tokio::test]
async fn a_webhook_whose_account_cannot_be_looked_up_anew_is_not_refused_for_good() {
    let harness = Harness::shared().await;
    let warm = Warm::start(harness).await;
    let new = change_token(&warm.newcomer, "00000000000000000000000000000005").await;
    let faults = harness.stack.emulators().dynamodb().faults();
    let route = Matching::operations(["GetItem"]);
    let route = route.partition(format!("twilio-account#{}", warm.newcomer.account.sid()));
    let down = Effect::Refuse(AwsError::internal());
    let fault = faults.inject(route, down, Times::Always);
    // The keys could be read, and are the new ones: nothing is in doubt.
    assert_eq!(warm.report(&new).await, 204);
    // They could be of another tenant by now.
    assert_eq!(warm.report_forged().await, 503);
    faults.remove(fault);
    warm.clock.advance(BETWEEN_READINGS);
    assert_eq!(warm.report_forged().await, 403);
    assert_eq!(warm.report(&new).await, 204);
}

#[tokio::test]
async fn webhooks_of_an_account_go_to_who_proved_it_with_the_next_one() {
    let harness = single().await;
    let (mut squatter, owner) = (harness.newcomer().await, harness.newcomer().await);
    squatter.credentials["account_sid"] = owner.credentials["account_sid"].clone();
    let path = format!("{TWILIO}?verify=false");
    let stored = squatter.admin.put(&path, &squatter.credentials).await;
    stored.document(201);
    let squatting = as_tenant(harness, &squatter);
    // Warm: the function knows whose the account is.
    assert_eq!(sms(&squatting, squatting.token()).await, TAKEN);
    owner.store().await.document(201);
    let owning = as_tenant(harness, &owner);
    assert_eq!(sms(&owning, owning.token()).await, TAKEN);
    assert_eq!(sms(&squatting, squatting.token()).await, REFUSED);
    assert_eq!(sms(&owning, owning.token()).await, TAKEN);
}

#[tokio::test]
async fn webhooks_of_deleted_credentials_are_refused_when_what_was_remembered_is_five_minutes_old()
{
    let warm = Warm::start(Harness::shared().await).await;
    warm.newcomer.admin.delete(TWILIO).await.document(204);
    warm.clock.advance(REMEMBERED);
    assert_eq!(warm.report(&warm.old).await, 403);
}

#[tokio::test]
async fn webhooks_of_a_deleted_tenant_are_refused_when_what_was_remembered_is_five_minutes_old() {
    let harness = Harness::shared().await;
    let warm = Warm::start(harness).await;
    let path = format!("/api/tenants/{}", warm.newcomer.id);
    harness.operator().delete(&path).await.document(202);
    warm.clock.advance(REMEMBERED);
    assert_eq!(warm.report(&warm.old).await, 403);
}

#[tokio::test]
async fn webhooks_of_a_suspended_tenant_are_refused_when_what_was_remembered_is_five_minutes_old() {
    let harness = Harness::shared().await;
    let warm = Warm::start(harness).await;
    let path = format!("/api/tenants/{}", warm.newcomer.id);
    for (status, answer) in [("suspended", 403), ("active", 204)] {
        let change = json!({"status": status});
        harness.operator().patch(&path, &change).await.document(200);
        warm.clock.advance(REMEMBERED);
        assert_eq!(warm.report(&warm.old).await, answer, "{status}");
    }
}

#[tokio::test]
async fn webhooks_are_verified_with_credentials_that_are_not_used_any_more() {
    let harness = single().await;
    let newcomer = harness.connected().await;
    newcomer
        .account
        .set_auth_token("ffffffffffffffffffffffffffffffff");
    for _ in 0..2 {
        let path = format!("{TWILIO}/verify");
        newcomer.admin.post(&path, &json!({})).await.document(200);
    }
    let tenant = as_tenant(harness, &newcomer);
    assert_eq!(sms(&tenant, tenant.token()).await, TAKEN);
}
