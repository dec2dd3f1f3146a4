//! The Routes table: which tenant a Twilio account belongs to.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::builders::PutBuilder;
use aws_sdk_dynamodb::types::{
    AttributeValue, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};

use super::StoreError;
use super::item::{Attributes, Item, number, text, time};
use super::keys;
use crate::clock::Clock;
use crate::sid::AccountSid;
use crate::tenant::{TenantId, TenantScope};

/// For how long a released account may be claimed by its last tenant alone, in seconds: the longest that a warm function
/// may still know the old owner ([`CacheLimits::longest_age`](crate::cache::CacheLimits::longest_age), 15 minutes), and one
/// minute for clocks that disagree.
pub const QUARANTINE_SECONDS: i64 = 16 * 60;

const ACTIVE: &str = "active";
const RELEASED: &str = "released";

/// Who holds a Twilio account. Known before anything is verified, so it is no proof of anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRoute {
    tenant_id: TenantId,
    is_provisional: bool,
}

impl AccountRoute {
    /// The tenant that holds the account.
    #[must_use]
    pub fn tenant_id(&self) -> &TenantId {
        &self.tenant_id
    }

    /// Whether the tenant holds the account without having proved by a live check that the credentials are genuine: who
    /// proves it takes the account over.
    #[must_use]
    pub fn is_provisional(&self) -> bool {
        self.is_provisional
    }
}

/// How an account stands to a tenant that wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nobody's, or given up by this tenant, or by another long enough ago.
    Free,
    /// This tenant's.
    Own { is_provisional: bool },
    /// Given up by another tenant whose traffic warm functions may still serve.
    Quarantined,
    /// Another's.
    Foreign(AccountRoute),
}

/// Which account belongs to whom. An account has one holder at most: every claim is a conditional write.
#[derive(Clone)]
pub struct Routes {
    client: Client,
    table: String,
    clock: Clock,
}

impl Routes {
    /// Opens the table.
    #[must_use]
    pub fn new(client: Client, table: String, clock: Clock) -> Self {
        Self {
            client,
            table,
            clock,
        }
    }

    /// Who holds an account now; `None` when nobody does, also while it is in quarantine. One strongly consistent read.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn resolve(&self, account: &AccountSid) -> Result<Option<AccountRoute>, StoreError> {
        const OPERATION: &str = "resolve an account";
        let Some(item) = self.read(OPERATION, account).await? else {
            return Ok(None);
        };
        let attributes = Attributes::of(OPERATION, &item);
        if attributes.text("state")? != ACTIVE {
            return Ok(None);
        }
        route(attributes).map(Some)
    }

    /// How an account stands to a tenant now. One strongly consistent read.
    pub(super) async fn standing(
        &self,
        scope: &TenantScope,
        account: &AccountSid,
    ) -> Result<Standing, StoreError> {
        const OPERATION: &str = "see whose an account is";
        let Some(item) = self.read(OPERATION, account).await? else {
            return Ok(Standing::Free);
        };
        let attributes = Attributes::of(OPERATION, &item);
        let route = route(attributes)?;
        let is_own = route.tenant_id == *scope.tenant_id();
        if attributes.text("state")? == ACTIVE {
            return Ok(match is_own {
                true => Standing::Own {
                    is_provisional: route.is_provisional,
                },
                false => Standing::Foreign(route),
            });
        }
        let released_at: i64 = match attributes.number("released_at")?.try_into() {
            Ok(second) => second,
            Err(_) => i64::MAX,
        };
        if is_own || released_at <= self.quarantine_cutoff() {
            return Ok(Standing::Free);
        }
        Ok(Standing::Quarantined)
    }

    async fn read(
        &self,
        operation: &'static str,
        account: &AccountSid,
    ) -> Result<Option<Item>, StoreError> {
        let output = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(keys::account_route(account).into_attributes()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| StoreError::of(operation, "", &error))?;
        Ok(output.item)
    }

    /// What was released then or before may be claimed by anybody, in seconds since 1970.
    fn quarantine_cutoff(&self) -> i64 {
        let now = self.clock.now().as_second();
        now.saturating_sub(QUARANTINE_SECONDS)
    }

    /// Gives an account up. From now on nobody is resolved by it, and only this tenant may claim it again before the
    /// quarantine ends.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the tenant does not hold the account.
    pub async fn release(
        &self,
        scope: &TenantScope,
        account: &AccountSid,
    ) -> Result<(), StoreError> {
        let update = self.release_update(scope, account)?;
        self.client
            .update_item()
            .table_name(update.table_name())
            .set_key(Some(update.key().clone()))
            .update_expression(update.update_expression())
            .set_condition_expression(update.condition_expression().map(str::to_owned))
            .set_expression_attribute_names(update.expression_attribute_names().cloned())
            .set_expression_attribute_values(update.expression_attribute_values().cloned())
            .send()
            .await
            .map_err(|error| {
                StoreError::of(
                    "release an account",
                    "the tenant does not hold this account",
                    &error,
                )
            })?;
        Ok(())
    }

    /// The claim of an account, to go into the transaction of what it belongs to. It fails while another tenant holds the
    /// account or held it within the quarantine. A claim is provisional unless a live check proved the credentials.
    pub(super) fn claim(
        &self,
        scope: &TenantScope,
        account: &AccountSid,
        is_provisional: bool,
    ) -> Result<TransactWriteItem, StoreError> {
        let put = self
            .put_route(scope, account, is_provisional)
            .condition_expression("attribute_not_exists(pk) OR tenant_id = :me OR (#state = :released AND released_at <= :cutoff)")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":me", text(scope.tenant_id().as_str()))
            .expression_attribute_values(":released", text(RELEASED))
            .expression_attribute_values(":cutoff", number(self.quarantine_cutoff()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let put = put.build().map_err(|_| incomplete("claim an account"))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Says of an account that the tenant holds whether that is proved. It fails when the tenant does not hold it.
    pub(super) fn hold(
        &self,
        scope: &TenantScope,
        account: &AccountSid,
        is_provisional: bool,
    ) -> Result<TransactWriteItem, StoreError> {
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(keys::account_route(account).into_attributes()))
            .update_expression("SET provisional = :provisional")
            .condition_expression("tenant_id = :me AND #state = :active")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":provisional", AttributeValue::Bool(is_provisional))
            .expression_attribute_values(":me", text(scope.tenant_id().as_str()))
            .expression_attribute_values(":active", text(ACTIVE))
            .build()
            .map_err(|_| incomplete("hold an account"))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    /// Makes an account this tenant's, with proof, that another holds without. It fails when that has changed.
    pub(super) fn take_over(
        &self,
        scope: &TenantScope,
        account: &AccountSid,
        holder: &TenantId,
    ) -> Result<TransactWriteItem, StoreError> {
        let put = self
            .put_route(scope, account, false)
            .condition_expression(
                "tenant_id = :holder AND #state = :active AND provisional = :provisional",
            )
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":holder", text(holder.as_str()))
            .expression_attribute_values(":active", text(ACTIVE))
            .expression_attribute_values(":provisional", AttributeValue::Bool(true))
            .build()
            .map_err(|_| incomplete("take an account over"))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// A route that leads to a tenant from now on, still without a condition.
    fn put_route(
        &self,
        scope: &TenantScope,
        account: &AccountSid,
        is_provisional: bool,
    ) -> PutBuilder {
        Put::builder()
            .table_name(&self.table)
            .set_item(Some(keys::account_route(account).into_attributes()))
            .item("tenant_id", text(scope.tenant_id().as_str()))
            .item("state", text(ACTIVE))
            .item("provisional", AttributeValue::Bool(is_provisional))
            .item("claimed_at", time(self.clock.now()))
    }

    /// Why a claim was refused, told by the route that stands against it. It does not say whose the account is.
    pub(super) fn claim_conflict(route: Option<&Item>) -> &'static str {
        let state = route.and_then(|route| route.get("state")?.as_s().ok());
        if state.is_some_and(|state| state == RELEASED) {
            "another tenant gave the Twilio account up less than 16 minutes ago, and warm functions may still serve it: try \
             again when they are over"
        } else {
            "the Twilio account belongs to another tenant: have it given up there first"
        }
    }

    /// The release of an account, to go into a transaction.
    pub(super) fn release_in_transaction(
        &self,
        scope: &TenantScope,
        account: &AccountSid,
    ) -> Result<TransactWriteItem, StoreError> {
        Ok(TransactWriteItem::builder()
            .update(self.release_update(scope, account)?)
            .build())
    }

    fn release_update(
        &self,
        scope: &TenantScope,
        account: &AccountSid,
    ) -> Result<Update, StoreError> {
        let now = self.clock.now().as_second();
        Update::builder()
            .table_name(&self.table)
            .set_key(Some(keys::account_route(account).into_attributes()))
            .update_expression("SET #state = :released, released_at = :now, expires_at = :gone")
            .condition_expression("tenant_id = :me AND #state = :active")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":me", text(scope.tenant_id().as_str()))
            .expression_attribute_values(":active", text(ACTIVE))
            .expression_attribute_values(":released", text(RELEASED))
            .expression_attribute_values(":now", number(now))
            // The tombstone itself goes a day later: an absent route may be claimed by anybody.
            .expression_attribute_values(":gone", number(now.saturating_add(24 * 60 * 60)))
            .build()
            .map_err(|_| incomplete("release an account"))
    }
}

fn route(attributes: Attributes<'_>) -> Result<AccountRoute, StoreError> {
    Ok(AccountRoute {
        tenant_id: attributes.parsed("tenant_id")?,
        is_provisional: attributes.flag("provisional"),
    })
}

/// A request that was built without a member it must have; only a defect of this module leads here.
pub(super) fn incomplete(operation: &'static str) -> StoreError {
    StoreError::Refused {
        operation,
        cause: "the request was built incompletely".to_owned(),
    }
}
