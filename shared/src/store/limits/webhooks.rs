//! Counters of a tenant's webhooks: how many came in a minute, and when the next one that was put aside has its turn.

use std::time::Duration;

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::ReturnValue;
use jiff::{SignedDuration, Timestamp};

use super::super::item::{Attributes, number};
use super::super::{StoreError, keys};
use super::{Limits, TOTAL, gone};
use crate::tenant::TenantScope;

/// The class of a minute's count of webhooks. It is stored: it never changes.
const CLASS: &str = "webhooks";

/// The attribute that tells when the next turn is free, in microseconds since 1970.
const NEXT: &str = "next_turn";

/// How long the turns of a tenant are remembered after the last one was given out: as long as a message waits at most.
const TURNS_KEPT: SignedDuration = SignedDuration::from_hours(14 * 24);

/// A next turn further ahead than this was given out by a clock that was wrong, and counts as none. It bounds the harm: without
/// it, one process of next year would have every webhook of the tenant wait until then.
const FURTHEST: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How often turns are tried to be had when others take them at the same moment. Each time somebody gets some.
const TRIES: usize = 8;

impl Limits {
    /// Adds to the webhooks that came for a tenant in a minute, and gives the sum with these: one write of one unit.
    ///
    /// A call whose answer was lost is made again by the client, and then counts twice.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub(crate) async fn add_webhooks(
        &self,
        scope: &TenantScope,
        minute: i64,
        webhooks: u32,
    ) -> Result<u64, StoreError> {
        const OPERATION: &str = "count webhooks";
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::limit(scope, CLASS, minute).into_attributes()))
            .update_expression("ADD #total :webhooks SET expires_at = :gone")
            .expression_attribute_names("#total", TOTAL)
            .expression_attribute_values(":webhooks", number(webhooks))
            .expression_attribute_values(":gone", number(gone(minute)))
            .return_values(ReturnValue::UpdatedNew)
            .send()
            .await
            .map_err(|error| StoreError::of(OPERATION, "", &error))?;
        Attributes::of(OPERATION, &update.attributes.unwrap_or_default()).number(TOTAL)
    }

    /// Takes `turns` turns, one every `interval`, after all that were taken before, and gives the time of the first: `now`, if
    /// no turn later than that was taken. One write while turns are taken faster than they come, two otherwise.
    ///
    /// A call whose answer was lost takes turns that nobody uses.
    ///
    /// # Errors
    /// [`StoreError`] of any kind; a conflict when others were faster 8 times in a row.
    pub(crate) async fn take_turns(
        &self,
        scope: &TenantScope,
        turns: u32,
        interval: Duration,
        now: Timestamp,
    ) -> Result<Timestamp, StoreError> {
        const OPERATION: &str = "take turns";
        let span = SignedDuration::try_from(interval.saturating_mul(turns)).unwrap_or(FURTHEST);
        let microseconds = |time: Timestamp| number(time.as_microsecond());
        let later = |span| now.saturating_add(span).unwrap_or(Timestamp::MAX);
        let update = || {
            self.client
                .update_item()
                .table_name(&self.table)
                .set_key(Some(keys::turns(scope).into_attributes()))
                .expression_attribute_names("#next", NEXT)
                .expression_attribute_values(":now", microseconds(now))
                .expression_attribute_values(":furthest", microseconds(later(FURTHEST)))
                .expression_attribute_values(":gone", number(later(TURNS_KEPT).as_second()))
                .return_values(ReturnValue::UpdatedNew)
        };
        let after_others = || {
            update()
                .update_expression("SET #next = #next + :span, expires_at = :gone")
                .condition_expression("#next > :now AND #next <= :furthest")
                .expression_attribute_values(":span", number(span.as_micros()))
        };
        let from_now = || {
            update()
                .update_expression("SET #next = :next, expires_at = :gone")
                .condition_expression(
                    "attribute_not_exists(#next) OR #next <= :now OR #next > :furthest",
                )
                .expression_attribute_values(":next", microseconds(later(span)))
        };
        for _ in 0..TRIES {
            for write in [after_others(), from_now()] {
                if let Some(next) = next_turn(OPERATION, write).await? {
                    return Ok(next.saturating_sub(span).unwrap_or(now));
                }
            }
        }
        Err(StoreError::Conflict {
            operation: OPERATION,
            conflict: "others took turns at the same moment, again and again",
        })
    }
}

/// Makes a write, and gives the next turn after it; nothing, if its condition does not hold.
async fn next_turn(
    operation: &'static str,
    write: UpdateItemFluentBuilder,
) -> Result<Option<Timestamp>, StoreError> {
    let written = match write.send().await {
        Ok(written) => written.attributes.unwrap_or_default(),
        Err(error) if error.code() == Some("ConditionalCheckFailedException") => return Ok(None),
        Err(error) => return Err(StoreError::of(operation, "", &error)),
    };
    let attributes = Attributes::of(operation, &written);
    let next = i64::try_from(attributes.number(NEXT)?).ok();
    next.and_then(|next| Timestamp::from_microsecond(next).ok())
        .map(Some)
        .ok_or_else(|| attributes.unreadable(NEXT))
}
