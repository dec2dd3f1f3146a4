//! The phone numbers of the tenants' accounts, as Twilio last told of them, and which of them are to lead here.

mod item;
pub(super) mod own;
mod sync;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{Delete, TransactWriteItem};
use jiff::Timestamp;

pub use self::own::OwnNumbers;
pub use self::sync::SyncCounts;
use super::change::{Attempts, Changes, Commit, Refusal, WriteError};
use super::item::text;
use super::routes::incomplete;
use super::{Page, StoreError, keys, own_number};
use crate::audit::{Action, Actor, AuditEntry};
use crate::sid::{AccountSid, PhoneNumberSid};
use crate::tenant::TenantScope;
use crate::twilio::health::{Leads, NumberRoute};
use crate::twilio::rest::NumberCapabilities;

/// The tenants' phone numbers, in the Tenants table.
#[derive(Clone)]
pub struct PhoneNumberItems {
    changes: Changes,
}

/// A number as Twilio told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberState {
    /// Its SID.
    pub sid: PhoneNumberSid,
    /// The account that has it.
    pub account_sid: AccountSid,
    /// The number in E.164.
    pub phone_number: String,
    /// Its name at Twilio.
    pub friendly_name: Option<String>,
    /// What it can do.
    pub capabilities: NumberCapabilities,
    /// Whether what is set on the number itself leads its calls and messages here.
    pub is_connected: bool,
    /// The way of its calls; nothing where it can have none.
    pub voice_route: Option<NumberRoute>,
    /// The way of its messages; nothing where it can have none.
    pub message_route: Option<NumberRoute>,
    /// What is wrong and what to do about it, in sentences.
    pub warnings: Vec<String>,
    /// When Twilio was asked. What was learnt later is never overwritten by what was learnt before.
    pub synced_at: Timestamp,
}

impl NumberState {
    /// Whether its calls are taken by this deployment.
    pub(super) fn is_answered_here(&self) -> bool {
        let route = self.voice_route.as_ref();
        route.is_some_and(|route| route.leads == Leads::Here)
    }
}

/// A number as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredNumber {
    /// What Twilio told of it.
    pub state: NumberState,
    /// Since when it is to lead here, if anybody asked for that.
    pub connected_at: Option<Timestamp>,
    /// Since when somebody is at having it lead here, of whom it is not known that he is done.
    connecting_since: Option<Timestamp>,
    version: u64,
}

impl PhoneNumberItems {
    /// Opens the Tenants table.
    #[must_use]
    pub fn new(client: Client, table: String) -> Self {
        let changes = Changes::new(client, table);
        Self { changes }
    }

    /// A page of the numbers of an account, in the order of their SIDs, those that lead here or those that do not if that is asked,
    /// and the position of the next page. One strongly consistent query of at most 101 items: a page may have fewer than asked for
    /// though it is not the last.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn list(
        &self,
        scope: &TenantScope,
        account: &AccountSid,
        connected: Option<bool>,
        page: &Page,
    ) -> Result<(Vec<StoredNumber>, Option<String>), StoreError> {
        const OPERATION: &str = "list phone numbers";
        /// How many are looked at, at most.
        const LOOKED_AT: usize = 100;
        let partition = keys::phone_number_partition(scope);
        let start = page.after().map(|position| {
            keys::item_of(partition.clone(), position.to_owned()).into_attributes()
        });
        let output = self
            .changes
            .client()
            .query()
            .table_name(self.changes.table())
            .key_condition_expression("pk = :partition")
            .expression_attribute_values(":partition", text(partition))
            .set_exclusive_start_key(start)
            .consistent_read(true)
            // One more tells whether there is another page. Of 1 KB each they are far below 1 MB.
            .limit(i32::try_from(LOOKED_AT + 1).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(|error| StoreError::of(OPERATION, "", &error))?;
        let items = output.items.unwrap_or_default();
        let (mut listed, mut last) = (Vec::new(), None);
        let mut looked_at = 0_usize;
        for item in items.iter().take(LOOKED_AT) {
            if listed.len() == page.limit() {
                break;
            }
            looked_at = looked_at.saturating_add(1);
            let stored = StoredNumber::of_item(OPERATION, item)?;
            last = Some(stored.state.sid.to_string());
            let is_asked = connected.is_none_or(|asked| asked == stored.state.is_connected);
            if stored.state.account_sid == *account && is_asked {
                listed.push(stored);
            }
        }
        Ok((listed, last.filter(|_| looked_at < items.len())))
    }

    /// All numbers of a tenant, of whatever account. As many strongly consistent queries as there are megabytes.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn all(&self, scope: &TenantScope) -> Result<Vec<StoredNumber>, StoreError> {
        const OPERATION: &str = "read phone numbers";
        let query = self
            .changes
            .client()
            .query()
            .table_name(self.changes.table())
            .key_condition_expression("pk = :partition")
            .expression_attribute_values(":partition", text(keys::phone_number_partition(scope)))
            .consistent_read(true);
        let (mut start, mut found) = (None, Vec::new());
        loop {
            let page = query.clone().set_exclusive_start_key(start).send().await;
            let page = page.map_err(|error| StoreError::of(OPERATION, "", &error))?;
            for item in page.items.unwrap_or_default() {
                found.push(StoredNumber::of_item(OPERATION, &item)?);
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(found);
            }
        }
    }

    /// The numbers of an account that are to lead here: what a check holds against what Twilio says.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn kept(
        &self,
        scope: &TenantScope,
        account: &AccountSid,
    ) -> Result<Vec<StoredNumber>, StoreError> {
        let mut numbers = self.all(scope).await?;
        numbers.retain(|it| it.connected_at.is_some() && it.state.account_sid == *account);
        Ok(numbers)
    }

    /// A number, if the tenant is known to have it. One strongly consistent read.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn read(
        &self,
        scope: &TenantScope,
        sid: &PhoneNumberSid,
    ) -> Result<Option<StoredNumber>, StoreError> {
        const OPERATION: &str = "read a phone number";
        let output = self
            .changes
            .client()
            .get_item()
            .table_name(self.changes.table())
            .set_key(Some(keys::phone_number(scope, sid).into_attributes()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| StoreError::of(OPERATION, "", &error))?;
        let item = output.item.as_ref();
        item.map(|item| StoredNumber::of_item(OPERATION, item))
            .transpose()
    }

    /// Notes, before Twilio is asked to change a number, that it is being connected: so that the audit log tells of it although
    /// whoever did so got no further. What is stored of it stays.
    ///
    /// # Errors
    /// [`WriteConflict::ForwardedTo`](super::WriteConflict::ForwardedTo), when the tenant's calls are forwarded to it; when the
    /// tenant is not there, or the store failed.
    pub async fn note_connecting(
        &self,
        scope: &TenantScope,
        state: &NumberState,
    ) -> Result<(), WriteError> {
        const OPERATION: &str = "note that a phone number is being connected";
        let mut attempts = Attempts::default();
        loop {
            let before = self.read(scope, &state.sid).await?;
            if before
                .as_ref()
                .is_some_and(|it| it.was_connected_since(state))
            {
                // By somebody who asked at the same moment.
                return Ok(());
            }
            let mut after = StoredNumber::after(before.as_ref(), state);
            after.connecting_since = Some(state.synced_at);
            if let Some(before) = &before {
                // Where it leads is not looked at here.
                after.state = before.state.clone();
            }
            let mut change = self.changes.begin(OPERATION, scope)?;
            self.refuse_circle(&mut change, scope, state).await?;
            change.write(self.write(scope, before.as_ref(), &after)?, Refusal::Raced);
            match change.commit().await? {
                Commit::Done(_) => return Ok(()),
                Commit::Raced | Commit::Lost => attempts.pause(OPERATION).await?,
            }
        }
    }

    /// Keeps that a number leads here by now and is to go on doing so, and gives it as it is stored. The audit log tells of it, unless
    /// it did so before and nothing was changed since.
    ///
    /// # Errors
    /// Those of [`PhoneNumberItems::note_connecting`].
    pub async fn keep_connected(
        &self,
        scope: &TenantScope,
        state: &NumberState,
        actor: &Actor,
    ) -> Result<StoredNumber, WriteError> {
        const OPERATION: &str = "keep a connected phone number";
        let mut attempts = Attempts::default();
        loop {
            let before = self.read(scope, &state.sid).await?;
            let connected_at = before.as_ref().and_then(|it| it.connected_at);
            let is_news = connected_at.is_none()
                || before
                    .as_ref()
                    .is_some_and(|it| it.connecting_since.is_some());
            let after = StoredNumber {
                connected_at: Some(connected_at.unwrap_or(state.synced_at)),
                connecting_since: None,
                ..StoredNumber::after(before.as_ref(), state)
            };
            let mut change = self.changes.begin(OPERATION, scope)?;
            self.refuse_circle(&mut change, scope, state).await?;
            change.write(self.write(scope, before.as_ref(), &after)?, Refusal::Raced);
            let own = self.own(scope).await?;
            if let Some(own) = own::with(own.as_ref(), &after.state) {
                change.write(own.write(&self.changes, scope)?, Refusal::Raced);
            }
            if is_news {
                let entry = AuditEntry {
                    at: state.synced_at,
                    actor: actor.clone(),
                    action: match connected_at {
                        None => Action::PhoneNumberConnected,
                        Some(_) => Action::PhoneNumberRepaired,
                    },
                    target: state.sid.to_string(),
                    detail: state.phone_number.clone(),
                };
                change.audit(scope, &entry)?;
            }
            match change.commit().await? {
                Commit::Done(_) => return Ok(after),
                Commit::Raced | Commit::Lost => attempts.pause(OPERATION).await?,
            }
        }
    }

    /// Forgets a number that the account does not have (any more): it is none of the tenant's own from then on.
    ///
    /// # Errors
    /// When the tenant is not there, or the store failed.
    pub async fn forget(
        &self,
        scope: &TenantScope,
        sid: &PhoneNumberSid,
    ) -> Result<(), WriteError> {
        const OPERATION: &str = "forget a phone number";
        let mut attempts = Attempts::default();
        loop {
            let Some(stored) = self.read(scope, sid).await? else {
                return Ok(());
            };
            let delete = Delete::builder()
                .table_name(self.changes.table())
                .set_key(Some(keys::phone_number(scope, sid).into_attributes()))
                .build()
                .map_err(|_| incomplete(OPERATION))?;
            let mut change = self.changes.begin(OPERATION, scope)?;
            let delete = TransactWriteItem::builder().delete(delete).build();
            change.write(delete, Refusal::Never);
            if let Some(own) = self.own(scope).await?
                && let Some(own) = own::without(&own, &stored.state)
            {
                change.write(own.write(&self.changes, scope)?, Refusal::Raced);
            }
            match change.commit().await? {
                Commit::Done(_) => return Ok(()),
                Commit::Raced | Commit::Lost => attempts.pause(OPERATION).await?,
            }
        }
    }

    /// Calls that are forwarded to a number that leads here would come back over and over.
    async fn refuse_circle(
        &self,
        change: &mut super::change::Change<'_>,
        scope: &TenantScope,
        state: &NumberState,
    ) -> Result<(), WriteError> {
        if !state.capabilities.voice {
            return Ok(());
        }
        own_number::is_not_forwarded(&self.changes, change, scope, &state.phone_number).await
    }
}

impl StoredNumber {
    /// Whether somebody was done with having it lead here after it was looked at.
    fn was_connected_since(&self, looked_at: &NumberState) -> bool {
        self.connected_at.is_some()
            && self.connecting_since.is_none()
            && self.state.is_connected
            && self.state.account_sid == looked_at.account_sid
            && self.state.synced_at > looked_at.synced_at
    }

    /// A number after another look at it: what was learnt later stays.
    fn after(before: Option<&Self>, state: &NumberState) -> Self {
        let newer = before.filter(|before| before.state.synced_at > state.synced_at);
        // A number that went to another account is another's to connect.
        let same = before.filter(|before| before.state.account_sid == state.account_sid);
        Self {
            state: newer.map_or_else(|| state.clone(), |newer| newer.state.clone()),
            connected_at: same.and_then(|it| it.connected_at),
            connecting_since: same.and_then(|it| it.connecting_since),
            version: before.map_or(0, |it| it.version).saturating_add(1),
        }
    }
}
