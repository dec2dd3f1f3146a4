//! How long sessions are kept, and what becomes of calls when there are none.

use std::time::Duration;

use local::emulators::faults::{AwsError, Effect, Matching, Times};
use local::logs::Line;
use serde_json::json;

use super::{aws_of, sessions_of, still, tenant_of};
use crate::harness::Harness;

const MINUTE: i64 = 60;
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_tenant_costs_one_session_however_many_calls_it_makes() {
    let harness = Harness::start(|options| {
        options.concurrency = 1;
        options.feeds_streams = false;
    });
    let tenant = harness.connected().await;
    for _ in 0..50 {
        let answer = tenant.admin.post("/api/token", &json!({})).await;
        answer.document(200);
    }
    assert_eq!(sessions_of(&harness, &tenant.id, "TokenTenantRole"), 1);
    assert_eq!(
        sessions_of(&harness, &tenant.id, "CredentialsTenantRole"),
        1
    );
}

#[tokio::test]
async fn many_calls_that_come_at_once_share_one_session() {
    let harness = Harness::start(|options| options.feeds_streams = false);
    let tenant = harness.newcomer().await.id;
    let aws = aws_of(&harness, "Token", &still());
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (aws, tenant) = (aws.clone(), tenant.clone());
        tasks.spawn(async move { aws.as_tenant(&tenant, async {}).await.unwrap() });
    }
    tasks.join_all().await;
    assert_eq!(sessions_of(&harness, &tenant, "TokenTenantRole"), 1);
}

#[tokio::test]
async fn a_session_is_renewed_five_minutes_before_it_ends() {
    let harness = Harness::start(|options| options.feeds_streams = false);
    let tenant = harness.newcomer().await.id;
    let clock = still();
    let aws = aws_of(&harness, "Token", &clock);
    for (after, sessions) in [(0, 1), (10 * MINUTE - 1, 1), (1, 2), (9 * MINUTE, 2)] {
        clock.advance(after);
        aws.as_tenant(&tenant, async {}).await.unwrap();
        assert_eq!(sessions_of(&harness, &tenant, "TokenTenantRole"), sessions);
    }
}

#[tokio::test]
async fn a_session_that_cannot_be_renewed_is_used_while_it_lasts_and_no_longer() {
    let harness = Harness::start(|options| options.feeds_streams = false);
    let tenant = harness.newcomer().await.id;
    let (clock, sts) = (still(), harness.stack.emulators().sts());
    let aws = aws_of(&harness, "Token", &clock);
    aws.as_tenant(&tenant, async {}).await.unwrap();
    let refuse = Effect::Refuse(AwsError::new(503, "ServiceUnavailable", "Not now."));
    let fault = sts.faults().inject(Matching::any(), refuse, Times::Always);
    clock.advance(14 * MINUTE - 1);
    aws.as_tenant(&tenant, async {}).await.unwrap();
    clock.advance(1);
    let error = aws.as_tenant(&tenant, async {}).await.unwrap_err();
    assert!(
        error.to_string().contains("503 ServiceUnavailable"),
        "{error}"
    );
    sts.faults().remove(fault);
    aws.as_tenant(&tenant, async {}).await.unwrap();
}

#[tokio::test]
async fn without_sts_calls_are_told_to_come_again_and_do_when_it_is_back() {
    let harness = Harness::start(|options| options.feeds_streams = false);
    let tenant = harness.newcomer().await;
    let emulators = harness.stack.emulators();
    let refuse = Effect::Refuse(AwsError::new(503, "ServiceUnavailable", "Not now."));
    let faults = emulators.sts().faults();
    let fault = faults.inject(Matching::any(), refuse, Times::Always);
    let mark = emulators.dynamodb().wire().mark();

    for (function, path) in [
        ("messaging", "/api/messages"),
        ("credentials", "/api/settings"),
    ] {
        let refused = tenant.admin.get(path).await;
        assert_eq!(refused.refusal(), (503, "unavailable"), "{path}");
        assert_eq!(refused.header("retry-after"), Some("1"), "{path}");
        let says_so = |line: &Line| {
            *line.function == *function
                && line
                    .text
                    .contains("no session of the tenant: STS: 503 ServiceUnavailable")
        };
        let line = harness.stack.logs().wait_for(says_so, PATIENCE).await;
        assert!(line.is_some(), "{function}");
    }
    // Nothing is asked for the tenant in anybody else's name.
    let calls = emulators.dynamodb().wire().since(mark);
    assert_eq!(
        calls.clone().partition(&format!("{}#", tenant.id)).count(),
        0
    );
    assert_eq!(calls.filter(|call| tenant_of(call).is_some()).count(), 0);

    faults.remove(fault);
    tenant.admin.get("/api/messages").await.document(200);
    tenant.admin.get("/api/settings").await.document(200);
}
