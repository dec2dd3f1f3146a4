//! What the function that stores what was put aside may do.

use std::collections::BTreeSet;

use serde_json::json;

use super::{Deed, deeds};
use crate::deferral::outcome;
use crate::harness::Harness;

/// Every way of the function that stores what was put aside: a message, a call and a recording of a tenant that it does not know.
pub(super) async fn ways_of_deferred_writer() -> BTreeSet<Deed> {
    let harness = &Harness::start(|options| options.feeds_streams = false);
    let tenant = harness.tenant(json!({})).await;
    let put_aside = [
        ("message", "SM", "/sms"),
        ("call", "CA", "/voice"),
        ("recording", "RE", "/voice/recording"),
    ];
    let bodies = put_aside.map(|(kind, prefix, route)| {
        let fact = json!({
            "resource": {"kind": kind, "sid": format!("{prefix}{:032x}", 1)},
            "route": route,
            "received_at": "2026-10-01T08:00:00.123Z",
            "parameters": {"From": "+15005550010", "To": "+15005550006"},
        });
        json!({"tenant_id": tenant.id, "fact": fact}).to_string()
    });
    let wire = harness.stack.emulators().dynamodb().wire();
    let mark = wire.mark();
    let outcome = outcome(harness, bodies).await;
    assert_eq!(outcome, json!({"batchItemFailures": []}));
    deeds(harness, &wire.since(mark))
}
