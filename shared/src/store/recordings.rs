//! Recordings that are deleted: what was known of one goes, and a tombstone stays, so that nothing that is still on its way
//! brings it back.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};

use super::activity::{DELETED_AT, history_of};
use super::change::{Attempts, Changes, Commit, Refusal};
use super::item::{is_expired, text, time};
use super::routes::incomplete;
use super::{StoreError, TableNames, WriteError, keys};
use crate::activity::{DELETED, History, Resource};
use crate::audit::AuditEntry;
use crate::clock::Clock;
use crate::sid::RecordingSid;
use crate::tenant::TenantScope;

const OPERATION: &str = "delete a recording";

/// What stays of an item besides its keys: where it is listed for the tenant's deletion, and when it expires.
const STAYS: [&str; 2] = ["time_sk", "expires_at"];

/// The tenants' recordings, as far as their deletion goes.
#[derive(Clone)]
pub struct RecordingDeletions {
    changes: Changes,
    activity: String,
    clock: Clock,
}

/// A recording that is known.
#[derive(Debug, Clone, PartialEq)]
pub enum KnownRecording {
    /// It is kept.
    Kept(KeptRecording),
    /// Somebody deleted it.
    Deleted,
}

/// A recording that is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptRecording {
    /// What is known of it.
    pub history: History,
    stays: HashMap<String, AttributeValue>,
}

impl RecordingDeletions {
    /// Opens the tables.
    #[must_use]
    pub fn new(client: Client, tables: &TableNames, clock: Clock) -> Self {
        Self {
            changes: Changes::new(client, tables.tenants.clone()),
            activity: tables.activity.clone(),
            clock,
        }
    }

    /// What is known of a recording; nothing, when no callback told of it, or it has expired. One strongly consistent read.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn look(
        &self,
        scope: &TenantScope,
        sid: &RecordingSid,
    ) -> Result<Option<KnownRecording>, StoreError> {
        let resource = Resource::Recording(sid.clone());
        let output = self
            .changes
            .client()
            .get_item()
            .table_name(&self.activity)
            .set_key(Some(keys::resource(scope, &resource).into_attributes()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| StoreError::of(OPERATION, "", &error))?;
        let now = self.clock.now();
        let Some(mut item) = output.item.filter(|item| !is_expired(item, now)) else {
            return Ok(None);
        };
        if item.contains_key(DELETED_AT) {
            return Ok(Some(KnownRecording::Deleted));
        }
        let history = history_of(OPERATION, &resource, &item)?;
        let stays = STAYS.into_iter();
        let stays = stays.filter_map(|name| item.remove_entry(name)).collect();
        Ok(Some(KnownRecording::Kept(KeptRecording { history, stays })))
    }

    /// Deletes what is known of a recording and leaves the tombstone, with the entry of the audit log. When somebody else did so
    /// first, or the item went otherwise, nothing is written.
    ///
    /// # Errors
    /// When the tenant is being deleted or gone, or the store failed.
    pub async fn delete(
        &self,
        scope: &TenantScope,
        sid: &RecordingSid,
        kept: &KeptRecording,
        entry: &AuditEntry,
    ) -> Result<(), WriteError> {
        let mut attempts = Attempts::default();
        loop {
            let mut change = self.changes.begin(OPERATION, scope)?;
            change.write(self.tombstone(scope, sid, kept, entry)?, Refusal::Lost);
            change.audit(scope, entry)?;
            match change.commit().await? {
                Commit::Done(_) | Commit::Lost => return Ok(()),
                // A callback about the recording is being kept, and goes with it.
                Commit::Raced => attempts.pause(OPERATION).await?,
            }
        }
    }

    /// Puts the tombstone where the whole item was: a fact that came since it was read goes too.
    fn tombstone(
        &self,
        scope: &TenantScope,
        sid: &RecordingSid,
        kept: &KeptRecording,
        entry: &AuditEntry,
    ) -> Result<TransactWriteItem, StoreError> {
        let key = keys::resource(scope, &Resource::Recording(sid.clone()));
        let mut item = key.into_attributes();
        item.extend(kept.stays.clone());
        let put = Put::builder()
            .table_name(&self.activity)
            .set_item(Some(item))
            .item("sid", text(sid.as_str()))
            .item(DELETED_AT, time(entry.at))
            .item("deleted_by", text(entry.actor.name()))
            .item("time_pk", text(keys::by_time(scope, DELETED)))
            .condition_expression("attribute_exists(pk) AND attribute_not_exists(deleted_at)")
            .build()
            .map_err(|_| incomplete(OPERATION))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }
}
