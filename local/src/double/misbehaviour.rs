//! What a double does instead of its work when a test tells it to.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Answer, Request};

/// How a service misbehaves. Injected by `Faults<Misbehaviour>`, for one account, one credential, or all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Misbehaviour {
    /// 429, in the service's own form; the seconds of `Retry-After`, if it says any.
    TooManyRequests {
        /// What `Retry-After` says.
        retry_after: Option<u32>,
    },
    /// 401, as if the credential were wrong.
    Unauthorized,
    /// 404, as if what was asked for were gone.
    NotFound,
    /// 500.
    InternalError,
    /// 503.
    Unavailable,
    /// 403 with a page for people, as an edge network answers that takes the caller for a robot.
    HtmlForbidden,
    /// 503 with a page for people, as an edge network answers for a service that it cannot reach.
    HtmlUnavailable,
    /// A page for people with any status, as whatever stands in between answers.
    Html(u16),
    /// This status with a page for people that repeats the whole request, secrets included, as a proxy does that somebody set
    /// up to find faults.
    HtmlEcho(u16),
    /// The same in JSON, in every place where a service puts its words.
    JsonEcho(u16),
    /// 200 with what is no JSON.
    Garbled,
    /// The request is done, and the list that answers it goes on at this address.
    NextPage(String),
    /// Nothing is done, and 302 names this address.
    Redirect(String),
    /// Nothing is done and nothing answered until the time is over or the fault is taken back; then the connection is
    /// closed.
    Hang(Duration),
    /// Nothing is done, and the connection is closed.
    Close,
    /// The request is done, and the connection is closed instead of the answer.
    LoseAnswer,
    /// The request is done, and the connection is closed before the end of the answer.
    CutShort,
    /// The request is done and answered; then the connection is dead, which nobody is told: what is sent by it next is lost,
    /// as after the caller was frozen.
    DieAfterwards,
    /// The request is done after a while.
    Delay(Duration),
    /// The request is done when the fault is taken back.
    Hold,
}

/// A refusal that each service words in its own way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    Unauthorized,
    NotFound,
    TooManyRequests,
    InternalError,
    Unavailable,
}

/// A list that goes on at another address, whichever of Twilio's two forms it has.
pub(super) fn going_on_at(address: &str, answer: Answer) -> Answer {
    let Ok(mut list) = serde_json::from_slice::<Value>(&answer.body) else {
        return answer;
    };
    for (parent, member) in [("", "next_page_uri"), ("/meta", "next_page_url")] {
        let place = list.pointer_mut(parent).and_then(Value::as_object_mut);
        if let Some(next) = place.and_then(|place| place.get_mut(member)) {
            *next = Value::from(address);
        }
    }
    Answer {
        body: list.to_string().into(),
        ..answer
    }
}

/// A page of an edge network.
pub(super) fn page(status: u16, title: &str) -> Answer {
    let text = format!(
        "<!DOCTYPE html>\n<html>\n<head><title>{title}</title></head>\n<body>\n<center><h1>{title}</h1></center>\n\
         <hr><center>edge</center>\n</body>\n</html>\n"
    );
    Answer::new(status, "text/html; charset=UTF-8", text)
}

/// A page that repeats a request. Its secret is the request's id too.
pub(super) fn html_echo(status: u16, request: &Request) -> Answer {
    page(status, &request.repeated()).with("x-request-id", request.credential())
}

/// The same in JSON.
pub(super) fn json_echo(status: u16, request: &Request) -> Answer {
    let (text, code) = (request.repeated(), request.credential());
    let document = json!({
        "code": code, "message": text, "more_info": text, "name": text, "error": text, "error_description": text,
        "statusCode": status, "status": status, "detail": {"status": text, "message": text},
    });
    Answer::json(status, &document).with("x-request-id", code)
}
