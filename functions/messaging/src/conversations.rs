//! Conversations: what was written with each contact.

use serde::Serialize;
use shared::activity::{Channel, Message};
use shared::api::{Call, Problem};
use shared::contacts::channel_of;
use shared::http::Reply;
use shared::store;
use shared::tenant::TenantScope;

use crate::contacts::Asked;
use crate::filters;
use crate::messages;
use crate::service::Messaging;

pub(crate) async fn list(
    messaging: &Messaging,
    scope: &TenantScope,
    call: &Call,
) -> Result<Reply, Problem> {
    let mut query = call.query(&["limit", "cursor", "channel", "opted_out"])?;
    let (asked, page) = (Asked::of(&mut query), query.page());
    let context = filters::context(scope, "conversations", &query.finish()?);
    let page = messaging.paging.position(&context, &page).await?;
    let has = |contact: &store::ContactRecord| asked.has(contact);
    let listed = messaging
        .listings
        .conversations(scope, asked.is_any().then_some(&has), &page)
        .await?;
    let items = listed.items.iter().map(document).collect();
    messaging.paging.answer(&context, items, listed.next).await
}

pub(crate) async fn list_messages(
    messaging: &Messaging,
    scope: &TenantScope,
    call: &Call,
) -> Result<Reply, Problem> {
    let mut query = call.query(&["limit", "cursor", "direction", "status", "after", "before"])?;
    let contact = call.address("contact")?;
    let asked = messages::Asked::of(&mut query, Some(contact.clone()));
    let page = query.page();
    let mut filters = query.finish()?;
    filters.push(("contact".to_owned(), contact));
    let list = "conversation";
    messages::answer(messaging, scope, list, &asked, &page, filters).await
}

#[derive(Serialize)]
struct Conversation<'a> {
    contact: &'a str,
    channel: Channel,
    last_message: &'a Message,
    message_count: u64,
    opted_out: bool,
    opted_out_of: Vec<&'a str>,
}

fn document(conversation: &store::Conversation) -> Conversation<'_> {
    let contact = &conversation.contact;
    let opted_out_of: Vec<_> = contact.opted_out_of().collect();
    Conversation {
        contact: &contact.address,
        channel: channel_of(&contact.address),
        last_message: &conversation.last_message,
        message_count: contact.message_count,
        opted_out: !opted_out_of.is_empty(),
        opted_out_of,
    }
}
