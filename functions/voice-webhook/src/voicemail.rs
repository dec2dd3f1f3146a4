//! What a caller hears whom nobody answered.

use shared::activity::Route;
use shared::http::Reply;
use shared::twilio::twiml::{Record, VoiceResponse};
use shared::webhook::Verified;

/// The longest message in seconds: Twilio transcribes no longer one.
const LONGEST_MESSAGE_SECONDS: u32 = 120;

/// Takes a message, if the tenant takes any.
pub(crate) fn offer<T>(call: &Verified<T>) -> Reply {
    offer_after(VoiceResponse::new(), call)
}

/// Takes a message, if the tenant takes any, after what was said before.
pub(crate) fn offer_after<T>(said: VoiceResponse<'_>, call: &Verified<T>) -> Reply {
    let response = if call.settings().voicemail {
        let message = Record::then_request(call.url_of(Route::VoiceVoicemail))
            .maximum_seconds(LONGEST_MESSAGE_SECONDS)
            .play_beep(true)
            .recording_status_callback(call.url_of(Route::VoiceRecording))
            .transcribe(true)
            .transcribe_callback(call.url_of(Route::VoiceTranscription));
        said.say("Please leave a message after the tone.")
            .record(message)
            // Reached only when nothing was recorded.
            .say("We did not hear a message. Goodbye.")
    } else {
        said.say("Nobody can take your call at the moment. Please try again later. Goodbye.")
    };
    Reply::twiml(response.hangup().to_xml())
}

/// Ends the call after a message.
pub(crate) fn thank(was_left: bool) -> Reply {
    if was_left {
        say_and_hang_up("Thank you. Goodbye.")
    } else {
        hang_up()
    }
}

/// Says one sentence and ends the call.
pub(crate) fn say_and_hang_up(sentence: &str) -> Reply {
    Reply::twiml(VoiceResponse::new().say(sentence).hangup().to_xml())
}

/// Ends the call.
pub(crate) fn hang_up() -> Reply {
    Reply::twiml(VoiceResponse::new().hangup().to_xml())
}
