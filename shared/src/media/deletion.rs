//! Recordings that are deleted: at Twilio, and what is known of them here.

use std::collections::BTreeSet;

use tokio::time::Instant;
use tracing::warn;

use super::{TenantMedia, problems, recorded_by};
use crate::activity::History;
use crate::api::Problem;
use crate::audit::{Action, Actor, AuditEntry};
use crate::sid::{RecordingSid, TranscriptionSid};
use crate::store::{KnownRecording, WriteError};
use crate::tenant::TenantScope;
use crate::twilio::TwilioClient;
use crate::twilio::rest::ErrorKind;

/// What is deleted of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletion {
    /// It is deleted at Twilio, and then what is known of it here.
    Everywhere,
    /// What is known of it here alone: Twilio is not asked, and no credentials are needed. For what is of an account that the
    /// tenant has no more.
    OnlyHere,
}

/// What the audit log says of a recording that Twilio was not asked to delete.
const ONLY_HERE: &str = "only here";

impl TenantMedia {
    /// Deletes a recording, with the transcriptions that Twilio has by now. One that Twilio does not have (any more) counts as
    /// deleted there, if it is known to be of the account that is asked; one that was deleted here is left alone.
    ///
    /// # Errors
    /// Why it is not deleted; unless Twilio did it, nothing is changed here then.
    pub async fn delete_recording(
        &self,
        scope: &TenantScope,
        sid: &RecordingSid,
        deletion: Deletion,
        actor: Actor,
        deadline: Instant,
    ) -> Result<(), Problem> {
        let kept = match self.deletions.look(scope, sid).await? {
            None => return Err(problems::unknown_recording()),
            Some(KnownRecording::Deleted) => return Ok(()),
            Some(KnownRecording::Kept(kept)) => kept,
        };
        let detail = match deletion {
            Deletion::Everywhere => {
                let left = self.delete_at_twilio(scope, sid, &kept.history, deadline);
                left.await?.detail()
            }
            Deletion::OnlyHere => ONLY_HERE.to_owned(),
        };
        let entry = AuditEntry {
            at: self.clock.now(),
            actor,
            action: Action::RecordingDeleted,
            target: sid.to_string(),
            detail,
        };
        let deleted = self.deletions.delete(scope, sid, &kept, &entry).await;
        deleted.map_err(|error| match (error, deletion) {
            (WriteError::Conflict(conflict), _) => conflict.into(),
            (error, Deletion::Everywhere) => {
                warn!(%error, "a recording is deleted at Twilio and not here");
                problems::half_deleted(&error)
            }
            (error, Deletion::OnlyHere) => error.into(),
        })
    }

    /// Deletes at Twilio what was said and then what was heard, and gives what is left there.
    async fn delete_at_twilio(
        &self,
        scope: &TenantScope,
        sid: &RecordingSid,
        history: &History,
        deadline: Instant,
    ) -> Result<Left, Problem> {
        let tenant = self.tenant(scope, deadline).await?;
        let account = recorded_by(history);
        let own = &tenant.credentials.account_sid;
        if account.as_ref().is_some_and(|account| account != own) {
            return Err(problems::recording_of_another_account());
        }
        let client = TwilioClient::new(&self.outbound, &tenant.credentials, deadline);
        if account.is_none() && !client.has_recording(sid).await? {
            return Err(problems::recording_of_unknown_account());
        }
        let mut left = Left::default();
        let mut transcriptions = told_of(history);
        // The callback of one comes minutes after that of its recording, or never.
        match client.transcriptions_of(sid).await {
            Ok(listed) => transcriptions.extend(listed),
            Err(error) if is_final(error.kind()) => {
                warn!(%error, "Twilio does not list the transcriptions of a recording");
                left.unlisted = true;
            }
            Err(error) => return Err(error.into()),
        }
        // Before the recording, whose deletion says that all is done: it is not documented to take its transcriptions along.
        for transcription in transcriptions {
            match client.delete_transcription(&transcription).await {
                Ok(()) => {}
                // Asking again would change nothing, and the sound weighs more than the words.
                Err(error) if is_final(error.kind()) => {
                    warn!(%error, %transcription, "Twilio does not delete a transcription");
                    left.transcriptions.push(transcription);
                }
                Err(error) => return Err(error.into()),
            }
        }
        client.delete_recording(sid).await?;
        Ok(left)
    }
}

/// What may still be at Twilio of a recording that is deleted there.
#[derive(Debug, Default)]
struct Left {
    /// The transcriptions that Twilio refuses to delete.
    transcriptions: Vec<TranscriptionSid>,
    /// Whether Twilio refuses to say which there are, and there may be some that no callback told of.
    unlisted: bool,
}

impl Left {
    /// What the audit log says of it: nothing, unless something is left, of which nothing else is known afterwards.
    fn detail(&self) -> String {
        let mut said = Vec::new();
        if !self.transcriptions.is_empty() {
            let left = self.transcriptions.iter().map(TranscriptionSid::as_str);
            said.push(format!(
                "left at Twilio: {}",
                left.collect::<Vec<_>>().join(", ")
            ));
        }
        if self.unlisted {
            said.push("transcriptions not listed by Twilio".to_owned());
        }
        said.join("; ")
    }
}

/// Every transcription that was told of.
fn told_of(history: &History) -> BTreeSet<TranscriptionSid> {
    let told = history.iter();
    told.filter_map(|fact| fact.parameter("TranscriptionSid")?.parse().ok())
        .collect()
}

/// Whether Twilio refuses, and not for now alone.
fn is_final(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::NotPermitted | ErrorKind::Rejected)
}
