//! What the functions that take webhooks may do.

use std::collections::BTreeSet;
use std::time::Duration;

use local::emulators::wire::Calls;
use serde_json::json;
use shared::activity::Route;
use tokio::time::timeout;

use super::{Deed, deeds};
use crate::harness::Harness;
use crate::traffic::{deliver, event};

/// How many webhooks of a tenant a process takes before it says how many.
const COUNTED: usize = 20;

/// Every way of the function that takes SMS.
pub(super) async fn ways_of_sms() -> BTreeSet<Deed> {
    let said = [(Route::Sms, "Hello"), (Route::Sms, "STOP")];
    ways_of(&said, Route::SmsStatus).await
}

/// Every way of the function that takes messages of WhatsApp.
pub(super) async fn ways_of_whatsapp() -> BTreeSet<Deed> {
    let said = [(Route::Whatsapp, "Hello"), (Route::Whatsapp, "STOP")];
    ways_of(&said, Route::WhatsappStatus).await
}

/// Every way of the function that takes calls: they, their ends and what is recorded of them.
pub(super) async fn ways_of_voice() -> BTreeSet<Deed> {
    let routes = [
        Route::Voice,
        Route::VoiceDial,
        Route::VoiceRecording,
        Route::VoiceVoicemail,
        Route::VoiceTranscription,
    ];
    ways_of(&routes.map(|route| (route, "")), Route::VoiceStatus).await
}

/// What a function does for webhooks of these routes with these words, and for as many statuses that they are counted.
async fn ways_of(webhooks: &[(Route, &str)], status: Route) -> BTreeSet<Deed> {
    // One process, so that it has as many webhooks as it counts before it says so.
    let harness = &Harness::start(|options| {
        options.concurrency = 1;
        options.feeds_streams = false;
    });
    let tenant = harness.tenant(json!({"auto_reply": "Thank you"})).await;
    let mark = harness.stack.emulators().dynamodb().wire().mark();
    for (route, body) in webhooks {
        let mut event = event(&tenant, *route);
        if !body.is_empty() {
            event.webhook.parameters.set("Body", *body);
        }
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
