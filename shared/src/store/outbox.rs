//! Events that are written down in the transaction that they tell of. The table's stream has them published: what is stored is
//! told, and what is told was stored.

use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{Timestamp, ToSpan};

use super::item::{number, text, time};
use super::routes::incomplete;
use super::{IntegrationRecord, StoreError, keys};
use crate::events::{CredentialFailure, CredentialNews, CredentialRecovery, FailureReason};
use crate::tenant::TenantScope;

const OPERATION: &str = "write an event down";

/// How long an event stays. The stream itself has it for 24 hours.
const DAYS_KEPT: i64 = 7;

/// The event that a change of credentials gives, if it is one: that they are used no longer, or again. Those that are new say
/// nothing of any before.
pub(super) fn news(
    before: Option<&IntegrationRecord>,
    after: &IntegrationRecord,
) -> Option<CredentialNews> {
    let provider = after.provider;
    match (before?.is_active, after.is_active) {
        (true, false) => Some(CredentialNews::Failed(CredentialFailure {
            provider,
            reason: FailureReason::Invalid,
            error: after.verification_error.clone(),
        })),
        (false, true) => Some(CredentialNews::Recovered(CredentialRecovery {
            provider,
            outcome: after.status,
        })),
        _ => None,
    }
}

/// An event, to go into the transaction of what it tells of. 2 writes, and 1 for the index that lists it.
pub(super) fn entry(
    activity_table: &str,
    scope: &TenantScope,
    at: Timestamp,
    news: &CredentialNews,
) -> Result<TransactWriteItem, StoreError> {
    let refused = |cause: &str| StoreError::Refused {
        operation: OPERATION,
        cause: cause.to_owned(),
    };
    let mut random = [0_u8; 18];
    aws_lc_rs::rand::fill(&mut random).map_err(|_| refused("the system gives no random bytes"))?;
    let id = URL_SAFE_NO_PAD.encode(random);
    let data = serde_json::to_string(news).map_err(|_| refused("it cannot be written as JSON"))?;
    let expiry = at.saturating_add((DAYS_KEPT * 24).hours());
    let expiry = expiry.unwrap_or(Timestamp::MAX).as_second();
    let put = Put::builder()
        .table_name(activity_table)
        .set_item(Some(keys::event(scope, &id).into_attributes()))
        .item("type", text(news.event_type().as_str()))
        .item("data", text(data))
        .item("at", time(at))
        .item("expires_at", number(expiry))
        .item("time_pk", text(keys::by_time(scope, keys::EVENT)))
        .item("time_sk", text(keys::moment(at, &id)))
        .build()
        .map_err(|_| incomplete(OPERATION))?;
    Ok(TransactWriteItem::builder().put(put).build())
}
