//! Whole histories of a tenant: several calls and messages at once, of which some callbacks are lost, some come twice, some are put
//! aside and stored late, all in any order and by two functions at a time. What is kept, listed and counted in the end is what
//! the set of those that arrived says.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use serde_json::{Map, Value, json};
use shared::activity::{Fact, History, Resource};
use shared::clock::rfc3339;
use shared::contacts::OptOutChange;
use shared::tenant::TenantScope;

use super::histories::{Callback, calls, in_any_order, messages, opt_outs, put_aside_for};
use super::read_back::{Told, is_counted, is_listed};
use super::world::World;
use super::{State, fact, model, nobodys_account};
use crate::contacts::{batches, in_time};
use crate::properties::check;

/// One callback that is stored.
#[derive(Debug, Clone)]
struct Arrival {
    /// Its number.
    callback: usize,
    /// By which of two functions: 0 or 1.
    function: usize,
    /// The second in which it was received. Four are stored within one; what was put aside was received before that.
    received: i64,
}

/// What happened, and how Twilio and the stream tell of it.
#[derive(Debug, Clone)]
struct Whole {
    /// Everything, in the order of what happened.
    callbacks: Vec<Callback>,
    /// What is stored, in order. What is not among it was lost.
    arrivals: Vec<Arrival>,
    /// In which batches each of two consumers is told of the changes, and how often.
    batches: [Vec<Vec<usize>>; 2],
}

/// How often a callback arrives.
fn copies() -> impl Strategy<Value = usize> {
    prop_oneof![1 => Just(0_usize), 4 => Just(1), 2 => Just(2), 1 => Just(3)]
}

/// Some of so many callbacks, in any order.
fn arrivals(callbacks: usize) -> impl Strategy<Value = Vec<Arrival>> {
    in_any_order(callbacks, copies()).prop_flat_map(|numbers| {
        let drawn = vec((0..2_usize, put_aside_for()), numbers.len());
        (Just(numbers), drawn).prop_map(|(numbers, drawn)| {
            let arrivals = (0..).zip(numbers).zip(drawn);
            let arrivals = arrivals.map(|((place, callback), (function, delay))| Arrival {
                callback,
                function,
                received: place / 4 - delay,
            });
            arrivals.collect()
        })
    })
}

fn wholes() -> impl Strategy<Value = Whole> {
    let story = prop_oneof![
        1 => calls().boxed(),
        2 => messages().boxed(),
        2 => opt_outs().boxed(),
    ];
    vec(story, 1..=5).prop_flat_map(|stories| {
        let told = stories
            .iter()
            .map(|story| story.callbacks(&nobodys_account()));
        let callbacks = told.collect::<Vec<_>>().concat();
        // As many changes as callbacks at the most; what is lost leaves fewer.
        let changes = callbacks.len();
        let batches = [batches(changes), batches(changes)];
        (Just(callbacks), arrivals(changes), batches).prop_map(|(callbacks, arrivals, batches)| {
            Whole {
                callbacks,
                arrivals,
                batches,
            }
        })
    })
}

impl Whole {
    /// The facts that one of the functions stores, in order, by the number of their callback.
    fn at(&self, function: usize) -> impl Iterator<Item = (usize, Fact)> {
        let own = self.arrivals.iter();
        let own = own.filter(move |arrival| arrival.function == function);
        own.map(|arrival| {
            let number = arrival.callback;
            (number, fact(&self.callbacks[number], arrival.received))
        })
    }

    /// The numbers of those that arrived at all.
    fn received(&self) -> BTreeSet<usize> {
        let arrivals = self.arrivals.iter();
        arrivals.map(|arrival| arrival.callback).collect()
    }

    /// Whether one is stored after what was received later.
    fn is_put_aside(&self) -> bool {
        !self.arrivals.is_sorted_by_key(|arrival| arrival.received)
    }
}

/// Keeps what arrives at one function as a webhook does; gives when each that is kept was received, as this one was told.
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
        // Whoever keeps it again is told the same moment.
        prop_assert_eq!(&*first, &fact);
    }
    let mut by_resource: BTreeMap<String, Vec<Fact>> = BTreeMap::new();
    for fact in once.into_values() {
        let sid = fact.resource.sid().to_owned();
        by_resource.entry(sid).or_default().push(fact);
    }
    Ok(by_resource)
}

async fn is_as_the_set_says(whole: Whole) -> Result<(), TestCaseError> {
    let world = World::get().await;
    let scope = world.tenant().await;
    let mark = world.stream.last().await.unwrap();
    let (mut kept, other) = tokio::join!(
        keep(world, 0, &scope, whole.at(0)),
        keep(world, 1, &scope, whole.at(1))
    );
    kept.extend(other);
    let facts = kept_once(kept)?;
    let received = whole.received();
    let model = model::replay(received.iter().map(|number| &whole.callbacks[*number]));
    prop_assert!(model.keys().eq(facts.keys()));
    let changes = world.changes(&scope, mark).await;
    // Each fact was written once.
    prop_assert_eq!(changes.len(), facts.values().flatten().count());

    let mut states = BTreeMap::new();
    for (sid, state) in model {
        let facts = &facts[&sid];
        let resource = &facts[0].resource;
        is_kept(world, &scope, facts, &state).await?;
        let first = changes.iter().find(|change| change.resource == *resource);
        let stored = first.unwrap().after.iter().next().unwrap().received_at;
        let told = Told {
            state,
            placed_at: stored.as_second(),
        };
        states.insert(sid, told);
    }
    is_listed(world, &scope, &states).await?;

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
    is_counted(world, &scope, &states).await
}

/// What is stored of a resource are these facts, and what they say is what the model says.
async fn is_kept(
    world: &World,
    scope: &TenantScope,
    facts: &[Fact],
    expected: &Map<String, Value>,
) -> Result<(), TestCaseError> {
    let resource = &facts[0].resource;
    let activity = world.consoles[0].activity();
    let history = activity.history(scope, resource).await.unwrap();
    prop_assert_eq!(&history, &History::new(facts.iter().cloned()));
    let state = State::of(resource, &history);
    let compared = model::properties(resource).iter();
    let stored: Map<String, Value> = compared
        .filter_map(|name| Some(((*name).to_owned(), state.derived.get(*name)?.clone())))
        .filter(|(_, value)| *value != json!(""))
        .collect();
    prop_assert_eq!(&stored, expected);
    let received = facts.iter().map(|fact| fact.received_at);
    let (first, last) = (received.clone().min(), received.max());
    prop_assert_eq!(state.created_at, Some(json!(first.map(rfc3339))));
    prop_assert_eq!(state.updated_at, Some(json!(last.map(rfc3339))));
    Ok(())
}

#[test]
fn whole_histories_that_two_functions_store_incomplete_late_and_disordered_are_what_the_set_says() {
    check(file!(), 1, &wholes(), is_as_the_set_says);
}

#[test]
fn the_histories_that_are_drawn_have_every_kind_some_loss_and_both_functions() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut kinds = BTreeSet::new();
    for _ in 0..100 {
        let whole = wholes().new_tree(&mut runner).unwrap().current();
        let received = whole.received();
        let lost = received.len() < whole.callbacks.len();
        let both = [0, 1].map(|function| whole.at(function).next().is_some()) == [true; 2];
        for number in received {
            kinds.insert(match fact(&whole.callbacks[number], 0).resource {
                Resource::Message(_) => "message",
                Resource::Call(_) => "call",
                Resource::Recording(_) => "recording",
            });
        }
        kinds.extend(lost.then_some("loss"));
        kinds.extend(whole.is_put_aside().then_some("put aside"));
        kinds.extend(both.then_some("both functions"));
    }
    let expected = [
        "both functions",
        "call",
        "loss",
        "message",
        "put aside",
        "recording",
    ];
    assert!(kinds.into_iter().eq(expected));
}
