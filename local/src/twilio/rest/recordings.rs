//! Recordings of an account, and their media.

use serde_json::{Value, json};

use super::error::ApiError;
use super::file::{File, mp3, wav};
use super::paging::{Item, page};
use super::property::Resource;
use super::state::AccountState;
use crate::double::{Answer, Request, first};
use crate::twilio::payload::rfc2822;

const COLLECTION: &str = "Recordings";

/// A recording as the double's calls make it.
pub(super) struct Made<'a> {
    pub(super) sid: &'a str,
    pub(super) call: &'a str,
    pub(super) source: &'a str,
    pub(super) channels: u16,
    pub(super) seconds: u32,
}

impl<'a> Made<'a> {
    /// What the calling side says of it.
    pub(super) fn of_form(sid: &'a str, form: &'a [(String, String)]) -> Option<Self> {
        Some(Self {
            sid,
            call: first(form, "CallSid")?,
            source: first(form, "RecordingSource").unwrap_or("RecordVerb"),
            channels: first(form, "RecordingChannels")?.parse().ok()?,
            seconds: first(form, "RecordingDuration")?.parse().ok()?,
        })
    }

    /// Keeps it, unless there is one of the SID.
    pub(super) fn keep(&self, account: &mut AccountState, now: jiff::Timestamp) {
        if account.recordings.iter().any(|known| known.sid == self.sid) {
            return;
        }
        let mut recording = Resource::new(self.sid.to_owned(), now, &[]);
        for (name, value) in [
            ("api_version", json!("2010-04-01")),
            ("call_sid", json!(self.call)),
            ("conference_sid", Value::Null),
            ("channels", json!(self.channels)),
            ("duration", json!(self.seconds.to_string())),
            ("encryption_details", Value::Null),
            ("error_code", Value::Null),
            ("price", Value::Null),
            ("price_unit", json!("USD")),
            ("source", json!(self.source)),
            ("start_time", json!(rfc2822(now))),
            ("status", json!("completed")),
        ] {
            recording.put(name, value);
        }
        account.recordings.push(recording);
    }
}

/// The document of a recording.
pub(super) fn document(account: &str, recording: &Resource) -> Value {
    let mut document = recording.document(account, COLLECTION);
    let path = format!(
        "/2010-04-01/Accounts/{account}/{COLLECTION}/{}",
        recording.sid
    );
    for (name, value) in [
        ("media_url", json!(format!("https://api.twilio.com{path}"))),
        (
            "subresource_uris",
            json!({
                "add_on_results": format!("{path}/AddOnResults.json"),
                "transcriptions": format!("{path}/Transcriptions.json"),
            }),
        ),
    ] {
        document.insert(name.to_owned(), value);
    }
    Value::Object(document)
}

/// The list, the newest first.
pub(super) fn list(
    account: &AccountState,
    sid: &str,
    request: &Request,
) -> Result<Answer, ApiError> {
    let call = request.query("CallSid");
    let found = account.recordings.iter().rev();
    let found = found.filter(|one| call.is_none_or(|call| one.text("call_sid") == call));
    let items: Vec<Item> = found
        .map(|recording| (recording.sid.clone(), document(sid, recording)))
        .collect();
    let page = page(request, &["CallSid"], items)?;
    Ok(Answer::json(200, &page.envelope("recordings")))
}

/// The file that a path's last segment names: a WAV without an extension or with `.wav`, an MP3 with `.mp3`.
pub(super) fn file(account: &AccountState, name: &str) -> Option<File> {
    let (sid, extension) = name.split_once('.').unwrap_or((name, "wav"));
    let recording = account.recordings.iter().find(|known| known.sid == sid)?;
    let seconds = recording.text("duration").parse().unwrap_or_default();
    let channels = recording.get("channels").as_u64();
    let channels = channels.and_then(|channels| channels.try_into().ok());
    let (content_type, bytes) = match extension {
        "wav" => ("audio/x-wav", wav(sid, seconds, channels.unwrap_or(1))),
        "mp3" => ("audio/mpeg", mp3(sid, seconds)),
        _ => return None,
    };
    Some(File {
        content_type: content_type.to_owned(),
        bytes,
    })
}

/// A transcription of a recording.
pub(super) fn transcribed(sid: String, recording: &str, now: jiff::Timestamp) -> Resource {
    let mut transcription = Resource::new(sid, now, &[]);
    for (name, value) in [
        ("api_version", json!("2010-04-01")),
        ("duration", json!("2")),
        ("price", json!("-0.05000")),
        ("price_unit", json!("USD")),
        ("recording_sid", json!(recording)),
        ("status", json!("completed")),
        ("transcription_text", json!("the double heard nothing")),
        ("type", json!("fast")),
    ] {
        transcription.put(name, value);
    }
    transcription
}

/// The list of a recording's transcriptions, the newest first; nothing, if there is no such recording.
pub(super) fn transcriptions(
    account: &AccountState,
    sid: &str,
    recording: &str,
    request: &Request,
) -> Result<Answer, ApiError> {
    let mut recordings = account.recordings.iter();
    if recordings.all(|known| known.sid != recording) {
        return Err(ApiError::not_found(&request.path));
    }
    let found = account.transcriptions.iter().rev();
    let items: Vec<Item> = found
        .filter(|one| one.text("recording_sid") == recording)
        .map(|one| {
            let document = Value::Object(one.document(sid, "Transcriptions"));
            (one.sid.clone(), document)
        })
        .collect();
    let page = page(request, &[], items)?;
    Ok(Answer::json(200, &page.envelope("transcriptions")))
}
