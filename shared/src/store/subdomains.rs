//! The subdomains in the Routes table: which tenant a host label selects.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};

use super::item::{Attributes, Item, number, text};
use super::routes::incomplete;
use super::{QUARANTINE_SECONDS, StoreError, keys};
use crate::clock::Clock;
use crate::tenant::{Subdomain, TenantId, TenantScope};
use crate::tenants::TenantError;

const ACTIVE: &str = "active";
const RELEASED: &str = "released";

/// Which subdomain selects which tenant. A subdomain has one holder at most: every claim is a conditional write, and one that
/// was released is its last holder's alone for 16 minutes, as accounts are.
#[derive(Clone)]
pub struct Subdomains {
    client: Client,
    table: String,
    clock: Clock,
}

impl Subdomains {
    /// Opens the table.
    #[must_use]
    pub fn new(client: Client, table: String, clock: Clock) -> Self {
        Self {
            client,
            table,
            clock,
        }
    }

    /// The tenant that a subdomain selects, which is no proof that anybody may act for it. One strongly consistent read.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn resolve(&self, subdomain: &Subdomain) -> Result<Option<TenantId>, StoreError> {
        const OPERATION: &str = "resolve a subdomain";
        let output = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(keys::subdomain_route(subdomain).into_attributes()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| StoreError::of(OPERATION, "", &error))?;
        let Some(item) = output.item else {
            return Ok(None);
        };
        let attributes = Attributes::of(OPERATION, &item);
        if attributes.text("state")? != ACTIVE {
            return Ok(None);
        }
        Ok(Some(attributes.parsed("tenant_id")?))
    }

    /// The claim of a subdomain, to go into the transaction that writes it into the profile. It fails while another tenant
    /// holds it or held it within the quarantine: [`Subdomains::taken`].
    pub(super) fn claim(
        &self,
        scope: &TenantScope,
        subdomain: &Subdomain,
    ) -> Result<TransactWriteItem, StoreError> {
        let now = self.clock.now();
        let cutoff = now.as_second().saturating_sub(QUARANTINE_SECONDS);
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(keys::subdomain_route(subdomain).into_attributes()))
            .item("tenant_id", text(scope.tenant_id().as_str()))
            .item("state", text(ACTIVE))
            .item("claimed_at", text(format!("{now:.3}")))
            .condition_expression("attribute_not_exists(pk) OR tenant_id = :me OR (#state = :released AND released_at <= :cutoff)")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":me", text(scope.tenant_id().as_str()))
            .expression_attribute_values(":released", text(RELEASED))
            .expression_attribute_values(":cutoff", number(cutoff))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(|_| incomplete("claim a subdomain"))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Why a claim was refused. It does not say whose the subdomain is.
    pub(super) fn taken(route: Option<&Item>) -> TenantError {
        let state = route.and_then(|route| route.get("state")?.as_s().ok());
        TenantError::SubdomainTaken {
            was_released: state.is_some_and(|state| state == RELEASED),
        }
    }

    /// The release of a subdomain, to go into the transaction that takes it from the profile. It fails when the tenant does
    /// not hold it.
    pub(super) fn release(
        &self,
        scope: &TenantScope,
        subdomain: &Subdomain,
    ) -> Result<TransactWriteItem, StoreError> {
        let now = self.clock.now().as_second();
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(keys::subdomain_route(subdomain).into_attributes()))
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
            .map_err(|_| incomplete("release a subdomain"))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_claim_tells_what_is_held_from_what_is_in_quarantine() {
        let route = |state| Item::from([("state".to_owned(), text(state))]);
        for (state, expected) in [(ACTIVE, false), (RELEASED, true)] {
            let refused = Subdomains::taken(Some(&route(state)));
            let TenantError::SubdomainTaken { was_released } = refused else {
                panic!("{refused}");
            };
            assert_eq!(was_released, expected, "{state}");
        }
    }
}
