//! Recorded calls and voicemails.

use shared::activity::{Recording, RecordingKind};
use shared::api::{Call, Code, Problem, json};
use shared::http::{Reply, StatusCode};
use shared::sid::CallSid;
use shared::tenant::TenantScope;

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
    let unknown = || {
        let detail = "The tenant has no such recording, or it was deleted.";
        Problem::new(Code::RecordingNotFound, detail)
    };
    call.query(&[])?.finish()?;
    // What is no SID of a recording is the SID of none.
    let sid = call.parameter().parse().map_err(|_| unknown())?;
    let recording = messaging.activity.recording(scope, &sid).await?;
    Ok(json(StatusCode::OK, &recording.ok_or_else(unknown)?))
}
