//! What Twilio is answered when another function failed it.

use lambda_http::http::Method;

use super::{Answer, Refusal};
use crate::http::{HttpRequest, Reply};
use crate::twilio::twiml::{MessagingResponse, VoiceResponse};

/// What a caller hears when nothing else can be done for the call.
const APOLOGY: &str =
    "We are sorry, your call cannot be taken at the moment. Please try again later. Goodbye.";

/// Answers every path that is not a function's own: the fallbacks of all channels, and 404 for the rest.
///
/// Static, without a store or a signature: it works when nothing else does. Every webhook function serves all fallbacks, so
/// that one function's can be on another.
#[must_use]
pub fn fallback(request: &HttpRequest) -> Answer {
    let reply = match request.path() {
        "/voice/fallback" => Reply::twiml(VoiceResponse::new().say(APOLOGY).hangup().to_xml()),
        "/sms/fallback" | "/whatsapp/fallback" => Reply::twiml(MessagingResponse::new().to_xml()),
        _ => return Answer::refused(Refusal::UnknownRoute),
    };
    match *request.method() {
        Method::GET | Method::POST => Answer::of(reply),
        _ => Answer::of(Reply::method_not_allowed("GET, POST")),
    }
}
