//! What is told of calls.

use super::{Event, EventType};
use crate::activity::{Call, History};
use crate::tenant::TenantScope;

/// A call is told of when it is first heard of, and when it is over; both at once, if that is what is heard first. A leg that
/// another one dialled is a part of that one's call: nothing is told of it.
pub(super) fn events(
    scope: &TenantScope,
    before: &History,
    after: &History,
) -> Result<Vec<Event>, serde_json::Error> {
    let Some(call) = Call::of(after).filter(|call| call.parent_sid.is_none()) else {
        return Ok(Vec::new());
    };
    let before = Call::of(before);
    let was_final = before
        .as_ref()
        .is_some_and(|before| before.status.is_final());
    let news = [
        (before.is_none(), EventType::CallStarted),
        (call.status.is_final() && !was_final, EventType::CallEnded),
    ];
    let news = news.into_iter().filter(|(is_news, _)| *is_news);
    news.map(|(_, event_type)| {
        Event::new(
            scope,
            event_type,
            &[call.sid.as_str()],
            call.updated_at,
            &call,
        )
    })
    .collect()
}
