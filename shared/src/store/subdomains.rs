//! The subdomains in the Routes table: which tenant a host label selects.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::TransactWriteItem;

use super::holdings::{Holding, Holdings, Proof, found, is_tombstone};
use super::item::Item;
use super::{StoreError, keys};
use crate::clock::Clock;
use crate::tenant::{Subdomain, TenantId, TenantScope};
use crate::tenants::TenantError;

/// Which subdomain selects which tenant. A subdomain has one holder at most: every claim is a conditional write, and one that
/// was released is its last holder's alone for 16 minutes, as accounts are.
#[derive(Clone)]
pub struct Subdomains {
    holdings: Holdings,
}

impl Subdomains {
    /// Opens the table.
    #[must_use]
    pub fn new(client: Client, table: String, clock: Clock) -> Self {
        Self {
            holdings: Holdings::new(client, table, clock),
        }
    }

    /// The tenant that a subdomain selects, which is no proof that anybody may act for it. One strongly consistent read.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn resolve(&self, subdomain: &Subdomain) -> Result<Option<TenantId>, StoreError> {
        let get = self.holdings.get(keys::subdomain_route(subdomain));
        let holding = found("resolve a subdomain", get.send().await)?;
        let active = holding.filter(Holding::is_active);
        Ok(active.map(|holding| holding.tenant_id))
    }

    /// The claim of a subdomain, to go into the transaction that writes it into the profile. It fails while another tenant
    /// holds it or held it within the quarantine: [`Subdomains::taken`].
    pub(super) fn claim(
        &self,
        scope: &TenantScope,
        subdomain: &Subdomain,
    ) -> Result<TransactWriteItem, StoreError> {
        let key = keys::subdomain_route(subdomain);
        self.holdings
            .claim("claim a subdomain", key, scope, Proof::NotNeeded)
    }

    /// Why a claim was refused. It does not say whose the subdomain is.
    pub(super) fn taken(there: Option<&Item>) -> TenantError {
        TenantError::SubdomainTaken {
            was_released: is_tombstone(there),
        }
    }

    /// The release of a subdomain, to go into the transaction that takes it from the profile. It fails when the tenant does
    /// not hold it.
    pub(super) fn release(
        &self,
        scope: &TenantScope,
        subdomain: &Subdomain,
    ) -> Result<TransactWriteItem, StoreError> {
        let key = keys::subdomain_route(subdomain);
        let release = self.holdings.release("release a subdomain", key, scope)?;
        Ok(TransactWriteItem::builder().update(release).build())
    }
}
