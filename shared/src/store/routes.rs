//! The Routes table: which tenant a Twilio account belongs to.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::TransactWriteItem;

use super::holdings::{Holding, Holdings, Proof, found, is_tombstone};
use super::item::Item;
use super::{StoreError, keys};
use crate::clock::Clock;
use crate::sid::AccountSid;
use crate::tenant::{TenantId, TenantScope};

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

impl From<Holding> for AccountRoute {
    fn from(holding: Holding) -> Self {
        Self {
            tenant_id: holding.tenant_id,
            is_provisional: holding.is_provisional,
        }
    }
}

/// How an account stands to a tenant that wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nobody's, or given up: by this tenant, by another long enough ago, or by one without proof and now there is some.
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
    holdings: Holdings,
}

impl Routes {
    /// Opens the table.
    #[must_use]
    pub fn new(client: Client, table: String, clock: Clock) -> Self {
        Self {
            holdings: Holdings::new(client, table, clock),
        }
    }

    /// Who holds an account now; `None` when nobody does, also while it is in quarantine. One strongly consistent read.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn resolve(&self, account: &AccountSid) -> Result<Option<AccountRoute>, StoreError> {
        let get = self.holdings.get(keys::account_route(account));
        let holding = found("resolve an account", get.send().await)?;
        let active = holding.filter(Holding::is_active);
        Ok(active.map(AccountRoute::from))
    }

    /// How an account stands now to a tenant that claims it with proof or without. One strongly consistent read.
    pub(super) async fn standing(
        &self,
        scope: &TenantScope,
        account: &AccountSid,
        is_proven: bool,
    ) -> Result<Standing, StoreError> {
        let get = self.holdings.get(keys::account_route(account));
        let holding = found("see whose an account is", get.send().await)?;
        let Some(holding) = holding else {
            return Ok(Standing::Free);
        };
        if holding.is_active() {
            return Ok(match holding.tenant_id == *scope.tenant_id() {
                true => Standing::Own {
                    is_provisional: holding.is_provisional,
                },
                false => Standing::Foreign(holding.into()),
            });
        }
        Ok(
            match self.holdings.is_free(&holding, scope, proof(is_proven)) {
                true => Standing::Free,
                false => Standing::Quarantined,
            },
        )
    }

    /// Gives an account up. From now on nobody is resolved by it, and only this tenant may claim it again before the
    /// quarantine ends; or one who proves it, if this tenant never did.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the tenant does not hold the account.
    pub async fn release(
        &self,
        scope: &TenantScope,
        account: &AccountSid,
    ) -> Result<(), StoreError> {
        const OPERATION: &str = "release an account";
        let key = keys::account_route(account);
        let release = self.holdings.release(OPERATION, key, scope)?;
        let conflict = "the tenant does not hold this account";
        self.holdings.send(OPERATION, conflict, release).await
    }

    /// The claim of an account, to go into the transaction of what it belongs to. It fails while another tenant holds the
    /// account or held it within the quarantine, which a claim with proof need not wait for after a tenant that had none.
    pub(super) fn claim(
        &self,
        scope: &TenantScope,
        account: &AccountSid,
        is_proven: bool,
    ) -> Result<TransactWriteItem, StoreError> {
        let key = keys::account_route(account);
        self.holdings
            .claim("claim an account", key, scope, proof(is_proven))
    }

    /// Says of an account that the tenant holds whether that is proved. It fails when the tenant does not hold it.
    pub(super) fn hold(
        &self,
        scope: &TenantScope,
        account: &AccountSid,
        is_provisional: bool,
    ) -> Result<TransactWriteItem, StoreError> {
        let key = keys::account_route(account);
        self.holdings
            .hold("hold an account", key, scope, is_provisional)
    }

    /// Makes an account this tenant's, with proof, that another holds without. It fails when that has changed.
    pub(super) fn take_over(
        &self,
        scope: &TenantScope,
        account: &AccountSid,
        holder: &TenantId,
    ) -> Result<TransactWriteItem, StoreError> {
        let key = keys::account_route(account);
        self.holdings
            .take_over("take an account over", key, scope, holder)
    }

    /// Why a claim was refused, told by the route that stands against it. It does not say whose the account is.
    pub(super) fn claim_conflict(there: Option<&Item>) -> &'static str {
        if is_tombstone(there) {
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
        let key = keys::account_route(account);
        let release = self.holdings.release("release an account", key, scope)?;
        Ok(TransactWriteItem::builder().update(release).build())
    }
}

fn proof(is_proven: bool) -> Proof {
    match is_proven {
        true => Proof::Given,
        false => Proof::Missing,
    }
}

/// A request that was built without a member it must have; only a defect of this module leads here.
pub(super) fn incomplete(operation: &'static str) -> StoreError {
    StoreError::Refused {
        operation,
        cause: "the request was built incompletely".to_owned(),
    }
}
