//! A call from the telephone network: the tenant's greeting, then where its settings say.

use shared::address::{Address, PhoneNumber};
use shared::contacts::is_somebody;
use shared::http::Reply;
use shared::tenant::InboundRoute;
use shared::twilio::twiml::{Dial, VoiceResponse};
use shared::webhook::{IncomingCall, Verified};
use tracing::warn;

use crate::{dial, voicemail};

pub(crate) fn greet(call: &Verified<IncomingCall>) -> Reply {
    let settings = call.settings();
    let greeting = settings.greeting.as_deref().filter(|text| !text.is_empty());
    let greeted = match greeting {
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
            .map(|number| forward(number, call)),
        InboundRoute::Browser => {
            let users = settings.browser_users.iter();
            Dial::to_any_of(users.map(|user| dial::client(user, call)))
        }
        InboundRoute::Voicemail => None,
    };
    let Some(dialled) = dialled else {
        return voicemail::offer_after(greeted, call);
    };
    let dialled = dial::with_callbacks(dialled, call);
    let dialled = match greeting {
        // Who greets has answered.
        Some(_) => dialled,
        None => dialled.answer_on_bridge(true),
    };
    Reply::twiml(greeted.dial(dialled).to_xml())
}

/// Dials a phone, which sees the caller's own number; where there is none to show, the number that was called, because the
/// telephone network takes no other name.
fn forward<'a>(number: &'a PhoneNumber, call: &'a Verified<IncomingCall>) -> Dial<'a> {
    let dialled = Dial::to(dial::number(number, call));
    let (from, to) = (&call.kind().from, &call.kind().to);
    if matches!(from, Address::Phone(caller) if is_somebody(caller.as_str())) {
        return dialled;
    }
    let called = match to {
        Address::Phone(called) => Some(called),
        _ => call.credentials().phone_number.as_ref(),
    };
    match called {
        Some(called) => dialled.caller_id(called.as_str()),
        None => dialled,
    }
}

/// Whether a number to forward to leads back here, where each round would be a call that is billed, or to the caller.
fn is_circle(number: &PhoneNumber, call: &Verified<IncomingCall>) -> bool {
    let is_one = |address: &Address| matches!(address, Address::Phone(one) if one == number);
    if is_one(&call.kind().from) {
        return true;
    }
    let leads_back = is_one(&call.kind().to) || dial::is_own(number, call);
    if leads_back {
        warn!("forward_to is the number that was called or the tenant's own: not dialled");
    }
    leads_back
}
