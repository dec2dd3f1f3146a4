//! Calls, with the legs that they dialled and what was recorded of them.

use serde::Serialize;
use shared::activity::{self, Recording};
use shared::api::{Call, Code, Problem, json};
use shared::http::{Reply, StatusCode};
use shared::store::RecordedCall;
use shared::tenant::TenantScope;

use crate::filters::{self, is};
use crate::service::Messaging;

pub(crate) async fn list(
    messaging: &Messaging,
    scope: &TenantScope,
    call: &Call,
) -> Result<Reply, Problem> {
    let mut query = call.query(&[
        "limit",
        "cursor",
        "direction",
        "status",
        "from",
        "to",
        "after",
        "before",
    ])?;
    let (direction, status) = (filters::direction(&mut query), query.status("status"));
    let (from, to) = (query.address("from"), query.address("to"));
    let (interval, page) = (filters::interval(&mut query), query.page());
    let context = filters::context(scope, "calls", &query.finish()?);
    let page = messaging.paging.position(&context, &page).await?;
    let has = |call: &activity::Call| {
        is(direction.as_ref(), &call.direction)
            && is(status.as_deref(), call.status.as_str())
            && is(from.as_deref(), &call.from)
            && is(to.as_deref(), &call.to)
    };
    let is_any = direction.is_some() || status.is_some() || from.is_some() || to.is_some();
    let listed = messaging
        .listings
        .calls(scope, interval, is_any.then_some(&has), &page)
        .await?;
    let items = listed.items.iter().map(document).collect();
    messaging.paging.answer(&context, items, listed.next).await
}

pub(crate) async fn read(
    messaging: &Messaging,
    scope: &TenantScope,
    call: &Call,
) -> Result<Reply, Problem> {
    let unknown = || Problem::new(Code::CallNotFound, "The tenant has no such call.");
    call.query(&[])?.finish()?;
    // What is no SID of a call is the SID of none.
    let sid = call.parameter().parse().map_err(|_| unknown())?;
    let found = messaging.listings.call(scope, &sid).await?;
    let (recorded, legs) = found.ok_or_else(unknown)?;
    let legs = legs.iter().map(document).collect();
    let document = CallDocument {
        legs: Some(legs),
        ..document(&recorded)
    };
    Ok(json(StatusCode::OK, &document))
}

#[derive(Serialize)]
struct CallDocument<'a> {
    #[serde(flatten)]
    call: &'a activity::Call,
    recordings: &'a [Recording],
    /// Only where one call is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    legs: Option<Vec<CallDocument<'a>>>,
}

fn document(recorded: &RecordedCall) -> CallDocument<'_> {
    CallDocument {
        call: &recorded.call,
        recordings: &recorded.recordings,
        legs: None,
    }
}
