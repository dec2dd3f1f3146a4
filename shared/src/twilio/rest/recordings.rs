//! Recordings.

use reqwest::Method;
use serde::Deserialize;

use super::error::{ErrorKind, TwilioError};
use super::media::MediaError;
use super::{TwilioClient, VERSION};
use crate::outbound::{Answer, Call, Host, Media, Wanted};
use crate::sid::{AccountSid, RecordingSid, TranscriptionSid};

/// What Twilio makes a recording into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum RecordingFormat {
    Mp3,
    Wav,
}

impl RecordingFormat {
    /// The extension of a file's name, and the name of the format.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mp3 => "mp3",
            Self::Wav => "wav",
        }
    }
}

/// The account that the URL of a recording names, if it is one of Twilio's own: with external storage it is anybody's.
#[must_use]
pub fn account_of_url(url: &str) -> Option<AccountSid> {
    let (_, path) = url.split_once(&format!("/{VERSION}/Accounts/"))?;
    let (account, _) = path.split_once("/Recordings/")?;
    account.parse().ok()
}

impl TwilioClient<'_> {
    /// Fetches what is wanted of a recording.
    ///
    /// # Errors
    /// Why it is not had.
    pub async fn recording_media(
        &self,
        sid: &RecordingSid,
        format: RecordingFormat,
        wanted: Wanted,
    ) -> Result<Media, MediaError> {
        let file = format!("{sid}.{}", format.as_str());
        let path = self.account_path(&["Recordings", &file]);
        self.media("recordings.media", &path, wanted).await
    }

    /// Deletes a recording with its media. One that is not there is gone, or was another account's: a call whose answer was lost
    /// is made again.
    ///
    /// # Errors
    /// Why it is not known to be gone.
    pub async fn delete_recording(&self, sid: &RecordingSid) -> Result<(), TwilioError> {
        self.delete("recordings.delete", "Recordings", sid.as_str())
            .await
    }

    /// Whether the account has a recording.
    ///
    /// # Errors
    /// Why that is not known.
    pub async fn has_recording(&self, sid: &RecordingSid) -> Result<bool, TwilioError> {
        let document = format!("{sid}.json");
        let path = self.account_path(&["Recordings", &document]);
        let host = Host::TwilioApi;
        let call = Call::get(host, "recordings.fetch", &path, self.deadline);
        found(self.send(call).await)
    }

    /// The transcriptions of a recording, those too that no callback told of; none, if the account does not have the recording.
    ///
    /// # Errors
    /// Why there is no list.
    pub async fn transcriptions_of(
        &self,
        sid: &RecordingSid,
    ) -> Result<Vec<TranscriptionSid>, TwilioError> {
        #[derive(Deserialize)]
        struct Transcription {
            sid: TranscriptionSid,
        }
        let path = self.account_path(&["Recordings", sid.as_str(), "Transcriptions.json"]);
        let (host, operation) = (Host::TwilioApi, "transcriptions.list");
        let listed = self.list(host, operation, &path, &[], "transcriptions");
        match listed.await {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            listed => Ok(listed?
                .into_iter()
                .map(|listed: Transcription| listed.sid)
                .collect()),
        }
    }

    /// Deletes a transcription. One that is not there (any more) counts as deleted.
    ///
    /// # Errors
    /// Why it is not known to be gone.
    pub async fn delete_transcription(&self, sid: &TranscriptionSid) -> Result<(), TwilioError> {
        self.delete("transcriptions.delete", "Transcriptions", sid.as_str())
            .await
    }

    /// Deletes a resource of the account, if it is there.
    async fn delete(
        &self,
        operation: &'static str,
        collection: &str,
        sid: &str,
    ) -> Result<(), TwilioError> {
        let document = format!("{sid}.json");
        let path = self.account_path(&[collection, &document]);
        let host = Host::TwilioApi;
        let call = Call::new(host, operation, Method::DELETE, &path, self.deadline);
        found(self.send(call).await).map(drop)
    }
}

/// Whether what was asked of is there, or was.
fn found(answer: Result<Answer, TwilioError>) -> Result<bool, TwilioError> {
    match answer {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        answer => answer.map(|_| true),
    }
}
