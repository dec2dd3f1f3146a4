//! Functions that are killed at each step of a webhook. Twilio tries again, and afterwards everything is there once: the fact, the
//! contact, the answer.

use std::time::Duration;

use local::emulators::faults::{Effect, Matching, Times};
use local::lambda::{Function, Moment};
use local::twilio::payload::{CallLeg, CallStatus, Channel, MessageStatusCallback};
use local::twilio::twiml::Verb;
use local::twilio::{AttemptOutcome, Exchange, Purpose, Webhook};
use serde_json::json;
use shared::activity::{Resource, Route};
use shared::clock::Clock;
use shared::store::{ContactItems, ContactRecord};

use crate::harness::{Harness, Tenant};
use crate::traffic::{binary, facts, url, with_retries};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

const REPLY: &str = "We are closed";

/// Where in a webhook its function dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Before it has read anything.
    Delivery,
    /// When the fact is on its way to the store, which never sees it.
    BeforeTheWrite,
    /// When the fact is stored, before the store has said so.
    AfterTheWrite,
    /// When the fact is kept and the turn to answer is on its way to the store, which never sees it.
    BeforeTheTurn,
    /// When the turn to answer is stored, before the store has said so.
    AfterTheTurn,
    /// When it has everything but its answer out.
    Answer,
}

impl Step {
    const OF_ALL: [Self; 4] = [
        Self::Delivery,
        Self::BeforeTheWrite,
        Self::AfterTheWrite,
        Self::Answer,
    ];
}

/// A webhook about something new, with somebody new.
struct Happening {
    webhook: Webhook,
    resource: Resource,
    address: String,
}

/// A stack of its own with one process a function, whose publisher keeps contacts, and one tenant.
struct Killing {
    harness: Harness,
    tenant: Tenant,
    contacts: ContactItems,
    addresses: std::cell::Cell<u32>,
}

impl Killing {
    async fn start() -> Self {
        let harness = Harness::start(|options| {
            options.concurrency = 1;
            options.redelivery_seconds = Some(1);
        });
        let table = harness.variable("ACTIVITY_TABLE").to_owned();
        Self {
            tenant: harness.tenant(json!({"auto_reply": REPLY})).await,
            contacts: ContactItems::new(harness.dynamodb(), table, 0),
            addresses: std::cell::Cell::new(0),
            harness,
        }
    }

    fn function(&self, route: Route) -> Function {
        self.harness.stack.function(binary(route)).unwrap().clone()
    }

    fn happening(&self, route: Route) -> Happening {
        self.addresses.set(self.addresses.get() + 1);
        let address = format!("+1646555{:04}", self.addresses.get());
        let tenant = &self.tenant;
        let (sids, account) = (tenant.sender.sids(), tenant.sender.account().sid.clone());
        let number = &tenant.target.phone_number;
        let (purpose, resource, parameters) = match route {
            Route::Voice => {
                let leg = CallLeg::inbound(account, sids.call(), &address, number);
                let parameters = leg.parameters(CallStatus::Ringing);
                (Purpose::IncomingCall, Resource::Call(leg.sid), parameters)
            }
            Route::Sms => {
                let mut message = tenant.sms("Hello");
                message.from.clone_from(&address);
                let parameters = message.parameters();
                let resource = Resource::Message(message.sid);
                (Purpose::InboundMessage, resource, parameters)
            }
            Route::SmsStatus => {
                let (sid, now) = (sids.message(false), Clock::system().now());
                let (channel, status) = (Channel::Sms, "delivered");
                let status = MessageStatusCallback::new(
                    account,
                    sid.clone(),
                    channel,
                    number,
                    &address,
                    status,
                );
                let parameters = status.parameters(now);
                (Purpose::MessageStatus, Resource::Message(sid), parameters)
            }
            other => panic!("no test is about {other:?}"),
        };
        Happening {
            webhook: Webhook::new(purpose, url(tenant, route), parameters),
            resource,
            address,
        }
    }

    /// Delivers what nothing stands against.
    async fn is_taken(&self, happening: &Happening) {
        let webhook = with_retries(happening.webhook.clone());
        let exchange = self.tenant.sender.deliver(&webhook).await;
        assert!(exchange.fault().is_none(), "{exchange:?}");
    }

    /// Lets the function of a route have its next webhook, and kills it on the way.
    async fn killed_at(&self, step: Step, route: Route, webhook: &Webhook) -> Exchange {
        let function = self.function(route);
        let moment = match step {
            Step::Delivery => Some(Moment::Delivery),
            Step::Answer => Some(Moment::Answer),
            _ => None,
        };
        if let Some(moment) = moment {
            function.kill_next_at(moment);
            return self.tenant.sender.deliver(webhook).await;
        }
        let is_of_contact = matches!(step, Step::BeforeTheTurn | Step::AfterTheTurn);
        let is_written = matches!(step, Step::AfterTheWrite | Step::AfterTheTurn);
        let kinds: &[&str] = if is_of_contact {
            &["contact"]
        } else {
            &["message", "call"]
        };
        let dynamodb = self.harness.stack.emulators().dynamodb();
        let mark = dynamodb.wire().mark();
        let mut hanging = Vec::new();
        for kind in kinds {
            // The publisher's writes are transactions.
            let prefix = format!("{}{kind}#", self.tenant.partition());
            let writes = || Matching::operations(["UpdateItem"]).partition(prefix.clone());
            if is_written {
                let lost = Effect::LoseAnswer;
                hanging.push(dynamodb.faults().inject(writes(), lost, Times::Next(1)));
            }
            hanging.push(
                dynamodb
                    .faults()
                    .inject(writes(), Effect::Hang, Times::Next(1)),
            );
        }
        let killed = async {
            let arrived = dynamodb.wire().wait_until(mark, |calls| {
                let own = |kind: &&str| {
                    let prefix = format!("{}{kind}#", self.tenant.partition());
                    let calls = calls.clone().operation("UpdateItem").partition(&prefix);
                    calls.count() > usize::from(is_written)
                };
                kinds.iter().any(own)
            });
            let arrived = tokio::time::timeout(PATIENCE, arrived).await;
            arrived.expect("the function writes");
            function.kill();
            for fault in hanging {
                dynamodb.faults().remove(fault);
            }
        };
        tokio::join!(self.tenant.sender.deliver(webhook), killed).0
    }

    /// What is known of an address.
    async fn contact(&self, address: &str) -> ContactRecord {
        let scope = self.tenant.console.scope(&self.tenant.id);
        let read = self.contacts.read(&scope, address).await.unwrap();
        read.unwrap_or_else(|| panic!("nothing is known of {address}"))
    }

    /// Everything is there once after a function was killed at each of these steps, and Twilio tried again.
    async fn is_there_once(route: Route, steps: &[Step]) {
        let killing = Self::start().await;
        let first = killing.happening(route);
        killing.is_taken(&first).await;
        let mut happened = Vec::new();
        for step in steps {
            let happening = killing.happening(route);
            let webhook = with_retries(happening.webhook.clone());
            let exchange = killing.killed_at(*step, route, &webhook).await;

            assert!(exchange.fault().is_none(), "{step:?}: {exchange:?}");
            let first = exchange.attempts[0].outcome;
            assert_eq!(first, AttemptOutcome::Answered(502), "{step:?}");
            assert!(exchange.attempts.len() > 1, "{step:?}");
            is_answered(route, *step, &exchange);
            happened.push(happening);
        }
        killing.harness.drained("DeferredQueue").await;
        killing.harness.published().await;
        killing.harness.drained("UndeliveredEventsQueue").await;

        for (step, happening) in steps.iter().zip(happened) {
            let kept = facts(&killing.tenant, &happening.resource).await;
            assert_eq!(kept, 1, "{step:?}");
            let contact = killing.contact(&happening.address).await;
            let messages = u64::from(route != Route::Voice);
            assert_eq!(contact.message_count, messages, "{step:?}");
            assert_eq!(
                contact.since.is_some(),
                route != Route::SmsStatus,
                "{step:?}"
            );
        }
    }
}

/// Whoever called or wrote got what everybody gets.
fn is_answered(route: Route, step: Step, exchange: &Exchange) {
    let Some((document, _)) = exchange.document() else {
        assert_eq!((route, exchange.status()), (Route::SmsStatus, Some(204)));
        return;
    };
    let verbs = &document.verbs;
    let is_usual = match route {
        Route::Voice => verbs.iter().any(|verb| matches!(verb, Verb::Record(_))),
        _ => matches!(verbs.as_slice(), [Verb::Message(message)] if message.body == REPLY),
    };
    assert!(is_usual, "{step:?}: {verbs:?}");
}

#[tokio::test]
async fn a_message_whose_function_is_killed_at_any_step_is_kept_counted_and_answered_once() {
    let steps = [
        Step::Delivery,
        Step::BeforeTheWrite,
        Step::AfterTheWrite,
        Step::BeforeTheTurn,
        Step::AfterTheTurn,
        Step::Answer,
    ];
    Killing::is_there_once(Route::Sms, &steps).await;
}

#[tokio::test]
async fn a_call_whose_function_is_killed_at_any_step_is_kept_once_and_taken() {
    Killing::is_there_once(Route::Voice, &Step::OF_ALL).await;
}

#[tokio::test]
async fn a_status_whose_function_is_killed_at_any_step_is_kept_and_counted_once() {
    Killing::is_there_once(Route::SmsStatus, &Step::OF_ALL).await;
}

#[tokio::test]
async fn a_call_without_retries_whose_function_is_killed_hears_the_fallback_and_is_kept_at_most_once()
 {
    let killing = Killing::start().await;
    for step in Step::OF_ALL {
        let mut happening = killing.happening(Route::Voice);
        let fallback = killing.tenant.target.voice_fallback_url();
        happening.webhook.fallback_url = Some(fallback.clone());
        let webhook = &happening.webhook;
        let exchange = killing.killed_at(step, Route::Voice, webhook).await;

        let (document, from) = exchange.document().expect("a document");
        assert!(exchange.fault().is_some(), "{step:?}");
        assert_eq!(from, fallback, "{step:?}");
        let says = document
            .verbs
            .iter()
            .any(|verb| matches!(verb, Verb::Say(_)));
        assert!(says, "{step:?}: {:?}", document.verbs);
        let is_kept = matches!(step, Step::AfterTheWrite | Step::Answer);
        let kept = facts(&killing.tenant, &happening.resource).await;
        assert_eq!(kept, usize::from(is_kept), "{step:?}");
    }
}
