//! Contacts kept from what the Activity table's stream tells.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::Client;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tracing::{Instrument, Span, info};

use super::Sighting;
use crate::activity::ResourceChange;
use crate::clock::Clock;
use crate::deferred::Recipients;
use crate::store::{ContactItems, Profiles, StoreError};
use crate::tenant::TenantScope;

/// How many contacts are written at once.
const AT_ONCE: usize = 8;

const OPERATION: &str = "keep contacts";

/// The contacts as the stream's consumer keeps them.
pub struct Contacts {
    items: ContactItems,
    recipients: Recipients,
}

/// Changes whose contacts could not be kept. Those of other contacts that were given with them are kept.
#[derive(Debug, thiserror::Error)]
#[error("{} of the changes are not applied: {cause}", places.len())]
pub struct NotKept {
    /// Their places among the changes that were given.
    pub places: BTreeSet<usize>,
    /// How one of them failed. Never [`StoreError::Conflict`].
    pub cause: StoreError,
}

/// What is new of one contact, and the places of the changes that tell it.
#[derive(Default)]
struct News {
    places: BTreeSet<usize>,
    sightings: Vec<Sighting>,
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

    /// The tenants that contacts are kept for, as far as they are remembered.
    #[must_use]
    pub fn recipients(&self) -> &Recipients {
        &self.recipients
    }

    /// Applies what happened to a tenant's messages and calls until `deadline`: each is counted once, however often, in whatever
    /// order and by how many at once this is applied. Of a tenant that is deleted, or being deleted, nothing is applied. One read
    /// of the tenant's profile in 10 seconds, then per contact of which there is news as [`ContactItems`] says.
    ///
    /// # Errors
    /// The changes that are not applied, or of which it is not known. All may be applied again.
    pub async fn apply(
        &self,
        scope: &TenantScope,
        changes: &[ResourceChange],
        deadline: Instant,
    ) -> Result<(), NotKept> {
        let mut news: BTreeMap<String, News> = BTreeMap::new();
        for (place, change) in changes.iter().enumerate() {
            if let Some(sighting) = Sighting::of(change) {
                let of_contact = news.entry(sighting.address.clone()).or_default();
                of_contact.places.insert(place);
                of_contact.sightings.push(sighting);
            }
        }
        let mut left: BTreeSet<usize> = news
            .values()
            .flat_map(|news| &news.places)
            .copied()
            .collect();
        if left.is_empty() {
            return Ok(());
        }
        let are_there = timeout_at(deadline, self.recipients.are_there(scope)).await;
        let are_there =
            are_there.map_or_else(|_| Err(too_late()), |told| told.map_err(StoreError::from));
        match are_there {
            Ok(true) => {}
            Ok(false) => {
                info!(
                    tenant_id = scope.tenant_id().as_str(),
                    "dropped news of contacts: their tenant is deleted"
                );
                return Ok(());
            }
            Err(cause) => {
                return Err(NotKept {
                    places: left,
                    cause,
                });
            }
        }
        let (mut news, mut folds, mut cause) = (news.into_iter(), JoinSet::new(), None);
        loop {
            while folds.len() < AT_ONCE
                && let Some((address, News { places, sightings })) = news.next()
            {
                let (items, scope) = (self.items.clone(), scope.clone());
                let fold = async move { (items.fold(&scope, &address, &sightings).await, places) };
                folds.spawn(fold.instrument(Span::current()));
            }
            match timeout_at(deadline, folds.join_next()).await {
                Ok(None) => break,
                Ok(Some(Ok((Ok(()), places)))) => left.retain(|place| !places.contains(place)),
                Ok(Some(Ok((Err(error), _)))) => cause = Some(error),
                // It is logged where it happens.
                Ok(Some(Err(_))) => cause = Some(panicked()),
                Err(_) => {
                    cause = Some(too_late());
                    break;
                }
            }
        }
        match cause {
            Some(cause) => Err(NotKept {
                places: left,
                cause,
            }),
            None => Ok(()),
        }
    }
}

fn too_late() -> StoreError {
    StoreError::Unavailable {
        operation: OPERATION,
        cause: "there was no time left".to_owned(),
    }
}

fn panicked() -> StoreError {
    StoreError::Refused {
        operation: OPERATION,
        cause: "a fold panicked".to_owned(),
    }
}
