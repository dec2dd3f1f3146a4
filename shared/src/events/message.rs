//! What is told of messages.

use super::{Event, EventType};
use crate::activity::{Direction, History, Message};
use crate::tenant::TenantScope;

/// A message that came is told once; one that went each time that its status or the reason of its failure is another.
pub(super) fn events(
    scope: &TenantScope,
    before: &History,
    after: &History,
) -> Result<Vec<Event>, serde_json::Error> {
    let Some(message) = Message::of(after) else {
        return Ok(Vec::new());
    };
    let before = Message::of(before);
    let was_inbound = before
        .as_ref()
        .is_some_and(|before| before.direction == Direction::Inbound);
    let sid = message.sid.as_str();
    let told = |event_type, parts: &[&str]| {
        Event::new(scope, event_type, parts, message.updated_at, &message).map(|event| vec![event])
    };
    let of_message = |message: &Message| {
        (
            message.direction,
            message.status.clone(),
            message.error_code,
        )
    };
    match message.direction {
        Direction::Inbound if was_inbound => Ok(Vec::new()),
        Direction::Inbound => told(EventType::MessageReceived, &[sid]),
        Direction::Outbound => {
            let status = message.status.as_str();
            let is_news = before.as_ref().map(of_message) != Some(of_message(&message));
            if !is_news || status.is_empty() {
                return Ok(Vec::new());
            }
            let code = message.error_code.map(|code| code.to_string());
            told(
                EventType::MessageStatus,
                &[sid, status, code.as_deref().unwrap_or_default()],
            )
        }
    }
}
