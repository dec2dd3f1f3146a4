//! What a message is answered.

use super::{InboundMessage, Verified};
use crate::http::Reply;
use crate::twilio::twiml::{Message, MessagingResponse};

/// The tenant's auto-reply, or an empty `<Response/>`. It reports its status: nothing else tells the activity that it was
/// sent, because Twilio makes its SID. An answer after a STOP would fail with 21610. Past the limit there is none: what floods
/// may be a robot, which each answer would have write again.
#[must_use]
pub fn auto_reply(message: &Verified<InboundMessage>) -> Reply {
    let reply = message.settings().auto_reply.as_deref();
    let may_be_answered = message.kind().may_be_answered && !message.is_past_limit();
    match reply.filter(|text| !text.is_empty() && may_be_answered) {
        Some(text) => {
            let status_url = message.url_of(message.kind().status_route);
            let reply = Message::text(text).status_callback(status_url);
            Reply::twiml(MessagingResponse::new().message(reply).to_xml())
        }
        None => Reply::twiml(MessagingResponse::new().to_xml()),
    }
}
