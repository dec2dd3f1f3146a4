//! Lists of a tenant's activity: keys in order from an index, then the items themselves in one batch.

mod calls;
mod contacts;
mod index;

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;

pub use self::calls::RecordedCall;
pub use self::contacts::Conversation;
pub use self::index::Interval;
use self::index::{Asked, Entry, Partition};
use super::activity::history_of;
use super::item::{Attributes, Item, is_expired};
use super::keys::{self, Key};
use super::{Page, StoreError, batch};
use crate::activity::{Call, Group, Message, Recording, Resource};
use crate::clock::Clock;
use crate::sid::CallSid;
use crate::tenant::TenantScope;

/// How many items a page is chosen from when not all of them are in the list.
const CHOSEN_FROM: usize = 100;

/// The lists of the Activity table, for who reads them.
#[derive(Clone)]
pub struct Listings {
    client: Client,
    table: String,
    clock: Clock,
}

/// Which items of a kind are in a list; all of them, where there is no filter.
///
/// A page of a list with a filter is chosen from the next 100 items, so that its cost does not depend on how many are left out.
pub type Filter<'a, T> = Option<&'a (dyn Fn(&T) -> bool + Send + Sync)>;

/// A page of a list, the newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed<T> {
    /// At most as many as asked for. There may be fewer, or none, though more follow: some were deleted after they were listed,
    /// have expired, or are left out by the filter.
    pub items: Vec<T>,
    /// Where the list goes on; none, when this is its end.
    pub next: Option<String>,
}

impl Listings {
    /// Opens the table. By the clock what has expired is left out.
    #[must_use]
    pub fn new(client: Client, table: String, clock: Clock) -> Self {
        Self {
            client,
            table,
            clock,
        }
    }

    /// A page of the messages with one contact, or of all. One query and one batch of reads.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn messages(
        &self,
        scope: &TenantScope,
        contact: Option<&str>,
        interval: Interval,
        filter: Filter<'_, Message>,
        page: &Page,
    ) -> Result<Listed<Message>, StoreError> {
        let list = List {
            operation: "list messages",
            partition: match contact {
                Some(contact) => {
                    let group = Group::Conversation(contact.to_owned());
                    Partition::by_group(keys::by_group(scope, &group))
                }
                None => Partition::by_time(keys::by_time(scope, MESSAGE)),
            },
            interval,
            kind: None,
        };
        self.page(&list, page, filter, message).await
    }

    /// A page of the recordings of one call, or of all. One query and one batch of reads.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn recordings(
        &self,
        scope: &TenantScope,
        call: Option<&CallSid>,
        interval: Interval,
        filter: Filter<'_, Recording>,
        page: &Page,
    ) -> Result<Listed<Recording>, StoreError> {
        let (partition, kind) = match call {
            // A call's child legs are listed with its recordings.
            Some(call) => {
                let group = Group::Call(call.clone());
                let partition = Partition::by_group(keys::by_group(scope, &group));
                (partition, Some(RECORDING))
            }
            None => (Partition::by_time(keys::by_time(scope, RECORDING)), None),
        };
        let list = List {
            operation: "list recordings",
            partition,
            interval,
            kind,
        };
        self.page(&list, page, filter, recording).await
    }

    /// A page of a list: one query of keys, and one batch of reads of the items.
    async fn page<T>(
        &self,
        list: &List,
        page: &Page,
        filter: Filter<'_, T>,
        read: impl Fn(&'static str, &Item) -> Result<Option<T>, StoreError>,
    ) -> Result<Listed<T>, StoreError> {
        let operation = list.operation;
        let limit = match (filter, list.kind) {
            (None, None) => page.limit(),
            _ => CHOSEN_FROM,
        };
        let asked = Asked {
            interval: list.interval,
            newest_first: true,
            after: page.after(),
            // One more tells whether the list goes on.
            limit: limit.saturating_add(1),
        };
        let entries = list
            .partition
            .entries(operation, &self.client, &self.table, asked)
            .await?;
        let is_of_kind = |entry: &Entry| list.kind.is_none_or(|kind| entry.key.sort() == kind);
        let looked_at = entries.iter().take(limit).filter(|entry| is_of_kind(entry));
        let items = self.items(operation, looked_at.clone().map(|entry| &entry.key));
        let items = items.await?;

        let mut listed = Vec::new();
        for entry in looked_at {
            // What was deleted since it was listed, or has expired, is left out.
            let Some(item) = items.get(&entry.key) else {
                continue;
            };
            let Some(read) = read(operation, item)? else {
                continue;
            };
            if filter.is_none_or(|is_in| is_in(&read)) {
                listed.push((entry, read));
            }
        }
        let is_cut = listed.len() > page.limit();
        listed.truncate(page.limit());
        let last = if is_cut {
            listed.last().map(|(entry, _)| *entry)
        } else if entries.len() > limit {
            limit.checked_sub(1).and_then(|last| entries.get(last))
        } else {
            None
        };
        Ok(Listed {
            next: last.map(Entry::position),
            items: listed.into_iter().map(|(_, item)| item).collect(),
        })
    }

    /// Items by their keys, of those that are there and have not expired. One call for 100 of them.
    async fn items(
        &self,
        operation: &'static str,
        keys: impl Iterator<Item = &Key>,
    ) -> Result<HashMap<Key, Item>, StoreError> {
        let keys = keys.cloned().map(Key::into_attributes).collect();
        let items = batch::read(operation, &self.client, &self.table, keys).await?;
        let now = self.clock.now();
        let current = items.into_iter().filter(|item| !is_expired(item, now));
        let keyed = current.map(|item| {
            let key = Key::of_item(operation, &item)?;
            Ok((key, item))
        });
        keyed.collect()
    }
}

/// A list, and what it is narrowed down to by keys.
struct List {
    operation: &'static str,
    partition: Partition,
    interval: Interval,
    /// The kind of resource that is meant of those in the partition.
    kind: Option<&'static str>,
}

const MESSAGE: &str = "message";
const CALL: &str = "call";
const RECORDING: &str = "recording";

fn message(operation: &'static str, item: &Item) -> Result<Option<Message>, StoreError> {
    let resource = Resource::Message(Attributes::of(operation, item).parsed("sid")?);
    Ok(Message::of(&history_of(operation, &resource, item)?))
}

fn call(operation: &'static str, item: &Item) -> Result<Option<Call>, StoreError> {
    let resource = Resource::Call(Attributes::of(operation, item).parsed("sid")?);
    Ok(Call::of(&history_of(operation, &resource, item)?))
}

fn recording(operation: &'static str, item: &Item) -> Result<Option<Recording>, StoreError> {
    let resource = Resource::Recording(Attributes::of(operation, item).parsed("sid")?);
    Ok(Recording::of(&history_of(operation, &resource, item)?))
}
