//! Whose account the credentials are of: claims with and without proof, and the one place where a tenant's transaction writes
//! into another's partition.

use aws_sdk_dynamodb::types::{ConditionCheck, TransactWriteItem, Update};

use super::{IntegrationRecord, Integrations};
use crate::audit::{Action, Actor, AuditEntry};
use crate::aws::taking_over_from;
use crate::events::{CredentialFailure, CredentialNews, FailureReason};
use crate::sid::AccountSid;
use crate::store::change::{Change, Refusal, WriteConflict, WriteError};
use crate::store::item::{Attributes, number, text};
use crate::store::keys;
use crate::store::routes::{Standing, incomplete};
use crate::store::{AccountRoute, StoreError};
use crate::tenant::{Provider, TenantScope};
use aws_sdk_dynamodb::types::AttributeValue;

/// What is said to a tenant that another has taken the account from.
const TAKEN_FROM: &str = "another tenant proved by a live check that the Twilio account is its own; these credentials were never \
                          proved, and are not used any more";
/// What is said to the tenant that has taken it.
const TAKEN_BY: &str = "another tenant held the Twilio account without having proved it";

/// A claim of the account of credentials that are being stored.
pub(super) struct Claim<'a> {
    pub(super) before: Option<&'a IntegrationRecord>,
    pub(super) after: &'a IntegrationRecord,
    /// Whether a live check has just proved the credentials.
    pub(super) is_proven: bool,
    /// Whether an earlier proof is one of these credentials too.
    pub(super) keeps_proof: bool,
    /// Who claims it, and when.
    pub(super) entry: &'a AuditEntry,
}

/// Who took an account, as its holder is told: a function by its name. A person is of another tenant and no business of this one,
/// and is told as the function that people store and check credentials by.
fn as_told_to_holder(actor: &Actor) -> Actor {
    match actor {
        Actor::Function(name) => Actor::Function(name),
        Actor::User(_) | Actor::Console => Actor::Function("credentials"),
    }
}

impl Integrations {
    /// Adds to a change what makes the account the tenant's. Nothing, for providers without one.
    ///
    /// A proven account stays proven only as long as its credentials are those that were proved: new ones without a check could be
    /// anybody's invention, and must not keep out the one who can prove his.
    pub(super) async fn claim_account(
        &self,
        change: &mut Change<'_>,
        scope: &TenantScope,
        claim: &Claim<'_>,
    ) -> Result<(), WriteError> {
        let account_before = claim.before.and_then(|before| before.account_sid.as_ref());
        let account = claim.after.account_sid.as_ref();
        if let Some(given_up) = account_before.filter(|before| Some(*before) != account) {
            self.release_account(change, scope, given_up).await?;
        }
        let Some(account) = account else {
            return Ok(());
        };
        let is_proven = claim.is_proven;
        let write = match self.routes.standing(scope, account, is_proven).await? {
            Standing::Free => self.routes.claim(scope, account, is_proven)?,
            Standing::Own { is_provisional } => {
                let is_proven = is_proven || (!is_provisional && claim.keeps_proof);
                self.routes.hold(scope, account, !is_proven)?
            }
            Standing::Quarantined => return Err(WriteConflict::AccountInQuarantine.into()),
            Standing::Foreign(holder) if holder.is_provisional() && is_proven => {
                self.take_over(change, scope, account, &holder, claim.entry)
                    .await?;
                return Ok(());
            }
            Standing::Foreign(_) => return Err(WriteConflict::AccountTaken.into()),
        };
        change.write(write, Refusal::Raced);
        Ok(())
    }

    /// Adds to a change the release of an account, if the tenant still holds it.
    pub(super) async fn release_account(
        &self,
        change: &mut Change<'_>,
        scope: &TenantScope,
        account: &AccountSid,
    ) -> Result<(), WriteError> {
        if let Standing::Own { .. } = self.routes.standing(scope, account, false).await? {
            let release = self.routes.release_in_transaction(scope, account)?;
            change.write(release, Refusal::Raced);
        }
        Ok(())
    }

    /// Adds to a change the take-over of an account from a tenant that holds it without proof.
    ///
    /// Nowhere else does one tenant's transaction write into another's partition. It writes up to three items there: into the
    /// credentials that they are inactive and why, an entry of the audit log, and the event of it if they were active. Of the other
    /// tenant's data it reads the account SID of its credentials, which is known, and whether they are active, which nobody is told.
    /// Neither tenant learns who the other is.
    async fn take_over(
        &self,
        change: &mut Change<'_>,
        scope: &TenantScope,
        account: &AccountSid,
        holder: &AccountRoute,
        entry: &AuditEntry,
    ) -> Result<(), WriteError> {
        let take_over = self.routes.take_over(scope, account, holder.tenant_id())?;
        change.write(take_over, Refusal::Raced);
        let mut told = AuditEntry {
            action: Action::AccountTakenOver,
            target: account.to_string(),
            detail: TAKEN_BY.to_owned(),
            ..entry.clone()
        };
        change.audit(scope, &told)?;

        let holder = TenantScope::new(holder.tenant_id().clone());
        change.take_over_from(&holder);
        let credentials = self.credentials_of(&holder, account);
        let credentials = taking_over_from(holder.tenant_id(), credentials).await;
        let Some(was_active) = credentials.map_err(StoreError::from)?? else {
            // Nothing of the holder's is used, so nothing of it is changed.
            change.write(
                self.require_no_credentials(&holder, account)?,
                Refusal::Raced,
            );
            return Ok(());
        };
        // What is written into a partition after its deletion would stay there.
        change.require_tenant(&holder, Refusal::Raced)?;
        let deactivate = self.deactivate(&holder, account, was_active)?;
        change.write(deactivate, Refusal::Raced);
        told.actor = as_told_to_holder(&entry.actor);
        told.detail = TAKEN_FROM.to_owned();
        change.audit(&holder, &told)?;
        if was_active {
            let news = CredentialNews::Failed(CredentialFailure {
                provider: Provider::Twilio,
                reason: FailureReason::TakenOver,
                error: Some(TAKEN_FROM.to_owned()),
            });
            change.tell(&self.activity_table, &holder, entry.at, &news)?;
        }
        change.displace(holder);
        Ok(())
    }

    /// Whether the credentials of an account that a tenant has are active; nothing, when it has none.
    async fn credentials_of(
        &self,
        holder: &TenantScope,
        account: &AccountSid,
    ) -> Result<Option<bool>, StoreError> {
        let key = keys::integration(holder, Provider::Twilio);
        let output = self
            .changes
            .client()
            .get_item()
            .table_name(self.changes.table())
            .set_key(Some(key.into_attributes()))
            .projection_expression("account_sid, is_active")
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| StoreError::of("take an account over", "", &error))?;
        let stored = output.item.unwrap_or_default();
        let is_of_account = stored.get("account_sid") == Some(&text(account.as_str()));
        let is_active = Attributes::of("take an account over", &stored).flag("is_active");
        Ok(is_of_account.then_some(is_active))
    }

    fn require_no_credentials(
        &self,
        holder: &TenantScope,
        account: &AccountSid,
    ) -> Result<TransactWriteItem, StoreError> {
        let key = keys::integration(holder, Provider::Twilio);
        let check = ConditionCheck::builder()
            .table_name(self.changes.table())
            .set_key(Some(key.into_attributes()))
            .condition_expression("attribute_not_exists(pk) OR account_sid <> :account")
            .expression_attribute_values(":account", text(account.as_str()))
            .build()
            .map_err(|_| incomplete("take an account over"))?;
        Ok(TransactWriteItem::builder().condition_check(check).build())
    }

    fn deactivate(
        &self,
        holder: &TenantScope,
        account: &AccountSid,
        was_active: bool,
    ) -> Result<TransactWriteItem, StoreError> {
        let key = keys::integration(holder, Provider::Twilio);
        let update = Update::builder()
            .table_name(self.changes.table())
            .set_key(Some(key.into_attributes()))
            .update_expression(
                "SET is_active = :inactive, verification_error = :reason, \
                 state_version = if_not_exists(state_version, :none) + :one",
            )
            .condition_expression(match was_active {
                true => "account_sid = :account AND is_active = :active",
                false => "account_sid = :account AND NOT is_active = :active",
            })
            .expression_attribute_values(":active", AttributeValue::Bool(true))
            .expression_attribute_values(":inactive", AttributeValue::Bool(false))
            .expression_attribute_values(":reason", text(TAKEN_FROM))
            .expression_attribute_values(":none", number(0))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":account", text(account.as_str()))
            .build()
            .map_err(|_| incomplete("take an account over"))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}
