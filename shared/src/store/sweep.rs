//! Everything that a tenant has, found and deleted: by partitions of its own and by the index that lists its activity. No
//! table is scanned.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;

use super::batch::{self, Backoff};
use super::item::{Item, text};
use super::{StoreError, TableNames, keys};
use crate::activity::LISTINGS;
use crate::audit::Action;
use crate::tenant::TenantScope;

const OPERATION: &str = "delete what a tenant has";

/// How many keys are read before they are deleted.
const A_PAGE: i32 = 1_000;

/// Sweeps tenants.
#[derive(Clone)]
pub(super) struct Sweep {
    client: Client,
    tenants: String,
    activity: String,
}

impl Sweep {
    pub(super) fn new(client: Client, tables: &TableNames) -> Self {
        Self {
            client,
            tenants: tables.tenants.clone(),
            activity: tables.activity.clone(),
        }
    }

    /// Deletes everything but profile and counters, credentials first, and returns when a whole pass found nothing: the index
    /// that lists activity lags behind, and may show what is deleted already as well as not yet what was just written.
    pub(super) async fn until_nothing_is_found(
        &self,
        scope: &TenantScope,
    ) -> Result<(), StoreError> {
        let mut backoff = Backoff::default();
        while self.pass(scope).await? > 0 {
            backoff.pause().await;
        }
        Ok(())
    }

    /// Deletes the counters of rate limits, which hold the word for warm functions that the tenant is being deleted. Once is
    /// enough: a request that is refused is counted too, so that there may always be a new one, which expires by itself.
    pub(super) async fn counters(&self, scope: &TenantScope) -> Result<(), StoreError> {
        let query = self.partition(keys::limit_partition(scope));
        self.empty(query.consistent_read(true), &self.tenants)
            .await?;
        Ok(())
    }

    /// Deletes what one look at everything finds, and gives how much that was.
    async fn pass(&self, scope: &TenantScope) -> Result<usize, StoreError> {
        let mut found = 0_usize;
        for partition in [
            keys::tenant_partition(scope),
            keys::audit_partition(scope),
            keys::phone_number_partition(scope),
        ] {
            let query = self.partition(partition).consistent_read(true);
            found = found.saturating_add(self.empty(query, &self.tenants).await?);
        }
        for listing in LISTINGS.into_iter().chain([keys::EVENT]) {
            let query = self.listing(scope, listing);
            found = found.saturating_add(self.empty(query, &self.activity).await?);
        }
        Ok(found)
    }

    /// Deletes all that a query finds, page by page.
    async fn empty(&self, query: QueryFluentBuilder, table: &str) -> Result<usize, StoreError> {
        let query = query.limit(A_PAGE).projection_expression("pk, sk");
        let (mut start, mut found) = (None, 0_usize);
        loop {
            let page = query.clone().set_exclusive_start_key(start).send().await;
            let page = page.map_err(|error| StoreError::of(OPERATION, "", &error))?;
            let keys: Vec<Item> = page
                .items
                .unwrap_or_default()
                .into_iter()
                .filter(|item| !is_profile(item))
                .collect();
            found = found.saturating_add(keys.len());
            batch::delete(&self.client, table, keys).await?;
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(found);
            }
        }
    }

    /// Whether a function could ever have known the tenant by its Twilio account: some activity is there, or the audit log
    /// tells of Twilio. An event that was written down is of credentials of any provider, and tells nothing of that.
    pub(super) async fn has_trace_of_traffic(
        &self,
        scope: &TenantScope,
    ) -> Result<bool, StoreError> {
        for listing in LISTINGS {
            let query = self.listing(scope, listing).limit(1);
            let page = query.send().await;
            let page = page.map_err(|error| StoreError::of(OPERATION, "", &error))?;
            if page.count > 0 {
                return Ok(true);
            }
        }
        // SIDs begin with a capital letter; accounts and applications with this one.
        let query = self
            .partition(keys::audit_partition(scope))
            .consistent_read(true)
            .filter_expression(
                "#target = :twilio OR begins_with(#target, :sid) OR #action = :taken",
            )
            .expression_attribute_names("#target", "target")
            .expression_attribute_names("#action", "action")
            .expression_attribute_values(":twilio", text("twilio"))
            .expression_attribute_values(":sid", text("A"))
            .expression_attribute_values(":taken", text(Action::AccountTakenOver.as_str()));
        let mut start = None;
        loop {
            let page = query.clone().set_exclusive_start_key(start).send().await;
            let page = page.map_err(|error| StoreError::of(OPERATION, "", &error))?;
            if page.count > 0 {
                return Ok(true);
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(false);
            }
        }
    }

    fn partition(&self, partition: String) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.tenants)
            .key_condition_expression("pk = :partition")
            .expression_attribute_values(":partition", text(partition))
    }

    fn listing(&self, scope: &TenantScope, listing: &str) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.activity)
            .index_name("by_time")
            .key_condition_expression("time_pk = :listing")
            .expression_attribute_values(":listing", text(keys::by_time(scope, listing)))
    }
}

fn is_profile(item: &Item) -> bool {
    let sort = item.get(keys::SORT).and_then(|sort| sort.as_s().ok());
    sort.is_some_and(|sort| sort == keys::PROFILE)
}
