//! Contacts: who wrote or called.

use shared::activity::Channel;
use shared::api::{Call, Problem, Query};
use shared::contacts::{Contact, channel_of};
use shared::http::Reply;
use shared::store::ContactRecord;
use shared::tenant::TenantScope;

use crate::filters::{self, is};
use crate::service::Messaging;

pub(crate) async fn list(
    messaging: &Messaging,
    scope: &TenantScope,
    call: &Call,
) -> Result<Reply, Problem> {
    let mut query = call.query(&["limit", "cursor", "channel", "opted_out"])?;
    let (asked, page) = (Asked::of(&mut query), query.page());
    let context = filters::context(scope, "contacts", &query.finish()?);
    let page = messaging.paging.position(&context, &page).await?;
    let has = |contact: &ContactRecord| asked.has(contact);
    let listed = messaging
        .listings
        .contacts(scope, asked.is_any().then_some(&has), &page)
        .await?;
    let items = listed.items.iter().filter_map(Contact::of).collect();
    messaging.paging.answer(&context, items, listed.next).await
}

/// Which contacts or conversations are asked for.
pub(crate) struct Asked {
    channel: Option<Channel>,
    opted_out: Option<bool>,
}

impl Asked {
    pub(crate) fn of(query: &mut Query<'_>) -> Self {
        Self {
            channel: filters::channel(query),
            opted_out: query.flag("opted_out"),
        }
    }

    /// Whether it is anything but all of them.
    pub(crate) fn is_any(&self) -> bool {
        self.channel.is_some() || self.opted_out.is_some()
    }

    pub(crate) fn has(&self, contact: &ContactRecord) -> bool {
        is(self.channel.as_ref(), &channel_of(&contact.address))
            && is(
                self.opted_out.as_ref(),
                &contact.opted_out_of().next().is_some(),
            )
    }
}
