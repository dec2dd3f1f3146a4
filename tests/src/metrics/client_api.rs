//! The lines of calls of the client API, and of calls to providers.

use local::double::Misbehaviour;
use local::emulators::faults::{AwsError, Effect, Matching, Times};
use serde_json::json;
use shared::telemetry::metrics::{CALL, PROVIDER_CALL};

use super::{are_all_emitted, measured};
use crate::harness::Harness;

const VERIFY: &str = "/api/integrations/twilio/verify";

/// Requests a minute of one user.
const USER_LIMIT: usize = 12;

#[tokio::test]
async fn whatever_becomes_of_calls_is_measured_on_the_line_that_ends_each() {
    let harness = Harness::start(|options| {
        options.concurrency = 1;
        options.feeds_streams = false;
        let limit = ("UserRateLimit".to_owned(), USER_LIMIT.to_string());
        options.parameters.extend([limit]);
    });
    let newcomer = harness.connected().await;
    let member = harness.user(&newcomer.id, "member");
    member.post("/api/token", &json!({})).await.document(200);
    // Another process of the limit's minute would count anew once.
    for _ in 0..2 * USER_LIMIT {
        member.post("/api/token", &json!({})).await;
    }

    let refusal = || Effect::Refuse(AwsError::internal());
    let faults = harness.stack.emulators().dynamodb().faults();
    let own =
        Matching::reads().partition(format!("{}tenant", newcomer.tenant(&harness).partition()));
    faults.inject(own, refusal(), Times::Always);
    assert_eq!(newcomer.admin.get("/api/settings").await.status, 503);
    faults.clear();

    let other = harness.newcomer().await;
    let faults = harness.stack.emulators().kms().faults();
    faults.inject(Matching::any(), refusal(), Times::Always);
    assert_eq!(other.store().await.status, 503);
    faults.clear();
    let damaged = AwsError::new(400, "InvalidCiphertextException", "");
    for refusal in [damaged, AwsError::access_denied()] {
        faults.inject(Matching::any(), Effect::Refuse(refusal), Times::Always);
        let checked = newcomer.admin.post(VERIFY, &json!({})).await;
        assert_eq!(checked.status, 500);
        faults.clear();
    }
    are_all_emitted(&harness, CALL, &[]).await;

    // What the providers answer is one line a call, however many attempts it takes.
    for (misbehaviour, times) in [
        (Misbehaviour::InternalError, Times::Always),
        (
            Misbehaviour::TooManyRequests { retry_after: None },
            Times::Always,
        ),
        (Misbehaviour::Unauthorized, Times::Always),
    ] {
        let fault = newcomer.account.misbehave(misbehaviour, times);
        newcomer.admin.post(VERIFY, &json!({})).await.document(200);
        harness.stack.twilio().faults().remove(fault);
    }
    are_all_emitted(&harness, PROVIDER_CALL, &[]).await;
    let measured = measured(&harness);
    let calls = measured
        .iter()
        .filter(|measured| measured.set.target == PROVIDER_CALL);
    for call in calls {
        assert_eq!(call.line["provider"], "twilio");
        let attempts = call.line["attempts"].as_u64().unwrap();
        let retries = call.line["retries"].as_u64().unwrap_or_default();
        assert_eq!(attempts, retries + 1, "{}", call.line);
    }
}
