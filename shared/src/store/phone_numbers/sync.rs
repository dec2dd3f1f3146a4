//! What Twilio lists, over what is stored.

use std::collections::HashMap;

use jiff::Timestamp;

use super::super::change::{Attempts, Commit, Refusal, WriteError};
use super::{NumberState, PhoneNumberItems, StoredNumber, own};
use crate::sid::{AccountSid, PhoneNumberSid};
use crate::tenant::TenantScope;

const OPERATION: &str = "store the phone numbers of an account";

/// How many numbers a transaction writes. Of the 100 items that it may have, one is the tenant and one its list of own numbers.
/// Source: `TransactWriteItems`, Amazon DynamoDB API Reference.
const A_TRANSACTION: usize = 90;

/// What a sync made of the stored numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SyncCounts {
    /// How many numbers the account has.
    pub found: usize,
    /// How many of them were not known.
    pub added: usize,
    /// How many were known otherwise.
    pub changed: usize,
    /// How many were known that it does not have.
    pub removed: usize,
}

impl PhoneNumberItems {
    /// Stores all numbers of an account as Twilio listed them from `synced_at` on, and removes the others. What was learnt later
    /// stays, and so does which of them are to lead here. One query and one transaction for each 90 numbers; after an interruption
    /// it is done again.
    ///
    /// # Errors
    /// When the tenant is not there, or the store failed; some of the numbers may be stored nevertheless.
    pub async fn sync(
        &self,
        scope: &TenantScope,
        account: &AccountSid,
        listed: &[NumberState],
        synced_at: Timestamp,
    ) -> Result<SyncCounts, WriteError> {
        let mut attempts = Attempts::default();
        let mut counts = None;
        loop {
            let stored = self.all(scope).await?;
            let stored: HashMap<&PhoneNumberSid, &StoredNumber> =
                stored.iter().map(|it| (&it.state.sid, it)).collect();
            let counted = counts.get_or_insert_with(|| count(listed, &stored, synced_at));
            if self
                .write_all(scope, account, listed, &stored, synced_at)
                .await?
            {
                return Ok(*counted);
            }
            attempts.pause(OPERATION).await?;
        }
    }

    /// Writes what is older than it was listed; false, when others were at it at the same time.
    async fn write_all(
        &self,
        scope: &TenantScope,
        account: &AccountSid,
        listed: &[NumberState],
        stored: &HashMap<&PhoneNumberSid, &StoredNumber>,
        synced_at: Timestamp,
    ) -> Result<bool, WriteError> {
        let mut writes = Vec::new();
        for state in listed {
            let before = stored.get(&state.sid).copied();
            if before.is_none_or(|before| before.state.synced_at < synced_at) {
                let after = StoredNumber::after(before, state);
                writes.push(self.write(scope, before, &after)?);
            }
        }
        for gone in gone(listed, stored, synced_at) {
            writes.push(self.removal(scope, gone)?);
        }
        let own = self.own(scope).await?;
        let is_newest = own
            .as_ref()
            .is_none_or(|own| own.account_sid() != account || own.synced_at() <= synced_at);
        let mut chunks: Vec<_> = writes.chunks(A_TRANSACTION).collect();
        if chunks.is_empty() {
            chunks.push(&[]);
        }
        let last = chunks.len().saturating_sub(1);
        for (place, chunk) in chunks.into_iter().enumerate() {
            let mut change = self.changes.begin(OPERATION, scope)?;
            for write in chunk {
                change.write(write.clone(), Refusal::Raced);
            }
            if place == last && is_newest {
                // What was learnt of since stays among them.
                let newer = stored.values().map(|it| &it.state);
                let newer = newer.filter(|it| it.synced_at > synced_at);
                let newer = newer.filter(|it| it.account_sid == *account);
                let older = |it: &&NumberState| {
                    let known = stored.get(&it.sid);
                    known.is_none_or(|known| known.state.synced_at <= synced_at)
                };
                let numbers = listed.iter().filter(older).chain(newer);
                let own = own::of_all(own.as_ref(), account, numbers, synced_at);
                change.write(own.write(&self.changes, scope)?, Refusal::Raced);
            }
            match change.commit().await? {
                Commit::Done(_) => {}
                Commit::Raced | Commit::Lost => return Ok(false),
            }
        }
        Ok(true)
    }
}

/// The stored numbers that are not listed, and were not learnt of since.
fn gone<'s>(
    listed: &[NumberState],
    stored: &HashMap<&PhoneNumberSid, &'s StoredNumber>,
    synced_at: Timestamp,
) -> Vec<&'s StoredNumber> {
    let listed: Vec<&PhoneNumberSid> = {
        let mut sids: Vec<_> = listed.iter().map(|it| &it.sid).collect();
        sids.sort_unstable();
        sids
    };
    let stored = stored.values().copied();
    stored
        .filter(|it| it.state.synced_at <= synced_at)
        .filter(|it| listed.binary_search(&&it.state.sid).is_err())
        .collect()
}

fn count(
    listed: &[NumberState],
    stored: &HashMap<&PhoneNumberSid, &StoredNumber>,
    synced_at: Timestamp,
) -> SyncCounts {
    let mut counts = SyncCounts {
        found: listed.len(),
        removed: gone(listed, stored, synced_at).len(),
        ..SyncCounts::default()
    };
    for state in listed {
        match stored.get(&state.sid) {
            None => counts.added = counts.added.saturating_add(1),
            Some(known) => {
                let at_that_time = NumberState {
                    synced_at: known.state.synced_at,
                    ..state.clone()
                };
                if known.state != at_that_time {
                    counts.changed = counts.changed.saturating_add(1);
                }
            }
        }
    }
    counts
}
