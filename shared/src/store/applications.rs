//! What is remembered of the tenants' TwiML Apps, and the lease by which one caller at a time makes one.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};
use jiff::{SignedDuration, Timestamp};

use super::assignments::Assignments;
use super::change::{Attempts, Changes, Commit, Refusal, WriteError};
use super::error::unless_conflict;
use super::item::{Attributes, Item, number, text, time};
use super::routes::incomplete;
use super::{StoreError, keys};
use crate::audit::AuditEntry;
use crate::sid::{AccountSid, ApplicationSid};
use crate::tenant::TenantScope;

/// What is remembered of the tenants' TwiML Apps.
#[derive(Clone)]
pub struct ApplicationMemory {
    changes: Changes,
}

/// A tenant's TwiML App, as it was when somebody last made sure of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredApplication {
    /// The account that it is in.
    pub account_sid: AccountSid,
    /// Its SID.
    pub application_sid: ApplicationSid,
    /// Where Twilio asks what to do with its calls.
    pub voice_url: String,
}

/// What there is of a tenant's TwiML App.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RememberedApplication {
    /// The App, if anybody made sure of one.
    pub application: Option<StoredApplication>,
    /// Until when somebody is at making sure of one, or was; absent, when nobody is.
    pub leased_until: Option<Timestamp>,
    /// When somebody last made sure of it.
    pub ensured_at: Option<Timestamp>,
    /// One that there was, found gone and forgotten, and the account that it was in; nothing, since somebody made sure of one again.
    pub missed: Option<(AccountSid, ApplicationSid)>,
    /// One that was being deleted by somebody of whom it is not known that it is done.
    pub deleting: Option<ApplicationSid>,
}

/// The right to make a tenant's App, until a moment. Others wait, or have it after that.
#[derive(Debug)]
#[must_use]
pub struct Lease {
    owner: String,
    /// What was remembered when the lease was taken: perhaps what another has just made.
    pub application: Option<StoredApplication>,
}

/// How the attempt to take a lease ended that did not fail.
#[derive(Debug)]
pub enum Leasing {
    /// It is the caller's.
    Taken(Lease),
    /// It is another's.
    Held {
        /// When it ends at the latest.
        until: Timestamp,
    },
}

impl ApplicationMemory {
    /// Opens the Tenants table.
    #[must_use]
    pub fn new(client: Client, table: String) -> Self {
        let changes = Changes::new(client, table);
        Self { changes }
    }

    /// What is remembered of a tenant's App, and whether somebody is at it. One strongly consistent read.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn look(&self, scope: &TenantScope) -> Result<RememberedApplication, StoreError> {
        const OPERATION: &str = "read a TwiML App";
        let output = self
            .changes
            .client()
            .get_item()
            .table_name(self.changes.table())
            .set_key(Some(keys::application(scope).into_attributes()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| StoreError::of(OPERATION, "", &error))?;
        remembered(OPERATION, &output.item.unwrap_or_default())
    }

    /// Takes the lease from `now` on for whole seconds, if nobody has it; who has it takes it anew. `owner` is a name that no other
    /// caller has. One conditional write.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn lease(
        &self,
        scope: &TenantScope,
        owner: &str,
        now: Timestamp,
        seconds: u32,
    ) -> Result<Leasing, StoreError> {
        const OPERATION: &str = "lease a TwiML App";
        let until = now.saturating_add(SignedDuration::from_secs(seconds.into()));
        let until = until.map_err(|_| incomplete(OPERATION))?;
        let mut assignments = Assignments::default();
        assignments.set("leased_by", text(owner));
        assignments.set("leased_until", number(until.as_millisecond()));
        let update = assignments
            .update(self.changes.table(), keys::application(scope))
            .build()
            .map_err(|_| incomplete(OPERATION))?;
        let sent = self
            .changes
            .client()
            .update_item()
            .table_name(update.table_name())
            .set_key(Some(update.key().clone()))
            .update_expression(update.update_expression())
            .condition_expression(
                "attribute_not_exists(leased_until) OR leased_until <= :now OR leased_by = :leased_by",
            )
            .set_expression_attribute_names(update.expression_attribute_names().cloned())
            .set_expression_attribute_values(update.expression_attribute_values().cloned())
            .expression_attribute_values(":now", number(now.as_millisecond()))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let error = match sent {
            Ok(output) => {
                let item = output.attributes.unwrap_or_default();
                return Ok(Leasing::Taken(Lease {
                    owner: owner.to_owned(),
                    application: application(OPERATION, &item)?,
                }));
            }
            Err(error) => error,
        };
        if let Some(UpdateItemError::ConditionalCheckFailedException(failed)) =
            error.as_service_error()
        {
            let item = failed.item.clone().unwrap_or_default();
            // Ended between the attempt and now: it may be had at once.
            let until = leased_until(OPERATION, &item)?.unwrap_or(now);
            return Ok(Leasing::Held { until });
        }
        Err(StoreError::of(OPERATION, "", &error))
    }

    /// Remembers an App that was made under a lease, and ends the lease. `false`, and nothing is remembered, when the lease is
    /// another's by now, or the tenant's credentials were deleted.
    ///
    /// # Errors
    /// [`WriteError`], when the tenant is not there or the store fails.
    pub async fn remember(
        &self,
        scope: &TenantScope,
        lease: &Lease,
        made: &StoredApplication,
        entry: &AuditEntry,
    ) -> Result<bool, WriteError> {
        const OPERATION: &str = "remember a TwiML App";
        let mut attempts = Attempts::default();
        loop {
            let mut assignments = Assignments::default();
            assignments.set("account_sid", text(made.account_sid.as_str()));
            assignments.set("application_sid", text(made.application_sid.as_str()));
            assignments.set("voice_url", text(&made.voice_url));
            assignments.set("ensured_at", time(entry.at));
            assignments.remove("leased_by");
            assignments.remove("leased_until");
            assignments.remove("missed_account");
            assignments.remove("missed_application");
            let update = assignments
                .update(self.changes.table(), keys::application(scope))
                .condition_expression("leased_by = :owner")
                .expression_attribute_values(":owner", text(&lease.owner))
                .build()
                .map_err(|_| incomplete(OPERATION))?;
            let mut change = self.changes.begin(OPERATION, scope)?;
            let update = TransactWriteItem::builder().update(update).build();
            change.write(update, Refusal::Lost);
            change.audit(scope, entry)?;
            match change.commit().await? {
                Commit::Done(_) => return Ok(true),
                Commit::Lost => return Ok(false),
                Commit::Raced => attempts.pause(OPERATION).await?,
            }
        }
    }

    /// Marks that an App is about to be deleted at Twilio, so that whoever finds it gone can tell. One conditional write.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn mark_deleting(
        &self,
        scope: &TenantScope,
        sid: &ApplicationSid,
    ) -> Result<(), StoreError> {
        const OPERATION: &str = "mark a TwiML App that is deleted";
        let sent = self
            .changes
            .client()
            .update_item()
            .table_name(self.changes.table())
            .set_key(Some(keys::application(scope).into_attributes()))
            .update_expression("SET deleting = :sid")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":sid", text(sid.as_str()))
            .send()
            .await;
        unless_conflict(OPERATION, sent)
    }

    /// Writes into the tenant's audit log that a marked App is deleted at Twilio, and takes the mark away. Nothing, when somebody else
    /// did so.
    ///
    /// # Errors
    /// [`WriteError`], when the tenant is not there or the store fails.
    pub async fn note_deleted(
        &self,
        scope: &TenantScope,
        deleted: &ApplicationSid,
        entry: &AuditEntry,
    ) -> Result<(), WriteError> {
        const OPERATION: &str = "note that a TwiML App is deleted";
        let mut attempts = Attempts::default();
        loop {
            let mut assignments = Assignments::default();
            assignments.remove("deleting");
            let update = assignments
                .update(self.changes.table(), keys::application(scope))
                .condition_expression("deleting = :deleted")
                .expression_attribute_values(":deleted", text(deleted.as_str()))
                .build()
                .map_err(|_| incomplete(OPERATION))?;
            let mut change = self.changes.begin(OPERATION, scope)?;
            let update = TransactWriteItem::builder().update(update).build();
            change.write(update, Refusal::Lost);
            change.audit(scope, entry)?;
            match change.commit().await? {
                Commit::Done(_) | Commit::Lost => return Ok(()),
                Commit::Raced => attempts.pause(OPERATION).await?,
            }
        }
    }

    /// Forgets an App that is no longer there, so that the next who needs one makes sure of one; that there was one is still known.
    /// Nothing, when another is remembered by now. One conditional write.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn forget(
        &self,
        scope: &TenantScope,
        gone: &ApplicationSid,
    ) -> Result<(), StoreError> {
        const OPERATION: &str = "forget a TwiML App";
        let sent = self
            .changes
            .client()
            .update_item()
            .table_name(self.changes.table())
            .set_key(Some(keys::application(scope).into_attributes()))
            .update_expression(
                "SET missed_account = account_sid, missed_application = application_sid \
                 REMOVE account_sid, application_sid, voice_url, ensured_at",
            )
            .condition_expression("application_sid = :gone")
            .expression_attribute_values(":gone", text(gone.as_str()))
            .send()
            .await;
        unless_conflict(OPERATION, sent)
    }

    /// Ends a lease that nothing came of. Nothing, when it is another's by now.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn release(&self, scope: &TenantScope, lease: Lease) -> Result<(), StoreError> {
        const OPERATION: &str = "end the lease of a TwiML App";
        let sent = self
            .changes
            .client()
            .update_item()
            .table_name(self.changes.table())
            .set_key(Some(keys::application(scope).into_attributes()))
            .update_expression("REMOVE leased_by, leased_until")
            .condition_expression("leased_by = :owner")
            .expression_attribute_values(":owner", text(lease.owner))
            .send()
            .await;
        unless_conflict(OPERATION, sent)
    }
}

impl Lease {
    /// Whose it is.
    #[must_use]
    pub fn owner(&self) -> &str {
        &self.owner
    }
}

/// What an item, which may be none, tells of an App.
pub(super) fn remembered(
    operation: &'static str,
    item: &Item,
) -> Result<RememberedApplication, StoreError> {
    let attributes = Attributes::of(operation, item);
    let missed_account = attributes.optional("missed_account")?;
    let missed_application = attributes.optional("missed_application")?;
    Ok(RememberedApplication {
        application: application(operation, item)?,
        leased_until: leased_until(operation, item)?,
        ensured_at: attributes.optional("ensured_at")?,
        missed: missed_account.zip(missed_application),
        deleting: attributes.optional("deleting")?,
    })
}

/// The App in an item; none, when the item holds no more than a lease.
pub(super) fn application(
    operation: &'static str,
    item: &Item,
) -> Result<Option<StoredApplication>, StoreError> {
    if !item.contains_key("application_sid") {
        return Ok(None);
    }
    let attributes = Attributes::of(operation, item);
    Ok(Some(StoredApplication {
        account_sid: attributes.parsed("account_sid")?,
        application_sid: attributes.parsed("application_sid")?,
        voice_url: attributes.text("voice_url")?.to_owned(),
    }))
}

fn leased_until(operation: &'static str, item: &Item) -> Result<Option<Timestamp>, StoreError> {
    let attributes = Attributes::of(operation, item);
    let Some(until) = attributes.optional_number("leased_until")? else {
        return Ok(None);
    };
    let until = i64::try_from(until).ok();
    let until = until.and_then(|until| Timestamp::from_millisecond(until).ok());
    until
        .map(Some)
        .ok_or_else(|| attributes.unreadable("leased_until"))
}
