//! What a look at an account finds beside what is set otherwise, and what becomes of what it cannot see.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::SignedDuration;
use local::double::Misbehaviour;
use local::emulators::faults::{Matching, Times};
use serde_json::{Value, json};
use shared::clock::Clock;

use super::World;
use super::drift::{Connected, ELSEWHERE, finding, set_ensured_at};

const APPLICATION: &str = "GET /2010-04-01/Accounts/{AC}/Applications/{AP}.json";
const DELETION: &str = "DELETE /2010-04-01/Accounts/{AC}/Applications/{AP}.json";
const NUMBERS: &str = "GET /2010-04-01/Accounts/{AC}/IncomingPhoneNumbers.json";
const NOTHING: [[String; 4]; 0] = [];

impl Connected {
    /// What its admin is shown of the last look.
    async fn looked(&self) -> Value {
        let shown = self.newcomer.admin.get("/api/integrations/twilio").await;
        shown.document(200)["drift"].clone()
    }
}

/// Has Twilio ask for patience at one operation.
fn limit(world: &World, operation: &str) -> local::emulators::faults::FaultId {
    let matching = Matching::operations([operation]);
    let limits = Misbehaviour::TooManyRequests {
        retry_after: Some(3_000),
    };
    let faults = world.harness.stack.twilio().faults();
    faults.inject(matching, limits, Times::Always)
}

#[tokio::test]
async fn a_number_whose_messages_a_service_takes_elsewhere_or_drops_is_reported() {
    let world = World::start();
    let connected = Connected::of(&world.harness, "repair").await;
    let account = &connected.newcomer.account;
    let number = account
        .numbers()
        .into_iter()
        .find(|it| it["sid"] == connected.number.as_str());
    let here = number.unwrap()["sms_url"].as_str().unwrap().to_owned();
    let service = account.add_messaging_service("theirs", Some(ELSEWHERE));
    account.add_to_messaging_service(&service, &connected.number);
    let overruled = finding("phone_number", &connected.number, "overruled", "reported");
    for (property, value, expected) in [
        ("inbound_request_url", json!(ELSEWHERE), overruled.clone()),
        ("inbound_request_url", Value::Null, overruled),
        ("inbound_request_url", json!(here), Vec::new()),
        (
            "inbound_request_url",
            json!(ELSEWHERE),
            finding("phone_number", &connected.number, "overruled", "reported"),
        ),
        ("use_inbound_webhook_on_number", json!(true), Vec::new()),
    ] {
        account.configure_messaging_service(&service, property, value.clone());
        world.verify(connected.id()).await;
        let found = connected.newcomer.drift().await;
        assert_eq!(found, expected, "{property} {value}");
    }
}

#[tokio::test]
async fn what_could_not_be_looked_at_is_named_and_what_was_found_of_it_before_stays() {
    let world = World::start();
    let connected = Connected::of(&world.harness, "report").await;
    let account = &connected.newcomer.account;
    assert!(account.configure_number(&connected.number, &[("VoiceUrl", ELSEWHERE)]));
    world.verify(connected.id()).await;
    let moved = finding("phone_number", &connected.number, "changed", "reported");
    assert_eq!(connected.newcomer.drift().await, moved);

    let fault = limit(&world, NUMBERS);
    let at = super::moment_of(connected.id());
    let answer = world.minute(at).await;
    assert_eq!(answer["counts"]["unseen"], 1, "{answer}");
    assert_eq!(connected.newcomer.drift().await, moved);
    assert_eq!(connected.looked().await["unseen"], json!(["phone_number"]));

    world.harness.stack.twilio().faults().remove(fault);
    world.verify(connected.id()).await;
    assert_eq!(connected.looked().await["unseen"], Value::Null);
    assert_eq!(connected.newcomer.drift().await, moved);
}

#[tokio::test]
async fn what_the_credentials_may_not_read_is_not_shown_as_right() {
    let world = World::start();
    let connected = Connected::of(&world.harness, "repair").await;
    let matching = Matching::operations([NUMBERS]);
    let faults = world.harness.stack.twilio().faults();
    faults.inject(matching, Misbehaviour::NotFound, Times::Always);
    world.verify(connected.id()).await;
    assert_eq!(connected.newcomer.drift().await, NOTHING);
    assert_eq!(connected.looked().await["unseen"], json!(["phone_number"]));
    // It is so tomorrow too.
    assert_eq!(world.due_of(connected.id()).await, []);
}

#[tokio::test]
async fn an_account_that_asks_for_patience_in_a_look_is_left_until_it_is_over() {
    let world = World::start();
    let connected = Connected::of(&world.harness, "repair").await;
    let account = &connected.newcomer.account;
    assert!(account.delete_application(&connected.app));
    limit(&world, APPLICATION);
    let listed = || account.calls().operation(NUMBERS).count();
    let (before, asked) = (Clock::system().now(), listed());
    world.verify(connected.id()).await;
    assert_eq!(listed(), asked);
    let unseen = json!(["twiml_app", "phone_number"]);
    assert_eq!(connected.looked().await["unseen"], unseen);
    let due = world.due_of(connected.id()).await;
    let [(work, at)] = due.as_slice() else {
        panic!("{due:?}");
    };
    assert_eq!(work, "recheck#twilio");
    assert!(*at >= before + SignedDuration::from_secs(3_000), "{at}");
}

#[tokio::test]
async fn an_app_that_was_found_gone_by_the_health_check_is_still_missed() {
    let world = World::start();
    let connected = Connected::of(&world.harness, "repair").await;
    let account = &connected.newcomer.account;
    assert!(account.delete_application(&connected.app));
    let health = connected.newcomer.admin.get("/api/health/twilio").await;
    health.document(200);
    world.verify(connected.id()).await;
    let expected = finding("twiml_app", &connected.app, "missing", "repaired");
    assert_eq!(connected.newcomer.drift().await, expected);
    assert_eq!(account.applications().len(), 1);
    world.verify(connected.id()).await;
    assert_eq!(connected.newcomer.drift().await, NOTHING);
}

#[tokio::test]
async fn a_number_that_the_account_gave_up_is_reported_once_and_none_of_the_tenants_own() {
    let world = World::start();
    let connected = Connected::of(&world.harness, "repair").await;
    let partition = format!("{}#tenant", connected.id());
    let own = async || {
        let item = world.item(&partition, "own-numbers").await.unwrap();
        let all: &AttributeValue = &item["all"];
        all.as_s().unwrap().contains("+12125550100")
    };
    assert!(own().await);
    connected.newcomer.account.release_number(&connected.number);
    world.verify(connected.id()).await;
    let expected = finding("phone_number", &connected.number, "missing", "reported");
    assert_eq!(connected.newcomer.drift().await, expected);
    assert!(!own().await);
    world.verify(connected.id()).await;
    assert_eq!(connected.newcomer.drift().await, NOTHING);
}

#[tokio::test]
async fn the_log_tells_of_a_deleted_app_once_it_is_deleted_and_never_before() {
    let world = World::start();
    let connected = Connected::of(&world.harness, "repair").await;
    let account = &connected.newcomer.account;
    let other = account.add_application(&connected.name(), ELSEWHERE);
    let other = other.unwrap();
    set_ensured_at(&world, &connected, "2026-03-01T00:00:00Z").await;
    let faults = world.harness.stack.twilio().faults();
    let matching = Matching::operations([DELETION]);
    let fault = faults.inject(matching.clone(), Misbehaviour::InternalError, Times::Always);
    let logged = || connected.newcomer.is_logged("twiml_app_deleted", &other);
    world.verify(connected.id()).await;
    assert_eq!(account.applications().len(), 2);
    assert!(!logged().await);
    faults.remove(fault);

    // Done, and whoever did it did not hear of it.
    let fault = faults.inject(matching, Misbehaviour::LoseAnswer, Times::Always);
    world.verify(connected.id()).await;
    faults.remove(fault);
    world.verify(connected.id()).await;
    assert_eq!(account.applications().len(), 1);
    assert!(logged().await);
}
