//! Whole histories of a tenant: several calls and messages at once, of which some callbacks are lost, some come twice, all in any
//! order and to two functions at a time. What is kept, listed and counted in the end is what the set of those that arrived says.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use serde_json::{Map, Value, json};
use shared::activity::{Fact, History, Resource, ResourceChange};
use shared::contacts::OptOutChange;
use shared::sid::CallSid;
use shared::store::{Interval, Page};
use shared::tenant::TenantScope;

use super::histories::{Callback, calls, messages, opt_outs};
use super::world::World;
use super::{State, fact, model, nobodys_account};
use crate::contacts::batches;
use crate::contacts::in_time;
use crate::properties::check;

/// What happened, and how Twilio and the stream tell of it.
#[derive(Debug, Clone)]
struct Whole {
    /// Everything, in the order of what happened.
    callbacks: Vec<Callback>,
    /// What arrives at which of two functions, in order; four arrive within one second. What is in neither was lost.
    arrivals: Vec<(usize, bool)>,
    /// In which batches each of two consumers is told of the changes, and how often.
    batches: [Vec<Vec<usize>>; 2],
}

/// How often a callback arrives.
fn copies() -> impl Strategy<Value = usize> {
    prop_oneof![1 => Just(0_usize), 4 => Just(1), 2 => Just(2), 1 => Just(3)]
}

fn wholes() -> impl Strategy<Value = Whole> {
    let story = prop_oneof![
        1 => calls().boxed(),
        2 => messages().boxed(),
        2 => opt_outs().boxed(),
    ];
    vec(story, 1..=6).prop_flat_map(|stories| {
        let told = stories
            .iter()
            .map(|story| story.callbacks(&nobodys_account()));
        let callbacks = told.collect::<Vec<_>>().concat();
        let arrivals = vec(copies(), callbacks.len()).prop_map(|copies| {
            let each = copies.into_iter().enumerate();
            each.flat_map(|(number, copies)| std::iter::repeat_n(number, copies))
                .collect::<Vec<_>>()
        });
        let arrivals = arrivals.prop_shuffle().prop_flat_map(|numbers| {
            let functions = vec(any::<bool>(), numbers.len());
            (Just(numbers), functions)
                .prop_map(|(numbers, functions)| numbers.into_iter().zip(functions).collect())
        });
        // As many changes as callbacks arrive at the most; what is lost leaves fewer.
        let changes = callbacks.len();
        let batches = [batches(changes), batches(changes)];
        (Just(callbacks), arrivals, batches).prop_map(|(callbacks, arrivals, batches)| Whole {
            callbacks,
            arrivals,
            batches,
        })
    })
}

impl Whole {
    /// The facts that arrive at one of the functions, in order, by the number of their callback.
    fn at(&self, function: bool) -> impl Iterator<Item = (usize, Fact)> {
        let arrivals = self.arrivals.iter().enumerate();
        let own = arrivals.filter(move |(_, (_, at))| *at == function);
        own.map(|(place, (number, _))| (*number, fact(&self.callbacks[*number], place / 4)))
    }

    /// The numbers of those that arrived at all.
    fn received(&self) -> BTreeSet<usize> {
        self.arrivals.iter().map(|(number, _)| *number).collect()
    }
}

/// Keeps what arrives at one function as a webhook does; gives when each was first received, as far as this one was told.
async fn keep(
    world: &World,
    function: usize,
    scope: &TenantScope,
    facts: impl Iterator<Item = (usize, Fact)>,
) -> Vec<(usize, Fact)> {
    let console = &world.consoles[function];
    let mut kept = Vec::new();
    for (number, mut fact) in facts {
        fact.received_at = console.activity().keep(scope, &fact).await.unwrap();
        if let Some(change) = OptOutChange::of(&fact) {
            let (contacts, address) = (world.contact_items(function), fact.far_end().unwrap());
            contacts
                .keep_opt_out(scope, address, &change)
                .await
                .unwrap();
        }
        kept.push((number, fact));
    }
    kept
}

/// The facts that are kept, each once, by the resource that they are about: in the order of what happened.
fn kept_once(kept: Vec<(usize, Fact)>) -> Result<BTreeMap<String, Vec<Fact>>, TestCaseError> {
    let mut once: BTreeMap<usize, Fact> = BTreeMap::new();
    for (number, fact) in kept {
        let first = once.entry(number).or_insert_with(|| fact.clone());
        // Whoever keeps it again is told the same first moment.
        prop_assert_eq!(&*first, &fact);
    }
    let mut by_resource: BTreeMap<String, Vec<Fact>> = BTreeMap::new();
    for fact in once.into_values() {
        let sid = fact.resource.sid().to_owned();
        by_resource.entry(sid).or_default().push(fact);
    }
    Ok(by_resource)
}

/// What the stream tells: each fact when it was written, as far as seconds tell the order.
fn changes(facts: &BTreeMap<String, Vec<Fact>>) -> Vec<ResourceChange> {
    let of_resource = facts.values().flat_map(|facts| {
        let mut facts = facts.clone();
        facts.sort_by_key(|fact| fact.received_at);
        let until = |count: usize| History::new(facts[..count].iter().cloned());
        let changes = (1..=facts.len()).map(|count| ResourceChange {
            resource: facts[0].resource.clone(),
            before: until(count - 1),
            after: until(count),
        });
        changes.collect::<Vec<_>>()
    });
    of_resource.collect()
}

/// What is to be known of an address: JSON, so that a difference is read at a glance.
#[derive(Debug, Default, PartialEq, Eq)]
struct Known {
    messages: u64,
    last_message: Option<(i64, String)>,
    since: Option<i64>,
    profile_name: Option<String>,
    opted_out_of: BTreeSet<String>,
}

/// What the states and when they were first heard of say of each address.
fn known(states: &BTreeMap<String, (Map<String, Value>, i64)>) -> BTreeMap<String, Known> {
    let mut known: BTreeMap<String, Known> = BTreeMap::new();
    let mut said: BTreeMap<(String, String), (i64, bool, String)> = BTreeMap::new();
    let mut named: BTreeMap<String, (i64, String, String)> = BTreeMap::new();
    for (sid, (state, at)) in states {
        let text = |name: &str| state.get(name).and_then(Value::as_str).map(str::to_owned);
        let is_inbound = text("direction").as_deref() == Some("inbound");
        let is_message = state.contains_key("channel");
        let is_caller = sid.starts_with("CA") && is_inbound;
        let address = if is_message {
            text("contact")
        } else {
            text("from")
        };
        let Some(address) = address.filter(|_| is_message || is_caller) else {
            continue;
        };
        let of_address = known.entry(address.clone()).or_default();
        if is_inbound {
            of_address.since = of_address.since.into_iter().chain([*at]).min();
        }
        if !is_message {
            continue;
        }
        of_address.messages += 1;
        let last = of_address.last_message.take();
        of_address.last_message = last.into_iter().chain([(*at, sid.clone())]).max();
        if let Some(name) = text("profile_name") {
            let newest = named.entry(address.clone()).or_default();
            *newest = newest.clone().max((*at, sid.clone(), name));
        }
        let stops = match text("body").as_deref() {
            Some("STOP") => Some(true),
            Some("start") => Some(false),
            Some("Yes") if text("channel").as_deref() == Some("sms") => Some(false),
            _ => None,
        };
        if let Some(stops) = stops.filter(|_| is_inbound) {
            let last = said.entry((address, text("to").unwrap())).or_default();
            *last = last.clone().max((*at, stops, sid.clone()));
        }
    }
    for ((address, sender), (_, stops, _)) in said {
        if stops {
            let of_address = known.entry(address).or_default();
            of_address.opted_out_of.insert(sender);
        }
    }
    for (address, (_, _, name)) in named {
        known.entry(address).or_default().profile_name = Some(name);
    }
    known
}

async fn is_as_the_set_says(whole: Whole) -> Result<(), TestCaseError> {
    let world = World::get().await;
    let scope = world.tenant().await;
    let (mut kept, other) = tokio::join!(
        keep(world, 0, &scope, whole.at(false)),
        keep(world, 1, &scope, whole.at(true))
    );
    kept.extend(other);
    let facts = kept_once(kept)?;
    let received = whole.received();
    let model = model::replay(received.iter().map(|number| &whole.callbacks[*number]));
    prop_assert!(model.keys().eq(facts.keys()));

    let mut states = BTreeMap::new();
    for (sid, expected) in model {
        let facts = &facts[&sid];
        let resource = &facts[0].resource;
        let activity = world.consoles[0].activity();
        let history = activity.history(&scope, resource).await.unwrap();
        prop_assert_eq!(&history, &History::new(facts.iter().cloned()));
        let state = State::of(resource, &history).derived;
        let compared = model::properties(resource).iter();
        let stored: Map<String, Value> = compared
            .filter_map(|name| Some(((*name).to_owned(), state.get(*name)?.clone())))
            .filter(|(_, value)| *value != json!(""))
            .collect();
        prop_assert_eq!(&stored, &expected);
        let first = facts.iter().map(|fact| fact.received_at).min().unwrap();
        states.insert(sid, (expected, first.as_second()));
    }
    is_listed(world, &scope, &states).await?;

    let changes = changes(&facts);
    let [one, other] = [0, 1].map(|function| {
        let (changes, scope, batches) = (&changes, &scope, &whole.batches[function]);
        async move {
            for batch in batches.iter().filter(|_| !changes.is_empty()) {
                let numbers = batch.iter().map(|number| number % changes.len());
                let batch: Vec<_> = numbers.map(|number| changes[number].clone()).collect();
                // The stream gives a batch again that could not be applied.
                while let Err(error) = world.consumers[function]
                    .apply(scope, &batch, in_time())
                    .await
                {
                    assert!(error.cause.is_unavailable(), "{error}");
                }
            }
        }
    });
    tokio::join!(one, other);
    is_counted(world, &scope, &known(&states)).await
}

/// Everything is in its list, once: calls with their legs and recordings, messages, recordings.
async fn is_listed(
    world: &World,
    scope: &TenantScope,
    states: &BTreeMap<String, (Map<String, Value>, i64)>,
) -> Result<(), TestCaseError> {
    let (listings, all, page) = (&world.listings, Interval::default(), Page::new(100, None));
    let sids = |prefix: &'static [&'static str], of: Option<(&'static str, &str)>| {
        let states = states.iter().filter(move |(sid, (state, _))| {
            let is_kind = prefix.iter().any(|prefix| sid.starts_with(prefix));
            let is_child = state.contains_key("parent_sid");
            is_kind
                && match of {
                    None => !is_child,
                    Some((name, parent)) => state.get(name) == Some(&json!(parent)),
                }
        });
        let mut sids: Vec<String> = states.map(|(sid, _)| sid.clone()).collect();
        sids.sort();
        sids
    };
    let sorted = |mut sids: Vec<String>| {
        sids.sort();
        sids
    };
    let messages = listings.messages(scope, None, all, None, &page).await;
    let listed = messages
        .unwrap()
        .items
        .into_iter()
        .map(|it| it.sid.to_string());
    prop_assert_eq!(sorted(listed.collect()), sids(&["SM", "MM"], None));
    let recordings = listings.recordings(scope, None, all, None, &page).await;
    let listed = recordings
        .unwrap()
        .items
        .into_iter()
        .map(|it| it.sid.to_string());
    prop_assert_eq!(sorted(listed.collect()), sids(&["RE"], None));
    let listed = listings.calls(scope, all, None, &page).await.unwrap().items;
    let calls: Vec<_> = listed
        .into_iter()
        .map(|it| it.call.sid.to_string())
        .collect();
    prop_assert_eq!(sorted(calls.clone()), sids(&["CA"], None));
    for call in calls {
        let sid: CallSid = call.parse().unwrap();
        let (told, legs) = listings.call(scope, &sid).await.unwrap().unwrap();
        let legs = legs.into_iter().map(|leg| leg.call.sid.to_string());
        prop_assert_eq!(
            sorted(legs.collect()),
            sids(&["CA"], Some(("parent_sid", &call)))
        );
        let recordings = told.recordings.into_iter().map(|it| it.sid.to_string());
        prop_assert_eq!(
            sorted(recordings.collect()),
            sids(&["RE"], Some(("call_sid", &call)))
        );
    }
    Ok(())
}

/// Contacts and conversations say what the set says of each address, and there are no others.
async fn is_counted(
    world: &World,
    scope: &TenantScope,
    known: &BTreeMap<String, Known>,
) -> Result<(), TestCaseError> {
    let page = Page::new(100, None);
    let contacts = world.listings.contacts(scope, None, &page).await.unwrap();
    let conversations = world
        .listings
        .conversations(scope, None, &page)
        .await
        .unwrap();
    let listed: BTreeSet<_> = contacts.items.iter().map(|it| it.address.clone()).collect();
    let expected = known.iter().filter(|(_, known)| known.since.is_some());
    prop_assert_eq!(
        listed,
        expected.map(|(address, _)| address.clone()).collect()
    );
    let listed: BTreeMap<_, _> = conversations
        .items
        .iter()
        .map(|it| (it.contact.address.clone(), it.last_message.sid.to_string()))
        .collect();
    let expected = known.iter().filter_map(|(address, known)| {
        let (_, last) = known.last_message.as_ref()?;
        Some((address.clone(), last.clone()))
    });
    prop_assert_eq!(listed, expected.collect());
    for (address, expected) in known {
        let record = world.contact_items(0).read(scope, address).await.unwrap();
        let record = record.unwrap();
        let last = record.last_message.as_ref();
        let seen = Known {
            messages: record.message_count,
            last_message: last.map(|last| (last.at.as_second(), last.sid.to_string())),
            since: record.since.map(|since| since.as_second()),
            opted_out_of: record.opted_out_of().map(str::to_owned).collect(),
            profile_name: record.profile_name,
        };
        prop_assert_eq!(&seen, expected, "{}", address);
    }
    Ok(())
}

#[test]
fn whole_histories_that_arrive_disordered_and_incomplete_at_two_functions_are_what_the_set_says() {
    check(file!(), 1, &wholes(), is_as_the_set_says);
}

#[test]
fn the_resources_of_the_model_are_those_of_the_histories() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut kinds = BTreeSet::new();
    for _ in 0..100 {
        let whole = wholes().new_tree(&mut runner).unwrap().current();
        let received = whole.received();
        let lost = received.len() < whole.callbacks.len();
        let both = whole.at(true).next().is_some() && whole.at(false).next().is_some();
        for number in received {
            kinds.insert(match fact(&whole.callbacks[number], 0).resource {
                Resource::Message(_) => "message",
                Resource::Call(_) => "call",
                Resource::Recording(_) => "recording",
            });
        }
        kinds.extend(lost.then_some("loss"));
        kinds.extend(both.then_some("both functions"));
    }
    let expected = ["both functions", "call", "loss", "message", "recording"];
    assert!(kinds.into_iter().eq(expected));
}
