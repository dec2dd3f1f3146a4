//! When credentials are taken out of use, and when into use again.

use local::double::Misbehaviour;
use local::emulators::faults::Times;
use serde_json::json;
use shared::activity::Route;

use super::{audited, misbehaviours, stored, token, verified};
use crate::harness::Harness;
use crate::traffic;

#[tokio::test]
async fn only_the_second_invalid_in_a_row_deactivates_whatever_else_is_answered_in_between() {
    let harness = Harness::shared().await;
    let newcomer = harness.connected().await;
    token(harness, &newcomer).await.document(200);
    let own = newcomer.account.auth_token().unwrap();
    newcomer.account.set_auth_token(&"5".repeat(32));
    assert_eq!(verified(&newcomer).await["outcome"], "invalid");
    for (misbehaviour, outcome, _) in misbehaviours() {
        if outcome == "invalid" {
            continue;
        }
        let always = Times::Always;
        let fault = newcomer.account.misbehave(misbehaviour.clone(), always);
        assert_eq!(verified(&newcomer).await["outcome"], outcome);
        harness.stack.twilio().faults().remove(fault);
        assert_eq!(stored(&newcomer).await["is_active"], true);
    }
    assert_eq!(verified(&newcomer).await["outcome"], "invalid");
    let inactive = stored(&newcomer).await;
    assert_eq!(inactive["is_active"], false);
    assert_eq!(inactive["status"], "invalid");
    let refused = token(harness, &newcomer).await;
    assert_eq!(refused.refusal(), (409, "credentials_inactive"));
    assert_eq!(audited(&newcomer).await[0], "credential_deactivated");

    // A third says it no second time, and what cannot tell leaves it as it is.
    verified(&newcomer).await;
    let fault = newcomer
        .account
        .misbehave(Misbehaviour::InternalError, Times::Always);
    verified(&newcomer).await;
    harness.stack.twilio().faults().remove(fault);
    let still = stored(&newcomer).await;
    assert_eq!(still["is_active"], false);
    assert_eq!(still["status"], "unreachable");
    // Why they are not in use stays said.
    assert_eq!(still["verification_error"], inactive["verification_error"]);

    newcomer.account.set_auth_token(&own);
    assert_eq!(verified(&newcomer).await["outcome"], "valid");
    assert_eq!(stored(&newcomer).await["is_active"], true);
    token(harness, &newcomer).await.document(200);
    let audited = audited(&newcomer).await;
    let about = audited
        .iter()
        .filter(|action| action.ends_with("activated"));
    let about: Vec<&str> = about.map(String::as_str).collect();
    assert_eq!(about, ["credential_reactivated", "credential_deactivated"]);
}

#[tokio::test]
async fn a_valid_check_between_two_invalid_ones_starts_the_count_anew() {
    let harness = Harness::shared().await;
    let newcomer = harness.connected().await;
    let own = newcomer.account.auth_token().unwrap();
    for _ in 0..3 {
        newcomer.account.set_auth_token(&"5".repeat(32));
        assert_eq!(verified(&newcomer).await["outcome"], "invalid");
        newcomer.account.set_auth_token(&own);
        assert_eq!(verified(&newcomer).await["outcome"], "valid");
    }
    assert_eq!(stored(&newcomer).await["is_active"], true);
    let audited = audited(&newcomer).await;
    assert!(audited.iter().all(|action| !action.ends_with("activated")));
}

#[tokio::test]
async fn credentials_that_are_not_in_use_still_verify_webhooks() {
    let harness = Harness::shared().await;
    let newcomer = harness.connected().await;
    newcomer.account.set_auth_token(&"5".repeat(32));
    verified(&newcomer).await;
    verified(&newcomer).await;
    assert_eq!(stored(&newcomer).await["is_active"], false);
    let tenant = newcomer.tenant(harness);
    for route in [Route::Voice, Route::Sms, Route::Whatsapp] {
        let event = traffic::event(&tenant, route);
        let status = traffic::deliver(&tenant, &event).await;
        assert!(matches!(status, 200 | 204), "{route:?} {status}");
        assert_eq!(traffic::facts(&tenant, &event.resource).await, 1);
    }
}

#[tokio::test]
async fn credentials_entered_anew_are_in_use_again_when_twilio_accepts_them() {
    let harness = Harness::shared().await;
    let mut newcomer = harness.connected().await;
    let next = "5".repeat(32);
    newcomer.account.set_auth_token(&next);
    verified(&newcomer).await;
    verified(&newcomer).await;
    // The same again proves nothing while Twilio does not answer.
    let fault = newcomer
        .account
        .misbehave(Misbehaviour::Unavailable, Times::Always);
    let same = newcomer.store().await.document(200);
    assert_eq!(same["is_active"], false);
    assert_eq!(same["status"], "unreachable");
    harness.stack.twilio().faults().remove(fault);
    let refused = newcomer.store().await;
    assert_eq!(refused.refusal(), (422, "credentials_invalid"));

    newcomer.credentials["auth_token"] = json!(next);
    let entered = newcomer.store().await.document(200);
    assert_eq!(entered["is_active"], true);
    assert_eq!(entered["status"], "valid");
    token(harness, &newcomer).await.document(200);
}
