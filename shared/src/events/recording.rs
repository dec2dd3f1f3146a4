//! What is told of recordings.

use super::{Event, EventType};
use crate::activity::{History, Recording};
use crate::tenant::TenantScope;

/// The status of a recording that can be played.
const COMPLETED: &str = "completed";

/// A recording or voicemail is told of once it can be played. Its transcription may come later.
pub(super) fn events(
    scope: &TenantScope,
    before: &History,
    after: &History,
) -> Result<Vec<Event>, serde_json::Error> {
    let ready = |history| Recording::of(history).filter(is_completed);
    let Some(recording) = ready(after) else {
        return Ok(Vec::new());
    };
    if ready(before).is_some() {
        return Ok(Vec::new());
    }
    let told = [recording.sid.as_str()];
    let time = recording.updated_at;
    let event = Event::new(scope, EventType::RecordingReady, &told, time, &recording)?;
    Ok(vec![event])
}

fn is_completed(recording: &Recording) -> bool {
    let status = recording.status.as_ref();
    status.is_some_and(|status| status.as_str() == COMPLETED)
}
