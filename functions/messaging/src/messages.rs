//! Messages that came and went.

use shared::api::{Call, Code, Problem, json};
use shared::http::{Reply, StatusCode};
use shared::media::MediaRequest;
use shared::sid::MessageSid;
use shared::tenant::TenantScope;

use crate::service::Messaging;

pub(crate) async fn read(
    messaging: &Messaging,
    scope: &TenantScope,
    call: &Call,
) -> Result<Reply, Problem> {
    let message = messaging.activity.message(scope, &sid(call)?).await?;
    Ok(json(StatusCode::OK, &message.ok_or_else(unknown)?))
}

pub(crate) async fn media(
    messaging: &Messaging,
    scope: &TenantScope,
    call: &Call,
) -> Result<Reply, Problem> {
    call.no_query()?;
    let (sid, index) = (sid(call)?, call.second_parameter());
    // What is no number is the number of none. `07` and `+7` are none either: each file has one address.
    let number = index.parse().ok();
    let number = number.filter(|number: &usize| number.to_string() == index);
    let number = number.unwrap_or(usize::MAX);
    let request = MediaRequest::of(call, format!("{sid}-{index}"));
    let media = messaging
        .media
        .attachment(scope, &sid, number, &request, call.deadline())
        .await?;
    Ok(request.answer(media))
}

/// The SID that the path names. What is none is the SID of no message.
fn sid(call: &Call) -> Result<MessageSid, Problem> {
    call.parameter().parse().map_err(|_| unknown())
}

fn unknown() -> Problem {
    let detail = "The tenant has no such message.";
    Problem::new(Code::MessageNotFound, detail)
}
