//! What the functions that take messages may do.

use std::collections::BTreeSet;

use serde_json::json;
use shared::activity::Route;

use super::{Deed, assert_is_what_is_allowed, deeds, is_of_publisher};
use crate::harness::Harness;
use crate::traffic::{deliver, event};

/// Every way of a function that takes messages, with what it did: one that is answered, one that opts out, and a status.
async fn ways_of_messages(harness: &Harness, [message, status]: [Route; 2]) -> BTreeSet<Deed> {
    let tenant = harness.tenant(json!({"auto_reply": "Thank you"})).await;
    let mark = harness.stack.emulators().dynamodb().wire().mark();
    for (route, body) in [(message, "Hello"), (message, "STOP"), (status, "")] {
        let mut event = event(&tenant, route);
        event.webhook.parameters.set("Body", body);
        assert!(matches!(deliver(&tenant, &event).await, 200 | 204));
    }
    let calls = harness.stack.emulators().dynamodb().wire().since(mark);
    let mut seen = deeds(harness, &calls);
    seen.retain(|deed| !is_of_publisher(deed));
    seen
}

#[tokio::test]
async fn the_functions_that_take_messages_may_do_to_the_tables_what_they_do_and_nothing_else() {
    let harness = Harness::start(|_| {});
    for (role, routes) in [
        ("SmsWebhookRole", [Route::Sms, Route::SmsStatus]),
        (
            "WhatsappWebhookRole",
            [Route::Whatsapp, Route::WhatsappStatus],
        ),
    ] {
        let seen = ways_of_messages(&harness, routes).await;
        assert_is_what_is_allowed(role, &seen);
    }
}
