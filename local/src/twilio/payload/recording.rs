//! Recordings and their transcriptions.

use jiff::Timestamp;
use shared::sid::{AccountSid, CallSid, RecordingSid};

use super::{API_VERSION, CallLeg, CallStatus, resource_url, rfc2822};
use crate::twilio::parameters::Parameters;

/// What made a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordingSource {
    /// `<Dial record>`.
    DialVerb,
    /// `<Record>`.
    RecordVerb,
    /// A conference.
    Conference,
    /// A REST call with `Record`.
    OutboundApi,
}

impl RecordingSource {
    /// The value of `RecordingSource`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DialVerb => "DialVerb",
            Self::RecordVerb => "RecordVerb",
            Self::Conference => "Conference",
            Self::OutboundApi => "OutboundAPI",
        }
    }
}

/// Where a recording is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordingStatus {
    /// Runs.
    InProgress,
    /// Can be fetched.
    Completed,
    /// Nothing was heard.
    Absent,
    /// Was lost.
    Failed,
}

impl RecordingStatus {
    /// The value of `RecordingStatus`, and the name under which a callback asks for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "in-progress",
            Self::Completed => "completed",
            Self::Absent => "absent",
            Self::Failed => "failed",
        }
    }
}

/// A recording of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// Whose recording it is.
    pub account: AccountSid,
    /// Its SID.
    pub sid: RecordingSid,
    /// The call; of two legs the parent.
    pub call: CallSid,
    /// What made it.
    pub source: RecordingSource,
    /// One channel, or one for each party.
    pub channels: u8,
    /// When it began.
    pub started: Timestamp,
    /// How many seconds it lasts.
    pub seconds: u32,
}

impl Recording {
    /// Where Twilio keeps it; without an extension it is a WAV file.
    #[must_use]
    pub fn url(&self) -> String {
        resource_url(&self.account, "Recordings", self.sid.as_str())
    }

    /// The parameters of its status callback. There is no `From` and no `To`.
    #[must_use]
    pub fn parameters(&self, status: RecordingStatus) -> Parameters {
        let duration = (status == RecordingStatus::Completed).then(|| self.seconds.to_string());
        Parameters::new()
            .with("RecordingSource", self.source.as_str())
            .with("RecordingTrack", "both")
            .with("RecordingSid", self.sid.as_str())
            .with("RecordingUrl", self.url())
            .with("RecordingStatus", status.as_str())
            .with("RecordingChannels", self.channels.to_string())
            .with("ErrorCode", "0")
            .with("CallSid", self.call.as_str())
            .with("RecordingStartTime", rfc2822(self.started))
            .with("AccountSid", self.account.as_str())
            .with_optional("RecordingDuration", duration)
    }

    /// What the action request of `<Record>` has besides the call's own parameters. `digits` is the key that ended the
    /// recording, or `hangup`; nothing after silence.
    #[must_use]
    pub fn action_parameters(&self, digits: Option<&str>) -> Parameters {
        Parameters::new()
            .with("RecordingUrl", self.url())
            .with("RecordingSid", self.sid.as_str())
            .with("RecordingDuration", self.seconds.to_string())
            .with_optional("Digits", digits)
    }
}

/// What a recording says, or that nobody understood it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transcription {
    /// Its SID, `TR…`.
    pub sid: String,
    /// The text; nothing when it failed.
    pub text: Option<String>,
}

impl Transcription {
    /// What Twilio sends about a recording of `leg`.
    #[must_use]
    pub fn parameters(
        &self,
        leg: &CallLeg,
        status: CallStatus,
        recording: &Recording,
    ) -> Parameters {
        Parameters::new()
            .with("ApiVersion", API_VERSION)
            .with("TranscriptionType", "fast")
            .with(
                "TranscriptionUrl",
                format!("{}/Transcriptions/{}", recording.url(), self.sid),
            )
            .with("TranscriptionSid", &self.sid)
            .with(
                "TranscriptionStatus",
                if self.text.is_some() {
                    "completed"
                } else {
                    "failed"
                },
            )
            .with("TranscriptionText", self.text.clone().unwrap_or_default())
            .with("RecordingSid", recording.sid.as_str())
            .with("RecordingUrl", recording.url())
            .with("CallSid", leg.sid.as_str())
            .with("CallStatus", status.as_str())
            .with("AccountSid", leg.account.as_str())
            .with("From", &leg.from)
            .with("To", &leg.to)
            .with("Called", &leg.to)
            .with("Caller", &leg.from)
            .with("Direction", leg.direction.as_str())
            .with_optional("ApplicationSid", leg.application.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::twilio::sids::SidSupply;

    fn voicemail() -> (CallLeg, Recording) {
        let sids = SidSupply::seeded(1);
        let account: AccountSid = sids.sid("AC").parse().unwrap();
        let leg = CallLeg::inbound(account.clone(), sids.call(), "+15005550010", "+15005550006");
        let recording = Recording {
            account,
            sid: sids.recording(),
            call: leg.sid.clone(),
            source: RecordingSource::RecordVerb,
            channels: 1,
            started: "2021-08-20T01:13:25Z".parse().unwrap(),
            seconds: 17,
        };
        (leg, recording)
    }

    #[test]
    fn a_recording_is_joined_to_its_call_by_sid_alone() {
        let (leg, recording) = voicemail();
        let parameters = recording.parameters(RecordingStatus::Completed);
        assert_eq!(parameters.get("CallSid"), Some(leg.sid.as_str()));
        assert_eq!((parameters.get("From"), parameters.get("To")), (None, None));
        assert_eq!(parameters.get("RecordingDuration"), Some("17"));
        assert_eq!(
            parameters.get("RecordingStartTime"),
            Some("Fri, 20 Aug 2021 01:13:25 +0000")
        );
    }

    #[test]
    fn a_running_recording_has_no_duration() {
        let (_, recording) = voicemail();
        assert_eq!(
            recording
                .parameters(RecordingStatus::InProgress)
                .get("RecordingDuration"),
            None
        );
    }

    #[test]
    fn a_failed_transcription_has_no_text() {
        let (leg, recording) = voicemail();
        let transcription = Transcription {
            sid: SidSupply::seeded(4).sid("TR"),
            text: None,
        };
        let parameters = transcription.parameters(&leg, CallStatus::Completed, &recording);
        assert_eq!(parameters.get("TranscriptionStatus"), Some("failed"));
        assert_eq!(parameters.get("TranscriptionText"), Some(""));
    }
}
