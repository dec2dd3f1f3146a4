//! The files of an account as tests set them up: recordings, and what is attached to messages.

use serde_json::Value;
use shared::sid::MessageSid;

use super::account::TwilioAccount;
use super::recordings::Made;
use super::{message_media, recordings};

/// What a recording may be had as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Format {
    Mp3,
    Wav,
}

impl TwilioAccount {
    /// Makes a recording of a call, and returns its SID. A second takes 16,000 bytes as WAV and about 4,000 as MP3.
    pub fn add_recording(&self, call: &str, seconds: u32) -> String {
        let sid = self.accounts.sids.sid("RE");
        self.add_known_recording(&sid, call, seconds);
        sid
    }

    /// Makes a recording of a given SID.
    pub fn add_known_recording(&self, sid: &str, call: &str, seconds: u32) {
        let now = self.accounts.clock.now();
        let made = Made {
            sid,
            call,
            source: "RecordVerb",
            channels: 1,
            seconds,
        };
        self.change(|account| made.keep(account, now));
    }

    /// Its recordings as Twilio shows them, the oldest first.
    #[must_use]
    pub fn recordings(&self) -> Vec<Value> {
        let sid = self.sid().as_str();
        self.read(|account| {
            let recordings = account.recordings.iter();
            recordings
                .map(|one| recordings::document(sid, one))
                .collect()
        })
        .unwrap_or_default()
    }

    /// What a recording holds; nothing, if there is no such recording.
    #[must_use]
    pub fn recorded(&self, sid: &str, format: Format) -> Option<Vec<u8>> {
        let name = match format {
            Format::Mp3 => format!("{sid}.mp3"),
            Format::Wav => format!("{sid}.wav"),
        };
        let file = self.read(|account| recordings::file(account, &name));
        Some(file??.bytes)
    }

    /// Deletes a recording, as somebody does in Twilio's Console.
    pub fn delete_recording(&self, sid: &str) {
        self.change(|account| account.recordings.retain(|one| one.sid != sid));
    }

    /// Makes a transcription of a recording, which may be deleted by then, and returns its SID.
    pub fn add_transcription(&self, recording: &str) -> String {
        let (sid, now) = (self.accounts.sids.sid("TR"), self.accounts.clock.now());
        let transcribed = recordings::transcribed(sid.clone(), recording, now);
        self.change(|account| account.transcriptions.push(transcribed));
        sid
    }

    /// The SIDs of its transcriptions, the oldest first.
    #[must_use]
    pub fn transcriptions(&self) -> Vec<String> {
        self.read(|account| {
            let transcriptions = account.transcriptions.iter();
            transcriptions.map(|one| one.sid.clone()).collect()
        })
        .unwrap_or_default()
    }

    /// Attaches a file to a message, and returns its URL as webhooks have it.
    pub fn attach(&self, message: &MessageSid, content_type: &str, bytes: &[u8]) -> String {
        let (sid, now) = (self.accounts.sids.sid("ME"), self.accounts.clock.now());
        let url = format!(
            "https://api.twilio.com/2010-04-01/Accounts/{}/Messages/{message}/Media/{sid}",
            self.sid()
        );
        let media = message_media::attached(sid, message.as_str(), content_type, bytes, now);
        self.change(|account| account.media.push(media));
        url
    }

    /// Hands files out whole from now on, whatever range is asked for, or no longer does so.
    pub fn ignore_ranges(&self, ignores: bool) {
        self.change(|account| account.ignores_ranges = ignores);
    }

    /// Keeps recordings at another host from now on, as with a bucket of one's own: their media are redirected to it.
    pub fn use_external_storage(&self) {
        self.change(|account| account.has_external_storage = true);
    }
}
