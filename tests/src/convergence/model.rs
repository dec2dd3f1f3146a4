//! What a set of callbacks comes to, told as naively as can be: in the order of what happened the last word counts. It knows
//! nothing of how the product ranks statuses or stores anything.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use shared::activity::{Resource, Route};

use super::histories::Callback;

/// What is compared of each kind of resource; what the model does not say must not be there.
pub(super) fn properties(resource: &Resource) -> &'static [&'static str] {
    match resource {
        Resource::Message(_) => &[
            "sid",
            "channel",
            "direction",
            "from",
            "to",
            "contact",
            "body",
            "status",
            "error_code",
            "profile_name",
        ],
        Resource::Call(_) => &[
            "sid",
            "parent_sid",
            "direction",
            "from",
            "to",
            "status",
            "duration",
            "dial_status",
        ],
        Resource::Recording(_) => &[
            "sid",
            "call_sid",
            "kind",
            "status",
            "duration",
            "transcription",
        ],
    }
}

/// The state of each resource, by SID, after these callbacks in the order of what happened.
pub(super) fn replay<'c>(
    callbacks: impl Iterator<Item = &'c Callback>,
) -> BTreeMap<String, Map<String, Value>> {
    let mut states: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for callback in callbacks {
        let of = match callback.route {
            Route::Sms | Route::SmsStatus | Route::Whatsapp | Route::WhatsappStatus => "MessageSid",
            Route::Voice | Route::VoiceDial | Route::VoiceStatus => "CallSid",
            Route::VoiceRecording | Route::VoiceVoicemail | Route::VoiceTranscription => {
                "RecordingSid"
            }
        };
        let sid = callback.said(of).expect("a callback about something");
        let state = states.entry(sid.to_owned()).or_default();
        state.insert("sid".to_owned(), json!(sid));
        match of {
            "MessageSid" => message(state, callback),
            "CallSid" => call(state, callback),
            _ => recording(state, callback),
        }
    }
    states
}

impl Callback {
    /// A parameter, unless it is empty.
    pub(super) fn said(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).filter(|value| !value.is_empty())
    }

    /// Takes what it says over into a state, if it says it.
    fn tell(&self, state: &mut Map<String, Value>, property: &str, parameter: &str) {
        if let Some(value) = self.said(parameter) {
            let number = ["duration", "error_code"].contains(&property);
            let number = number.then(|| json!(value.parse::<u32>().unwrap()));
            state.insert(property.to_owned(), number.unwrap_or_else(|| json!(value)));
        }
    }

    /// The same of several properties, each with its parameter.
    fn tell_all(&self, state: &mut Map<String, Value>, told: &[(&str, &str)]) {
        for (property, parameter) in told {
            self.tell(state, property, parameter);
        }
    }
}

fn message(state: &mut Map<String, Value>, callback: &Callback) {
    let (direction, contact) = match callback.route {
        Route::Sms | Route::Whatsapp => ("inbound", "From"),
        _ => ("outbound", "To"),
    };
    let channel = match callback.route {
        Route::Sms | Route::SmsStatus => "sms",
        _ => "whatsapp",
    };
    state.insert("channel".to_owned(), json!(channel));
    state.insert("direction".to_owned(), json!(direction));
    callback.tell(state, "contact", contact);
    let told = [
        ("from", "From"),
        ("to", "To"),
        ("body", "Body"),
        ("profile_name", "ProfileName"),
        ("error_code", "ErrorCode"),
    ];
    callback.tell_all(state, &told);
    if direction == "inbound" {
        state.insert("status".to_owned(), json!("received"));
    } else if callback.said("MessageStatus") != Some("pondered") || !state.contains_key("status") {
        // What nobody knows stands only where nothing else is known.
        callback.tell(state, "status", "MessageStatus");
    }
}

fn call(state: &mut Map<String, Value>, callback: &Callback) {
    let told = [
        ("from", "From"),
        ("to", "To"),
        ("status", "CallStatus"),
        ("parent_sid", "ParentCallSid"),
        ("duration", "CallDuration"),
        ("dial_status", "DialCallStatus"),
    ];
    callback.tell_all(state, &told);
    let from_us = callback
        .said("From")
        .unwrap_or_default()
        .starts_with("client:");
    let came = callback.said("Direction") == Some("inbound") && !from_us;
    let direction = if came { "inbound" } else { "outbound" };
    state.insert("direction".to_owned(), json!(direction));
}

fn recording(state: &mut Map<String, Value>, callback: &Callback) {
    let told = [
        ("call_sid", "CallSid"),
        ("status", "RecordingStatus"),
        ("duration", "RecordingDuration"),
        ("transcription", "TranscriptionText"),
    ];
    callback.tell_all(state, &told);
    let was_left = callback.route != Route::VoiceRecording
        || callback.said("RecordingSource") == Some("RecordVerb");
    let kind = if was_left { "voicemail" } else { "call" };
    state.insert("kind".to_owned(), json!(kind));
}
