//! A call from the telephone network: the tenant's greeting, then where its settings say.

use shared::http::Reply;
use shared::tenant::InboundRoute;
use shared::twilio::twiml::{Dial, VoiceResponse};
use shared::webhook::{IncomingCall, Verified};

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
