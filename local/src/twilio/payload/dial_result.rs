//! What came of a `<Dial>`.

use shared::sid::CallSid;

use super::Recording;
use crate::twilio::parameters::Parameters;

/// What came of a `<Dial>`: what its action request has besides the call's own parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialResult {
    /// `DialCallStatus`: a status of the leg, or `answered` after a conference.
    pub status: String,
    /// The leg that answered, or the last that was tried; none after a conference.
    pub child: Option<CallSid>,
    /// How many seconds both talked, if they did.
    pub seconds: Option<u32>,
    /// Whether both talked.
    pub bridged: bool,
    /// What was recorded.
    pub recording: Option<Recording>,
}

impl DialResult {
    /// What Twilio adds to the call's own parameters.
    #[must_use]
    pub fn parameters(&self) -> Parameters {
        Parameters::new()
            .with("DialCallStatus", &self.status)
            .with_optional("DialCallSid", self.child.as_ref().map(CallSid::as_str))
            .with_optional(
                "DialCallDuration",
                self.seconds.map(|seconds| seconds.to_string()),
            )
            .with("DialBridged", if self.bridged { "true" } else { "false" })
            .with_optional("RecordingUrl", self.recording.as_ref().map(Recording::url))
            .with_optional(
                "RecordingSid",
                self.recording
                    .as_ref()
                    .map(|recording| recording.sid.as_str()),
            )
            .with_optional(
                "RecordingDuration",
                self.recording
                    .as_ref()
                    .map(|recording| recording.seconds.to_string()),
            )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_conference_there_is_no_child() {
        let result = DialResult {
            status: "answered".to_owned(),
            child: None,
            seconds: None,
            bridged: true,
            recording: None,
        };
        let expected = Parameters::new()
            .with("DialCallStatus", "answered")
            .with("DialBridged", "true");
        assert_eq!(result.parameters(), expected);
    }
}
