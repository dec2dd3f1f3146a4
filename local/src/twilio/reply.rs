//! What becomes of the replies that TwiML sends.

use shared::clock::Clock;

use super::call::absolute;
use super::exchange::Exchange;
use super::payload::{Channel, MessageStatusCallback};
use super::sender::WebhookSender;
use super::twiml::Verb;
use super::webhook::{Purpose, Webhook};

/// The status callbacks of an ordinary delivery of every reply in the answer to an inbound message, in order. Each reply has
/// a SID of its own, which only these callbacks tell; one without a `statusCallback` is never heard of again.
#[must_use]
pub fn reply_statuses(exchange: &Exchange, sender: &WebhookSender) -> Vec<Webhook> {
    let Some((document, url)) = exchange.document() else {
        return Vec::new();
    };
    let written = &exchange.request.parameters;
    let mut webhooks = Vec::new();
    for verb in &document.verbs {
        let Verb::Message(reply) = verb else { continue };
        let Some(link) = &reply.status_callback else {
            continue;
        };
        let Some(status_url) = absolute(url, &link.url) else {
            continue;
        };
        // Back from whom it was written to, to whoever wrote.
        let end = |told: &Option<String>, name| {
            told.clone()
                .unwrap_or_else(|| written.get(name).unwrap_or_default().to_owned())
        };
        let (from, to) = (end(&reply.from, "To"), end(&reply.to, "From"));
        let channel = match from.starts_with("whatsapp:") {
            true => Channel::Whatsapp,
            false => Channel::Sms,
        };
        let number = |address: &str| address.trim_start_matches("whatsapp:").to_owned();
        let sid = sender.sids().message(!reply.media.is_empty());
        let account = &sender.account().sid;
        let statuses =
            MessageStatusCallback::delivery(account, &sid, channel, &number(&from), &number(&to));
        for status in statuses {
            let parameters = status.parameters(Clock::system().now());
            let mut webhook = Webhook::new(Purpose::MessageStatus, &status_url, parameters);
            webhook.method = link.method;
            webhooks.push(webhook);
        }
    }
    webhooks
}
