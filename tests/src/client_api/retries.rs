//! Calls to providers that are made again, or must not be: in the request's own time, and never what may have been done already.

use std::time::{Duration, Instant};

use local::double::Misbehaviour;
use local::emulators::faults::{Matching, Times};
use local::logs::Line;
use local::providers::VapiKey;
use serde_json::{Value, json};

use super::caller::Answer;
use super::onboarding::Newcomer;
use crate::harness::Harness;

/// When API Gateway gives an integration up.
const GATEWAY_LIMIT: Duration = Duration::from_secs(30);

const VERIFY: &str = "/api/integrations/twilio/verify";
const LIST: &str = "GET /2010-04-01/Accounts/{AC}/Applications.json";
const CREATE: &str = "POST /2010-04-01/Accounts/{AC}/Applications.json";

async fn token(harness: &Harness, newcomer: &Newcomer) -> Answer {
    let member = harness.user(&newcomer.id, "member");
    member.post("/api/token", &json!({})).await
}

fn count(newcomer: &Newcomer, operation: &str) -> usize {
    newcomer.account.calls().operation(operation).count()
}

/// Makes the next calls of one operation of an account go wrong.
fn disturb(harness: &Harness, newcomer: &Newcomer, operation: &str, misbehaviour: Misbehaviour) {
    harness.stack.twilio().faults().inject(
        Matching::operations([operation]).on(newcomer.account.sid().as_str()),
        misbehaviour,
        Times::Next(1),
    );
}

#[tokio::test]
async fn what_twilio_asks_to_wait_is_waited_for() {
    let harness = Harness::shared().await;
    let newcomer = harness.newcomer().await;
    let busy = Misbehaviour::TooManyRequests {
        retry_after: Some(1),
    };
    newcomer.account.misbehave(busy, Times::Next(2));
    assert_eq!(newcomer.store().await.document(201)["status"], "valid");
    for operation in ["GET /2010-04-01/Accounts/{AC}.json", LIST] {
        let calls = newcomer.account.calls().operation(operation);
        let [first, second] = calls.iter().collect::<Vec<_>>()[..] else {
            panic!("{calls:?}")
        };
        assert_eq!((first.status, second.status), (Some(429), Some(200)));
        let waited = second.at - first.at;
        assert!(waited >= Duration::from_secs(1), "{waited:?}");
    }
}

#[tokio::test]
async fn a_wait_that_is_longer_than_the_request_is_not_begun() {
    let harness = Harness::shared().await;
    let newcomer = harness.newcomer().await;
    let busy = Misbehaviour::TooManyRequests {
        retry_after: Some(25),
    };
    newcomer.account.misbehave(busy, Times::Always);
    let started = Instant::now();
    let entered = newcomer.store().await.document(201);
    assert_eq!(entered["status"], "rate_limited");
    assert!(started.elapsed() < Duration::from_secs(10));
    assert_eq!(newcomer.account.calls().count(), 2);
}

#[tokio::test]
async fn a_creation_that_twilio_certainly_did_not_take_is_made_again() {
    let harness = Harness::shared().await;
    let newcomer = harness.connected().await;
    let busy = Misbehaviour::TooManyRequests { retry_after: None };
    disturb(harness, &newcomer, CREATE, busy);
    token(harness, &newcomer).await.document(200);
    assert_eq!(count(&newcomer, CREATE), 2);
    assert_eq!(newcomer.account.applications().len(), 1);
}

#[tokio::test]
async fn a_creation_whose_answer_was_lost_is_looked_up_and_not_made_again() {
    for lost in [Misbehaviour::LoseAnswer, Misbehaviour::CutShort] {
        let harness = Harness::shared().await;
        let newcomer = harness.connected().await;
        disturb(harness, &newcomer, CREATE, lost);
        token(harness, &newcomer).await.document(200);
        assert_eq!(count(&newcomer, CREATE), 1);
        assert_eq!(newcomer.account.applications().len(), 1);
    }
}

#[tokio::test]
async fn a_creation_that_twilio_answered_by_a_fault_of_its_own_is_not_made_again() {
    let harness = Harness::shared().await;
    let newcomer = harness.connected().await;
    disturb(harness, &newcomer, CREATE, Misbehaviour::InternalError);
    let refused = token(harness, &newcomer).await;
    assert_eq!(refused.refusal(), (503, "provider_unavailable"));
    assert_eq!(count(&newcomer, CREATE), 1);
    // Nothing of it is left behind: the next caller gets its token and the account one App.
    token(harness, &newcomer).await.document(200);
    assert_eq!(newcomer.account.applications().len(), 1);
}

#[tokio::test]
async fn providers_that_hang_are_given_up_before_the_gateway_gives_up() {
    // Its processes wait, which others must not notice.
    let harness = Harness::start(|_| {});
    let twilio = harness.stack.twilio();
    let newcomer = harness.newcomer().await;
    let (asked, looked_at, signing) = tokio::join!(
        harness.connected(),
        harness.connected(),
        harness.connected()
    );
    let vapi = harness.newcomer().await;
    let key = "00000000-0000-4000-8000-0000000000aa";
    let providers = harness.stack.providers();
    providers.add_vapi_key(key, VapiKey::Private { organisation: None });
    let hang = || Misbehaviour::Hang(2 * GATEWAY_LIMIT);
    twilio
        .faults()
        .inject(Matching::any(), hang(), Times::Always);
    providers.misbehave_to(key, hang(), Times::Always);
    let before = [&newcomer, &asked, &looked_at, &signing].map(|it| it.account.calls().count());

    let started = Instant::now();
    let configuration = json!({"api_key": key, "webhook_secret": "a-webhook-secret-of-theirs"});
    let empty = json!({});
    let (entered, verified, health, refused, vapi) = tokio::join!(
        newcomer.store(),
        asked.admin.post(VERIFY, &empty),
        looked_at.admin.get("/api/health/twilio"),
        token(&harness, &signing),
        vapi.admin.put("/api/integrations/vapi", &configuration),
    );
    let took = started.elapsed();
    assert!(took < GATEWAY_LIMIT, "{took:?}");
    assert_eq!(entered.document(201)["status"], "unreachable");
    assert_eq!(verified.document(200)["outcome"], "unreachable");
    assert_eq!(vapi.document(201)["status"], "unreachable");
    let report = health.document(200);
    for check in report["checks"].as_array().unwrap() {
        assert_eq!(check["status"], "degraded", "{check}");
    }
    assert_eq!(refused.refusal(), (503, "provider_unavailable"));
    // An attempt is given up after six seconds, and there are at most four.
    let calls = [(&newcomer, 2), (&asked, 2), (&looked_at, 5), (&signing, 1)];
    for ((tenant, different), before) in calls.into_iter().zip(before) {
        let made = tenant.account.calls().count() - before;
        assert!((2 * different..=4 * different).contains(&made), "{made}");
    }
    let made = providers.calls_with(key).count();
    assert!((2..=4).contains(&made), "{made}");
    twilio.faults().clear();
    providers.faults().clear();
}

/// Waits until the functions have told of an operation in a tenant's name that took so many attempts, and gives how many each took
/// until then.
async fn attempts(harness: &Harness, tenant: &Newcomer, operation: &str, last: u64) -> Vec<u64> {
    let logs = harness.stack.logs();
    let told = |line: &Line| {
        let line: Value = serde_json::from_str(&line.text).ok()?;
        let is_it = line["operation"] == operation && line["tenant_id"] == tenant.id.as_str();
        line["attempts"].as_u64().filter(|_| is_it)
    };
    // A line may come after the answer.
    logs.wait_for(|line| told(line) == Some(last), Duration::from_secs(10))
        .await;
    logs.lines().iter().filter_map(told).collect()
}

#[tokio::test]
async fn a_connection_that_died_unnoticed_fails_no_request_and_makes_no_app_twice() {
    // One process a function, so that a request finds the connections of the one before.
    let harness = Harness::start(|options| options.concurrency = 1);
    let (first, second) = (harness.connected().await, harness.connected().await);
    let faults = harness.stack.twilio().faults();
    let dying = || {
        let always = Times::Always;
        first.account.misbehave(Misbehaviour::DieAfterwards, always)
    };
    let check = async |newcomer: &Newcomer| {
        let answer = newcomer.admin.post(VERIFY, &json!({})).await;
        assert_eq!(answer.document(200)["outcome"], "valid");
    };
    let fault = dying();
    check(&first).await;
    faults.remove(fault);
    let before = second.account.calls().count();
    check(&second).await;
    // What was sent by the dead ones never arrived.
    assert_eq!(second.account.calls().count() - before, 3);
    // Two died under the first's check, whose third call found one of them, and the second's first call the other.
    for (tenant, operation) in [(&first, "keys.policy"), (&second, "accounts.fetch")] {
        // The first is from when the credentials were entered.
        let attempts = attempts(&harness, tenant, operation, 2).await;
        assert_eq!(attempts, [1, 2], "{operation}");
    }

    let fault = dying();
    token(&harness, &first).await.document(200);
    faults.remove(fault);
    token(&harness, &second).await.document(200);
    for (operation, expected) in [("applications.list", 2), ("applications.create", 1)] {
        let attempts = attempts(&harness, &second, operation, expected).await;
        assert_eq!(attempts, [expected], "{operation}");
    }
    for tenant in [&first, &second] {
        assert_eq!(count(tenant, CREATE), 1);
        assert_eq!(tenant.account.applications().len(), 1);
    }
}
