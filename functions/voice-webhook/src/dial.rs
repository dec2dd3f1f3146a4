//! What every dialled call has in common.

use shared::activity::Route;
use shared::address::PhoneNumber;
use shared::twilio::twiml::{CallEvent, Client, Dial, DialRecording, Endpoint, Number};
use shared::webhook::{IncomingCall, Verified};

/// How long it rings before voicemail, in seconds: five rings.
const RING_SECONDS: u32 = 25;

/// What is told of a dialled leg: everything. Its callbacks carry the leg's own SID and that of the first.
const EVENTS: &[CallEvent] = &[
    CallEvent::Initiated,
    CallEvent::Ringing,
    CallEvent::Answered,
    CallEvent::Completed,
];

/// A phone that reports how its leg goes.
pub(crate) fn number<'a>(number: &'a PhoneNumber, call: &Verified<IncomingCall>) -> Endpoint<'a> {
    let number = Number::new(number)
        .status_callback(call.url_of(Route::VoiceStatus))
        .status_callback_events(EVENTS);
    Endpoint::Number(number)
}

/// A browser that reports how its leg goes.
pub(crate) fn client<'a>(identity: &'a str, call: &Verified<IncomingCall>) -> Endpoint<'a> {
    let client = Client::new(identity)
        .status_callback(call.url_of(Route::VoiceStatus))
        .status_callback_events(EVENTS);
    Endpoint::Client(client)
}

/// Whether a number is one that the tenant itself calls or writes from, and so may lead back here.
pub(crate) fn is_own(number: &PhoneNumber, call: &Verified<IncomingCall>) -> bool {
    let sender = call.settings().default_sender.as_deref();
    let is_own = call.credentials().phone_number.as_ref() == Some(number);
    is_own || sender == Some(number.as_str()) || call.answers(number.as_str())
}

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
