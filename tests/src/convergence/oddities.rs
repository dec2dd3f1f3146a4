//! Callbacks about one thing that no story holds together: what matters is that they are a set.

use local::twilio::Parameters;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;
use shared::activity::Route;

use super::histories::Callback;

/// The parameters that a state is made of.
const NAMES: &[&str] = &[
    "From",
    "To",
    "Body",
    "NumMedia",
    "MediaUrl0",
    "MediaUrl1",
    "MessageStatus",
    "ErrorCode",
    "ErrorMessage",
    "ExternalUserId",
    "Forwarded",
    "Latitude",
    "Longitude",
    "MessagingServiceSid",
    "NumSegments",
    "OptOutType",
    "OriginalRepliedMessageSid",
    "ReferralSourceId",
    "CallStatus",
    "CallDuration",
    "DialCallStatus",
    "ParentCallSid",
    "Direction",
    "AnsweredBy",
    "RecordingStatus",
    "RecordingSource",
    "RecordingDuration",
    "TranscriptionText",
    "SequenceNumber",
    "Timestamp",
];

/// Values that they have, and values that they should not have.
const VALUES: &[&str] = &[
    "",
    "0",
    "1",
    "2",
    "-1",
    "many",
    "+15005550010",
    "+15005550006",
    "whatsapp:+15005550010",
    "client:agent_1",
    "true",
    "48.2",
    "STOP",
    "start",
    "MG00000000000000000000000000000001",
    "SM00000000000000000000000000000009",
    "queued",
    "sent",
    "failed",
    "delivered",
    "ringing",
    "in-progress",
    "completed",
    "busy",
    "pondered",
    "inbound",
    "outbound-dial",
    "RecordVerb",
    "Tue, 19 Aug 2025 10:00:00 +0000",
    "Tue, 19 Aug 2025 10:00:01 +0000",
    "ü 😀",
];

/// Up to six callbacks about one message, one call leg or one recording.
pub(super) fn oddities() -> impl Strategy<Value = Vec<Callback>> {
    let message = (
        "MessageSid",
        "SM",
        vec![
            Route::Sms,
            Route::SmsStatus,
            Route::Whatsapp,
            Route::WhatsappStatus,
        ],
    );
    let call = (
        "CallSid",
        "CA",
        vec![
            Route::Voice,
            Route::VoiceStatus,
            Route::VoiceDial,
            Route::VoiceVoicemail,
        ],
    );
    let recording = (
        "RecordingSid",
        "RE",
        vec![
            Route::VoiceRecording,
            Route::VoiceVoicemail,
            Route::VoiceTranscription,
        ],
    );
    select(vec![message, call, recording]).prop_flat_map(|(name, prefix, routes)| {
        let parameters = btree_map(select(NAMES), select(VALUES), 0..6);
        let callback = (select(routes), parameters).prop_map(move |(route, drawn)| {
            let sid = format!("{prefix}{:032x}", 7);
            let parameters = Parameters::new().with(name, sid);
            let parameters = drawn
                .into_iter()
                .fold(parameters, |parameters, (name, value)| {
                    parameters.with(name, value)
                });
            Callback { route, parameters }
        });
        vec(callback, 1..=6)
    })
}
