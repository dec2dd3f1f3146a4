//! Calls, with what hangs on them: the legs that they dialled, and their recordings.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::index::{Asked, Entry, Partition};
use super::{CALL, Filter, Interval, List, Listed, Listings, RECORDING, call, recording};
use crate::activity::{Call, Group, Recording, Resource};
use crate::aws::in_same_session;
use crate::sid::CallSid;
use crate::store::item::Item;
use crate::store::keys::{self, Key};
use crate::store::{Page, StoreError};
use crate::tenant::TenantScope;

/// How many legs and recordings of a call are looked at.
const PARTS_OF_A_CALL: usize = 100;

/// How many recordings are told of each call of a list, so that an answer stays far below the 6 MB that Lambda takes.
const RECORDINGS_IN_A_LIST: usize = 10;

/// How many groups are queried at once.
const AT_ONCE: usize = 16;

/// A call with its recordings, in the order in which they were heard of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedCall {
    /// The call.
    pub call: Call,
    /// The first of its recordings: at most 10 in a list, 100 where one call is read.
    pub recordings: Vec<Recording>,
}

impl Listings {
    /// A page of the calls, without the legs that others dialled. One query and one batch of reads, then one query for each call
    /// that is listed and one batch for 100 recordings.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn calls(
        &self,
        scope: &TenantScope,
        interval: Interval,
        filter: Filter<'_, Call>,
        page: &Page,
    ) -> Result<Listed<RecordedCall>, StoreError> {
        let list = List {
            operation: "list calls",
            partition: Partition::by_time(keys::by_time(scope, CALL)),
            interval,
            kind: None,
        };
        let Listed { items, next } = self.page(&list, page, filter, call).await?;
        let items = self.recorded(list.operation, scope, items).await?;
        Ok(Listed { items, next })
    }

    /// A call or a leg of one, with the first 100 of its legs and recordings, in the order in which they were heard of; nothing,
    /// when it is not known. One read, one query and two batches, and one query for each leg.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn call(
        &self,
        scope: &TenantScope,
        sid: &CallSid,
    ) -> Result<Option<(RecordedCall, Vec<RecordedCall>)>, StoreError> {
        const OPERATION: &str = "read a call";
        let key = keys::resource(scope, &Resource::Call(sid.clone()));
        let group = group(scope, sid);
        let asked = of_a_call();
        let (items, parts) = tokio::join!(
            self.items(OPERATION, std::iter::once(&key)),
            group.entries(OPERATION, &self.client, &self.table, asked),
        );
        let read = items?.get(&key).map(|item| call(OPERATION, item));
        let Some(read) = read.transpose()?.flatten() else {
            return Ok(None);
        };
        let parts = parts?;
        let items = self
            .items(OPERATION, parts.iter().map(|part| &part.key))
            .await?;
        let of_kind = |kind| of_kind(&parts, kind).filter_map(|part| items.get(&part.key));
        let recordings = read_all(of_kind(RECORDING), |item| recording(OPERATION, item))?;
        let legs = read_all(of_kind(CALL), |item| call(OPERATION, item))?;
        let legs = self.recorded(OPERATION, scope, legs).await?;
        let call = read;
        Ok(Some((RecordedCall { call, recordings }, legs)))
    }

    /// Calls with their first 10 recordings: a query of keys for each, and a batch for 100 recordings.
    async fn recorded(
        &self,
        operation: &'static str,
        scope: &TenantScope,
        calls: Vec<Call>,
    ) -> Result<Vec<RecordedCall>, StoreError> {
        let mut keys = self.keys_of_recordings(operation, scope, &calls).await?;
        let items = self.items(operation, keys.values().flatten()).await?;
        let recorded = calls.into_iter().map(|call| {
            let keys = keys.remove(&call.sid).unwrap_or_default();
            let items = keys.iter().filter_map(|key| items.get(key));
            let recordings = read_all(items, |item| recording(operation, item))?;
            Ok(RecordedCall { call, recordings })
        });
        recorded.collect()
    }

    async fn keys_of_recordings(
        &self,
        operation: &'static str,
        scope: &TenantScope,
        calls: &[Call],
    ) -> Result<HashMap<CallSid, Vec<Key>>, StoreError> {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        let mut queries = JoinSet::new();
        for call in calls {
            let (listings, places) = (self.clone(), Arc::clone(&places));
            let (sid, group) = (call.sid.clone(), group(scope, &call.sid));
            queries.spawn(in_same_session(async move {
                // Nobody closes it.
                let _place = places.acquire().await;
                let entries =
                    group.entries(operation, &listings.client, &listings.table, of_a_call());
                entries.await.map(|parts| (sid, parts))
            }));
        }
        let mut keys = HashMap::new();
        while let Some(query) = queries.join_next().await {
            let (sid, parts) = query.map_err(|_| StoreError::Refused {
                operation,
                cause: "the query panicked".to_owned(),
            })??;
            let recordings = of_kind(&parts, RECORDING).map(|part| part.key.clone());
            keys.insert(sid, recordings.take(RECORDINGS_IN_A_LIST).collect());
        }
        Ok(keys)
    }
}

fn group(scope: &TenantScope, call: &CallSid) -> Partition {
    Partition::by_group(keys::by_group(scope, &Group::Call(call.clone())))
}

/// The first legs and recordings of a call.
fn of_a_call() -> Asked<'static> {
    Asked {
        interval: Interval::default(),
        newest_first: false,
        after: None,
        limit: PARTS_OF_A_CALL,
    }
}

fn of_kind<'e>(parts: &'e [Entry], kind: &'static str) -> impl Iterator<Item = &'e Entry> {
    parts.iter().filter(move |part| part.key.sort() == kind)
}

/// Reads items, without those that were deleted.
fn read_all<'i, T>(
    items: impl Iterator<Item = &'i Item>,
    read: impl Fn(&Item) -> Result<Option<T>, StoreError>,
) -> Result<Vec<T>, StoreError> {
    items.filter_map(|item| read(item).transpose()).collect()
}
