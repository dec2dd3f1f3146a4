//! Two refusals in a row mark credentials, one success clears them, and nothing else says anything against them.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::SignedDuration;
use local::double::Misbehaviour;
use local::emulators::faults::Times;
use serde_json::Value;
use shared::clock::Clock;
use shared::store::Work;
use shared::tenant::Provider;

use super::{World, moment_of};
use crate::client_api::onboarding::Newcomer;

async fn state(newcomer: &Newcomer) -> (bool, String) {
    let shown = newcomer
        .admin
        .get("/api/integrations/twilio")
        .await
        .document(200);
    let status = shown["status"].as_str().unwrap().to_owned();
    (shown["is_active"].as_bool().unwrap(), status)
}

/// The types of the events that are written down of a tenant.
async fn events(world: &World, newcomer: &Newcomer) -> Vec<String> {
    let query = world.harness.dynamodb().query();
    let query = query
        .table_name(world.harness.variable("ACTIVITY_TABLE"))
        .index_name("by_time")
        .key_condition_expression("time_pk = :pk")
        .expression_attribute_values(":pk", AttributeValue::S(format!("{}#event#0", newcomer.id)));
    let keys = query.send().await.unwrap().items.unwrap_or_default();
    let mut types = Vec::new();
    for key in keys {
        let get = world.harness.dynamodb().get_item();
        let got = get
            .table_name(world.harness.variable("ACTIVITY_TABLE"))
            .key("pk", key["pk"].clone())
            .key("sk", key["sk"].clone());
        let item = got.send().await.unwrap().item.unwrap();
        types.push(super::text(&item, "type"));
    }
    types
}

#[tokio::test]
async fn the_second_refusal_in_a_row_marks_within_15_minutes_and_one_success_clears() {
    let world = World::start();
    let newcomer = world.harness.connected().await;
    let token = newcomer.account.auth_token().unwrap();
    newcomer
        .account
        .set_auth_token("somebody-made-another-token");

    world.minute(moment_of(&newcomer.id)).await;
    assert_eq!(state(&newcomer).await, (true, "invalid".to_owned()));
    assert_eq!(events(&world, &newcomer).await, Vec::<String>::new());
    let due = world.due_of(&newcomer.id).await;
    let now = Clock::system().now();
    let [(work, at)] = due.as_slice() else {
        panic!("{due:?}");
    };
    assert_eq!(work, "recheck#twilio");
    assert!(
        (now..now + SignedDuration::from_mins(15)).contains(at),
        "{at}"
    );

    // As if they were over.
    let scope = world.harness.console().scope(&newcomer.id);
    let recheck = Work::Recheck(Provider::Twilio);
    world.due().put(&scope, recheck, now).await.unwrap();
    let answer = world.minute(moment_of(&newcomer.id)).await;
    assert_eq!(answer["due"], 1);
    assert_eq!(state(&newcomer).await, (false, "invalid".to_owned()));
    assert_eq!(events(&world, &newcomer).await, ["credential.failed"]);
    assert!(newcomer.is_logged("credential_deactivated", "twilio").await);

    newcomer.account.set_auth_token(&token);
    world.verify(&newcomer.id).await;
    assert_eq!(state(&newcomer).await, (true, "valid".to_owned()));
    let told = events(&world, &newcomer).await;
    assert_eq!(told, ["credential.failed", "credential.recovered"]);
    assert!(newcomer.is_logged("credential_reactivated", "twilio").await);
}

#[tokio::test]
async fn what_is_not_twilios_own_word_against_credentials_never_marks_them() {
    let world = World::start();
    let hangs = Misbehaviour::Hang(Duration::from_secs(30));
    let limits = Misbehaviour::TooManyRequests {
        retry_after: Some(600),
    };
    for (misbehaviour, status) in [
        (limits, "rate_limited"),
        (Misbehaviour::InternalError, "unreachable"),
        (Misbehaviour::HtmlForbidden, "unreachable"),
        (Misbehaviour::Html(401), "unreachable"),
        (hangs, "unreachable"),
    ] {
        let newcomer = world.harness.connected().await;
        newcomer
            .account
            .misbehave(misbehaviour.clone(), Times::Always);
        for _ in 0..3 {
            let answer = world.verify(&newcomer.id).await;
            let outcome = &answer["integrations"][0]["outcome"];
            assert_eq!(outcome, status, "{misbehaviour:?}");
        }
        assert_eq!(state(&newcomer).await, (true, status.to_owned()));
        assert_eq!(events(&world, &newcomer).await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn who_asks_for_patience_is_asked_again_when_it_is_over() {
    let world = World::start();
    let newcomer = world.harness.connected().await;
    let limits = Misbehaviour::TooManyRequests {
        retry_after: Some(3_000),
    };
    newcomer.account.misbehave(limits, Times::Always);
    let calls = newcomer.account.calls().count();
    let before = Clock::system().now();
    world.verify(&newcomer.id).await;
    // The three calls of a check, none of which is made again.
    assert!(newcomer.account.calls().count() - calls <= 3);
    let due = world.due_of(&newcomer.id).await;
    let [(work, at)] = due.as_slice() else {
        panic!("{due:?}");
    };
    assert_eq!(work, "recheck#twilio");
    assert!(*at >= before + SignedDuration::from_secs(3_000), "{at}");
}

#[tokio::test]
async fn a_refusal_is_looked_at_again_soon_though_another_provider_asks_for_patience() {
    let world = World::start();
    let newcomer = world.harness.connected().await;
    let entry = newcomer.entry(&world.harness, Provider::Resend, "mark");
    let path = crate::client_api::onboarding::path_of(Provider::Resend);
    newcomer.admin.put(&path, &entry).await.document(201);
    let limits = Misbehaviour::TooManyRequests {
        retry_after: Some(3_000),
    };
    let providers = world.harness.stack.providers();
    let key = entry["api_key"].as_str().unwrap();
    providers.misbehave_to(key, limits.clone(), Times::Always);
    newcomer.account.set_auth_token("somebody-made-another");
    // Resend has answered by the time that Twilio does.
    let slow = Misbehaviour::Delay(Duration::from_millis(500));
    newcomer.account.misbehave(slow, Times::Always);
    let before = Clock::system().now();
    world.minute(moment_of(&newcomer.id)).await;
    let due = world.due_of(&newcomer.id).await;
    let at = |work: &str| due.iter().find(|(name, _)| name == work).unwrap().1;
    let quarter = before + SignedDuration::from_mins(15);
    assert!(at("recheck#twilio") < quarter, "{due:?}");
    let patience = before + SignedDuration::from_secs(3_000);
    assert!(at("recheck#resend") >= patience, "{due:?}");
}

#[tokio::test]
async fn a_refusal_that_somebody_finds_by_asking_is_looked_at_again_within_15_minutes() {
    let world = World::start();
    let newcomer = world.harness.connected().await;
    newcomer.account.set_auth_token("somebody-made-another");
    let path = "/api/integrations/twilio/verify";
    let found = newcomer.admin.post(path, &Value::Null).await.document(200);
    assert_eq!(found["outcome"], "invalid");
    let due = world.due_of(&newcomer.id).await;
    let [(work, at)] = due.as_slice() else {
        panic!("{due:?}");
    };
    assert_eq!(work, "recheck#twilio");
    let quarter = Clock::system().now() + SignedDuration::from_mins(15);
    assert!(*at < quarter, "{at}");
}

#[tokio::test]
async fn credentials_of_every_provider_are_verified() {
    let world = World::start();
    let newcomer = world.harness.newcomer().await;
    for provider in Provider::ALL {
        let entry = newcomer.entry(&world.harness, provider, "mark");
        let path = crate::client_api::onboarding::path_of(provider);
        newcomer.admin.put(&path, &entry).await.document(201);
    }
    let answer = world.verify(&newcomer.id).await;
    let verified = answer["integrations"].as_array().unwrap().iter();
    let verified: Vec<(&Value, &Value)> = verified
        .map(|it| (&it["provider"], &it["outcome"]))
        .collect();
    let names = Provider::ALL.map(|provider| Value::from(provider.as_str()));
    let valid = Value::from("valid");
    let expected: Vec<(&Value, &Value)> = names.iter().map(|name| (name, &valid)).collect();
    assert_eq!(verified, expected);
}
