//! A call that a browser makes: whom it dials is what the browser sent, and so hostile input.

use shared::address::Address;
use shared::http::Reply;
use shared::twilio::twiml::{Dial, VoiceResponse};
use shared::webhook::{IncomingCall, Verified};

use crate::{dial, voicemail};

/// The longest name of a user in characters: Twilio dials no longer one (error 31105).
const LONGEST_IDENTITY: usize = 256;

pub(crate) fn connect(call: &Verified<IncomingCall>) -> Reply {
    let settings = call.settings();
    match &call.kind().to {
        Address::Phone(number) => {
            let Some(caller_id) = &call.credentials().phone_number else {
                return refuse("Your company has no number to call from yet. Goodbye.");
            };
            // A tenant that dials itself would be billed for a circle.
            if number == caller_id {
                return refuse("You cannot call your own number. Goodbye.");
            }
            if !settings.may_call(number) {
                return refuse("Calls to this country are not allowed. Goodbye.");
            }
            let dialled = Dial::to(dial::number(number, call))
                .caller_id(caller_id.as_str())
                .answer_on_bridge(true);
            Reply::twiml(
                VoiceResponse::new()
                    .dial(dial::with_callbacks(dialled, call))
                    .to_xml(),
            )
        }
        Address::Client(identity) if is_dialable(identity) => {
            let from = call.kind().from.to_string();
            let dialled = Dial::to(dial::client(identity, call))
                .caller_id(from)
                .answer_on_bridge(true);
            Reply::twiml(
                VoiceResponse::new()
                    .dial(dial::with_callbacks(dialled, call))
                    .to_xml(),
            )
        }
        _ => refuse("This is not a number that can be called. Goodbye."),
    }
}

/// Tells a user that the call came to nothing.
pub(crate) fn not_answered() -> Reply {
    refuse("Your call was not answered. Goodbye.")
}

fn is_dialable(identity: &str) -> bool {
    (1..=LONGEST_IDENTITY).contains(&identity.chars().count())
}

fn refuse(sentence: &str) -> Reply {
    voicemail::say_and_hang_up(sentence)
}
