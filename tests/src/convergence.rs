//! Twilio delivers twice, late and in any order. However it does, the same callbacks end in the same state, and on the
//! way there no state ever goes back.

mod histories;
mod model;
mod oddities;
mod read_back;
mod whole;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU32, Ordering};

use jiff::Timestamp;
use local::console::Console;
use local::twilio::{Purpose, Webhook};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use serde_json::{Value, json};
use shared::activity::{Call, Fact, History, Message, Recording, Resource, Route};
use shared::clock::rfc3339;
use shared::sid::AccountSid;
use shared::tenant::{TenantId, TenantScope};
use shared::twilio::Parameters;

use self::histories::{Callback, Step, Story, calls, deliveries, messages, moment};
use self::oddities::oddities;
use crate::harness::{Harness, Tenant};
use crate::properties::check;

/// What is stored of one resource.
#[derive(Debug, Clone, PartialEq)]
struct State {
    /// The state as people read it, without its times.
    derived: Value,
    /// Each fact: its route and its parameters.
    facts: BTreeSet<(String, BTreeMap<String, String>)>,
    created_at: Option<Value>,
    updated_at: Option<Value>,
}

impl State {
    async fn read(console: &Console, scope: &TenantScope, resource: &Resource) -> Self {
        let history = console.activity().history(scope, resource).await.unwrap();
        Self::of(resource, &history)
    }

    fn of(resource: &Resource, history: &History) -> Self {
        let mut derived = match resource {
            Resource::Message(_) => json!(Message::of(history)),
            Resource::Call(_) => json!(Call::of(history)),
            Resource::Recording(_) => json!(Recording::of(history)),
        };
        let mut time = |name| derived.as_object_mut()?.remove(name);
        let (created_at, updated_at) = (time("created_at"), time("updated_at"));
        let facts = history.iter();
        Self {
            derived,
            facts: facts
                .map(|fact| (fact.route.path().to_owned(), fact.parameters.clone()))
                .collect(),
            created_at,
            updated_at,
        }
    }

    /// How far it came, in the coarse order that everybody agrees on. What is not known is at the beginning.
    fn stage(&self, resource: &Resource) -> usize {
        let stages: &[&[&str]] = match resource {
            Resource::Message(_) => &[
                &["sending"],
                &["sent"],
                &[
                    "received",
                    "canceled",
                    "failed",
                    "undelivered",
                    "partially_delivered",
                    "delivered",
                ],
                &["read"],
            ],
            Resource::Call(_) => &[
                &["ringing"],
                &["in-progress"],
                &["canceled", "failed", "no-answer", "busy", "completed"],
            ],
            Resource::Recording(_) => &[&["in-progress"], &["absent", "failed", "completed"]],
        };
        let status = self.derived["status"].as_str().unwrap_or_default();
        let stage = stages.iter().position(|stage| stage.contains(&status));
        stage.map_or(0, |stage| stage + 1)
    }

    /// The state without the SID of the account that it is of, to be compared with another's.
    fn without(&self, account: &AccountSid) -> String {
        format!("{:?} {:?}", self.derived, self.facts).replace(account.as_str(), "AC")
    }
}

/// What a callback leaves that is received in a second.
fn fact(callback: &Callback, second: i64) -> Fact {
    let form = callback.parameters.form_encoded();
    let parameters = Parameters::parse(form.as_bytes()).unwrap();
    Fact::new(callback.route, &parameters, moment(second)).unwrap()
}

/// Delivers callbacks step by step, sees to it that nothing goes back on the way, and gives what is there in the end.
async fn arrive(
    callbacks: &[Callback],
    steps: &[Step],
    console: &Console,
    scope: &TenantScope,
    deliver: impl AsyncFn(&Callback, i64),
) -> Result<BTreeMap<String, State>, TestCaseError> {
    let mut before: BTreeMap<String, State> = BTreeMap::new();
    for step in steps {
        match step.callbacks.as_slice() {
            [one, other] => {
                tokio::join!(
                    deliver(&callbacks[*one], step.received),
                    deliver(&callbacks[*other], step.received)
                );
            }
            one => deliver(&callbacks[one[0]], step.received).await,
        }
        let resources: BTreeMap<_, _> = step
            .callbacks
            .iter()
            .map(|number| fact(&callbacks[*number], 0).resource)
            .map(|resource| (resource.sid().to_owned(), resource))
            .collect();
        for (sid, resource) in resources {
            let state = State::read(console, scope, &resource).await;
            if let Some(before) = before.get(&sid) {
                prop_assert!(
                    before.stage(&resource) <= state.stage(&resource)
                        && before.facts.is_subset(&state.facts),
                    "went back from {before:?} to {state:?}"
                );
                // What was received before, but put aside, makes it older than it was known to be.
                if !before.derived.is_null() {
                    prop_assert!(moment_of(&state.created_at) <= moment_of(&before.created_at));
                    prop_assert!(moment_of(&before.updated_at) <= moment_of(&state.updated_at));
                }
            }
            before.insert(sid, state);
        }
    }
    Ok(before)
}

/// A time of a state.
fn moment_of(time: &Option<Value>) -> Timestamp {
    let time = time.as_ref().and_then(Value::as_str);
    time.unwrap().parse().unwrap()
}

/// When each resource must have been created and updated: the first and the last time that something new was received, in
/// whatever order it was stored.
fn times(callbacks: &[Callback], steps: &[Step]) -> BTreeMap<String, (Value, Value)> {
    let mut known = BTreeSet::new();
    let mut received: BTreeMap<String, Vec<Timestamp>> = BTreeMap::new();
    for step in steps {
        for number in &step.callbacks {
            let fact = fact(&callbacks[*number], step.received);
            let sid = fact.resource.sid().to_owned();
            if known.insert((sid.clone(), fact.id())) {
                received.entry(sid).or_default().push(fact.received_at);
            }
        }
    }
    let received = received.into_iter();
    received
        .map(|(sid, times)| {
            let told = |time: Option<&Timestamp>| json!(time.map(|time| rfc3339(*time)));
            (sid, (told(times.iter().min()), told(times.iter().max())))
        })
        .collect()
}

/// In order for one tenant and as `steps` say for another, straight into the store: the same in the end.
async fn converges_in_the_store(
    callbacks: Vec<Callback>,
    steps: Vec<Step>,
) -> Result<(), TestCaseError> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let console = Harness::shared().await.console();
    let scope = |order| {
        let id: TenantId = format!("converging-{number}-{order}").parse().unwrap();
        console.scope(&id)
    };
    let (ordered, disordered) = (scope("ordered"), scope("disordered"));
    for callback in &callbacks {
        let kept = console.activity().keep(&ordered, &fact(callback, 0)).await;
        kept.unwrap();
    }
    let states = arrive(
        &callbacks,
        &steps,
        &console,
        &disordered,
        async |callback, received| {
            let fact = fact(callback, received);
            console.activity().keep(&disordered, &fact).await.unwrap();
        },
    )
    .await?;

    let times = times(&callbacks, &steps);
    let resources: BTreeMap<_, _> = callbacks
        .iter()
        .map(|callback| fact(callback, 0).resource)
        .map(|resource| (resource.sid().to_owned(), resource))
        .collect();
    for (sid, resource) in &resources {
        let expected = State::read(&console, &ordered, resource).await;
        let state = states[sid].clone();
        prop_assert_eq!(&state.derived, &expected.derived);
        prop_assert_eq!(&state.facts, &expected.facts);
        if !state.derived.is_null() {
            let (created_at, updated_at) = times[sid].clone();
            prop_assert_eq!(state.created_at, Some(created_at));
            prop_assert_eq!(state.updated_at, Some(updated_at));
        }
    }
    Ok(())
}

/// An account for stories that no function hears.
fn nobodys_account() -> AccountSid {
    format!("AC{:032x}", 0).parse().unwrap()
}

/// A story's callbacks, and how they are delivered.
fn told(story: Story) -> impl Strategy<Value = (Vec<Callback>, Vec<Step>)> {
    let callbacks = story.callbacks(&nobodys_account());
    let steps = deliveries(callbacks.len());
    (Just(callbacks), steps)
}

#[test]
fn any_permutation_and_duplication_of_a_calls_callbacks_ends_in_the_same_state() {
    let strategy = calls().prop_flat_map(told);
    check(file!(), 1, &strategy, |(callbacks, steps)| {
        converges_in_the_store(callbacks, steps)
    });
}

#[test]
fn any_permutation_and_duplication_of_a_messages_callbacks_ends_in_the_same_state() {
    let strategy = messages().prop_flat_map(told);
    check(file!(), 1, &strategy, |(callbacks, steps)| {
        converges_in_the_store(callbacks, steps)
    });
}

#[test]
fn even_callbacks_that_contradict_one_another_end_in_the_same_state_in_any_order() {
    let strategy = oddities().prop_flat_map(|callbacks| {
        let steps = deliveries(callbacks.len());
        (Just(callbacks), steps)
    });
    check(file!(), 1, &strategy, |(callbacks, steps)| {
        converges_in_the_store(callbacks, steps)
    });
}

#[test]
fn what_arrives_in_disorder_through_the_functions_ends_in_the_same_state_too() {
    let stories = prop_oneof![2 => calls().boxed(), 1 => messages().boxed()];
    let strategy = stories.prop_flat_map(|story| {
        let callbacks = story.callbacks(&nobodys_account());
        let steps = deliveries(callbacks.len());
        (Just(story), steps)
    });
    check(file!(), 5, &strategy, |(story, steps)| async move {
        let harness = Harness::shared().await;
        let ordered = harness.tenant(json!({})).await;
        let disordered = harness.tenant(json!({})).await;
        let account = |tenant: &Tenant| tenant.sender.account().sid.clone();
        let (first, second) = (account(&ordered), account(&disordered));
        let callbacks = story.callbacks(&first);
        for callback in &callbacks {
            deliver(&ordered, callback).await;
        }
        let scope = disordered.console.scope(&disordered.id);
        let same_callbacks = story.callbacks(&second);
        let states = arrive(
            &same_callbacks,
            &steps,
            &disordered.console,
            &scope,
            async |callback, _| deliver(&disordered, callback).await,
        )
        .await?;
        for callback in &callbacks {
            let resource = fact(callback, 0).resource;
            let in_order = ordered.console.scope(&ordered.id);
            let expected = State::read(&ordered.console, &in_order, &resource).await;
            let state = &states[resource.sid()];
            prop_assert_eq!(state.without(&second), expected.without(&first));
        }
        Ok(())
    });
}

/// Sends a callback to the function of its route, as the tenant's account.
async fn deliver(tenant: &Tenant, callback: &Callback) {
    let (urls, account) = (&tenant.target.urls, &tenant.sender.account().sid);
    let (function, purpose) = match callback.route {
        Route::Sms => (&urls.sms, Purpose::InboundMessage),
        Route::SmsStatus => (&urls.sms, Purpose::MessageStatus),
        Route::Whatsapp => (&urls.whatsapp, Purpose::InboundMessage),
        Route::WhatsappStatus => (&urls.whatsapp, Purpose::MessageStatus),
        Route::Voice => (&urls.voice, Purpose::IncomingCall),
        Route::VoiceDial => (&urls.voice, Purpose::DialAction),
        Route::VoiceStatus => (&urls.voice, Purpose::CallStatus),
        Route::VoiceRecording => (&urls.voice, Purpose::RecordingStatus),
        Route::VoiceVoicemail => (&urls.voice, Purpose::RecordAction),
        Route::VoiceTranscription => (&urls.voice, Purpose::Transcription),
    };
    let path = callback.route.path().trim_start_matches('/');
    let url = format!("{function}{path}?account={account}");
    let webhook = Webhook::new(purpose, url, callback.parameters.clone());
    let exchange = tenant.sender.deliver(&webhook).await;
    assert!(exchange.fault().is_none(), "{exchange:?}");
}
