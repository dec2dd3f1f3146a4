//! What a message is answered.

use super::{InboundMessage, Verified};
use crate::http::Reply;
use crate::twilio::twiml::MessagingResponse;

/// The tenant's auto-reply, or an empty `<Response/>`. A keyword is not answered: Twilio or the carrier does that, and a
/// second answer after a STOP fails with 21610.
#[must_use]
pub fn auto_reply(message: &Verified<InboundMessage>) -> Reply {
    let reply = message.settings().auto_reply.as_deref();
    match reply.filter(|text| !text.is_empty() && !message.kind().is_keyword) {
        Some(text) => Reply::twiml(MessagingResponse::new().message(text).to_xml()),
        None => Reply::twiml(MessagingResponse::new().to_xml()),
    }
}
