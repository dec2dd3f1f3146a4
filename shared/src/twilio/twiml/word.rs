//! The words that attributes take.

use super::document::AttributeValue;
use super::element::words;

words! {
    /// How Twilio requests a URL.
    Method {
        /// With the parameters in the query.
        Get = "GET",
        /// With the parameters in a form body; the default everywhere.
        Post = "POST",
    }

    /// Why a call is rejected.
    RejectReason {
        /// The caller hears that the number is not in service.
        Rejected = "rejected",
        /// The caller hears a busy signal.
        Busy = "busy",
    }

    /// What a [`Gather`](super::Gather) listens for.
    GatherInput {
        /// Keys.
        Dtmf = "dtmf",
        /// Speech, which is transcribed.
        Speech = "speech",
    }

    /// What happens to silence at both ends of a recording.
    Trim {
        /// It is cut off.
        Silence = "trim-silence",
        /// It is kept.
        Nothing = "do-not-trim",
    }

    /// Whether and how a dialled call is recorded.
    DialRecording {
        /// Not at all.
        Never = "do-not-record",
        /// From the answer, both parties in one channel.
        FromAnswer = "record-from-answer",
        /// From the first ring, both parties in one channel.
        FromRinging = "record-from-ringing",
        /// From the answer, a channel for each party.
        FromAnswerDual = "record-from-answer-dual",
        /// From the first ring, a channel for each party.
        FromRingingDual = "record-from-ringing-dual",
    }

    /// A change of a recording that is reported.
    RecordingEvent {
        /// It has begun.
        InProgress = "in-progress",
        /// It can be fetched.
        Completed = "completed",
        /// There is none, because nothing was to be heard.
        Absent = "absent",
    }

    /// Whose voice is recorded.
    RecordingTrack {
        /// The party that is heard by Twilio on this leg.
        Inbound = "inbound",
        /// What Twilio plays to that party.
        Outbound = "outbound",
        /// Both.
        Both = "both",
    }

    /// The channels of a recording.
    RecordingChannels {
        /// Both parties in one.
        Mono = "mono",
        /// One for each party.
        Dual = "dual",
    }

    /// A change of a dialled leg that is reported.
    CallEvent {
        /// Twilio has begun to dial.
        Initiated = "initiated",
        /// It rings.
        Ringing = "ringing",
        /// It was answered.
        Answered = "answered",
        /// It is over, for whatever reason.
        Completed = "completed",
    }

    /// When a conference beeps.
    ConferenceBeep {
        /// When someone joins or leaves.
        Always = "true",
        /// Never.
        Never = "false",
        /// When someone joins.
        OnEnter = "onEnter",
        /// When someone leaves.
        OnExit = "onExit",
    }

    /// Whether a conference is recorded.
    ConferenceRecording {
        /// Not at all.
        Never = "do-not-record",
        /// From its start to its end.
        FromStart = "record-from-start",
    }

    /// A change of a conference that is reported.
    ConferenceEvent {
        /// It has begun.
        Start = "start",
        /// It is over.
        End = "end",
        /// Someone has joined.
        Join = "join",
        /// Someone has left.
        Leave = "leave",
        /// Someone was muted or can be heard again.
        Mute = "mute",
        /// Someone was put on hold or taken off it.
        Hold = "hold",
    }

    /// The sound that a stream carries.
    StreamTrack {
        /// The caller's.
        Inbound = "inbound_track",
        /// What Twilio plays to the caller.
        Outbound = "outbound_track",
        /// Both.
        Both = "both_tracks",
    }
}

/// How long a pause ends the speech that a [`Gather`](super::Gather) listens to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpeechTimeout {
    /// As Twilio thinks fit.
    Auto,
    /// So many seconds.
    Seconds(u32),
}

impl AttributeValue for SpeechTimeout {
    fn append_to(&self, tag: &mut String) {
        match self {
            Self::Auto => tag.push_str("auto"),
            Self::Seconds(seconds) => seconds.append_to(tag),
        }
    }
}
