//! Contacts by when they first wrote or called, and conversations by their last message.

use std::collections::HashSet;

use super::index::{Interval, Partition};
use super::{Filter, List, Listed, Listings, message};
use crate::activity::{CONTACTS, Message, Resource};
use crate::store::keys::{self, Key};
use crate::store::{ContactRecord, Page, StoreError};
use crate::tenant::TenantScope;

/// What was written with a contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// Who is at the other end.
    pub contact: ContactRecord,
    /// The newest message.
    pub last_message: Message,
}

impl Listings {
    /// A page of those who wrote or called, by when they did first. One query and one batch of reads.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn contacts(
        &self,
        scope: &TenantScope,
        filter: Filter<'_, ContactRecord>,
        page: &Page,
    ) -> Result<Listed<ContactRecord>, StoreError> {
        let list = List {
            operation: "list contacts",
            partition: Partition::by_time(keys::by_time(scope, CONTACTS)),
            interval: Interval::default(),
            kind: None,
        };
        let read = |operation, item: &_| ContactRecord::read(operation, item).map(Some);
        self.page(&list, page, filter, read).await
    }

    /// A page of the conversations, by their newest message: a new one moves its conversation to the front. One query and two
    /// batches of reads. A conversation whose last message expired is left out: nothing of it is there to be read.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn conversations(
        &self,
        scope: &TenantScope,
        filter: Filter<'_, ContactRecord>,
        page: &Page,
    ) -> Result<Listed<Conversation>, StoreError> {
        let list = List {
            operation: "list conversations",
            partition: Partition::by_group(keys::conversations(scope)),
            interval: Interval::default(),
            kind: None,
        };
        let read = |operation, item: &_| ContactRecord::read(operation, item).map(Some);
        let Listed { items, next } = self.page(&list, page, filter, read).await?;
        let key = |contact: &ContactRecord| -> Option<Key> {
            let sid = contact.last_message.as_ref()?.sid.clone();
            Some(keys::resource(scope, &Resource::Message(sid)))
        };
        let keys: HashSet<Key> = items.iter().filter_map(key).collect();
        let messages = self.items(list.operation, keys.iter()).await?;
        let conversations = items.into_iter().filter_map(|contact| {
            let item = messages.get(&key(&contact)?)?;
            let last_message = message(list.operation, item).transpose()?;
            Some(last_message.map(|last_message| Conversation {
                contact,
                last_message,
            }))
        });
        Ok(Listed {
            items: conversations.collect::<Result<_, _>>()?,
            next,
        })
    }
}
