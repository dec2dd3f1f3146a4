//! Messages that came and went.

use shared::activity::{Channel, Direction, Message};
use shared::api::{Call, Code, Filters, Page, Problem, Query, json};
use shared::http::{Reply, StatusCode};
use shared::store::Interval;
use shared::tenant::TenantScope;

use crate::filters::{self, is};
use crate::service::Messaging;

pub(crate) async fn list(
    messaging: &Messaging,
    scope: &TenantScope,
    call: &Call,
) -> Result<Reply, Problem> {
    let mut query = call.query(&[
        "limit",
        "cursor",
        "contact",
        "channel",
        "direction",
        "status",
        "after",
        "before",
    ])?;
    let contact = query.address("contact");
    let asked = Asked {
        channel: filters::channel(&mut query),
        ..Asked::of(&mut query, contact)
    };
    let page = query.page();
    answer(messaging, scope, "messages", &asked, &page, query.finish()?).await
}

/// Which messages are asked for.
pub(crate) struct Asked {
    contact: Option<String>,
    channel: Option<Channel>,
    direction: Option<Direction>,
    status: Option<String>,
    interval: Interval,
}

impl Asked {
    /// What any list of messages may be narrowed down to, with one contact or all.
    pub(crate) fn of(query: &mut Query<'_>, contact: Option<String>) -> Self {
        Self {
            contact,
            channel: None,
            direction: filters::direction(query),
            status: query.status("status"),
            interval: filters::interval(query),
        }
    }

    /// Whether no index can tell which they are.
    fn needs_items(&self) -> bool {
        self.channel.is_some() || self.direction.is_some() || self.status.is_some()
    }

    fn has(&self, message: &Message) -> bool {
        is(self.channel.as_ref(), &message.channel)
            && is(self.direction.as_ref(), &message.direction)
            && is(self.status.as_deref(), message.status.as_str())
    }
}

/// A page of the messages that are asked for; `filters` are what a cursor of it is bound to.
pub(crate) async fn answer(
    messaging: &Messaging,
    scope: &TenantScope,
    list: &str,
    asked: &Asked,
    page: &Page,
    filters: Filters,
) -> Result<Reply, Problem> {
    let context = filters::context(scope, list, &filters);
    let page = messaging.paging.position(&context, page).await?;
    let has = |message: &Message| asked.has(message);
    let listed = messaging
        .listings
        .messages(
            scope,
            asked.contact.as_deref(),
            asked.interval,
            asked.needs_items().then_some(&has),
            &page,
        )
        .await?;
    let paging = &messaging.paging;
    paging.answer(&context, listed.items, listed.next).await
}

pub(crate) async fn read(
    messaging: &Messaging,
    scope: &TenantScope,
    call: &Call,
) -> Result<Reply, Problem> {
    let unknown = || {
        let detail = "The tenant has no such message.";
        Problem::new(Code::MessageNotFound, detail)
    };
    call.query(&[])?.finish()?;
    // What is no SID of a message is the SID of none.
    let sid = call.parameter().parse().map_err(|_| unknown())?;
    let message = messaging.activity.message(scope, &sid).await?;
    Ok(json(StatusCode::OK, &message.ok_or_else(unknown)?))
}
