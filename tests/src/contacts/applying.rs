//! Single cases of what is applied: many at once, what is gone, tenants that are deleted, what expires.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use local::emulators::faults::{AwsError, Effect, Matching, Times};
use shared::activity::ResourceChange;
use shared::audit::Actor;
use shared::contacts::OptOutChange;
use shared::store::{ContactItems, Expected};
use tokio::time::Instant;

use super::in_time;
use super::world::{Happening, Kind, World};
use crate::harness::Harness;
use crate::tenant_deletion::left;
use crate::tenant_store::Opened;

/// A stack of its own, on which nobody else keeps contacts.
async fn apart() -> World {
    World::of(Box::leak(Box::new(Harness::start(|options| {
        options.feeds_streams = false
    }))))
    .await
}

impl World {
    /// Deletes the item of something that happened.
    async fn lose(&self, happening: &Happening) {
        let resource = happening.resource();
        let text = |text: String| AttributeValue::S(text);
        let (kind, sid) = (resource.kind(), resource.sid());
        let delete = self.harness.dynamodb().delete_item();
        let delete = delete
            .table_name(self.harness.variable("ACTIVITY_TABLE"))
            .key("pk", text(format!("{}#{kind}#{sid}", self.tenant.id)))
            .key("sk", text(kind.to_owned()));
        delete.send().await.unwrap();
    }

    async fn apply(&self, changes: &[ResourceChange]) {
        let applied = self
            .consumer(0)
            .apply(&self.scope, changes, in_time())
            .await;
        applied.unwrap();
    }
}

/// Something with the address of a case.
fn placed(kind: Kind, body: &'static str, case: u32, number: u32) -> Happening {
    let mut happening = Happening::new(kind, body);
    happening.place(case, number);
    happening
}

#[tokio::test]
async fn many_messages_of_one_contact_are_folded_in_few_transactions() {
    let world = apart().await;
    let happenings: Vec<_> = (0..130)
        .map(|number| placed(Kind::Received, "Hello", 1, number))
        .collect();
    for happening in &happenings {
        world.keep(happening).await;
    }
    let changes: Vec<_> = happenings.iter().flat_map(Happening::changes).collect();
    let wire = world.harness.stack.emulators().dynamodb().wire();
    let mark = wire.mark();

    world.apply(&changes).await;

    let calls = wire.since(mark);
    let transactions = calls.clone().operation("TransactWriteItems");
    assert!(transactions.iter().all(|call| call.targets.len() <= 100));
    assert_eq!(transactions.count(), 3);
    // The profile of the tenant, and the contact before each transaction.
    assert_eq!(calls.reads().count(), 4);
    let address = &happenings[0].address;
    assert_eq!(world.read(address).await.unwrap().message_count, 130);
}

#[tokio::test]
async fn a_message_that_is_gone_is_neither_counted_nor_brought_back() {
    let world = World::shared().await;
    let (gone, left) = (
        placed(Kind::Received, "Hello", 910_001, 0),
        placed(Kind::Received, "Hello", 910_001, 1),
    );
    world.keep(&gone).await;
    world.keep(&left).await;
    world.lose(&gone).await;

    world
        .apply(&[gone.changes(), left.changes()].concat())
        .await;

    assert_eq!(world.item_of(&gone).await, None);
    assert_eq!(world.read(&left.address).await.unwrap().message_count, 1);
}

#[tokio::test]
async fn of_messages_and_calls_that_are_all_gone_no_contact_is_left() {
    let world = World::shared().await;
    for kind in [Kind::Received, Kind::Sent, Kind::Call] {
        let gone = placed(kind, "STOP", 910_002, 0);
        world.apply(&gone.changes()).await;
        assert_eq!(world.item(&gone.address).await, None, "{kind:?}");
    }
}

#[tokio::test]
async fn a_call_that_tells_nothing_new_is_not_written() {
    let world = apart().await;
    let call = placed(Kind::Call, "", 2, 0);
    world.keep(&call).await;
    world.apply(&call.changes()).await;
    let wire = world.harness.stack.emulators().dynamodb().wire();
    let mark = wire.mark();

    world.apply(&call.changes()).await;

    assert_eq!(wire.since(mark).writes().count(), 0);
}

#[tokio::test]
async fn a_transaction_in_the_way_is_waited_for() {
    let world = apart().await;
    let message = placed(Kind::Received, "Hello", 3, 0);
    let in_the_way = AwsError::new(
        400,
        "TransactionConflictException",
        "Transaction is ongoing",
    );
    let own = format!("{}#message#", world.tenant.id);
    let writes = Matching::operations(["UpdateItem"]).partition(own);
    let faults = world.harness.stack.emulators().dynamodb().faults();
    faults.inject(writes, Effect::Refuse(in_the_way), Times::Next(2));

    world.keep(&message).await;

    assert!(world.item_of(&message).await.is_some());
}

#[tokio::test]
async fn a_fold_whose_answer_is_lost_is_made_once() {
    let world = apart().await;
    let message = placed(Kind::Received, "Hello", 4, 0);
    world.keep(&message).await;
    let writes = Matching::operations(["TransactWriteItems"]);
    let faults = world.harness.stack.emulators().dynamodb().faults();
    faults.inject(writes, Effect::LoseAnswer, Times::Next(1));

    world.apply(&message.changes()).await;
    world.apply(&message.changes()).await;

    assert_eq!(world.read(&message.address).await.unwrap().message_count, 1);
}

#[tokio::test]
async fn a_start_that_the_stream_tells_of_is_not_undone_by_the_repeated_stop_before_it() {
    let world = World::shared().await;
    let table = world.harness.variable("ACTIVITY_TABLE").to_owned();
    let contacts = ContactItems::new(world.harness.dynamodb(), table, 0);
    let stop = placed(Kind::Received, "STOP", 910_003, 0);
    let mut start = placed(Kind::Received, "start", 910_003, 1);
    start.second = 5;
    let mut stopped = OptOutChange::of(&stop.facts()[0]).unwrap();
    let keep = async |change: OptOutChange| {
        let kept = contacts.keep_opt_out(&world.scope, &stop.address, &change);
        kept.await.unwrap();
        let kept = world.read(&stop.address).await.unwrap();
        kept.opted_out_of().next().is_some()
    };
    assert!(keep(stopped.clone()).await);
    world.keep(&start).await;
    world.apply(&start.changes()).await;

    stopped.at = Timestamp::from_second(10).unwrap();
    assert!(!keep(stopped.clone()).await);
    stopped.sid = format!("SM{:032x}", 910_003).parse().unwrap();
    assert!(keep(stopped.clone()).await, "another one counts");
}

#[tokio::test]
async fn of_ten_contacts_of_which_one_fails_nine_are_kept_and_the_places_of_one_are_told() {
    let world = apart().await;
    let happenings: Vec<_> = (10..20)
        .map(|case| placed(Kind::Received, "Hello", case, case))
        .collect();
    for happening in &happenings {
        world.keep(happening).await;
    }
    let failing = &happenings[3];
    let own = format!("{}#contact#{}", world.tenant.id, failing.address);
    let folds = Matching::operations(["TransactWriteItems"]).partition(own);
    let faults = world.harness.stack.emulators().dynamodb().faults();
    let refusal = Effect::Refuse(AwsError::access_denied());
    faults.inject(folds, refusal, Times::Always);
    // The first of the two changes of each makes it known; the other tells nothing new.
    let changes: Vec<_> = happenings.iter().flat_map(Happening::changes).collect();

    let consumer = world.consumer(0);
    let applied = consumer.apply(&world.scope, &changes, in_time()).await;

    let not_kept = applied.unwrap_err();
    assert_eq!(not_kept.places, [6].into());
    for happening in &happenings {
        let is_kept = world.read(&happening.address).await.is_some();
        assert_eq!(is_kept, happening.address != failing.address);
    }
}

#[tokio::test]
async fn what_is_kept_until_the_time_is_up_is_told_from_what_is_not() {
    let world = apart().await;
    let (slow, quick) = (
        placed(Kind::Received, "Hello", 21, 21),
        placed(Kind::Received, "Hello", 22, 22),
    );
    for happening in [&slow, &quick] {
        world.keep(happening).await;
    }
    let own = format!("{}#contact#{}", world.tenant.id, slow.address);
    let reads = Matching::operations(["GetItem"]).partition(own);
    let faults = world.harness.stack.emulators().dynamodb().faults();
    faults.inject(reads, Effect::Hang, Times::Always);
    let changes = [slow.changes(), quick.changes()].concat();

    let soon = Instant::now() + Duration::from_secs(2);
    let applied = world.consumer(0).apply(&world.scope, &changes, soon).await;

    assert_eq!(applied.unwrap_err().places, [0].into());
    assert!(world.read(&quick.address).await.is_some());
}

#[tokio::test]
async fn the_contacts_of_a_deleted_tenant_are_gone_and_none_comes_after_it() {
    let world = apart().await;
    let (written, called, sent) = (
        placed(Kind::Received, "STOP", 5, 0),
        placed(Kind::Call, "", 6, 1),
        placed(Kind::Sent, "", 7, 2),
    );
    for happening in [&written, &called, &sent] {
        world.keep(happening).await;
        world.apply(&happening.changes()).await;
        assert!(world.item(&happening.address).await.is_some());
    }
    let opened = Opened::of(world.harness);
    let actor = Actor::User("root".to_owned());
    let deadline = Instant::now() + Duration::from_secs(60);
    let deletion = opened
        .administration
        .delete(&world.scope, Expected::Any, &actor, deadline);
    deletion.await.unwrap();
    // A warm function, or what was put aside, may still write something.
    let late = placed(Kind::Received, "Hello", 8, 3);
    world.keep(&late).await;
    world.apply(&late.changes()).await;

    let left = left(world.harness, world.tenant.id.as_str()).await;
    let kept: Vec<_> = left.iter().filter(|(_, sort)| sort == "contact").collect();
    assert!(kept.is_empty(), "{kept:?}");
}

#[tokio::test]
async fn a_contact_expires_after_the_last_message_unless_it_opted_out() {
    let world = World::shared().await;
    let consumer = world.consumer(30);
    let mut case = 920_000;
    for (body, expires) in [("Hello", true), ("STOP", false), ("START", true)] {
        case += 1;
        let first = placed(Kind::Received, "Hello", case, 0);
        let mut later = placed(Kind::Received, body, case, 1);
        later.second = 5;
        for happening in [&first, &later] {
            world.keep(happening).await;
            let changes = happening.changes();
            let applied = consumer.apply(&world.scope, &changes, in_time());
            applied.await.unwrap();
        }
        let item = world.item(&first.address).await.unwrap();
        let expiry = (5 + 30 * 24 * 60 * 60).to_string();
        let expected = expires.then_some(AttributeValue::N(expiry));
        assert_eq!(item.get("expires_at"), expected.as_ref(), "{body}");
    }
}
