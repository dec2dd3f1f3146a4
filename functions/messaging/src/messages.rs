//! Messages that came and went.

use shared::api::{Call, Code, Problem, json};
use shared::http::{Reply, StatusCode};
use shared::tenant::TenantScope;

use crate::service::Messaging;

pub(crate) async fn read(
    messaging: &Messaging,
    scope: &TenantScope,
    call: &Call,
) -> Result<Reply, Problem> {
    let unknown = || {
        let detail = "The tenant has no such message.";
        Problem::new(Code::MessageNotFound, detail)
    };
    // What is no SID of a message is the SID of none.
    let sid = call.parameter().parse().map_err(|_| unknown())?;
    let message = messaging.activity.message(scope, &sid).await?;
    Ok(json(StatusCode::OK, &message.ok_or_else(unknown)?))
}
