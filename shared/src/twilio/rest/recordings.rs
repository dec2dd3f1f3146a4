//! Recordings.

use reqwest::Method;

use super::error::{ErrorKind, TwilioError};
use super::media::MediaError;
use super::{TwilioClient, VERSION};
use crate::outbound::{Call, Host, Media, Wanted};
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

    /// Deletes a recording with its media, and says whether it was there. One that is not is gone, or was another account's: a call
    /// whose answer was lost is made again.
    ///
    /// # Errors
    /// Why it is not known to be gone.
    pub async fn delete_recording(&self, sid: &RecordingSid) -> Result<bool, TwilioError> {
        self.delete("recordings.delete", "Recordings", sid.as_str())
            .await
    }

    /// Deletes a transcription. One that is not there (any more) counts as deleted.
    ///
    /// # Errors
    /// Why it is not known to be gone.
    pub async fn delete_transcription(&self, sid: &TranscriptionSid) -> Result<(), TwilioError> {
        self.delete("transcriptions.delete", "Transcriptions", sid.as_str())
            .await
            .map(drop)
    }

    /// Deletes a resource of the account, and says whether it was there.
    async fn delete(
        &self,
        operation: &'static str,
        collection: &str,
        sid: &str,
    ) -> Result<bool, TwilioError> {
        let document = format!("{sid}.json");
        let path = self.account_path(&[collection, &document]);
        let host = Host::TwilioApi;
        let call = Call::new(host, operation, Method::DELETE, &path, self.deadline);
        match self.send(call).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            sent => sent.map(|_| true),
        }
    }
}
