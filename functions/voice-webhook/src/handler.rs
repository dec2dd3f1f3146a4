//! The routes of this function.

use std::sync::Arc;

use shared::activity::Route;
use shared::address::Address;
use shared::http::{HttpRequest, Reply};
use shared::webhook::{
    Answer, DialResult, IncomingCall, Notification, Verified, Voicemail, Webhooks, fallback,
};

use crate::{inbound, outbound, voicemail};

pub(crate) async fn handle(webhooks: Arc<Webhooks>, request: HttpRequest) -> Answer {
    match Route::of_path(request.path()) {
        Some(route @ Route::Voice) => webhooks.receive(&request, route, answer_call).await,
        Some(route @ Route::VoiceDial) => webhooks.receive(&request, route, after_dial).await,
        Some(route @ Route::VoiceVoicemail) => {
            webhooks.receive(&request, route, after_voicemail).await
        }
        Some(route @ (Route::VoiceStatus | Route::VoiceRecording | Route::VoiceTranscription)) => {
            webhooks.receive(&request, route, acknowledge).await
        }
        _ => fallback(&request),
    }
}

/// Twilio calls both inbound; only the caller's address tells them apart.
fn answer_call(call: &Verified<IncomingCall>) -> Reply {
    match &call.kind().from {
        Address::Client(caller) => outbound::connect(caller, call),
        _ => inbound::greet(call),
    }
}

fn after_dial(result: &Verified<DialResult>) -> Reply {
    match result.kind() {
        dialled if dialled.was_answered => voicemail::hang_up(),
        // The voicemail is the tenant's own: for its callers, not for its users.
        dialled if dialled.is_from_browser => outbound::not_answered(),
        _ => voicemail::offer(result),
    }
}

fn after_voicemail(voicemail: &Verified<Voicemail>) -> Reply {
    voicemail::thank(voicemail.kind().was_left)
}

fn acknowledge(_callback: &Verified<Notification>) -> Reply {
    Reply::no_content()
}
