//! A call from the telephone network: the tenant's greeting, then where its settings say.

use shared::address::{Address, PhoneNumber};
use shared::http::Reply;
use shared::tenant::InboundRoute;
use shared::twilio::twiml::{Dial, VoiceResponse};
use shared::webhook::{IncomingCall, Verified};
use tracing::warn;

use crate::{dial, voicemail};

pub(crate) fn greet(call: &Verified<IncomingCall>) -> Reply {
    let settings = call.settings();
    let greeted = match settings.greeting.as_deref().filter(|text| !text.is_empty()) {
        Some(greeting) => VoiceResponse::new().say(greeting),
        None => VoiceResponse::new(),
    };
    if !settings.is_open(call.received_at()) {
        return voicemail::offer_after(greeted, call);
    }
    let dialled = match settings.inbound_route {
        InboundRoute::Forward => settings
            .forward_to
            .as_ref()
            .filter(|number| !is_circle(number, call))
            .map(|number| Dial::to(dial::number(number, call))),
        InboundRoute::Browser => {
            // Twilio rings ten at most; the first to answer has the call.
            let users = settings.browser_users.iter().take(10);
            Dial::to_any_of(users.map(|user| dial::client(user, call)))
        }
        InboundRoute::Voicemail => None,
    };
    match dialled {
        Some(dialled) => Reply::twiml(greeted.dial(dial::with_callbacks(dialled, call)).to_xml()),
        None => voicemail::offer_after(greeted, call),
    }
}

/// Whether a number to forward to leads back here: each round would be a call that is billed.
fn is_circle(number: &PhoneNumber, call: &Verified<IncomingCall>) -> bool {
    let is_called = matches!(&call.kind().to, Address::Phone(called) if called == number);
    let is_own = call.credentials().phone_number.as_ref() == Some(number);
    if is_called || is_own {
        warn!("forward_to is the number that was called or the tenant's own: not dialled");
    }
    is_called || is_own
}
