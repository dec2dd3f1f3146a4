//! Counters of what a tenant's users took in a minute, and the notice of a change that rides on them.

mod webhooks;

use std::ops::RangeInclusive;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};
use jiff::Timestamp;
use tokio::task::JoinSet;

use super::StoreError;
use super::item::{Item, number};
use super::keys::{self, Key};
use crate::aws::in_same_session;
use crate::cache::CacheLimits;
use crate::tenant::TenantScope;

/// How long a counter is kept after its minute is over, in seconds: long enough for clocks that disagree.
const KEPT_SECONDS: i64 = 5 * 60;

/// For how many minutes after its own a change is noticed.
pub(crate) const NOTICE_MINUTES: i64 = 5;

// After these minutes every cache has read the change by itself.
const _: () = assert!(
    CacheLimits::TENANTS.time_to_live.as_secs() <= Duration::from_mins(5).as_secs()
        && NOTICE_MINUTES == 5
);

/// The counters of rate limits: one item a tenant, class of routes and minute.
#[derive(Clone)]
pub struct Limits {
    client: Client,
    table: String,
}

/// What an attempt to count one more came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// Whether it was counted; nothing was when a limit was reached.
    pub is_within: bool,
    /// How many the user took in the minute, this one included if it was counted.
    pub user: u64,
    /// How many all users of the tenant took.
    pub tenant: u64,
    /// When the tenant's credentials were last changed, if that was within the last 5 minutes (`Limits::notice`).
    pub changed_at: Option<Timestamp>,
}

/// One request to be counted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Take<'t> {
    /// The class of routes.
    pub(crate) class: &'static str,
    /// The minute, counted from 1970.
    pub(crate) minute: i64,
    /// The user, as [`crate::rate_limit`] abbreviates subjects.
    pub(crate) user: &'t str,
    /// How many a user may take in the minute.
    pub(crate) user_limit: u32,
    /// How many all users of the tenant may take together.
    pub(crate) tenant_limit: u32,
}

impl Limits {
    /// Opens the Tenants table.
    #[must_use]
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Counts one request for the user and for the tenant, or neither: one conditional write, so that no two processes can both
    /// take the last one.
    ///
    /// A call whose answer was lost is made again by the client, and then counts twice: a limit may refuse one too early, never
    /// one too late.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub(crate) async fn take(
        &self,
        scope: &TenantScope,
        take: Take<'_>,
    ) -> Result<Counted, StoreError> {
        const OPERATION: &str = "count a request";
        let user = format!("u:{}", take.user);
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::limit(scope, take.class, take.minute).into_attributes()))
            // `changed` is set to what it is, so that it comes back with what was updated. All of the item would be up to
            // 400 KB, one attribute for every user of the minute.
            .update_expression(
                "ADD #total :one, #user :one SET expires_at = :gone, changed = if_not_exists(changed, :never)",
            )
            .condition_expression(
                "(attribute_not_exists(#total) OR #total < :tenant_limit) \
                 AND (attribute_not_exists(#user) OR #user < :user_limit)",
            )
            .expression_attribute_names("#total", TOTAL)
            .expression_attribute_names("#user", &user)
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":never", number(0))
            .expression_attribute_values(":gone", number(gone(take.minute)))
            .expression_attribute_values(":tenant_limit", number(take.tenant_limit))
            .expression_attribute_values(":user_limit", number(take.user_limit))
            .return_values(ReturnValue::UpdatedNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match update {
            Ok(output) => counted(
                OPERATION,
                true,
                &user,
                &output.attributes.unwrap_or_default(),
            ),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => counted(
                    OPERATION,
                    false,
                    &user,
                    &failed.item().cloned().unwrap_or_default(),
                ),
                _ => Err(StoreError::of(OPERATION, "", &error)),
            },
        }
    }

    /// Leaves word for warm functions that the tenant's credentials were changed at `now`: whoever counts a request of this
    /// class in one of these minutes is told by the counter itself. Make the change first.
    ///
    /// A write a minute, each for itself: one that fails leaves a minute in which a change is noticed only when the caches' time to
    /// live is over. Of two changes at once either's time may stay: a change is told by another time than the one that was seen,
    /// so that the clocks of those who write need not agree.
    ///
    /// # Errors
    /// The first that failed; the others were tried all the same.
    pub(crate) async fn notice(
        &self,
        scope: &TenantScope,
        class: &'static str,
        minutes: RangeInclusive<i64>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut writes = JoinSet::new();
        for minute in minutes {
            let limits = self.clone();
            let key = keys::limit(scope, class, minute);
            let write = async move { limits.note(key, gone(minute), now).await };
            writes.spawn(in_same_session(write));
        }
        let mut outcome = Ok(());
        while let Some(written) = writes.join_next().await {
            // A write that panicked or was cancelled does not happen: nobody aborts the set before it is drained.
            outcome = outcome.and(written.unwrap_or(Ok(())));
        }
        outcome
    }

    async fn note(&self, key: Key, gone: i64, now: Timestamp) -> Result<(), StoreError> {
        const OPERATION: &str = "leave word of a change";
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key.into_attributes()))
            .update_expression("SET changed = :now, expires_at = :gone")
            .expression_attribute_values(":now", number(now.as_millisecond()))
            .expression_attribute_values(":gone", number(gone))
            .send()
            .await;
        match update {
            Ok(_) => Ok(()),
            Err(error) => Err(StoreError::of(OPERATION, "", &error)),
        }
    }
}

/// The attribute that counts all of a tenant's requests.
const TOTAL: &str = "total";

/// When a minute's item may be deleted, in epoch seconds.
fn gone(minute: i64) -> i64 {
    minute
        .saturating_add(1)
        .saturating_mul(60)
        .saturating_add(KEPT_SECONDS)
}

/// Reads the counters of an item, or of the part that was updated. A counter that is not there is 0: an item may hold nothing
/// but a notice.
fn counted(
    operation: &'static str,
    is_within: bool,
    user: &str,
    item: &Item,
) -> Result<Counted, StoreError> {
    let counter = |name: &str, attribute: &'static str| match item.get(name) {
        None => Ok(0),
        Some(value) => {
            value
                .as_n()
                .ok()
                .and_then(|text| text.parse().ok())
                .ok_or(StoreError::Unreadable {
                    operation,
                    attribute,
                })
        }
    };
    let changed: u64 = counter("changed", "changed")?;
    let changed_at = i64::try_from(changed)
        .ok()
        .filter(|milliseconds| *milliseconds > 0)
        .and_then(|milliseconds| Timestamp::from_millisecond(milliseconds).ok());
    Ok(Counted {
        is_within,
        user: counter(user, "counter of the user")?,
        tenant: counter(TOTAL, TOTAL)?,
        changed_at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(attributes: &[(&str, &str)]) -> Item {
        attributes
            .iter()
            .map(|(name, value)| ((*name).to_owned(), number(value)))
            .collect()
    }

    #[test]
    fn an_item_that_holds_nothing_but_a_notice_counts_nothing() {
        let counted =
            counted("count", true, "u:a", &item(&[("changed", "1700000000123")])).unwrap();
        assert_eq!((counted.user, counted.tenant), (0, 0));
        let changed = Timestamp::from_millisecond(1_700_000_000_123).unwrap();
        assert_eq!(counted.changed_at, Some(changed));
    }

    #[test]
    fn no_change_is_no_time() {
        let counters = item(&[("changed", "0"), ("total", "9"), ("u:a", "4")]);
        let counted = counted("count", false, "u:a", &counters).unwrap();
        assert_eq!(
            (counted.user, counted.tenant, counted.changed_at),
            (4, 9, None)
        );
    }

    #[test]
    fn a_counter_that_is_no_number_is_unreadable() {
        let error = counted("count", true, "u:a", &item(&[("total", "1.5")])).unwrap_err();
        assert!(error.to_string().contains("total"), "{error}");
    }

    #[test]
    fn a_counter_outlives_its_minute_by_five() {
        assert_eq!(gone(1), 120 + 300);
    }
}
