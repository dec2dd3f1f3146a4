//! `<Record>`: a voicemail.

use super::run::{Fetch, Next, Run};
use super::script::{Party, RecordingEnd, VoicemailOutcome};
use super::story::{Ending, Step};
use crate::twilio::payload::{Recording, RecordingSource, RecordingStatus, Transcription};
use crate::twilio::twiml::{Link, Record};
use crate::twilio::webhook::{Method, Purpose};

/// What Twilio transcribes: more than 2 seconds and less than 120.
const TRANSCRIBED_SECONDS: std::ops::Range<u32> = 3..120;

impl Run<'_> {
    /// Records the caller as the script says.
    pub(super) async fn record(&mut self, record: Record) -> Next {
        let (seconds, end, text) = match &self.script.voicemail {
            VoicemailOutcome::Message {
                seconds,
                end,
                transcription,
            } => (
                (*seconds).min(record.max_length),
                *end,
                transcription.clone(),
            ),
            VoicemailOutcome::Silence => return self.nothing_recorded(&record, None).await,
            VoicemailOutcome::CallerHangsUp => {
                return self.nothing_recorded(&record, Some(Party::Caller)).await;
            }
        };
        if seconds == 0 {
            let hung_up = (end == RecordingEnd::Hangup).then_some(Party::Caller);
            return self.nothing_recorded(&record, hung_up).await;
        }
        let mut recording = self.recording(RecordingSource::RecordVerb, 1);
        let callback = record.recording_status_callback.as_ref();
        self.report_recording(callback, &recording, RecordingStatus::InProgress)
            .await;
        recording.seconds = seconds;
        self.pass(seconds);
        let (digits, after_hangup) = match end {
            RecordingEnd::Hangup => (Some("hangup".to_owned()), Some(Party::Caller)),
            RecordingEnd::Key(key) => (Some(key.to_string()), None),
            RecordingEnd::Silence => {
                self.pass(record.timeout);
                (None, None)
            }
        };
        self.steps.push(Step::Recorded {
            recording: recording.sid.clone(),
            seconds,
        });
        self.report_recording(callback, &recording, RecordingStatus::Completed)
            .await;
        self.transcribe(&record, &recording, text, after_hangup.is_some());
        let this_document = Link {
            url: self.document_url.clone(),
            method: Method::Post,
        };
        Next::Document(Fetch {
            purpose: Purpose::RecordAction,
            link: record.action.unwrap_or(this_document),
            extra: recording.action_parameters(digits.as_deref()),
            after_hangup,
        })
    }

    async fn nothing_recorded(&mut self, record: &Record, hung_up: Option<Party>) -> Next {
        let recording = self.recording(RecordingSource::RecordVerb, 1);
        if hung_up.is_none() {
            self.pass(record.timeout);
        }
        self.steps.push(Step::NothingRecorded);
        let callback = record.recording_status_callback.as_ref();
        self.report_recording(callback, &recording, RecordingStatus::Absent)
            .await;
        hung_up.map_or(Next::Verb, |party| Next::End(Ending::HungUp(party)))
    }

    fn transcribe(
        &mut self,
        record: &Record,
        recording: &Recording,
        text: Option<String>,
        hung_up: bool,
    ) {
        let Some(link) = record
            .transcribe_callback
            .as_ref()
            .filter(|_| record.transcribe)
        else {
            return;
        };
        if !TRANSCRIBED_SECONDS.contains(&recording.seconds) {
            return;
        }
        let transcription = Transcription {
            sid: self.sender.sids().sid("TR"),
            text,
        };
        let status = if hung_up {
            self.final_status()
        } else {
            self.status()
        };
        let parameters = transcription.parameters(&self.call, status, recording);
        if let Some(webhook) = self.callback(link, Purpose::Transcription, parameters) {
            self.report_later(webhook);
        }
    }

    /// A recording of this call that begins now.
    pub(super) fn recording(&self, source: RecordingSource, channels: u8) -> Recording {
        Recording {
            account: self.call.account.clone(),
            sid: self.sender.sids().recording(),
            call: self.call.sid.clone(),
            source,
            channels,
            started: self.now(),
            seconds: 0,
        }
    }
}
