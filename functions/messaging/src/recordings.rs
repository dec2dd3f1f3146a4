//! Recorded calls and voicemails.

use shared::activity::{Recording, RecordingKind};
use shared::api::{Call, Code, Problem, json};
use shared::http::{Reply, StatusCode};
use shared::media::{Deletion, MediaRequest};
use shared::sid::{CallSid, RecordingSid};
use shared::tenant::TenantScope;
use shared::twilio::rest::RecordingFormat;

use crate::filters::{self, is};
use crate::service::Messaging;

pub(crate) async fn list(
    messaging: &Messaging,
    scope: &TenantScope,
    call: &Call,
) -> Result<Reply, Problem> {
    let mut query = call.query(&["limit", "cursor", "call_sid", "kind", "after", "before"])?;
    let of_call: Option<CallSid> = query.parsed("call_sid");
    let kinds = [
        ("call", RecordingKind::Call),
        ("voicemail", RecordingKind::Voicemail),
    ];
    let kind = query.word("kind", &kinds);
    let (interval, page) = (filters::interval(&mut query), query.page());
    let context = filters::context(scope, "recordings", &query.finish()?);
    let page = messaging.paging.position(&context, &page).await?;
    let has = |recording: &Recording| is(kind.as_ref(), &recording.kind);
    let listed = messaging
        .listings
        .recordings(
            scope,
            of_call.as_ref(),
            interval,
            kind.is_some().then_some(&has),
            &page,
        )
        .await?;
    let paging = &messaging.paging;
    paging.answer(&context, listed.items, listed.next).await
}

pub(crate) async fn read(
    messaging: &Messaging,
    scope: &TenantScope,
    call: &Call,
) -> Result<Reply, Problem> {
    call.query(&[])?.finish()?;
    let recording = messaging.activity.recording(scope, &sid(call)?).await?;
    Ok(json(StatusCode::OK, &recording.ok_or_else(unknown)?))
}

pub(crate) async fn delete(
    messaging: &Messaging,
    scope: &TenantScope,
    call: &Call,
) -> Result<Reply, Problem> {
    let mut query = call.query(&["only_here"])?;
    let deletion = match query.flag("only_here") {
        Some(true) => Deletion::OnlyHere,
        Some(false) | None => Deletion::Everywhere,
    };
    query.finish()?;
    let (sid, actor) = (sid(call)?, call.actor());
    messaging
        .media
        .delete_recording(scope, &sid, deletion, actor, call.deadline())
        .await?;
    Ok(Reply::no_content())
}

pub(crate) async fn play(
    messaging: &Messaging,
    scope: &TenantScope,
    call: &Call,
) -> Result<Reply, Problem> {
    let formats = [("mp3", RecordingFormat::Mp3), ("wav", RecordingFormat::Wav)];
    let mut query = call.query(&["format"])?;
    let format = query.word("format", &formats);
    query.finish()?;
    let (sid, format) = (sid(call)?, format.unwrap_or(RecordingFormat::Mp3));
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
