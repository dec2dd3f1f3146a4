//! Who holds what the Routes table keeps: accounts and subdomains alike. Each is one item, that of one tenant at most, and
//! leaves a tombstone when it is given up.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::get_item::builders::GetItemFluentBuilder;
use aws_sdk_dynamodb::operation::get_item::{GetItemError, GetItemOutput};
use aws_sdk_dynamodb::types::builders::PutBuilder;
use aws_sdk_dynamodb::types::{
    AttributeValue, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};

use super::StoreError;
use super::item::{Attributes, Item, number, text, time};
use super::keys::Key;
use super::routes::incomplete;
use crate::clock::Clock;
use crate::tenant::{TenantId, TenantScope};

/// For how long what was released may be claimed by its last tenant alone, in seconds: the longest that a warm function
/// may still know the old owner ([`CacheLimits::longest_age`](crate::cache::CacheLimits::longest_age), 15 minutes), and one
/// minute for clocks that disagree.
pub const QUARANTINE_SECONDS: i64 = 16 * 60;

const ACTIVE: &str = "active";
const RELEASED: &str = "released";

/// What speaks for a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// Nothing has to: an operator gives it.
    NotNeeded,
    /// Nothing does: anybody could have said it.
    Missing,
    /// A live check of the credentials has just succeeded.
    Given,
}

/// An item of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Holding {
    /// Who holds it, or did last.
    pub(super) tenant_id: TenantId,
    /// Whether that was without proof.
    pub(super) is_provisional: bool,
    /// When it was given up, in seconds since 1970; `None` while it is held.
    released_at: Option<i64>,
}

impl Holding {
    pub(super) fn is_active(&self) -> bool {
        self.released_at.is_none()
    }

    fn of_item(operation: &'static str, item: &Item) -> Result<Self, StoreError> {
        let attributes = Attributes::of(operation, item);
        let released_at = match attributes.text("state")? {
            ACTIVE => None,
            _ => Some(attributes.number("released_at")?),
        };
        Ok(Self {
            tenant_id: attributes.parsed("tenant_id")?,
            is_provisional: attributes.flag("provisional"),
            released_at: released_at.map(|at| at.try_into().unwrap_or(i64::MAX)),
        })
    }
}

/// The Routes table. What has a holder is given to nobody else: every claim is a conditional write.
#[derive(Clone)]
pub(super) struct Holdings {
    client: Client,
    table: String,
    clock: Clock,
}

impl Holdings {
    pub(super) fn new(client: Client, table: String, clock: Clock) -> Self {
        Self {
            client,
            table,
            clock,
        }
    }

    /// The strongly consistent read of a key: [`found`] tells what came of it.
    pub(super) fn get(&self, key: Key) -> GetItemFluentBuilder {
        let get = self.client.get_item().table_name(&self.table);
        get.set_key(Some(key.into_attributes()))
            .consistent_read(true)
    }

    /// Whether the condition of [`Holdings::claim`] holds of what was read.
    pub(super) fn is_free(&self, holding: &Holding, scope: &TenantScope, proof: Proof) -> bool {
        let Some(released_at) = holding.released_at else {
            return false;
        };
        holding.tenant_id == *scope.tenant_id()
            || released_at <= self.quarantine_cutoff()
            || (proof == Proof::Given && holding.is_provisional)
    }

    /// The claim of a key, to go into the transaction of what it belongs to. It fails while another tenant holds it, or gave it up
    /// within the quarantine. Proof ends the quarantine after one who never had any: else whoever names what is not his, and gives
    /// it up again and again, could keep the owner out.
    pub(super) fn claim(
        &self,
        operation: &'static str,
        key: Key,
        scope: &TenantScope,
        proof: Proof,
    ) -> Result<TransactWriteItem, StoreError> {
        let free = "attribute_not_exists(pk) OR tenant_id = :me OR ";
        let mut put = self
            .put(key, scope, proof)
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":me", text(scope.tenant_id().as_str()))
            .expression_attribute_values(":released", text(RELEASED))
            .expression_attribute_values(":cutoff", number(self.quarantine_cutoff()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        put = match proof {
            Proof::Given => put
                .condition_expression(format!(
                    "{free}(#state = :released AND (released_at <= :cutoff OR provisional = :unproven))"
                ))
                .expression_attribute_values(":unproven", AttributeValue::Bool(true)),
            Proof::Missing | Proof::NotNeeded => put.condition_expression(format!(
                "{free}(#state = :released AND released_at <= :cutoff)"
            )),
        };
        let put = put.build().map_err(|_| incomplete(operation))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Gives a key, with proof, from a tenant that holds it without. It fails when that has changed.
    pub(super) fn take_over(
        &self,
        operation: &'static str,
        key: Key,
        scope: &TenantScope,
        holder: &TenantId,
    ) -> Result<TransactWriteItem, StoreError> {
        let put = self
            .put(key, scope, Proof::Given)
            .condition_expression(
                "tenant_id = :holder AND #state = :active AND provisional = :provisional",
            )
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":holder", text(holder.as_str()))
            .expression_attribute_values(":active", text(ACTIVE))
            .expression_attribute_values(":provisional", AttributeValue::Bool(true));
        let put = put.build().map_err(|_| incomplete(operation))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Says of what the tenant holds whether that is proved. It fails when the tenant does not hold it.
    pub(super) fn hold(
        &self,
        operation: &'static str,
        key: Key,
        scope: &TenantScope,
        is_provisional: bool,
    ) -> Result<TransactWriteItem, StoreError> {
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(key.into_attributes()))
            .update_expression("SET provisional = :provisional")
            .condition_expression("tenant_id = :me AND #state = :active")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":provisional", AttributeValue::Bool(is_provisional))
            .expression_attribute_values(":me", text(scope.tenant_id().as_str()))
            .expression_attribute_values(":active", text(ACTIVE));
        let update = update.build().map_err(|_| incomplete(operation))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    /// Makes a tombstone of what the tenant holds, which still tells whether it was held without proof. It fails when the tenant
    /// does not hold it.
    pub(super) fn release(
        &self,
        operation: &'static str,
        key: Key,
        scope: &TenantScope,
    ) -> Result<Update, StoreError> {
        let now = self.clock.now().as_second();
        Update::builder()
            .table_name(&self.table)
            .set_key(Some(key.into_attributes()))
            .update_expression("SET #state = :released, released_at = :now, expires_at = :gone")
            .condition_expression("tenant_id = :me AND #state = :active")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":me", text(scope.tenant_id().as_str()))
            .expression_attribute_values(":active", text(ACTIVE))
            .expression_attribute_values(":released", text(RELEASED))
            .expression_attribute_values(":now", number(now))
            // The tombstone itself goes a day later: what is absent may be claimed by anybody.
            .expression_attribute_values(":gone", number(now.saturating_add(24 * 60 * 60)))
            .build()
            .map_err(|_| incomplete(operation))
    }

    /// Makes a release by itself.
    pub(super) async fn send(
        &self,
        operation: &'static str,
        conflict: &'static str,
        release: Update,
    ) -> Result<(), StoreError> {
        self.client
            .update_item()
            .table_name(release.table_name())
            .set_key(Some(release.key().clone()))
            .update_expression(release.update_expression())
            .set_condition_expression(release.condition_expression().map(str::to_owned))
            .set_expression_attribute_names(release.expression_attribute_names().cloned())
            .set_expression_attribute_values(release.expression_attribute_values().cloned())
            .send()
            .await
            .map_err(|error| StoreError::of(operation, conflict, &error))?;
        Ok(())
    }

    /// An item that is the tenant's from now on, still without a condition.
    fn put(&self, key: Key, scope: &TenantScope, proof: Proof) -> PutBuilder {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(key.into_attributes()))
            .item("tenant_id", text(scope.tenant_id().as_str()))
            .item("state", text(ACTIVE))
            .item("claimed_at", time(self.clock.now()));
        match proof {
            Proof::NotNeeded => put,
            Proof::Missing => put.item("provisional", AttributeValue::Bool(true)),
            Proof::Given => put.item("provisional", AttributeValue::Bool(false)),
        }
    }

    /// What was released then or before may be claimed by anybody, in seconds since 1970.
    fn quarantine_cutoff(&self) -> i64 {
        let now = self.clock.now().as_second();
        now.saturating_sub(QUARANTINE_SECONDS)
    }
}

/// What is kept under a key, held or given up, by the answer to a read.
pub(super) fn found(
    operation: &'static str,
    sent: Result<GetItemOutput, SdkError<GetItemError, HttpResponse>>,
) -> Result<Option<Holding>, StoreError> {
    let output = sent.map_err(|error| StoreError::of(operation, "", &error))?;
    let item = output.item.as_ref();
    item.map(|item| Holding::of_item(operation, item))
        .transpose()
}

/// Whether what stands against a claim is a tombstone, told by the item that is there.
pub(super) fn is_tombstone(there: Option<&Item>) -> bool {
    let state = there.and_then(|item| item.get("state")?.as_s().ok());
    state.is_some_and(|state| state == RELEASED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_claim_tells_what_is_held_from_what_is_in_quarantine() {
        let there = |state| Item::from([("state".to_owned(), text(state))]);
        assert!(is_tombstone(Some(&there(RELEASED))));
        assert!(!is_tombstone(Some(&there(ACTIVE))));
        assert!(!is_tombstone(None));
    }
}
