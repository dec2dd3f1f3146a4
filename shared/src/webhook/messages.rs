//! What a message is answered, and what is written before.

use tokio::time::{Instant, timeout_at};
use tracing::warn;

use super::kinds::words;
use super::stops::KeptStops;
use super::{InboundMessage, Verified};
use crate::contacts::OptOutChange;
use crate::http::Reply;
use crate::store::{ContactItems, ReplyTurn, StoreError};
use crate::twilio::twiml::{Message, MessagingResponse};

/// Answers a message: with the tenant's auto-reply, if it is its turn, or an empty `<Response/>`. What it says about being
/// written to is kept first.
///
/// Both are written until a deadline, in which the webhook is to be answered; without one nothing is, since the store did not
/// keep the message itself. Nothing depends on their success but the answer: an opt-out is kept once more from the stream, and
/// whose turn is not known to be is not answered. Past the tenant's limit little of it is written: see [`KeptStops`].
///
/// Gives, beside the answer, whether it is the auto-reply.
pub(super) async fn reply(
    contacts: &ContactItems,
    stops: &KeptStops,
    message: &Verified<InboundMessage>,
    until: Option<Instant>,
) -> (Reply, bool) {
    let (kind, scope) = (message.kind(), message.scope());
    let nothing = || (Reply::twiml(MessagingResponse::new().to_xml()), false);
    let (Some(turn), Some(until)) = (&kind.turn, until) else {
        return nothing();
    };
    if let Some(change) = &kind.opt_out {
        let kept = keep_opt_out(contacts, stops, message, &turn.address, change);
        let kept = timeout_at(until, kept).await;
        if let Err(error) = kept.unwrap_or_else(|_| Err(late("keep an opt-out"))) {
            warn!(error = %error, "the opt-out is left to the stream");
        }
    }
    let Some(text) = auto_reply(message, turn) else {
        return nothing();
    };
    let taken = timeout_at(until, contacts.take_reply_turn(scope, turn)).await;
    let taken = taken.unwrap_or_else(|_| Err(late("take the turn to answer")));
    match taken {
        Ok(true) => {
            let status_url = message.url_of(kind.status_route);
            let reply = Message::text(text).status_callback(status_url);
            let response = MessagingResponse::new().message(reply);
            (Reply::twiml(response.to_xml()), true)
        }
        Ok(false) => nothing(),
        Err(error) => {
            warn!(error = %error, "the message is not answered");
            nothing()
        }
    }
}

/// Keeps what a message says about being written to.
async fn keep_opt_out(
    contacts: &ContactItems,
    stops: &KeptStops,
    message: &Verified<InboundMessage>,
    address: &str,
    change: &OptOutChange,
) -> Result<(), StoreError> {
    let (scope, is_past_limit) = (message.scope(), message.is_past_limit());
    if is_past_limit && !stops.are_without(scope, address, change) {
        return Ok(());
    }
    contacts.keep_opt_out(scope, address, change).await?;
    if is_past_limit {
        stops.remember(scope, address, change);
    }
    Ok(())
}

/// The tenant's auto-reply, if the message is one to be answered. It reports its status: nothing else tells the activity that it
/// was sent, because Twilio makes its SID. An answer after a STOP would fail with 21610. Past the limit there is none: what floods
/// may be a robot, which each answer would have write again.
fn auto_reply<'m>(message: &'m Verified<InboundMessage>, turn: &ReplyTurn) -> Option<&'m str> {
    let text = message.settings().auto_reply.as_deref()?;
    let is_echo = turn.words == words(text);
    let may_be_answered = message.kind().may_be_answered && !message.is_past_limit();
    let may_answer = may_be_answered && !is_echo && !is_own(message, turn);
    (may_answer && !text.is_empty()).then_some(text)
}

/// Whether the tenant wrote to itself: from the address that it wrote to, or from another that is known to be its own.
fn is_own(message: &Verified<InboundMessage>, turn: &ReplyTurn) -> bool {
    let number = |address: &str| {
        let number = address.strip_prefix("whatsapp:").unwrap_or(address);
        number.to_owned()
    };
    let credentials = message.credentials();
    let senders = [&credentials.phone_number, &credentials.whatsapp_sender];
    let mut own = senders
        .into_iter()
        .flatten()
        .map(|number| number.as_str().to_owned())
        .chain(message.settings().default_sender.clone())
        .chain([message.kind().to.clone()]);
    let from = number(&turn.address);
    message.owns(&from) || own.any(|own| number(&own) == from)
}

fn late(operation: &'static str) -> StoreError {
    StoreError::Unavailable {
        operation,
        cause: "no answer before the webhook's deadline".to_owned(),
    }
}
