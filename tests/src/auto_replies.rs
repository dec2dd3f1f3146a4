//! Automatic replies: whom they go to, how often, and that no two robots talk to each other for ever.

use std::time::{Duration, Instant};

use local::emulators::faults::{AwsError, Effect, Matching, Times};
use local::twilio::payload::{InboundMessage, WhatsappContent, WhatsappUser};
use local::twilio::twiml::Verb;
use local::twilio::{Exchange, sign};
use serde_json::json;
use shared::activity::{Resource, Route};
use shared::clock::Clock;
use shared::environment::Environment;
use shared::http::HttpRequest;
use shared::webhook::{BODY_LIMIT, Webhooks};

use crate::conversations::{CONTACT, EMPTY_RESPONSE, answer};
use crate::harness::{Harness, Tenant};

const REPLY: &str = "We are closed";

/// A tenant that answers by itself.
async fn answering(harness: &Harness) -> Tenant {
    harness.tenant(json!({"auto_reply": REPLY})).await
}

impl Tenant {
    /// An SMS from somebody else than usual.
    fn sms_from(&self, from: &str, body: &str) -> InboundMessage {
        InboundMessage {
            from: from.to_owned(),
            ..self.sms(body)
        }
    }
}

/// What the one reply in an answer says, if there is any.
fn reply(exchange: &Exchange) -> Option<String> {
    let (document, _) = exchange.document().expect("a document");
    let mut texts = document.verbs.iter().filter_map(|verb| match verb {
        Verb::Message(message) => Some(message.body.clone()),
        _ => None,
    });
    let first = texts.next();
    assert_eq!(texts.next(), None);
    first
}

/// The SMS function in this process, whose clock is the test's.
struct AtHand<'h> {
    function: Webhooks,
    clock: Clock,
    tenant: &'h Tenant,
}

impl<'h> AtHand<'h> {
    async fn of(harness: &Harness, tenant: &'h Tenant) -> Self {
        let clock = Clock::fixed("2026-03-01T12:00:00Z".parse().unwrap());
        let environment = Environment::of(harness.stack.environment().clone());
        let function = Webhooks::from_environment(&environment, clock.clone()).await;
        Self {
            function: function.unwrap_or_else(|error| panic!("{error}")),
            clock,
            tenant,
        }
    }

    /// Whether a message is answered.
    async fn answers(&self, message: &InboundMessage) -> bool {
        let parameters = message.parameters();
        let host = "sms.example.com";
        let query = format!("account={}", self.tenant.sender.account().sid);
        let url = format!("https://{host}/sms?{query}");
        let event = json!({
            "rawPath": "/sms", "rawQueryString": query,
            "headers": {
                "content-type": "application/x-www-form-urlencoded", "host": host,
                "x-twilio-signature": sign(self.tenant.token(), &url, &parameters),
            },
            "requestContext": {"domainName": host, "http": {"method": "POST"}},
            "body": parameters.form_encoded(),
        });
        let request = HttpRequest::from_event(&event.to_string(), BODY_LIMIT).unwrap();
        let answer = self.function.receive_message(&request, Route::Sms).await;
        answer.reply().body().contains(REPLY)
    }
}

#[tokio::test]
async fn a_contact_is_answered_once_an_hour_and_the_same_words_once_a_day() {
    const HOUR: i64 = 60 * 60;
    let harness = Harness::shared().await;
    let tenant = answering(harness).await;
    let function = AtHand::of(harness, &tenant).await;
    let hello = || tenant.sms("Hello");
    assert!(function.answers(&hello()).await);
    assert!(!function.answers(&tenant.sms("Anybody there?")).await);
    function.clock.advance(HOUR - 1);
    assert!(!function.answers(&tenant.sms("Nobody there?")).await);
    function.clock.advance(1);
    assert!(!function.answers(&tenant.sms(" Hello ")).await);
    assert!(function.answers(&tenant.sms("Good bye")).await);
    function.clock.advance(24 * HOUR - 1);
    assert!(!function.answers(&tenant.sms("Good bye")).await);
    function.clock.advance(1);
    assert!(function.answers(&tenant.sms("Good bye")).await);
}

#[tokio::test]
async fn each_contact_and_each_sender_has_a_turn_of_its_own() {
    let harness = Harness::shared().await;
    let tenant = answering(harness).await;
    let service = tenant.sender.sids().sid("MG").parse().unwrap();
    let to_service = InboundMessage {
        messaging_service: Some(service),
        ..tenant.sms("Hello")
    };
    let other = tenant.sms_from("+15005550011", "Hello");
    for message in [tenant.sms("Hello"), to_service, other] {
        let first = tenant.receive_sms(&message).await;
        assert_eq!(reply(&first).as_deref(), Some(REPLY));
    }
    let again = tenant.receive_sms(&tenant.sms("Hello?")).await;
    assert_eq!(answer(&again).2, EMPTY_RESPONSE);
}

#[tokio::test]
async fn a_delivery_that_is_repeated_gets_the_reply_again_and_another_message_does_not() {
    let harness = Harness::shared().await;
    let tenant = answering(harness).await;
    let message = tenant.sms("Hello");
    for _ in 0..3 {
        let exchange = tenant.receive_sms(&message).await;
        assert_eq!(reply(&exchange).as_deref(), Some(REPLY));
    }
    let other = tenant.receive_sms(&tenant.sms("Hello?")).await;
    assert_eq!(reply(&other), None);
}

#[tokio::test]
async fn of_messages_that_arrive_at_once_one_is_answered() {
    let harness = Harness::shared().await;
    let tenant = answering(harness).await;
    let messages = [tenant.sms("1"), tenant.sms("2"), tenant.sms("3")];
    let [one, two, three] = &messages;
    let exchanges = tokio::join!(
        tenant.receive_sms(one),
        tenant.receive_sms(two),
        tenant.receive_sms(three)
    );
    let exchanges = [exchanges.0, exchanges.1, exchanges.2];
    assert_eq!(exchanges.iter().filter_map(reply).count(), 1);
}

#[tokio::test]
async fn two_robots_that_answer_each_other_stop_after_one_exchange() {
    let harness = Harness::shared().await;
    let robots = [
        harness.tenant(json!({"auto_reply": "I am away"})).await,
        harness.tenant(json!({"auto_reply": "We are closed"})).await,
    ];
    let number = |robot: usize| robots[robot % 2].target.phone_number.clone();
    // The first hears something from the second's number; each answer is then what the other hears.
    let mut said = vec!["Hello".to_owned()];
    let mut turn = 0;
    loop {
        assert!(turn < 10, "they go on and on: {said:?}");
        let message = robots[turn % 2].sms_from(&number(turn + 1), said.last().unwrap());
        let exchange = robots[turn % 2].receive_sms(&message).await;
        let Some(text) = reply(&exchange) else { break };
        said.push(text);
        turn += 1;
    }
    assert_eq!(said, ["Hello", "I am away", "We are closed"]);
}

#[tokio::test]
async fn what_only_repeats_the_reply_is_not_answered() {
    let harness = Harness::shared().await;
    let tenant = answering(harness).await;
    let echo = tenant.receive_sms(&tenant.sms(" We are closed\n")).await;
    assert_eq!(reply(&echo), None);
}

#[tokio::test]
async fn a_tenant_does_not_answer_its_own_numbers() {
    let harness = Harness::shared().await;
    let mut document = Harness::document(json!({
        "auto_reply": REPLY, "default_sender": "+15005550077",
    }));
    let whatsapp = document["twilio"]["whatsapp_sender"].clone();
    document["twilio"]["messaging_service_sid"] = json!(format!("MG{:032x}", 7));
    let tenant = harness.store(document).await;
    let number = tenant.target.phone_number.clone();
    for own in [number.as_str(), "+15005550077", whatsapp.as_str().unwrap()] {
        let exchange = tenant.receive_sms(&tenant.sms_from(own, "Hello")).await;
        assert_eq!(reply(&exchange), None, "{own}");
    }
    let from = WhatsappUser::Number(number);
    let content = WhatsappContent::Text("Hello".to_owned());
    let message = tenant.whatsapp_from(from, content);
    assert_eq!(reply(&tenant.receive_whatsapp(&message).await), None);
    // A number that nobody knows as its own is still its own when it is written to.
    let mut strange = tenant.sms_from("+15005550088", "Hello");
    strange.to = "+15005550088".to_owned();
    assert_eq!(reply(&tenant.receive_sms(&strange).await), None);
}

#[tokio::test]
async fn without_a_turn_that_is_certain_the_message_is_kept_and_not_answered() {
    let harness = Harness::start(|options| {
        options.concurrency = 1;
        // The publisher would put aside what it cannot keep of the contact.
        options.feeds_streams = false;
    });
    let tenant = answering(&harness).await;
    // Now the function knows the tenant.
    let other = tenant.sms_from("+15005550011", "Hello");
    assert_eq!(reply(&tenant.receive_sms(&other).await), Some(REPLY.into()));
    let faults = harness.stack.emulators().dynamodb().faults();
    let effects = [
        Effect::Refuse(AwsError::access_denied()),
        Effect::Refuse(AwsError::throughput_exceeded()),
        Effect::Drop,
        Effect::Hang,
    ];
    for effect in effects {
        let writes = Matching::writes().partition(format!("{}#contact#", tenant.id));
        let fault = faults.inject(writes, effect.clone(), Times::Always);
        let message = tenant.sms("Hello");
        let begun = Instant::now();
        let exchange = tenant.receive_sms(&message).await;
        let took = begun.elapsed();
        faults.remove(fault);
        assert_eq!(answer(&exchange).2, EMPTY_RESPONSE, "{effect:?}");
        // Twilio hears from us within a second, and a busy machine is given another.
        assert!(took < Duration::from_secs(2), "{effect:?}: {took:?}");
        let facts = tenant.facts(Resource::Message(message.sid)).await;
        assert_eq!(facts.len(), 1, "{effect:?}");
    }
    let sqs = harness.stack.emulators().sqs().wire();
    assert_eq!(sqs.count("SendMessage"), 0, "nothing is put aside");
}

#[tokio::test]
async fn whose_name_is_longer_than_a_key_is_answered_once_like_everybody() {
    let harness = Harness::shared().await;
    let tenant = answering(harness).await;
    let long = format!("sip:{}@example.com", "x".repeat(3_000));
    let first = tenant.receive_sms(&tenant.sms_from(&long, "Hello")).await;
    let second = tenant.receive_sms(&tenant.sms_from(&long, "Hi")).await;
    assert_eq!((reply(&first).is_some(), reply(&second)), (true, None));
    let usual = tenant.receive_sms(&tenant.sms_from(CONTACT, "Hello")).await;
    assert!(reply(&usual).is_some());
}
