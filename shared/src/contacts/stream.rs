//! Contacts kept from what the Activity table's stream tells.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::Client;
use tokio::task::JoinSet;
use tracing::{Instrument, Span, info};

use super::Sighting;
use crate::activity::ResourceChange;
use crate::clock::Clock;
use crate::deferred::Recipients;
use crate::store::{ContactItems, Profiles, StoreError};
use crate::tenant::TenantScope;

/// How many contacts are written at once.
const AT_ONCE: usize = 8;

/// The contacts as the stream's consumer keeps them.
pub struct Contacts {
    items: ContactItems,
    recipients: Recipients,
}

impl Contacts {
    /// Opens the tables of activity and tenants. Contacts expire `retention_days` after their last message or call; never, when
    /// it is 0.
    #[must_use]
    pub fn new(
        client: &Client,
        activity: String,
        tenants: String,
        retention_days: u32,
        clock: Clock,
    ) -> Self {
        Self {
            items: ContactItems::new(client.clone(), activity, retention_days),
            recipients: Recipients::new(Profiles::new(client.clone(), tenants), clock),
        }
    }

    /// Applies what happened to a tenant's messages and calls: each is counted once, however often, in whatever order and by how
    /// many at once this is applied. Of a tenant that is deleted, or being deleted, nothing is applied. One read of the tenant's
    /// profile in 10 seconds, then per contact of which there is news as [`ContactItems`] says.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict; some may be applied, and all may be applied again.
    pub async fn apply(
        &self,
        scope: &TenantScope,
        changes: &[ResourceChange],
    ) -> Result<(), StoreError> {
        let mut news: BTreeMap<String, Vec<Sighting>> = BTreeMap::new();
        for sighting in changes.iter().filter_map(Sighting::of) {
            let of_contact = news.entry(sighting.address.clone()).or_default();
            of_contact.push(sighting);
        }
        if news.is_empty() {
            return Ok(());
        }
        if !self.recipients.are_there(scope).await? {
            info!(
                tenant_id = scope.tenant_id().as_str(),
                "dropped news of contacts: their tenant is deleted"
            );
            return Ok(());
        }
        let mut folds = JoinSet::new();
        let mut outcome = Ok(());
        for (address, sightings) in news {
            if folds.len() >= AT_ONCE {
                outcome = outcome.and(next(&mut folds).await);
            }
            let (items, scope) = (self.items.clone(), scope.clone());
            let fold = async move { items.fold(&scope, &address, &sightings).await };
            folds.spawn(fold.instrument(Span::current()));
        }
        while !folds.is_empty() {
            outcome = outcome.and(next(&mut folds).await);
        }
        outcome
    }
}

/// How one of some folds ended.
async fn next(folds: &mut JoinSet<Result<(), StoreError>>) -> Result<(), StoreError> {
    match folds.join_next().await {
        Some(Err(_)) => Err(StoreError::Refused {
            operation: "fold messages and calls into a contact",
            cause: "the fold panicked".to_owned(),
        }),
        Some(Ok(folded)) => folded,
        None => Ok(()),
    }
}
