//! What the functions that take messages may do.

use std::collections::BTreeSet;
use std::time::Duration;

use local::emulators::wire::Calls;
use serde_json::json;
use shared::activity::Route;
use tokio::time::timeout;

use super::{Deed, assert_is_what_is_allowed, deeds};
use crate::harness::Harness;
use crate::traffic::{deliver, event};

/// How many webhooks of a tenant a process takes before it says how many.
const COUNTED: usize = 20;

/// The routes of each function that takes messages.
pub(crate) const ROUTES: [[Route; 2]; 2] = [
    [Route::Sms, Route::SmsStatus],
    [Route::Whatsapp, Route::WhatsappStatus],
];

/// Every way of a function that takes messages, with what it did: one that is answered, one that opts out, a status, and as
/// many that they are counted.
pub(crate) async fn ways_of_messages(
    harness: &Harness,
    [message, status]: [Route; 2],
) -> BTreeSet<Deed> {
    let tenant = harness.tenant(json!({"auto_reply": "Thank you"})).await;
    let mark = harness.stack.emulators().dynamodb().wire().mark();
    for (route, body) in [(message, "Hello"), (message, "STOP"), (status, "")] {
        let mut event = event(&tenant, route);
        event.webhook.parameters.set("Body", body);
        assert!(matches!(deliver(&tenant, &event).await, 200 | 204));
    }
    // Enough to be counted, which nobody waits for.
    for _ in 0..COUNTED {
        let counted = event(&tenant, status);
        assert_eq!(deliver(&tenant, &counted).await, 204);
    }
    let counter = format!("{}limit", tenant.partition());
    let is_counted = |calls: &Calls| calls.clone().partition(&counter).count() > 0;
    let wire = harness.stack.emulators().dynamodb().wire();
    let counted = wire.wait_until(mark, is_counted);
    let calls = timeout(Duration::from_secs(10), counted).await;
    deeds(harness, &calls.expect("the webhooks are counted"))
}

#[tokio::test]
async fn the_functions_that_take_messages_may_do_to_the_tables_what_they_do_and_nothing_else() {
    // One process, so that it has as many webhooks as it counts before it says so.
    let harness = Harness::start(|options| {
        options.concurrency = 1;
        options.feeds_streams = false;
    });
    for (role, routes) in ["SmsWebhookRole", "WhatsappWebhookRole"]
        .into_iter()
        .zip(ROUTES)
    {
        let seen = ways_of_messages(&harness, routes).await;
        assert_is_what_is_allowed(role, &seen);
    }
}
