//! Recorded calls and voicemails.

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
        let detail = "The tenant has no such recording, or it was deleted.";
        Problem::new(Code::RecordingNotFound, detail)
    };
    // What is no SID of a recording is the SID of none.
    let sid = call.parameter().parse().map_err(|_| unknown())?;
    let recording = messaging.activity.recording(scope, &sid).await?;
    Ok(json(StatusCode::OK, &recording.ok_or_else(unknown)?))
}
