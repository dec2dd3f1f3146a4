//! Recordings and voicemails.

use jiff::Timestamp;
use serde::Serialize;

use super::call::highest;
use super::{History, Resource, Route};
use crate::sid::RecordingSid;

/// A recording as its facts tell it, in whatever order they came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recording {
    /// Its SID.
    pub sid: RecordingSid,
    /// The call that was recorded, the first leg of two.
    pub call_sid: String,
    /// Whether a call was recorded or a message left.
    pub kind: RecordingKind,
    /// Where the client API plays it.
    pub url: String,
    /// How far it came; absent while no recording callback came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<RecordingStatus>,
    /// Seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<u32>,
    /// What was said, where it was transcribed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transcription: Option<String>,
    /// When it was first heard of.
    #[serde(serialize_with = "crate::clock::serialize")]
    pub created_at: Timestamp,
    /// When something new was last heard of it.
    #[serde(serialize_with = "crate::clock::serialize")]
    pub updated_at: Timestamp,
}

/// Whether a call was recorded or a message left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum RecordingKind {
    Call,
    Voicemail,
}

/// The one order over recording statuses: of several the last in this list is the state.
const STATUSES: &[&str] = &["in-progress", "absent", "failed", "completed"];

/// A recording's status as Twilio names it. One that is not known is kept, and ranks below all that are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct RecordingStatus(String);

impl RecordingStatus {
    /// Twilio's name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Recording {
    /// Derives a recording from its facts; nothing, without facts about a recording.
    #[must_use]
    pub fn of(history: &History) -> Option<Self> {
        let Resource::Recording(sid) = &history.iter().next()?.resource else {
            return None;
        };
        let left = history.iter().any(|fact| {
            matches!(
                fact.route,
                Route::VoiceVoicemail | Route::VoiceTranscription
            ) || fact.parameter("RecordingSource") == Some("RecordVerb")
        });
        let statuses = history
            .iter()
            .filter_map(|fact| fact.parameter("RecordingStatus"));
        Some(Self {
            sid: sid.clone(),
            call_sid: history.parameter("CallSid").unwrap_or_default().to_owned(),
            kind: if left {
                RecordingKind::Voicemail
            } else {
                RecordingKind::Call
            },
            url: format!("/api/recordings/{sid}/media"),
            status: highest(statuses, STATUSES).map(RecordingStatus),
            duration: history.largest("RecordingDuration"),
            transcription: history.parameter("TranscriptionText").map(str::to_owned),
            created_at: history.created_at()?,
            updated_at: history.updated_at()?,
        })
    }
}
