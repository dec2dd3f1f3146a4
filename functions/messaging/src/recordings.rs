//! Recorded calls and voicemails.

use shared::api::{Call, Code, Problem, json};
use shared::http::{Reply, StatusCode};
use shared::media::MediaRequest;
use shared::sid::RecordingSid;
use shared::tenant::TenantScope;
use shared::twilio::rest::RecordingFormat;

use crate::service::Messaging;

pub(crate) async fn read(
    messaging: &Messaging,
    scope: &TenantScope,
    call: &Call,
) -> Result<Reply, Problem> {
    let recording = messaging.activity.recording(scope, &sid(call)?).await?;
    Ok(json(StatusCode::OK, &recording.ok_or_else(unknown)?))
}

pub(crate) async fn delete(
    messaging: &Messaging,
    scope: &TenantScope,
    call: &Call,
) -> Result<Reply, Problem> {
    let (sid, actor) = (sid(call)?, call.actor());
    messaging
        .media
        .delete_recording(scope, &sid, actor, call.deadline())
        .await?;
    Ok(Reply::no_content())
}

pub(crate) async fn play(
    messaging: &Messaging,
    scope: &TenantScope,
    call: &Call,
) -> Result<Reply, Problem> {
    let formats = [("mp3", RecordingFormat::Mp3), ("wav", RecordingFormat::Wav)];
    let (sid, format) = (sid(call)?, call.one_of("format", &formats)?);
    let format = format.unwrap_or(RecordingFormat::Mp3);
    let request = MediaRequest::of(call, format!("{sid}.{}", format.as_str()));
    let media = messaging
        .media
        .recording(scope, &sid, format, &request, call.deadline())
        .await?;
    Ok(request.answer(media))
}

/// The SID that the path names. What is none is the SID of no recording.
fn sid(call: &Call) -> Result<RecordingSid, Problem> {
    call.parameter().parse().map_err(|_| unknown())
}

fn unknown() -> Problem {
    let detail = "The tenant has no such recording, or it was deleted.";
    Problem::new(Code::RecordingNotFound, detail)
}
