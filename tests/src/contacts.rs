//! Contacts as the stream's consumer keeps them: whatever is applied how often, in whatever order and by how many at once.

mod applying;
mod world;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use tokio::time::Instant;

use self::world::{Happening, Kind, World};
use crate::properties::check;

/// Until when a consumer may apply changes, for tests that are not about it.
pub(crate) fn in_time() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

/// What is expected of an address.
#[derive(Debug, Default, PartialEq, Eq)]
struct Expected {
    messages: u64,
    last_message: Option<(i64, String)>,
    since: Option<i64>,
    profile_name: Option<String>,
    opted_out: bool,
}

/// What a set of happenings makes of each address, however they arrive.
fn expected(happenings: &[Happening]) -> BTreeMap<String, Expected> {
    let mut of_address: BTreeMap<String, Vec<&Happening>> = BTreeMap::new();
    for happening in happenings {
        let address = happening.address.clone();
        of_address.entry(address).or_default().push(happening);
    }
    let expected = of_address.into_iter().map(|(address, happenings)| {
        let place = |happening: &&&Happening| (happening.second, happening.sid());
        let messages = happenings.iter().filter(|it| it.kind != Kind::Call);
        let inbound = happenings.iter().filter(|it| it.kind != Kind::Sent);
        let named = messages.clone().filter(|it| it.name.is_some());
        let said = messages.clone().filter_map(|it| {
            let stops = it.stops()?;
            Some(((it.second, stops, it.sid()), stops))
        });
        let last = messages.clone().max_by_key(place);
        let expected = Expected {
            messages: messages.count() as u64,
            last_message: last.map(|it| (it.second, it.sid())),
            since: inbound.map(|it| it.second).min(),
            profile_name: named.max_by_key(place).and_then(|it| it.name.clone()),
            opted_out: said.max().is_some_and(|(_, stops)| stops),
        };
        (address, expected)
    });
    expected.collect()
}

impl World {
    async fn seen(&self, address: &str) -> Expected {
        let record = self.read(address).await.unwrap();
        let opted_out = record.opted_out_of().next().is_some();
        let last = record.last_message.as_ref();
        Expected {
            messages: record.message_count,
            last_message: last.map(|last| (last.at.as_second(), last.sid.to_string())),
            since: record.since.map(|since| since.as_second()),
            opted_out,
            profile_name: record.profile_name,
        }
    }
}

/// Which changes arrive together, in which order; every one at least once.
pub(crate) fn batches(changes: usize) -> impl Strategy<Value = Vec<Vec<usize>>> {
    let again = proptest::collection::vec(0..changes, 0..=changes);
    let order = again.prop_flat_map(move |again| {
        let all: Vec<usize> = (0..changes).chain(again).collect();
        Just(all).prop_shuffle()
    });
    (order, 1..12_usize)
        .prop_map(|(order, size)| order.chunks(size).map(<[usize]>::to_vec).collect())
}

async fn applied_as_expected(
    mut happenings: Vec<Happening>,
    orders: [Vec<Vec<usize>>; 2],
) -> Result<(), TestCaseError> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let case = NUMBER.fetch_add(1, Ordering::Relaxed);
    for (number, happening) in happenings.iter_mut().enumerate() {
        happening.place(case, u32::try_from(number).unwrap());
    }
    let world = World::shared().await;
    let changes: Vec<_> = happenings.iter().flat_map(Happening::changes).collect();
    for happening in &happenings {
        world.keep(happening).await;
    }
    let consumers = orders.map(|batches| {
        let (consumer, changes) = (world.consumer(0), &changes);
        async move {
            for batch in batches {
                let batch: Vec<_> = batch
                    .into_iter()
                    .map(|place| changes[place % changes.len()].clone())
                    .collect();
                // The stream gives a batch again that could not be applied.
                while let Err(error) = consumer.apply(&world.scope, &batch, in_time()).await {
                    assert!(error.cause.is_unavailable(), "{error}");
                }
            }
        }
    });
    let [one, other] = consumers;
    tokio::join!(one, other);

    for (address, expected) in expected(&happenings) {
        prop_assert_eq!(&world.seen(&address).await, &expected, "{}", address);
        let item = world.item(&address).await.unwrap();
        let text = |name: &str| item.get(name).map(|value| value.as_s().unwrap().as_str());
        let listing = match expected.since {
            Some(_) => "contact",
            None => "addressee",
        };
        let listing = format!("{}#{listing}#0", world.tenant.id);
        prop_assert_eq!(text("time_pk"), Some(listing.as_str()));
        let conversations = format!("{}#conversations#0", world.tenant.id);
        let group = (expected.messages > 0).then_some(conversations.as_str());
        prop_assert_eq!(text("group_pk"), group);
        let (moment, last) = (text("group_sk"), expected.last_message.as_ref());
        prop_assert_eq!(moment.is_some(), last.is_some());
        if let (Some(moment), Some((_, sid))) = (moment, last) {
            prop_assert!(moment.ends_with(&format!("#{sid}")), "{}", moment);
        }
    }
    Ok(())
}

#[test]
fn whatever_two_consumers_apply_how_often_and_in_which_order_counts_once() {
    let happenings = proptest::collection::vec(world::happening(), 1..16);
    let strategy = happenings.prop_flat_map(|happenings| {
        // Each has a change that makes it known and one that follows.
        let changes = happenings.len() * 2;
        let orders = [batches(changes), batches(changes)];
        (Just(happenings), orders)
    });
    check(file!(), 5, &strategy, |(happenings, orders)| {
        applied_as_expected(happenings, orders)
    });
}

#[tokio::test]
async fn a_message_is_marked_as_counted_and_nothing_else_of_it_changes() {
    let world = World::shared().await;
    let mut happening = Happening::new(Kind::Received, "Hello");
    happening.place(900_001, 0);
    world.keep(&happening).await;
    let before = world.item_of(&happening).await.unwrap();

    let changes = happening.changes();
    world
        .consumer(0)
        .apply(&world.scope, &changes, in_time())
        .await
        .unwrap();

    let mut after = world.item_of(&happening).await.unwrap();
    assert_eq!(after.remove("counted"), Some(AttributeValue::Bool(true)));
    assert_eq!(after, before);
}
