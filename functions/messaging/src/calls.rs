//! Calls, with the legs that they dialled and what was recorded of them.

use serde::Serialize;
use shared::activity::{self, Recording};
use shared::api::{Call, Code, Problem, json};
use shared::http::{Reply, StatusCode};
use shared::store::RecordedCall;
use shared::tenant::TenantScope;

use crate::service::Messaging;

pub(crate) async fn read(
    messaging: &Messaging,
    scope: &TenantScope,
    call: &Call,
) -> Result<Reply, Problem> {
    let unknown = || Problem::new(Code::CallNotFound, "The tenant has no such call.");
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
