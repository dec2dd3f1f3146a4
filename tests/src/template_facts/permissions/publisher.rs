//! What the function that keeps contacts and publishes events may do.

use std::collections::BTreeSet;

use shared::tenant::TenantId;

use super::{Deed, deeds};
use crate::harness::Harness;
use crate::published_events::Listener;
use crate::tenant_deletion::numbered;

/// Keeps a message, a call, a leg and a recording of a tenant, and waits until the publisher has done with them.
pub(super) async fn keep_one_of_each(harness: &Harness, id: &TenantId) {
    let listener = Listener::start(harness, id);
    let console = harness.console();
    for number in 0..4 {
        let scope = console.scope(id);
        let fact = numbered(number);
        console.activity().keep(&scope, &fact).await.unwrap();
    }
    let told = ["message.received", "call.started", "contact.created"];
    listener.hear_all(&told.map(|name| (name, 1))).await;
    harness.published().await;
}

/// Every way of the function that publishes events: it keeps contacts of a tenant that is there.
pub(super) async fn ways_of_publisher() -> BTreeSet<Deed> {
    let harness = &Harness::start(|_| {});
    let tenant = harness.newcomer().await.id;
    let mark = harness.stack.emulators().dynamodb().wire().mark();
    keep_one_of_each(harness, &tenant).await;
    let calls = harness.stack.emulators().dynamodb().wire().since(mark);
    let mut seen = deeds(harness, &calls);
    seen.retain(is_of_publisher);
    seen
}

/// Whether a deed is one of the function that keeps contacts while others keep messages: it alone reads single items of tenants and
/// of activity, and writes more than one at once.
fn is_of_publisher((action, table, partitions): &Deed) -> bool {
    let reads = action == "dynamodb:GetItem" && table != "RoutesTable";
    reads || partitions.len() > 1 || action == "dynamodb:ConditionCheckItem"
}
