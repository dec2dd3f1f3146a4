//! Files: of recordings, and of what is attached to messages.

use super::error::{ErrorKind, TwilioError};
use super::{TwilioClient, VERSION};
use crate::outbound::{Call, CallError, Host, Media, MediaFault, Wanted};
use crate::sid::{AccountSid, MediaSid, MessageSid};

/// Why a file is not had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MediaError {
    /// There is none: it was deleted, or is not there yet.
    #[error("there is no such file")]
    Missing,
    /// Twilio did not hand it out.
    #[error(transparent)]
    Twilio(TwilioError),
    /// Where Twilio keeps it, it was not handed out.
    #[error("the storage of the file answered {status}")]
    Storage {
        /// The HTTP status.
        status: u16,
    },
    /// Twilio keeps it where nothing is asked, or the storage redirects once more.
    #[error("the file is at an address that is not asked")]
    ForeignRedirect,
    /// It is there, and what is wanted of it cannot be had.
    #[error(transparent)]
    Fault(#[from] MediaFault),
}

impl From<CallError> for MediaError {
    fn from(error: CallError) -> Self {
        TwilioError::from(error).into()
    }
}

impl From<TwilioError> for MediaError {
    fn from(error: TwilioError) -> Self {
        match error.kind() {
            ErrorKind::NotFound => Self::Missing,
            _ => Self::Twilio(error),
        }
    }
}

/// The account and the file that the URL of something attached to a message names. `None` for any other URL: what is asked of
/// Twilio is never an address that came with a webhook, but one that is made of these.
#[must_use]
pub fn media_of_url(url: &str, message: &MessageSid) -> Option<(AccountSid, MediaSid)> {
    let path = url.split(['?', '#']).next()?;
    let (_, path) = path.split_once(&format!("/{VERSION}/Accounts/"))?;
    let (account, path) = path.split_once("/Messages/")?;
    let (named, file) = path.split_once("/Media/")?;
    let of_message = named == message.as_str();
    let (account, file) = (account.parse().ok()?, file.parse().ok()?);
    of_message.then_some((account, file))
}

impl TwilioClient<'_> {
    /// Fetches what is wanted of a file that is attached to a message.
    ///
    /// # Errors
    /// Why it is not had.
    pub async fn message_media(
        &self,
        message: &MessageSid,
        file: &MediaSid,
        wanted: Wanted,
    ) -> Result<Media, MediaError> {
        let path = self.account_path(&["Messages", message.as_str(), "Media", file.as_str()]);
        self.media("messages.media", &path, wanted).await
    }

    /// Fetches what is wanted of a file. Twilio hands it out itself or redirects, once, to where it is kept: that host gets the
    /// credentials only if it is Twilio's very own.
    pub(super) async fn media(
        &self,
        operation: &'static str,
        path: &[&str],
        wanted: Wanted,
    ) -> Result<Media, MediaError> {
        if wanted == Wanted::Last(0) {
            return Err(MediaFault::Unsatisfiable { total: None }.into());
        }
        let host = Host::TwilioApi;
        let call = Call::get(host, operation, path, self.deadline).media(wanted);
        let answer = self.answered(call).await?;
        let Some(location) = answer.location() else {
            let refused = TwilioError::of_answer(&answer);
            return match answer.into_media() {
                Some(media) => Ok(media?),
                None => Err(refused.into()),
            };
        };
        let redirect = self.outbound.redirect(host, location);
        let redirect = redirect.ok_or(MediaError::ForeignRedirect)?;
        let is_same_origin = redirect.is_same_origin;
        let call = Call::get_redirected(host, "media.storage", redirect, self.deadline);
        let call = match is_same_origin {
            true => self.authenticated(call.media(wanted)),
            false => call.media(wanted),
        };
        let answer = self.outbound.send(call).await?;
        match (answer.status(), answer.location().is_some()) {
            (_, true) => Err(MediaError::ForeignRedirect),
            (404 | 410, _) => Err(MediaError::Missing),
            (status, _) => match answer.into_media() {
                Some(media) => Ok(media?),
                None => Err(MediaError::Storage { status }),
            },
        }
    }
}

#[cfg(test)]
mod tests;
