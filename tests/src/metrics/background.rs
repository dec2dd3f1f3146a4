//! The lines of what nobody waits for: runs of the verifier, and the re-encryption.

use std::time::Duration;

use local::double::Misbehaviour;
use local::emulators::faults::{AwsError, Effect, Matching, Times};
use serde_json::json;
use shared::telemetry::metrics::{RE_ENCRYPTION, VERIFICATION};

use super::{are_all_emitted, measured};
use crate::harness::Harness;
use crate::re_encryption::Moving;
use crate::verifier::{World, moment_of};

/// What KMS says of a message that is damaged, or of another context.
fn damaged() -> Effect {
    Effect::Refuse(AwsError::new(400, "InvalidCiphertextException", ""))
}

/// What all lines of a set say of a metric.
fn sum(harness: &Harness, target: &str, name: &str) -> u64 {
    let measured = measured(harness);
    let own = measured.iter().filter(|it| it.set.target == target);
    own.filter_map(|it| it.line[name].as_u64()).sum()
}

#[tokio::test]
async fn whatever_comes_of_tenants_is_measured_on_the_line_of_the_verifiers_run() {
    let world = World::start();
    let harness = &world.harness;
    let [valid, invalid, silent, busy] = [
        harness.connected().await,
        harness.connected().await,
        harness.connected().await,
        harness.connected().await,
    ];
    invalid.account.set_auth_token("somebody-else-changed-it");
    let hangs = Misbehaviour::Hang(Duration::from_secs(60));
    silent.account.misbehave(hangs, Times::Always);
    let patience = Misbehaviour::TooManyRequests {
        retry_after: Some(60),
    };
    busy.account.misbehave(patience, Times::Always);
    let drifted = harness.connected().await;
    let user = harness.user(&drifted.id, "member");
    user.post("/api/token", &json!({})).await.document(200);
    let apps = drifted.account.applications();
    let app = apps[0]["sid"].as_str().unwrap();
    let elsewhere = [("VoiceUrl", "https://elsewhere.test/voice")];
    assert!(drifted.account.configure_application(app, &elsewhere));
    for newcomer in [&valid, &invalid, &silent, &busy, &drifted] {
        world.minute(moment_of(&newcomer.id)).await;
    }

    let kms = harness.stack.emulators().kms().faults();
    for refusal in [damaged(), Effect::Refuse(AwsError::access_denied())] {
        let fault = kms.inject(Matching::any(), refusal, Times::Always);
        world.verify(&valid.id).await;
        kms.remove(fault);
    }
    let dynamodb = harness.stack.emulators().dynamodb().faults();
    let own = Matching::reads().partition(format!("{}#tenant", valid.id));
    dynamodb.inject(own, Effect::Refuse(AwsError::internal()), Times::Next(1));
    world.verify(&valid.id).await;
    are_all_emitted(harness, VERIFICATION, &[]).await;

    let said = |name| sum(harness, VERIFICATION, name);
    assert!(said("tenants") >= 6 && said("valid") >= 3);
    assert_eq!((said("invalid"), said("unreadable")), (1, 2));
    assert_eq!((said("unreachable"), said("rate_limited")), (1, 1));
    assert_eq!((said("drifted"), said("repaired")), (1, 1));
    // What is refused is no message that does not open.
    let damaged = said("kms_failures") - said("denied");
    assert!(said("denied") >= 1 && said("unopened") == damaged);
    assert!(said("kms_failures") >= 2 && said("store_failures") >= 1);
    let measured = measured(harness);
    let lines = measured.iter().filter(|it| it.set.target == VERIFICATION);
    for it in lines {
        let lags = it.metrics.contains("lag_ms");
        assert_eq!(lags, it.line["part"] == "minute", "{}", it.line);
    }
}

#[tokio::test]
async fn whatever_comes_of_sealed_messages_is_measured_on_the_line_of_the_re_encryption() {
    let moving = Moving::with(3).await;
    let harness = &moving.harness;
    let spoiled = moving.tenants().nth(1).unwrap();
    moving.spoil(&spoiled).await;
    let dynamodb = harness.stack.emulators().dynamodb().faults();
    let reads = Matching::operations(["GetItem"]).partition("platform#re-encryption");
    let hiccup = Effect::Refuse(AwsError::internal());
    dynamodb.inject(reads, hiccup, Times::Next(1));
    let kms = harness.stack.emulators().kms().faults();
    let denied = Effect::Refuse(AwsError::access_denied());
    let fault = kms.inject(Matching::any(), denied, Times::Always);
    let (kind, _) = moving.ask(&json!({"start": true})).await.unwrap_err();
    assert_eq!(kind, "KeyServiceFailed");
    kms.remove(fault);
    moving.ask(&json!({})).await.unwrap();
    moving.harness.store(moving.documents[1].clone()).await;
    moving.ask(&json!({"start": true})).await.unwrap();
    are_all_emitted(harness, RE_ENCRYPTION, &[]).await;

    let said = |name| sum(harness, RE_ENCRYPTION, name);
    assert_eq!((said("stopped"), said("released")), (1, 1));
    assert_eq!((said("quarantined"), said("denied")), (1, 1));
    // Two of the three, the newcomer's, and the platform's own secret.
    assert_eq!(said("sealed_anew"), 4);
}
