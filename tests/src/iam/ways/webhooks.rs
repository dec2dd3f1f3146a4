//! What the functions do that take webhooks.

use local::emulators::wire::Calls;
use serde_json::json;
use shared::activity::Route;
use tokio::time::timeout;

use super::PATIENCE;
use crate::harness::Harness;
use crate::traffic::{deliver, event};

/// How many webhooks of a tenant a process takes before it says how many.
const COUNTED: usize = 20;

/// Messages by SMS: one that is answered, one that opts out, and statuses.
pub(in crate::iam) async fn ways_of_sms_webhook(harness: &Harness) {
    let said = [(Route::Sms, "Hello"), (Route::Sms, "STOP")];
    ways_of(harness, &said, Route::SmsStatus).await;
}

/// The same of WhatsApp.
pub(in crate::iam) async fn ways_of_whatsapp_webhook(harness: &Harness) {
    let said = [(Route::Whatsapp, "Hello"), (Route::Whatsapp, "STOP")];
    ways_of(harness, &said, Route::WhatsappStatus).await;
}

/// Calls, their ends and what is recorded of them.
pub(in crate::iam) async fn ways_of_voice_webhook(harness: &Harness) {
    let routes = [
        Route::Voice,
        Route::VoiceDial,
        Route::VoiceRecording,
        Route::VoiceVoicemail,
        Route::VoiceTranscription,
    ];
    ways_of(harness, &routes.map(|it| (it, "")), Route::VoiceStatus).await;
}

/// What a function does for webhooks of these routes with these words, and for as many statuses that they are counted. The harness
/// must have one process of it, so that this one takes as many as it counts before it says so.
async fn ways_of(harness: &Harness, webhooks: &[(Route, &str)], status: Route) {
    let tenant = harness.tenant(json!({"auto_reply": "Thank you"})).await;
    let wire = harness.stack.emulators().dynamodb().wire();
    let mark = wire.mark();
    for (route, body) in webhooks {
        let mut event = event(&tenant, *route);
        if !body.is_empty() {
            event.webhook.parameters.set("Body", *body);
        }
        let status = deliver(&tenant, &event).await;
        assert!(matches!(status, 200 | 204), "{route:?} {status}");
    }
    for _ in 0..COUNTED {
        let counted = event(&tenant, status);
        assert_eq!(deliver(&tenant, &counted).await, 204);
    }
    // Nobody waits for the count.
    let counter = format!("{}limit", tenant.partition());
    let is_counted = |calls: &Calls| calls.clone().partition(&counter).count() > 0;
    let counted = timeout(PATIENCE, wire.wait_until(mark, is_counted)).await;
    counted.expect("the webhooks are counted");
}
