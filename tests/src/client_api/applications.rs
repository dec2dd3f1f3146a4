//! The TwiML App that tokens need: made once, whoever and however many ask, and whatever fails meanwhile.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use local::double::Misbehaviour;
use local::emulators::faults::{Effect, Matching, Times};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::caller::Answer;
use super::onboarding::Newcomer;
use super::tokens::Opened;
use crate::harness::Harness;

/// How many ask at once.
const CALLERS: usize = 50;

/// What makes an App, and what lists them, as the wire logs name it.
const MAKE: &str = "POST /2010-04-01/Accounts/{AC}/Applications.json";
const LIST: &str = "GET /2010-04-01/Accounts/{AC}/Applications.json";

/// So many users of a tenant who ask for a token at the same moment.
fn all_ask(harness: &'static Harness, newcomer: &Newcomer, callers: usize) -> JoinSet<Answer> {
    let mut asked = JoinSet::new();
    for _ in 0..callers {
        let member = harness.user(&newcomer.id, "member");
        asked.spawn(async move { member.ask_token().await });
    }
    asked
}

/// The one App of an account.
fn only_application(newcomer: &Newcomer) -> Value {
    let applications = newcomer.account.applications();
    let [application] = applications.as_slice() else {
        panic!("one App: {applications:?}")
    };
    application.clone()
}

/// How often Twilio was asked to do something in a tenant's account.
fn count(newcomer: &Newcomer, operation: &str) -> usize {
    newcomer.account.calls().operation(operation).count()
}

/// What the tenant's log says of its Apps, the oldest entry first: who, what, to which App.
async fn log(newcomer: &Newcomer) -> Vec<(String, String, String)> {
    let listed = newcomer.admin.get("/api/audit").await.document(200);
    let entries = listed["items"].as_array().unwrap().iter().rev();
    let entries = entries.map(|entry| {
        let text = |name: &str| entry[name].as_str().unwrap().to_owned();
        (text("actor"), text("action"), text("target"))
    });
    entries
        .filter(|(_, action, _)| action.starts_with("twiml_app"))
        .collect()
}

fn entry(action: &str, sid: &Value) -> (String, String, String) {
    let target = sid.as_str().unwrap().to_owned();
    ("function:token".to_owned(), action.to_owned(), target)
}

/// The Apps that the tokens among the answers name, after it was seen that all others say to try again.
fn applications_of(newcomer: &Newcomer, answers: Vec<Answer>) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    for answer in answers {
        match answer.status {
            200 => {
                let opened = Opened::of(newcomer, &answer.body);
                named.insert(opened.application().to_owned());
            }
            _ => {
                assert_eq!(answer.refusal(), (503, "provider_unavailable"));
                assert!(answer.header("retry-after").is_some());
            }
        }
    }
    named
}

#[tokio::test]
async fn fifty_first_tokens_at_once_make_one_app() {
    let harness = Harness::shared().await;
    let newcomer = harness.connected().await;
    let answers = all_ask(harness, &newcomer, CALLERS).join_all().await;
    let application = only_application(&newcomer);
    for answer in answers {
        let opened = Opened::of(&newcomer, &answer.document(200));
        assert_eq!(application["sid"], opened.application());
    }
    assert_eq!(count(&newcomer, MAKE), 1);
    let created = entry("twiml_app_created", &application["sid"]);
    assert_eq!(log(&newcomer).await, [created]);
    assert!(harness.stack.function("token").unwrap().processes() > 1);
}

#[tokio::test]
async fn fifty_first_tokens_at_a_slow_twilio_make_one_app() {
    let harness = Harness::shared().await;
    let newcomer = harness.connected().await;
    let slow = Misbehaviour::Delay(Duration::from_millis(700));
    newcomer.account.misbehave(slow, Times::Always);
    let answers = all_ask(harness, &newcomer, CALLERS).join_all().await;
    let application = only_application(&newcomer);
    for answer in answers {
        let opened = Opened::of(&newcomer, &answer.document(200));
        assert_eq!(application["sid"], opened.application());
    }
    assert_eq!((count(&newcomer, MAKE), count(&newcomer, LIST)), (1, 2));
}

#[tokio::test]
async fn fifty_first_tokens_make_one_app_whose_making_is_answered_by_nothing_or_an_error() {
    let harness = Harness::shared().await;
    let misbehaviours = [
        Misbehaviour::LoseAnswer,
        Misbehaviour::Close,
        Misbehaviour::InternalError,
        Misbehaviour::Garbled,
        Misbehaviour::TooManyRequests { retry_after: None },
    ];
    // One after the other: who waits for an App that may have been made keeps a process for seconds, and the others wait for it.
    for misbehaviour in misbehaviours {
        let newcomer = harness.connected().await;
        let make = Matching::operations([MAKE]).on(newcomer.account.sid().as_str());
        let faults = harness.stack.twilio().faults();
        faults.inject(make, misbehaviour.clone(), Times::Next(1));
        let answers = all_ask(harness, &newcomer, CALLERS).join_all().await;
        let mut named = applications_of(&newcomer, answers);
        let issued = harness.user(&newcomer.id, "member").take_token().await;
        named.insert(Opened::of(&newcomer, &issued).application().to_owned());
        let application = only_application(&newcomer);
        let expected = BTreeSet::from([application["sid"].as_str().unwrap().to_owned()]);
        assert_eq!(named, expected, "{misbehaviour:?}");
        assert_eq!(log(&newcomer).await.len(), 1, "{misbehaviour:?}");
    }
}

#[tokio::test]
async fn a_process_that_dies_before_it_tells_of_the_app_it_made_leaves_it_to_be_adopted() {
    // A stack of its own: whoever else asks for a token would die with it.
    let harness: &'static Harness = Box::leak(Box::new(Harness::start(|options| {
        options.concurrency = 4;
    })));
    let newcomer = Arc::new(harness.connected().await);
    let dynamodb = harness.stack.emulators().dynamodb();
    let partition = format!("{}#tenant", newcomer.id);
    let keep = Matching::operations(["TransactWriteItems"]).partition(partition.clone());
    let fault = dynamodb.faults().inject(keep, Effect::Hang, Times::Always);
    let mark = dynamodb.wire().mark();
    let mut first = JoinSet::new();
    for _ in 0..4 {
        let member = harness.user(&newcomer.id, "member");
        first.spawn(async move {
            let path = "/api/token";
            let sent = member.send_unjudged(reqwest::Method::POST, path, |request| request);
            sent.await.status
        });
    }
    // One has made it and is about to tell; the others wait for it.
    let at_it = |calls: &local::emulators::wire::Calls| {
        let calls = calls.clone().partition(&partition);
        calls.clone().operation("TransactWriteItems").count() > 0
            && calls.operation("GetItem").count() > 2
    };
    let waited = dynamodb.wire().wait_until(mark, at_it);
    tokio::time::timeout(Duration::from_secs(20), waited)
        .await
        .unwrap();
    harness.stack.function("token").unwrap().kill();
    dynamodb.faults().remove(fault);
    for status in first.join_all().await {
        assert!(matches!(status, 500 | 502 | 503), "{status}");
    }
    let made = only_application(&newcomer);

    // Who comes now waits until the dead one's lease is over, half a minute after it was taken.
    let mark = dynamodb.wire().mark();
    let later = all_ask(harness, &newcomer, CALLERS);
    let looked = dynamodb.wire().wait_until(mark, |calls| {
        calls
            .clone()
            .partition(&partition)
            .operation("GetItem")
            .count()
            > 4
    });
    tokio::time::timeout(Duration::from_secs(20), looked)
        .await
        .unwrap();
    assert_eq!(count(&newcomer, MAKE), 1);
    end_lease(harness, &partition).await;
    for answer in later.join_all().await {
        let opened = Opened::of(&newcomer, &answer.document(200));
        assert_eq!(made["sid"], opened.application());
    }
    assert_eq!(only_application(&newcomer)["sid"], made["sid"]);
    assert_eq!(count(&newcomer, MAKE), 1);
    let adopted = entry("twiml_app_adopted", &made["sid"]);
    assert_eq!(log(&newcomer).await, [adopted]);
}

/// Makes of a lease one that is over by now.
async fn end_lease(harness: &Harness, partition: &str) {
    let text = |value: &str| AttributeValue::S(value.to_owned());
    let now = shared::clock::Clock::system().now().as_millisecond();
    let update = harness.dynamodb().update_item();
    update
        .table_name(harness.variable("TENANTS_TABLE"))
        .key("pk", text(partition))
        .key("sk", text("twiml-app"))
        .update_expression("SET leased_until = :now")
        .condition_expression("leased_until > :now")
        .expression_attribute_values(":now", AttributeValue::N(now.to_string()))
        .send()
        .await
        .unwrap();
}

fn find<'a>(applications: &'a [Value], sid: &str) -> &'a Value {
    let mut applications = applications.iter();
    applications.find(|one| one["sid"] == sid).unwrap()
}

#[tokio::test]
async fn of_several_apps_of_the_name_the_oldest_is_adopted_and_its_urls_are_corrected() {
    let harness = Harness::shared().await;
    let newcomer = harness.connected().await;
    let name = format!("TwiMLApp_Tenant_{}", newcomer.id);
    let add = |name: &str| {
        let url = "https://elsewhere.example.com/voice";
        newcomer.account.add_application(name, url).unwrap()
    };
    // Twilio's filter finds longer names too.
    let longer = add(&format!("{name}0"));
    let mut named = [add(&name), add(&name)];
    let applications = newcomer.account.applications();
    // Made within the same second, most times: then it is the one with the lower SID.
    named.sort_by_key(|sid| {
        let made = find(&applications, sid)["date_created"].as_str().unwrap();
        let made = jiff::fmt::rfc2822::parse(made).unwrap();
        (made.timestamp(), sid.clone())
    });
    let [oldest, newer] = named;
    let issued = harness.user(&newcomer.id, "member").take_token().await;
    assert_eq!(Opened::of(&newcomer, &issued).application(), oldest);
    let applications = newcomer.account.applications();
    let url = &harness.stack.environment()["VOICE_WEBHOOK_URL"];
    let account = newcomer.account.sid();
    assert_eq!(
        find(&applications, &oldest)["voice_url"],
        format!("{url}voice?account={account}#rc=3&rp=5xx,ct,rt")
    );
    assert_eq!(find(&applications, &oldest)["voice_method"], "POST");
    for untouched in [&longer, &newer] {
        assert_eq!(
            find(&applications, untouched)["voice_url"],
            "https://elsewhere.example.com/voice"
        );
    }
    assert_eq!(applications.len(), 3);
    assert_eq!(count(&newcomer, MAKE), 0);
    let adopted = entry("twiml_app_adopted", &json!(oldest));
    assert_eq!(log(&newcomer).await, [adopted]);
}

#[tokio::test]
async fn an_app_that_was_deleted_at_twilio_is_made_again_once_a_health_check_saw_it() {
    let harness = Harness::shared().await;
    let newcomer = harness.connected().await;
    let member = harness.user(&newcomer.id, "member");
    let first = Opened::of(&newcomer, &member.take_token().await);
    let first = first.application().to_owned();
    assert!(newcomer.account.delete_application(&first));
    let health = newcomer.admin.get("/api/health/twilio").await.document(200);
    assert_eq!(health["checks"][1]["status"], "error", "{health}");
    // Of all processes that remember it none names it again.
    let answers = all_ask(harness, &newcomer, 20).join_all().await;
    let application = only_application(&newcomer);
    assert_ne!(application["sid"], first);
    for answer in answers {
        let opened = Opened::of(&newcomer, &answer.document(200));
        assert_eq!(application["sid"], opened.application());
    }
    let sids = [json!(first), application["sid"].clone()];
    let created = sids.map(|sid| entry("twiml_app_created", &sid));
    assert_eq!(log(&newcomer).await, created);
    let health = newcomer.admin.get("/api/health/twilio").await.document(200);
    assert_eq!(health["checks"][1]["status"], "ok", "{health}");
}

#[tokio::test]
async fn another_account_gets_an_app_of_its_own_with_the_next_token() {
    let harness = Harness::shared().await;
    let (mut newcomer, other) = (harness.connected().await, harness.newcomer().await);
    let member = harness.user(&newcomer.id, "member");
    member.take_token().await;
    let before = only_application(&newcomer);
    newcomer.credentials = other.credentials.clone();
    newcomer.store().await.document(200);
    let opened = Opened::of(&newcomer, &member.take_token().await);
    assert_eq!(opened.claims["sub"], other.credentials["account_sid"]);
    let after = only_application(&other);
    assert_eq!(after["sid"], opened.application());
    assert_eq!(
        after["friendly_name"],
        format!("TwiMLApp_Tenant_{}", newcomer.id)
    );
    assert_eq!(only_application(&newcomer), before);
}
