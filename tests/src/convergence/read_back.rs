//! What is listed and counted in the end, held against what the model says of each resource.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use serde_json::{Map, Value};
use shared::sid::CallSid;
use shared::store::{Interval, Listed, Page};
use shared::tenant::TenantScope;

use super::world::World;

/// What the set of callbacks tells of a resource.
#[derive(Debug)]
pub(super) struct Told {
    /// Its state by the model.
    pub(super) state: Map<String, Value>,
    /// The second in which its first fact to be *stored* was received: that is its place in the lists, for good.
    pub(super) placed_at: i64,
}

impl Told {
    fn text(&self, name: &str) -> Option<String> {
        self.state
            .get(name)
            .and_then(Value::as_str)
            .map(str::to_owned)
    }
}

/// The SIDs of those that are wanted, as lists have them: newest first.
fn newest_first(
    states: &BTreeMap<String, Told>,
    is_wanted: impl Fn(&str, &Told) -> bool,
) -> Vec<String> {
    let wanted = states.iter().filter(|(sid, told)| is_wanted(sid, told));
    let mut places: Vec<_> = wanted.map(|(sid, told)| (told.placed_at, sid)).collect();
    places.sort();
    places
        .into_iter()
        .rev()
        .map(|(_, sid)| sid.clone())
        .collect()
}

/// What is to be known of an address, all in one, so that a difference is seen beside what agrees.
#[derive(Debug, Default, PartialEq, Eq)]
struct Known {
    messages: u64,
    last_message: Option<(i64, String)>,
    since: Option<i64>,
    profile_name: Option<String>,
    opted_out_of: BTreeSet<String>,
}

/// What the states and their places in time say of each address.
fn known(states: &BTreeMap<String, Told>) -> BTreeMap<String, Known> {
    let mut known: BTreeMap<String, Known> = BTreeMap::new();
    let mut said: BTreeMap<(String, String), (i64, bool, String)> = BTreeMap::new();
    let mut named: BTreeMap<String, (i64, String, String)> = BTreeMap::new();
    for (sid, told) in states {
        let (text, at) = (|name: &str| told.text(name), told.placed_at);
        let is_inbound = text("direction").as_deref() == Some("inbound");
        let is_message = text("channel").is_some();
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
            of_address.since = of_address.since.into_iter().chain([at]).min();
        }
        if !is_message {
            continue;
        }
        of_address.messages += 1;
        let last = of_address.last_message.take();
        of_address.last_message = last.into_iter().chain([(at, sid.clone())]).max();
        if let Some(name) = text("profile_name") {
            let newest = named.entry(address.clone()).or_default();
            *newest = newest.clone().max((at, sid.clone(), name));
        }
        let stops = match text("body").as_deref() {
            Some("STOP") => Some(true),
            Some("start") => Some(false),
            Some("Yes") if text("channel").as_deref() == Some("sms") => Some(false),
            _ => None,
        };
        if let Some(stops) = stops.filter(|_| is_inbound) {
            let last = said.entry((address, text("to").unwrap())).or_default();
            *last = last.clone().max((at, stops, sid.clone()));
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

/// The SIDs of a page, in order.
fn sids<T>(listed: Listed<T>, sid: impl Fn(T) -> String) -> Vec<String> {
    listed.items.into_iter().map(sid).collect()
}

/// Everything is in its lists, once and in its place: messages, also those of each conversation; recordings; calls, with
/// their legs and recordings.
pub(super) async fn is_listed(
    world: &World,
    scope: &TenantScope,
    states: &BTreeMap<String, Told>,
) -> Result<(), TestCaseError> {
    let (listings, all, page) = (&world.listings, Interval::default(), Page::new(100, None));
    let is_message = |told: &Told| told.text("channel").is_some();
    let contacts = states.values().filter(|told| is_message(told));
    let contacts: BTreeSet<_> = contacts.map(|told| told.text("contact")).collect();
    for contact in contacts.into_iter().chain([None]) {
        let of_contact = contact.as_deref();
        let listed = listings.messages(scope, of_contact, all, None, &page).await;
        let listed = sids(listed.unwrap(), |message| message.sid.to_string());
        let expected = newest_first(states, |_, told| {
            is_message(told) && (contact.is_none() || told.text("contact") == contact)
        });
        prop_assert_eq!(listed, expected, "{:?}", contact);
    }
    let listed = listings.recordings(scope, None, all, None, &page).await;
    let listed = sids(listed.unwrap(), |recording| recording.sid.to_string());
    let expected = newest_first(states, |sid, _| sid.starts_with("RE"));
    prop_assert_eq!(listed, expected);

    let listed = listings.calls(scope, all, None, &page).await.unwrap();
    let calls = sids(listed, |listed| listed.call.sid.to_string());
    let expected = newest_first(states, |sid, told| {
        sid.starts_with("CA") && told.text("parent_sid").is_none()
    });
    prop_assert_eq!(&calls, &expected);
    for call in calls {
        let sid: CallSid = call.parse().unwrap();
        let (told, legs) = listings.call(scope, &sid).await.unwrap().unwrap();
        let legs: BTreeSet<_> = legs
            .into_iter()
            .map(|leg| leg.call.sid.to_string())
            .collect();
        let recordings = told.recordings.into_iter();
        let recordings: BTreeSet<_> = recordings.map(|it| it.sid.to_string()).collect();
        for (listed, of) in [(legs, "parent_sid"), (recordings, "call_sid")] {
            let expected = newest_first(states, |_, told| told.text(of).as_ref() == Some(&call));
            prop_assert_eq!(listed, expected.into_iter().collect());
        }
    }
    Ok(())
}

/// Contacts and conversations say what the set says of each address, and there are no others.
pub(super) async fn is_counted(
    world: &World,
    scope: &TenantScope,
    states: &BTreeMap<String, Told>,
) -> Result<(), TestCaseError> {
    let known = known(states);
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
    for (address, expected) in &known {
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
