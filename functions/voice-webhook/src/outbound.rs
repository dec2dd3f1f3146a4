//! A call that a browser makes: whom it dials is what the browser sent, and so hostile input.

use shared::address::{Address, PhoneNumber};
use shared::http::Reply;
use shared::identity::Identity;
use shared::twilio::twiml::{Dial, VoiceResponse};
use shared::webhook::{IncomingCall, Verified};

use crate::{dial, voicemail};

/// The longest name of a user in characters: Twilio dials no longer one (error 31105).
const LONGEST_IDENTITY: usize = 256;

/// Connects the user of this name.
pub(crate) fn connect(caller: &str, call: &Verified<IncomingCall>) -> Reply {
    if is_strange(caller, call) {
        return refuse("You cannot make calls for this company. Goodbye.");
    }
    match &call.kind().to {
        Address::Phone(number) => connect_to_phone(number, call),
        Address::Client(identity) if &**identity == caller => {
            refuse("You cannot call yourself. Goodbye.")
        }
        Address::Client(identity) if is_dialable(identity) && !is_strange(identity, call) => {
            let dialled =
                Dial::to(dial::client(identity, call)).caller_id(format!("client:{caller}"));
            put_through(dialled, call)
        }
        _ => refuse("This is not a number that can be called. Goodbye."),
    }
}

fn connect_to_phone(number: &PhoneNumber, call: &Verified<IncomingCall>) -> Reply {
    let Some(caller_id) = &call.credentials().phone_number else {
        return refuse("Your company has no number to call from yet. Goodbye.");
    };
    // A tenant that dials itself would be billed for a circle.
    let is_whatsapp_sender = call.credentials().whatsapp_sender.as_ref() == Some(number);
    if is_whatsapp_sender || dial::is_own(number, call) {
        return refuse("You cannot call your own number. Goodbye.");
    }
    if !call.settings().may_call(number) {
        return refuse("Calls to this country are not allowed. Goodbye.");
    }
    let dialled = Dial::to(dial::number(number, call)).caller_id(caller_id.as_str());
    put_through(dialled, call)
}

fn put_through(dialled: Dial<'_>, call: &Verified<IncomingCall>) -> Reply {
    let dialled = dial::with_callbacks(dialled, call).answer_on_bridge(true);
    Reply::twiml(VoiceResponse::new().dial(dialled).to_xml())
}

/// Tells a user that the call came to nothing.
pub(crate) fn not_answered() -> Reply {
    refuse("Your call was not answered. Goodbye.")
}

/// Whether a name was made for a user of another tenant, and is not one that this tenant's settings list. A token outlives the
/// tenant that its account was taken from by up to a day.
fn is_strange(identity: &str, call: &Verified<IncomingCall>) -> bool {
    let is_listed = call
        .settings()
        .browser_users
        .iter()
        .any(|user| user == identity);
    !is_listed && Identity::is_of_another_tenant(identity, call.scope().tenant_id())
}

fn is_dialable(identity: &str) -> bool {
    (1..=LONGEST_IDENTITY).contains(&identity.chars().count())
}

fn refuse(sentence: &str) -> Reply {
    voicemail::say_and_hang_up(sentence)
}
