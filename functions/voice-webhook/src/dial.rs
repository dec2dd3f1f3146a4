//! What every dialled call has in common.

use shared::activity::Route;
use shared::twilio::twiml::{Dial, DialRecording};
use shared::webhook::{IncomingCall, Verified};

/// How long it rings before voicemail, in seconds: five rings.
const RING_SECONDS: u32 = 25;

/// Has the result come back here, and the call recorded if the tenant wants that.
pub(crate) fn with_callbacks<'a>(dial: Dial<'a>, call: &Verified<IncomingCall>) -> Dial<'a> {
    let dial = dial
        .action(call.url_of(Route::VoiceDial))
        .timeout_seconds(RING_SECONDS);
    if call.settings().auto_record_calls {
        dial.record(DialRecording::FromAnswerDual)
            .recording_status_callback(call.url_of(Route::VoiceRecording))
    } else {
        dial
    }
}
